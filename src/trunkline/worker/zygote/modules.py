"""Which modules are loaded, where they came from, and whose they are."""

from __future__ import annotations

import os
import sys
import types
from itertools import islice


class ModuleFiles:
    """The files that the loaded modules came from, as they were: a script must not run against older code."""

    def __init__(self) -> None:
        origins = (_origin(module) for module in list(sys.modules.values()))
        self._stamps = {origin: _stamp(origin) for origin in origins if origin}

    def unchanged(self) -> bool:
        """Whether a fresh interpreter would load the same."""
        return all(_stamp(path) == stamp for path, stamp in self._stamps.items())


class NewModules:
    """What a script loaded after the first ``count`` modules: its own, and those that any other run may find loaded.

    Looks at those alone: in a forked child every object that is touched costs the copy of a page.
    """

    def __init__(self, script_dir: str, private: list[str], count: int) -> None:
        self._script_dir = script_dir
        self._private = tuple(os.path.join(place, "") for place in private)
        self._entries = sorted((entry for entry in sys.path if entry), key=len, reverse=True)
        new = list(islice(reversed(sys.modules), max(0, len(sys.modules) - count)))
        self._new = [(name, sys.modules[name]) for name in reversed(new)]

    def __len__(self) -> int:
        return len(self._new)

    def shared(self) -> list[str]:
        """Return the names of the modules that are not the script's own, in the order of loading."""
        return [name for name, module in self._new if _origin(module) and not self._is_own(_origin(module))]

    def own(self) -> list[types.ModuleType]:
        """Return the modules beside the script and those that lie in private directories."""
        return [module for _, module in self._new if _origin(module) and self._is_own(_origin(module))]

    def forget_own(self) -> None:
        """Let the next run load them anew, from what is there then."""
        for name, module in self._new:
            if _origin(module) and self._is_own(_origin(module)):
                sys.modules.pop(name, None)

    def _is_own(self, origin: str) -> bool:
        if origin.startswith(self._private):
            return True
        for entry in self._entries:
            if origin.startswith(os.path.join(entry, "")):
                return entry == self._script_dir
        return False


def _origin(module: object) -> str:
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    return origin if isinstance(origin, str) and origin[:1] == "/" else ""


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
