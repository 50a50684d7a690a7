"""One photo added to many: seconds from the put to the last output commit, for two sizes of the repo.

    python benchmarks/one_photo.py --photos 500 5000

The pipelines are vol, sob, fft, model and cls of the image quality example. `report` is left out, as it looks at every
photo by its nature. The client is a connection that is open already, so that starting a command is not measured.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from image_quality import Story
from image_quality_baselines import prepare_example

from trunkline.client.connection import Client, connect
from trunkline.proto import pfs_pb2
from trunkline.testing.server import running_server

PIPELINES = ("vol", "sob", "fft", "model", "cls")
ROUNDS = 9


def commit_of(repo: str) -> pfs_pb2.Commit:
    """Return the head of a repo's master, as the wire names it."""
    return pfs_pb2.Commit(branch=pfs_pb2.Branch(repo=pfs_pb2.Repo(name=repo, type="user"), name="master"))


def put(client: Client, path: str, content: bytes) -> None:
    """Put one file of `images` in a commit of its own."""
    client.modify_file(
        iter(
            [
                pfs_pb2.ModifyFileRequest(set_commit=commit_of("images")),
                pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path=path)),
                pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, raw={"value": content})),
            ]
        )
    )


def wait(client: Client, repo: str) -> None:
    """Return when the head of a repo is finished."""
    request = pfs_pb2.InspectCommitRequest(commit=commit_of(repo), wait=pfs_pb2.CommitState.FINISHED)
    client.pfs.InspectCommit(request)


def measure(photos: int, work: Path) -> list[tuple[float, float]]:
    """Return (seconds until the put is answered, seconds until cls has finished) of each round."""
    example = work / "example"
    prepare_example(example, photos=photos)
    found = []
    with running_server(work / "home") as server:
        story = Story(server, example)
        story.create_pipelines(PIPELINES)
        story.pachctl("put", "file", "-r", "images@master:/", "-f", str(example / "photos"))
        story.pachctl("wait", "commit", "cls@master")
        client = connect(server.address)
        content = next((example / "photos" / "test").iterdir()).read_bytes()
        for number in range(ROUNDS):
            began = time.perf_counter()
            put(client, f"/test/new{number}.jpg", content)
            answered = time.perf_counter()
            wait(client, "cls")
            found.append((answered - began, time.perf_counter() - began))
    return found


def main() -> None:
    """Print a line for each size, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, nargs="+", default=[500, 5000])
    medians = []
    for photos in parser.parse_args().photos:
        with tempfile.TemporaryDirectory(prefix="one-photo-") as name:
            rounds = measure(photos, Path(name))
        puts, ends = zip(*rounds, strict=True)
        medians.append(statistics.median(ends))
        print(
            f"{photos:6} photos: put {statistics.median(puts):.3f} s, last output {medians[-1]:.3f} s "
            f"(min {min(ends):.3f}, max {max(ends):.3f})"
        )
    print(f"ratio of the last to the first: {medians[-1] / medians[0]:.2f}")


if __name__ == "__main__":
    main()
