"""Compare the classes found with the labels: figures as text, and a sheet of photos to look at.

usage: report.py LABELS CLS VOL SOB FFT IMAGES TARGET

All but LABELS are directories. Photos without a label are shown and not counted.
"""

import csv
import sys
from collections import Counter
from glob import glob
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT, TEXT = 210, 160, 50  # of a photo on the sheet, and of the lines below it
COLUMNS = 5
BLACK, GREEN, RED = (0, 0, 0), (0, 128, 0), (0, 0, 200)


def read_results(labels, cls, metrics):
    with labels.open(newline="") as file:
        true = {Path(row["path"]).with_suffix(".txt"): row["label"] for row in csv.DictReader(file)}
    for name in sorted(glob("**/*.txt", root_dir=cls, recursive=True)):
        found, probability = (cls / name).read_text().split()
        values = [float((directory / name).read_text()) for directory in metrics]
        yield true.get(Path(name), "unlabelled"), found, name, probability, values


def write_figures(results, target):
    counts = Counter((true, found) for true, found, *_ in results if true != "unlabelled")
    classes = sorted({name for pair in counts for name in pair})
    totals = {true: sum(counts[true, found] for found in classes) for true in classes}
    recalls = [counts[name, name] / totals[name] for name in classes if totals[name]]
    right = sum(counts[name, name] for name in classes)
    with (target / "accuracy.txt").open("w") as file:
        print(f"photos {counts.total()}", file=file)
        if recalls:
            print(f"accuracy {right / counts.total():.3f}", file=file)
            print(f"balanced accuracy {sum(recalls) / len(recalls):.3f}", file=file)
    with (target / "confusion.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["true \\ found", *classes])
        table.writerows([true, *(counts[true, found] for found in classes)] for true in classes)


def draw(photo, lines, colours):
    paper = np.full((HEIGHT + TEXT, WIDTH, 3), 255, np.uint8)
    picture = cv2.imread(photo)
    scale = min((WIDTH - 10) / picture.shape[1], (HEIGHT - 10) / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    paper[5 : 5 + small.shape[0], 5 : 5 + small.shape[1]] = small
    for y, line, colour in zip(range(HEIGHT + 10, HEIGHT + TEXT, 15), lines, colours, strict=False):
        cv2.putText(paper, line, (5, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
    return paper


def draw_row(results, images):
    """A few photos of one label, mistakes first and in red."""
    row = []
    mistakes_first = sorted(results, key=lambda result: (result[0] == result[1], result[2]))
    for true, found, name, p, (vol, sob, fft) in mistakes_first[:COLUMNS]:
        lines = [Path(name).stem, f"{true}: found {found} {p}", f"vol {vol:.0f} sob {sob:.0f} fft {fft:.1f}"]
        wrong = true not in (found, "unlabelled")
        photo = glob(f"{images / Path(name).with_suffix('')}.*")[0]
        row.append(draw(photo, lines, [BLACK, RED if wrong else GREEN, BLACK]))
    blank = np.full((HEIGHT + TEXT, WIDTH, 3), 255, np.uint8)
    return np.hstack(row + [blank] * (COLUMNS - len(row)))


def main(labels, cls, vol, sob, fft, images, target):
    results = list(read_results(labels, cls, [vol, sob, fft]))
    if not results:
        sys.exit(f"no classes in {cls}")
    target.mkdir(parents=True, exist_ok=True)
    write_figures(results, target)
    labels_met = sorted({result[0] for result in results})
    rows = [draw_row([result for result in results if result[0] == label], images) for label in labels_met]
    cv2.imwrite(str(target / "sheet.png"), np.vstack(rows))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
