"""Trace the edges of pictures: white lines on black.

A picture becomes NAME_traced.png; a directory of frames becomes NAME_traced/ with as many traced frames.

usage: image_tracer.py --input DIRECTORY --output DIRECTORY
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

PICTURES = {".png", ".jpg", ".jpeg"}


def trace(picture):
    image = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
    if image is None:
        sys.exit(f"cannot read {picture.name}: not a picture")
    smooth = cv2.GaussianBlur(image, (5, 5), 0)
    # Thresholds around the picture's own brightness, so that dark and bright ones get lines, too.
    middle = float(np.median(smooth))
    return cv2.Canny(smooth, max(10.0, 0.5 * middle), max(30.0, 1.1 * middle))


def main(source, target):
    for repo in sorted(source.iterdir()):
        if not repo.is_dir() or repo.name == "out":
            continue
        for picture in sorted(repo.rglob("*")):
            if picture.suffix.lower() not in PICTURES:
                continue
            directory, _, _ = picture.relative_to(repo).as_posix().rpartition("/")
            traced = target / f"{directory}_traced" if directory else target
            traced.mkdir(parents=True, exist_ok=True)
            name = f"{picture.stem}.png" if directory else f"{picture.stem}_traced.png"
            cv2.imwrite(str(traced / name), trace(picture))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.input, arguments.output)
