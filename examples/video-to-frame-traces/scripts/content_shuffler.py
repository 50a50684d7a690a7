"""Sort pictures, GIFs and videos from all repos into directories of one: originals, traces, gifs, videos.

usage: content_shuffler.py --input DIRECTORY --output DIRECTORY
"""

import argparse
import shutil
from pathlib import Path

PICTURES = {".png", ".jpg", ".jpeg"}


def kind(file):
    if file.suffix == ".gif":
        return "gifs"
    if file.suffix == ".mp4":
        return "videos"
    if file.suffix.lower() in PICTURES:
        return "traces" if file.stem.endswith("_traced") else "originals"
    return None


def main(source, target):
    for repo in sorted(source.iterdir()):
        if not repo.is_dir() or repo.name == "out":
            continue
        for file in sorted(repo.iterdir()):
            if file.is_file() and (directory := kind(file)):
                (target / directory).mkdir(exist_ok=True)
                shutil.copyfile(file, target / directory / file.name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.input, arguments.output)
