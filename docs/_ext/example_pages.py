"""A page for each example: its README, and the specifications beside it."""

import re
from pathlib import Path

DIRECTORY = "examples"
TUTORIALS = ("video-to-frame-traces", "image-quality")
"""Examples that the table of contents has among the tutorials."""
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)\)")


def pages(examples: Path) -> dict[str, str]:
    """Return the Markdown of each page by its name."""
    made = {}
    for readme in sorted(examples.glob("*/README.md")):
        made[f"{DIRECTORY}/{readme.parent.name}.md"] = _with_specs(readme)
    names = [Path(name).stem for name in made if Path(name).stem not in TUTORIALS]
    index = _links((examples / "README.md").read_text(), examples)
    toctree = ["", "```{toctree}", ":hidden:", "", *names, "```", ""]
    return {**made, f"{DIRECTORY}/index.md": index + "\n".join(toctree)}


def _with_specs(readme: Path) -> str:
    directory = readme.parent
    lines = [_links(readme.read_text().rstrip(), directory), "", "## The specifications", ""]
    for spec in sorted(directory.glob("*.yaml")):
        lines += [f"`examples/{directory.name}/{spec.name}`:", "", "```yaml", spec.read_text().rstrip(), "```", ""]
    return "\n".join(lines)


def _links(text: str, directory: Path) -> str:
    """Turn links to directories of examples into links to their pages, and links to other files into plain names."""

    def replace(found: re.Match[str]) -> str:
        target = (directory / found[1]).resolve()
        return f"]({target.name}.md)" if (target / "README.md").exists() else found[0]

    return LINK.sub(replace, text)
