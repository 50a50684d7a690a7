"""What a file system must be asked for so that bytes and names are there after a crash."""

import os


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write data, however little the system takes at a time. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def make_directories(directory: str) -> None:
    """Create directory and those above it so that their names are durable. Raises OSError."""
    if not os.path.isdir(directory):
        parent = os.path.dirname(directory)
        make_directories(parent)
        os.makedirs(directory, exist_ok=True)
        sync_directory(parent)


def sync_directory(directory: str) -> None:
    """Make the names in a directory durable. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
