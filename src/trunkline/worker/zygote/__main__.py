"""``python .../zygote/__main__.py SOCKET-FD ALIVE-FD``: serve the worker at the other end of the socket.

Started as a plain file, so that no installation of ours is needed; what it loads of our package it hides again, since
scripts must find their own modules, and this package too, where a fresh interpreter finds them.
"""

import os.path
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))


def _main() -> None:
    if _HERE in sys.path[:1]:
        del sys.path[0]
    sys.path.insert(0, _PACKAGES)
    from trunkline.worker.zygote.serve import main  # noqa: PLC0415 - only now it can be found

    sys.path.remove(_PACKAGES)
    for name in [name for name in sys.modules if name.partition(".")[0] == "trunkline"]:
        del sys.modules[name]
    main(int(sys.argv[1]), int(sys.argv[2]))


_main()
