"""Variance of the Sobel gradient, across and down: how much contrast the edges of a photo have.

usage: sob.py SOURCE TARGET

SOURCE is a photo and TARGET the text file to write, or both are directories.
"""

import sys
from glob import glob
from pathlib import Path

import cv2


def metric(grey):
    across = cv2.Sobel(grey, cv2.CV_64F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_64F, 0, 1)
    return across.var() + down.var()


def measure(photo, target):
    grey = cv2.imread(str(photo), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        sys.exit(f"cannot read {photo}: not a picture")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"{metric(grey):.6f}\n")


def main(source, target):
    if source.is_dir():
        for name in sorted(glob("**", root_dir=source, recursive=True)):
            if (source / name).is_file():
                measure(source / name, (target / name).with_suffix(".txt"))
    else:
        measure(source, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
