"""Score one pair of parameters of a support vector classifier on the iris flowers.

usage: train.py C-DIRECTORY GAMMA-DIRECTORY FLOWERS TARGET-DIRECTORY

Each of the first two directories holds one file with one number.
"""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC


def main(c_directory, gamma_directory, flowers, target):
    (c_file,), (gamma_file,) = c_directory.iterdir(), gamma_directory.iterdir()
    c, gamma = float(c_file.read_text()), float(gamma_file.read_text())
    table = np.loadtxt(flowers, delimiter=",", skiprows=1)
    accuracy = cross_val_score(SVC(C=c, gamma=gamma), table[:, :4], table[:, 4], cv=5).mean()
    result = {"C": c, "gamma": gamma, "accuracy": round(float(accuracy), 6)}
    (target / f"C{c_file.name}_gamma{gamma_file.name}.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
