"""Make one HTML page of all pictures, GIFs and videos. The page holds them itself, so it can be copied anywhere.

usage: content_collager.py --input DIRECTORY --output DIRECTORY
"""

import argparse
import base64
import html
from pathlib import Path

TYPES = {
    ".gif": "image/gif",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".mp4": "video/mp4",
}
STYLE = """
body { margin: 2rem auto; max-width: 64rem; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; background: #16181d;
  color: #e8e6e1 }
h1 { font-weight: 600; margin-bottom: 0 } p { color: #a3a19b; margin-top: .2rem }
section { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); gap: 1.2rem;
  margin: 1rem 0 2.2rem }
h2 { font-weight: 600; font-size: 1.15rem; margin: 1.6rem 0 0 }
figure { margin: 0; background: #22252c; border-radius: .5rem; overflow: hidden }
figure > * { display: block; width: 100% } img, video { aspect-ratio: 4 / 3; object-fit: contain; background: #000 }
figcaption { padding: .4rem .7rem; font-size: .85rem; color: #a3a19b; box-sizing: border-box }
"""


def figure(file):
    data = f"data:{TYPES[file.suffix.lower()]};base64,{base64.b64encode(file.read_bytes()).decode()}"
    name = html.escape(file.name)
    if file.suffix == ".mp4":
        shown = f'<video controls muted src="{data}"></video>'
    else:
        shown = f'<img alt="{name}" src="{data}">'
    return f"<figure>{shown}<figcaption>{name}</figcaption></figure>"


def subject(file):
    return file.stem.removesuffix("_traced")


def section(name, files):
    return f"<h2>{html.escape(name)}</h2><section>{''.join(map(figure, files))}</section>"


def main(source, target):
    order = {"videos": 0, "originals": 0, "gifs": 1, "traces": 2}
    files = [file for file in source.rglob("*") if file.suffix.lower() in TYPES]
    files.sort(key=lambda file: (subject(file), order.get(file.parent.name, 3), file.name))
    videos = sorted({subject(file) for file in files if file.suffix == ".mp4"})
    photos = sorted({subject(file) for file in files} - set(videos))
    sections = [section(name, [file for file in files if subject(file) == name]) for name in videos + photos]
    said = f"{len(videos)} videos and {len(photos)} photos, their frames and their edges"
    page = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>From videos to frame traces</title>
<meta name="viewport" content="width=device-width"><style>{STYLE}</style>
<h1>From videos to frame traces</h1><p>{said}</p>
{"".join(sections)}
</html>
"""
    (target / "index.html").write_text(page)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.input, arguments.output)
