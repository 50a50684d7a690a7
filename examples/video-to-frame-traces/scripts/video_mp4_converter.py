"""Convert each video to an MP4 that browsers play.

usage: video_mp4_converter.py --input DIRECTORY --output DIRECTORY
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

VIDEOS = {".mov", ".mp4", ".avi", ".mkv", ".webm"}
WIDTH_MAX = 480


def find_ffmpeg():
    """The system's ffmpeg, else the one that the Python package imageio-ffmpeg brings along."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        from imageio_ffmpeg import get_ffmpeg_exe  # noqa: PLC0415 - only needed where there is no ffmpeg
    except ImportError:
        sys.exit("ffmpeg is missing: install it (apt-get install ffmpeg), or pip install imageio-ffmpeg")
    return get_ffmpeg_exe()


def convert(ffmpeg, video, target):
    # yuv420p with even sides is what browsers play; bitexact leaves out what differs from run to run.
    size = f"scale='min({WIDTH_MAX},trunc(iw/2)*2)':-2"
    quality = ["-c:v", "libx264", "-crf", "26", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-an"]
    exact = ["-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    command = [ffmpeg, "-v", "error", "-y", "-i", video, "-vf", size, *quality, *exact, target]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"cannot convert {video.name}: {done.stderr.strip()}")


def main(source, target):
    for video in sorted(source.rglob("*")):
        if video.suffix.lower() in VIDEOS:
            convert(find_ffmpeg(), video, target / f"{video.stem}.mp4")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.input, arguments.output)
