"""``python -m trunkline.worker``: a worker process of the local executor, which starts it.

The view of ``/pfs`` comes before every other import: see `trunkline.worker.view.namespace`.
"""

import argparse
import os
import sys
from pathlib import Path

from trunkline.worker.view.isolation import Isolation, isolate
from trunkline.worker.view.namespace import Hiding, close_to_others


def main() -> None:
    """Enter the view, then load the rest and serve."""
    arguments = _arguments()
    os.set_inheritable(arguments.socket_fd, False)
    os.set_inheritable(arguments.alive_fd, False)
    os.umask(0o022)
    isolated = isolate(Isolation(arguments.isolation), arguments.scratch, _hiding(arguments))
    close_to_others()
    from trunkline.worker.serve import Arguments, serve  # noqa: PLC0415 - starts threads, see above

    serve(
        Arguments(
            worker=arguments.worker,
            object_url=_object_url(arguments, isolated.hidden),
            scratch=arguments.scratch,
            working_dir=arguments.working_dir,
            socket_fd=arguments.socket_fd,
            alive_fd=arguments.alive_fd,
            parent=arguments.parent,
            passed_variables=tuple(arguments.pass_env),
        ),
        seen_as=isolated.seen_as,
        warnings=isolated.warnings,
    )


def _hiding(arguments: argparse.Namespace) -> Hiding | None:
    if arguments.hidden is None:
        return None
    # Where somebody has put Python itself, or us, into the state directory, they are needed.
    programs = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parent.parent]
    return Hiding(arguments.hidden, kept=(arguments.working_dir, *programs))


def _object_url(arguments: argparse.Namespace, hidden: int | None) -> str:
    """Return the URL by which this process, and no other, finds the objects if they are in the hidden directory."""
    url, place = str(arguments.object_url), f"file://{arguments.hidden}/"
    if hidden is None or not url.startswith(place):
        return url
    return f"file:///proc/self/fd/{hidden}/{url.removeprefix(place)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m trunkline.worker")
    parser.add_argument("--worker", required=True)
    parser.add_argument("--object-url", required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--working-dir", type=Path, required=True)
    parser.add_argument("--isolation", choices=[kind.value for kind in Isolation], required=True)
    parser.add_argument("--hidden", type=Path)
    parser.add_argument("--pass-env", action="append", default=[])
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--alive-fd", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    return parser.parse_args()


main()
