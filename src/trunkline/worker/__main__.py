"""``python -m trunkline.worker``: a worker process of the local executor, which starts it.

The view of ``/pfs`` comes before every other import: see `trunkline.worker.namespace`.
"""

import argparse
import os
from pathlib import Path

from trunkline.worker.isolation import Isolation, isolate


def main() -> None:
    """Enter the view, then load the rest and serve."""
    arguments = _arguments()
    os.set_inheritable(arguments.socket_fd, False)
    os.set_inheritable(arguments.alive_fd, False)
    os.umask(0o022)
    seen_as, warnings = isolate(Isolation(arguments.isolation), arguments.scratch)
    from trunkline.worker.serve import Arguments, serve  # noqa: PLC0415 - starts threads, see above

    serve(
        Arguments(
            worker=arguments.worker,
            object_url=arguments.object_url,
            scratch=arguments.scratch,
            working_dir=arguments.working_dir,
            socket_fd=arguments.socket_fd,
            alive_fd=arguments.alive_fd,
            parent=arguments.parent,
        ),
        seen_as=seen_as,
        warnings=warnings,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m trunkline.worker")
    parser.add_argument("--worker", required=True)
    parser.add_argument("--object-url", required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--working-dir", type=Path, required=True)
    parser.add_argument("--isolation", choices=[kind.value for kind in Isolation], required=True)
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--alive-fd", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    return parser.parse_args()


main()
