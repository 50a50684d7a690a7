"""Strength of the fine detail: what is left of a photo without its low frequencies, in logarithms.

usage: fft.py SOURCE TARGET

SOURCE is a photo and TARGET the text file to write, or both are directories.
"""

import sys
from glob import glob
from pathlib import Path

import cv2
import numpy as np

SIZE = 30  # frequencies this near to the centre of the spectrum are low


def metric(grey):
    spectrum = np.fft.fftshift(np.fft.fft2(grey))
    y, x = grey.shape[0] // 2, grey.shape[1] // 2
    spectrum[max(y - SIZE, 0) : y + SIZE, max(x - SIZE, 0) : x + SIZE] = 0
    detail = np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum)))
    return np.mean(20 * np.log(np.maximum(detail, 1e-6)))  # the floor stands for "nothing left"


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
