"""Reads a template, its arguments and the URLs below which it may import, as JSON, and writes what the template makes.

What a template imports is asked for here and nowhere else, so a process that may not import opens nothing at all.
"""

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import rjsonnet

from trunkline.api.confined.limits import MEMORY_BYTES_MAX, OUTPUT_BYTES_MAX, confine

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

_IMPORT_BYTES_MAX = 1_000_000
_MIB = 2**20


def is_allowed(url: str, allowed: list[str]) -> bool:
    """Tell whether url is one of those that are allowed, or below one."""
    asked = urlsplit(url)
    if asked.scheme not in ("http", "https") or ".." in unquote(asked.path).replace("\\", "/").split("/"):
        return False
    for each in allowed:
        base = urlsplit(each)
        if (asked.scheme, asked.netloc) == (base.scheme, base.netloc) and (
            asked.path == base.path or asked.path.startswith(base.path.rstrip("/") + "/")
        ):
            return True
    return False


def _importer(allowed: list[str], opener: "OpenerDirector | None") -> Callable[[str, str], tuple[str, str | None]]:
    def import_(base: str, path: str) -> tuple[str, str | None]:
        url = urljoin(f"{base}/", path)
        if not url.startswith(("http://", "https://")):
            raise RuntimeError(f"cannot import {path!r}: templates import over http:// and https:// only")
        if opener is None or not is_allowed(url, allowed):
            known = f"this server allows {', '.join(allowed)}" if allowed else "this server allows no imports"
            raise RuntimeError(f"cannot import {path!r}: {known} (TRUNKLINE_TEMPLATE_IMPORTS)")
        try:
            with opener.open(url) as response:
                content: bytes = response.read(_IMPORT_BYTES_MAX + 1)
        except OSError as error:
            raise RuntimeError(f"cannot import {url}: {error}") from None
        if len(content) > _IMPORT_BYTES_MAX:
            raise RuntimeError(f"cannot import {url}: it has more than {_IMPORT_BYTES_MAX} bytes")
        return url, content.decode(errors="replace")

    return import_


def _opener() -> "OpenerDirector":
    """Return what opens URLs but follows none to another place."""
    from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener  # noqa: PLC0415 - slow, seldom wanted

    class NoRedirects(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    return build_opener(ProxyHandler({}), NoRedirects)


def _render() -> None:
    given = json.load(sys.stdin)
    allowed: list[str] = given["imports"]
    opener = _opener() if allowed else None
    confine(opens_files=bool(allowed))
    try:
        made = rjsonnet.evaluate_snippet(
            "template", given["template"], tla_vars=given["arguments"], import_callback=_importer(allowed, opener)
        )
        if len(made) > OUTPUT_BYTES_MAX:
            sys.exit(f"it makes more than {OUTPUT_BYTES_MAX // _MIB} MiB")
        sys.stdout.write(made)
        sys.stdout.flush()
    except MemoryError:
        sys.exit(f"it took more than {MEMORY_BYTES_MAX // _MIB} MiB of memory")
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    _render()
