"""Take a video apart: a directory of frames for each video.

usage: image_flattener.py --input DIRECTORY --output DIRECTORY
"""

import argparse
import sys
from pathlib import Path

import cv2

FRAMES_MAX = 24


def frames(video):
    capture = cv2.VideoCapture(str(video))
    read = []
    while True:
        there, frame = capture.read()
        if not there:
            return read
        read.append(frame)


def main(source, target):
    for video in sorted(source.rglob("*.mp4")):
        all_frames = frames(video)
        if not all_frames:
            sys.exit(f"{video.name} has no frames that can be read")
        directory = target / video.stem
        directory.mkdir(parents=True)
        step = -(-len(all_frames) // FRAMES_MAX)
        for number, frame in enumerate(all_frames[::step]):
            cv2.imwrite(str(directory / f"frame_{number:03d}.jpg"), frame)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.input, arguments.output)
