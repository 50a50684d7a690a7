"""Say whether a photo is sharp, blurred or shows moire, from its metrics.

usage: cls.py MODEL VOL SOB FFT TARGET

VOL, SOB, FFT are the metrics of one photo and TARGET the text file to write, or all four are directories.
"""

import json
import sys
from glob import glob
from pathlib import Path

import numpy as np
from sklearn.naive_bayes import GaussianNB


def load(model):
    parameters = json.loads(model.read_text())
    nb = GaussianNB()
    nb.classes_ = np.array(parameters["classes"])
    nb.class_prior_ = np.array(parameters["priors"])
    nb.theta_ = np.array(parameters["means"])
    nb.var_ = np.array(parameters["variances"])
    return nb


def features(metrics):
    vol, sob, fft = (float(file.read_text()) for file in metrics)
    return np.log1p(vol), np.log1p(sob), fft  # as in train.py


def classify(nb, metrics, target):
    probabilities = nb.predict_proba([features(metrics)])[0]
    best = probabilities.argmax()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"{nb.classes_[best]} {probabilities[best]:.3f}\n")


def main(model, *sources, target):
    nb = load(model)
    if sources[0].is_dir():
        for name in sorted(glob("**/*.txt", root_dir=sources[0], recursive=True)):
            classify(nb, [source / name for source in sources], target / name)
    else:
        classify(nb, sources, target)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:-1]), target=Path(sys.argv[-1]))
