"""Makes the pages that are not written by hand: commands, fields of a specification, examples.

The pages are made anew at each build, from the commands, the types and the examples themselves, so they cannot drift.
"""

from pathlib import Path
from typing import Any

import command_pages
import example_pages
import field_page


def setup(app: Any) -> dict[str, bool]:
    """Have Sphinx call us before it looks which pages there are."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}


def write_pages(app: Any) -> None:
    """Write what has changed into the source directory; git ignores these files."""
    source = Path(app.srcdir)
    pages = command_pages.pages() | field_page.pages() | example_pages.pages(source.parent / "examples")
    for directory in {source / name for name in ("reference/commands", "examples")}:
        for stale in directory.glob("*.md"):
            if str(stale.relative_to(source)) not in pages:
                stale.unlink()
    for name, text in pages.items():
        page = source / name
        page.parent.mkdir(parents=True, exist_ok=True)
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
