"""Fit Gaussian naive Bayes to the metrics of the labelled photos under train/.

usage: train.py LABELS VOL SOB FFT MODEL
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.naive_bayes import GaussianNB


def features(metrics):
    vol, sob, fft = (float(file.read_text()) for file in metrics)
    return np.log1p(vol), np.log1p(sob), fft  # variances vary by orders of magnitude


def examples(labels, directories):
    with labels.open(newline="") as file:
        rows = sorted((row["path"], row["label"]) for row in csv.DictReader(file))
    for path, label in rows:
        metrics = [directory / Path(path).with_suffix(".txt") for directory in directories]
        if path.startswith("train/") and all(file.exists() for file in metrics):
            yield features(metrics), label


def main(labels, *directories, target):
    known = list(examples(labels, directories))
    if not known:
        sys.exit(f"no label in {labels} fits a photo under train/")
    x, y = zip(*known, strict=True)
    # Equal priors: how many photos of a class are in this set says nothing about the next photo.
    classes = sorted(set(y))
    nb = GaussianNB(priors=[1 / len(classes)] * len(classes)).fit(x, y)
    parameters = {"priors": nb.class_prior_, "means": nb.theta_, "variances": nb.var_}
    model = {"classes": classes, **{name: values.round(9).tolist() for name, values in parameters.items()}}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(model, indent=1) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:-1]), target=Path(sys.argv[-1]))
