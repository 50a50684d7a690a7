"""Times small calls that the kernel is asked about, against calls that nobody is: `python benchmarks/access.py`.

The three kinds of calls take turns, so that what else the machine does meets them all.
"""

import tempfile
import time
from pathlib import Path

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.app.server import Server, ServerOptions
from trunkline.proto import version_pb2_grpc

ROUNDS = 30
CALLS = 200


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        servers = {open_: start(Path(scratch) / str(open_), open_=open_) for open_ in (False, True)}
        token = (Path(scratch) / "False" / "token").read_text().strip()
        kinds = {
            "everybody is let in": (servers[True], ()),
            "the kernel is asked": (servers[False], ()),
            "the token is shown": (servers[False], (("authn-token", token),)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in kinds}
        channels = {
            name: grpc.insecure_channel(server.address.removeprefix("grpc://")) for name, (server, _) in kinds.items()
        }
        for _ in range(ROUNDS):
            for name, (_, metadata) in kinds.items():
                seconds[name].append(time_calls(channels[name], metadata))
        reference = median(seconds["everybody is let in"])
        for name, found in seconds.items():
            print(f"{name:<22}{median(found) * 1e6:>8.0f} us a call{median(found) / reference:>8.2f} x")
        for channel in channels.values():
            channel.close()
        for server in servers.values():
            server.close()


def start(home: Path, *, open_: bool) -> Server:
    return Server(
        ServerOptions(home=home, host="127.0.0.1", grpc_port=0, http_port=0, workers=1, allows_local_users=open_)
    )


def time_calls(channel: grpc.Channel, metadata: tuple[tuple[str, str], ...]) -> float:
    stub = version_pb2_grpc.APIStub(channel)
    begun = time.perf_counter()
    for _ in range(CALLS):
        stub.GetVersion(Empty(), metadata=metadata)
    return (time.perf_counter() - begun) / CALLS


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    main()
