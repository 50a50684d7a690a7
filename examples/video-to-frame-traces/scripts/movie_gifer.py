"""Make a GIF of each directory of frames.

usage: movie_gifer.py --input DIRECTORY --output DIRECTORY
"""

import argparse
from pathlib import Path

from PIL import Image

WIDTH = 240
MILLISECONDS = 120


def load(frame):
    with Image.open(frame) as image:
        height = round(image.height * WIDTH / image.width)
        return image.convert("RGB").resize((WIDTH, height)).quantize(64)


def main(source, target):
    for directory in sorted({frame.parent for frame in source.glob("*/*/frame_*") if "out" not in frame.parts}):
        first, *others = (load(frame) for frame in sorted(directory.iterdir()))
        first.save(target / f"{directory.name}.gif", save_all=True, append_images=others, duration=MILLISECONDS, loop=0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.input, arguments.output)
