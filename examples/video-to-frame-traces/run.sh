#!/bin/sh
# The tutorial of README.md from start to end. Needs pachctl (PACHD_ADDRESS and PACH_CONFIG are respected; without them
# a local server starts), and for the server a python3 with OpenCV and Pillow, and ffmpeg.
set -eu
cd "$(dirname "$0")"

echo "== 1. A project, and a repo with videos and photos"
pachctl create project video-to-frame-traces
pachctl config update context --project video-to-frame-traces
pachctl list projects
pachctl create repo raw_videos_and_images
pachctl list repos
pachctl put file raw_videos_and_images@master:meadow-bunny.MOV -f media/meadow-bunny.MOV
pachctl put file raw_videos_and_images@master:walkway.MOV -f media/walkway.MOV
pachctl put file raw_videos_and_images@master:chelsea.jpg -f media/chelsea.jpg
pachctl put file raw_videos_and_images@master:dahlia.jpeg -f media/dahlia.jpeg
pachctl put file raw_videos_and_images@master:rocket.png -f media/rocket.png
pachctl list commits raw_videos_and_images

echo "== 2. Six pipelines"
pachctl create pipeline -f video_mp4_converter.yaml
pachctl create pipeline -f image_flattener.yaml
pachctl create pipeline -f image_tracer.yaml
pachctl create pipeline -f movie_gifer.yaml
pachctl create pipeline -f content_shuffler.yaml
pachctl create pipeline -f content_collager.yaml
pachctl wait commit content_collager@master >/dev/null
pachctl list pipelines
pachctl list commits
pachctl list jobs --pipeline content_collager
pachctl list files content_collager@master

echo "== 3. One more video: only what it touches runs. PROGRESS: how many ran + how many were skipped / of how many"
pachctl put file raw_videos_and_images@master:tree.MOV -f media/tree.MOV
pachctl wait commit content_collager@master >/dev/null
id=$(pachctl inspect commit content_collager@master --raw | sed -n 's/.*"id": *"\([0-9a-f]\{32\}\)".*/\1/p' | head -n 1)
pachctl list job "$id"

echo "== 4. Look at the page: open index.html in a browser"
pachctl mount mnt --project video-to-frame-traces --repos content_collager@master ||
    pachctl get file -r content_collager@master:/ -o mnt/content_collager
ls -l mnt/content_collager
