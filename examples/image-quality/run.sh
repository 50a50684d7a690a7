#!/bin/sh
# The story of README.md, part 2: the scripts of the Makefile as pipelines over versioned data.
# Needs a server, pachctl (PACHD_ADDRESS and PACH_CONFIG are respected), and a python3 with OpenCV and scikit-learn for both.
set -eu
cd "$(dirname "$0")"

changes=$(mktemp -d) # the photos and the script that we change below
trap 'rm -r "$changes"' EXIT

# Waits until the last pipeline is done, then lists the jobs that the last change has caused.
# PROGRESS tells the datums: how many ran + how many were skipped / of how many.
show_jobs() {
    pachctl wait commit report@master >/dev/null
    id=$(pachctl inspect commit report@master --raw | sed -n 's/.*"id": *"\([0-9a-f]\{32\}\)".*/\1/p' | head -n 1)
    pachctl list job "$id"
}

echo "== A project, with a repo each for the photos, the scripts and the labels"
pachctl create project image-quality
pachctl config update context --project image-quality # commands without --project mean this one from now on
pachctl create repo images
pachctl create repo scripts
pachctl create repo labels

pachctl put file -r images@master:/ -f photos
pachctl put file scripts@master:vol.py -f vol.py
pachctl put file scripts@master:sob.py -f sob.py
pachctl put file scripts@master:fft.py -f fft.py
pachctl put file scripts@master:train.py -f train.py
pachctl put file scripts@master:cls.py -f cls.py
pachctl put file scripts@master:report.py -f report.py
pachctl put file labels@master:labels.csv -f labels.csv

echo "== Six pipelines: each runs at once on what is there, and again when its input changes"
pachctl create pipeline -f vol.yaml
pachctl create pipeline -f sob.yaml
pachctl create pipeline -f fft.yaml
pachctl create pipeline -f model.yaml
pachctl create pipeline -f cls.yaml
pachctl create pipeline -f report.yaml
pachctl wait commit report@master >/dev/null
pachctl list pipeline
pachctl list file cls@master:/test
pachctl get file report@master:/accuracy.txt
pachctl get file report@master:/confusion.csv

echo "== Add a photo: one datum each in vol, sob, fft and cls; model has nothing to do"
python3 - photos/test/dahlia_01.jpg "$changes/blurred.jpg" <<'PYTHON'
import sys
import cv2
cv2.imwrite(sys.argv[2], cv2.GaussianBlur(cv2.imread(sys.argv[1]), (0, 0), 4))
PYTHON
pachctl put file images@master:/test/new.jpg -f "$changes/blurred.jpg"
show_jobs
pachctl get file cls@master:/test/new.txt

echo "== Change a photo: dahlia_01.jpg becomes the blurred one, its four datums run again"
pachctl put file images@master:/test/dahlia_01.jpg -f "$changes/blurred.jpg"
show_jobs
pachctl get file cls@master:/test/dahlia_01.txt
pachctl get file cls@master^:/test/dahlia_01.txt # the version before

echo "== Delete a photo: nothing runs but report, and its results are gone with it"
pachctl delete file images@master:/test/new.jpg
show_jobs

echo "== Label a photo anew: model is trained on the same photos, to the same bytes, so cls has nothing to do"
sed 's|^test/dahlia_01.jpg,sharp$|test/dahlia_01.jpg,blur|' labels.csv >"$changes/labels.csv"
pachctl put file labels@master:labels.csv -f "$changes/labels.csv"
show_jobs
pachctl get file report@master:/accuracy.txt

echo "== Change vol.py (another kernel): all of vol, the model, all of cls; nothing of sob and fft"
sed 's/cv2.Laplacian(grey, cv2.CV_64F)/cv2.Laplacian(grey, cv2.CV_64F, ksize=3)/' vol.py >"$changes/vol.py"
pachctl put file scripts@master:vol.py -f "$changes/vol.py"
show_jobs
pachctl get file report@master:/accuracy.txt

echo "== Where does this report come from? The commits of every repo that have its id, or that it was made of"
pachctl list commit "$id"
