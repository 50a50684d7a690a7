"""Tar streams, as a server sends them to our command line."""

import contextlib
import io
import tarfile
import tempfile
from base64 import b64decode, b64encode
from pathlib import Path
from random import Random

from google.protobuf.wrappers_pb2 import BytesValue

from tests.fuzz import values
from tests.fuzz.run import Input
from tests.fuzz.world import World
from trunkline.cli.transfer.downloads import extract
from trunkline.errors import Error

_KINDS = (
    tarfile.REGTYPE,
    tarfile.REGTYPE,
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    b"x",
    b"L",
    b"S",
)


class TarDoor:
    """Archives of a server that is not ours."""

    name = "tar"

    def make(self, random: Random) -> Input:
        archive = io.BytesIO()
        form = random.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
        with tarfile.open(fileobj=archive, mode="w", format=form) as tar:
            for _ in range(random.randrange(5)):
                name = random.choice(
                    [
                        "a",
                        "d/b",
                        "../outside",
                        "/../outside",
                        "d/../../outside",
                        "",
                        ".",
                        "a/b",
                        "a" * 300,
                        "x/" * 90,
                        "d\0e",
                    ]
                )
                member = tarfile.TarInfo(values.mutated(random, name) if random.random() < 0.3 else name)
                member.type = random.choice(_KINDS)
                member.linkname = random.choice(["../outside", "/etc/passwd", "a", ""])
                content = (
                    b"c" * random.choice([0, 1, 511, 512, 513, 5000]) if member.type in (b"0", b"x", b"L") else b""
                )
                member.size = len(content)
                try:
                    tar.addfile(member, io.BytesIO(content))
                except (ValueError, UnicodeError):
                    continue
        data = bytearray(archive.getvalue()[: random.choice([512, 1024, 2048, 10_240])])
        for _ in range(random.choice([0, 0, 1, 3])):
            data[random.randrange(len(data))] = random.choice([0, 0x80, 0xFF, ord("9"), ord("/")])
        return {"archive": b64encode(bytes(data)).decode(), "piece_bytes": random.choice([1, 100, 512, 1 << 20])}

    def send(self, world: World, sent: Input) -> str:
        data, size = b64decode(sent["archive"]), sent["piece_bytes"]
        pieces = (BytesValue(value=data[at : at + size]) for at in range(0, len(data), size))
        with tempfile.TemporaryDirectory() as directory:
            into = Path(directory, "d", "into")
            into.mkdir(parents=True)
            with contextlib.suppress(Error, OSError):  # refused with a reason
                extract(pieces, prefix="/", into=into)
            left = [path for path in Path(directory).rglob("*") if not path.is_relative_to(into) and path.name != "d"]
            links = [path for path in into.rglob("*") if path.is_symlink()]
        return f"files outside of the directory, or links: {[*left, *links]}" if left or links else ""

    def may_wait(self, sent: Input) -> bool:
        return False
