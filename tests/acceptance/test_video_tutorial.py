"""The beginner tutorial as its reader has it: run.sh, then a look at frames, edges, GIFs and the page in a browser."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkline.testing.raw import read_objects
from trunkline.testing.server import ServerProcess, running_server

cv2 = pytest.importorskip("cv2", reason="the scripts of the example need OpenCV")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image", reason="the scripts of the example need Pillow")

EXAMPLE = Path(__file__).parents[2] / "examples" / "video-to-frame-traces"
VIDEOS = {"meadow-bunny", "walkway", "tree"}
PHOTOS = {"chelsea.jpg", "dahlia.jpeg", "rocket.png"}
PIPELINES = (
    "video_mp4_converter image_flattener image_tracer movie_gifer content_shuffler content_collager".split()  # noqa: SIM905
)
# What the field's own tutorial has its readers type; files and directories are ours.
PUBLISHED = [
    "pachctl create project video-to-frame-traces",
    "pachctl config update context --project video-to-frame-traces",
    "pachctl list projects",
    "pachctl create repo raw_videos_and_images",
    "pachctl list repos",
    "pachctl put file raw_videos_and_images@master:walkway.MOV -f media/walkway.MOV",
    *(f"pachctl create pipeline -f {pipeline}.yaml" for pipeline in PIPELINES),
    "pachctl list pipelines",
    "pachctl list commits",
    "pachctl list jobs --pipeline content_collager",
    "pachctl list files content_collager@master",
    "pachctl mount mnt --project video-to-frame-traces --repos content_collager@master",
]
BROWSER = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
# Runs in the page when all pictures are loaded: says of every picture and video how large it is, 0 for a broken one.
LOOK = """<script>addEventListener("load", async () => {
  const seen = {pictures: {}, videos: {}};
  for (const each of document.images) seen.pictures[each.alt] = [each.naturalWidth, each.naturalHeight];
  for (const each of document.querySelectorAll("video")) {
    if (each.readyState < 2) await new Promise(done => { each.onloadeddata = done; each.onerror = done });
    const name = each.parentElement.innerText.trim();
    seen.videos[name] = [each.videoWidth, each.videoHeight, each.duration];
  }
  document.documentElement.dataset.seen = JSON.stringify(seen);
})</script>"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tutorial")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[ServerProcess]:
    """A server whose python3 has what the scripts import."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        patch.setenv("TRUNKLINE_HOME", str(home / "own"))
        with running_server(home / "server") as running:
            yield running


@pytest.fixture(scope="module")
def pachctl(server: ServerProcess, home: Path) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        environment = server.environment(home)
        return subprocess.run(
            ["pachctl", *arguments], env=environment, capture_output=True, text=True, check=True
        ).stdout

    return run


@pytest.fixture(scope="module")
def printed(server: ServerProcess, home: Path, pachctl: Callable[..., str]) -> Iterator[str]:
    """What run.sh prints. Its page is mounted below the copy of the example as long as the tests run."""
    shutil.copytree(EXAMPLE, home / "example")
    command, environment = [home / "example" / "run.sh"], server.environment(home)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    yield done.stdout
    pachctl("unmount", "--all")


@pytest.fixture(scope="module")
def results(printed: str, home: Path, pachctl: Callable[..., str]) -> Path:
    """A directory with the output of each pipeline."""
    for pipeline in PIPELINES:
        pachctl("get", "file", "-r", f"{pipeline}@master:/", "-o", str(home / "results" / pipeline))
    return home / "results"


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_the_published_commands_are_enough(printed: str) -> None:
    """Besides them there is only waiting, looking, and putting more of the same files."""
    lines = [line.removesuffix(" ||") for line in (EXAMPLE / "run.sh").read_text().splitlines()]
    commands = [line.partition(" >")[0] for line in lines if line.startswith("pachctl ")]
    told = re.findall(r"^\$ (pachctl .*)$", (EXAMPLE / "README.md").read_text(), flags=re.MULTILINE)

    assert [each for each in commands if each in PUBLISHED] == PUBLISHED
    assert [each for each in told if each in PUBLISHED] == PUBLISHED
    others = {" ".join(each.split()[1:3]) for each in commands if each not in PUBLISHED}
    assert others == {"put file", "list commits", "wait commit", "list job"}


def test_every_script_is_named_by_its_pipeline_and_no_image_is_used(printed: str, pachctl: Callable[..., str]) -> None:
    for pipeline in PIPELINES:
        spec = next(read_objects(pachctl("inspect", "pipeline", pipeline, "--raw")))
        assert spec["details"]["transform"]["image"].startswith("trunkline/")
        assert spec["details"]["autoscaling"] is True
    command = ["pachctl", "validate", "pipeline", "-f", EXAMPLE / "image_tracer.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "transform.image: no container engine is used" in done.stderr


def test_a_video_that_is_added_runs_its_own_datums_only(printed: str) -> None:
    last = printed.partition("== 3.")[2]

    progress = dict(re.findall(r"^\S+ +(\w+) .* (\d+ \+ \d+ / \d+) ", last, flags=re.MULTILINE))

    assert progress == {
        "video_mp4_converter": "1 + 2 / 3",
        "image_flattener": "1 + 2 / 3",
        "image_tracer": "1 + 5 / 6",
        "movie_gifer": "2 + 4 / 6",
        "content_shuffler": "2 + 6 / 8",
        "content_collager": "1 + 0 / 1",
    }
    assert len(re.findall(r" success$", last, flags=re.MULTILINE)) == len(PIPELINES)


def test_frames_are_pictures_of_the_video_that_move(results: Path) -> None:
    assert names(results / "video_mp4_converter") == {f"{name}.mp4" for name in VIDEOS}
    assert names(results / "image_flattener") == VIDEOS
    for name in VIDEOS:
        frames = [cv2.imread(str(file)) for file in sorted((results / "image_flattener" / name).iterdir())]
        original = cv2.VideoCapture(str(EXAMPLE / "media" / f"{name}.MOV")).read()[1]
        height, width = frames[0].shape[:2]
        assert 9 <= len(frames) <= 24
        assert np.abs(frames[0].astype(int) - cv2.resize(original, (width, height)).astype(int)).mean() < 12
        assert not np.array_equal(frames[0], frames[-1])


def test_edges_are_white_lines_where_the_picture_changes(results: Path) -> None:
    traced = results / "image_tracer"
    assert names(traced) == {f"{name}_traced" for name in VIDEOS} | {f"{Path(p).stem}_traced.png" for p in PHOTOS}
    pairs = [(EXAMPLE / "media" / photo, traced / f"{Path(photo).stem}_traced.png") for photo in PHOTOS]
    for name in VIDEOS:
        frames = sorted((results / "image_flattener" / name).iterdir())
        pairs += [(frame, traced / f"{name}_traced" / f"{frame.stem}.png") for frame in frames]
    for picture, edges in pairs:
        lines = cv2.imread(str(edges), cv2.IMREAD_GRAYSCALE) > 0
        smooth = cv2.GaussianBlur(cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE), (5, 5), 0)
        steepness = np.hypot(cv2.Sobel(smooth, cv2.CV_64F, 1, 0), cv2.Sobel(smooth, cv2.CV_64F, 0, 1))
        assert 0.01 < lines.mean() < 0.3
        assert steepness[lines].mean() > 2 * steepness[~lines].mean()


def test_gifs_have_a_frame_for_each_picture(results: Path) -> None:
    assert names(results / "movie_gifer") == {f"{name}{kind}.gif" for name in VIDEOS for kind in ("", "_traced")}
    for name in VIDEOS:
        frames = sum(1 for _ in (results / "image_flattener" / name).iterdir())
        for kind in ("", "_traced"):
            with Image.open(results / "movie_gifer" / f"{name}{kind}.gif") as gif:
                assert gif.is_animated
                # Equal frames next to each other become one that is shown longer.
                assert frames // 2 < gif.n_frames <= frames
                assert gif.info["loop"] == 0


def test_the_shuffled_content_is_all_there_is(results: Path) -> None:
    shuffled = {kind: names(results / "content_shuffler" / kind) for kind in names(results / "content_shuffler")}

    assert shuffled == {
        "originals": PHOTOS,
        "traces": {f"{Path(photo).stem}_traced.png" for photo in PHOTOS},
        "videos": {f"{name}.mp4" for name in VIDEOS},
        "gifs": {f"{name}{kind}.gif" for name in VIDEOS for kind in ("", "_traced")},
    }


def test_the_page_shows_everything_in_a_browser(results: Path, home: Path) -> None:
    page = (results / "content_collager" / "index.html").read_text()
    mounted = home / "example" / "mnt" / "content_collager" / "index.html"
    assert mounted.read_text() == page
    assert not re.search(r"(src|href)=\"(?!data:)", page), "the page needs nothing but itself"
    copy = home / "copy.html"
    copy.write_text(page.replace("</html>", f"{LOOK}</html>"))

    dom = browse(home, copy, "--dump-dom", "--virtual-time-budget=20000")

    found = re.search(r'data-seen="([^"]*)"', dom)
    assert found, "a video of the page cannot be played"
    seen: dict[str, Any] = json.loads(found.group(1).replace("&quot;", '"'))
    gifs = {f"{name}{kind}.gif" for name in VIDEOS for kind in ("", "_traced")}
    assert set(seen["pictures"]) == gifs | PHOTOS | {f"{Path(photo).stem}_traced.png" for photo in PHOTOS}
    assert all(width >= 240 and height >= 100 for width, height in seen["pictures"].values())
    assert set(seen["videos"]) == {f"{name}.mp4" for name in VIDEOS}
    assert seen["videos"]["walkway.mp4"] == [480, 360, 8]


def test_the_page_looks_like_one(results: Path, home: Path) -> None:
    """Pictures in colour, on a dark page, above each other."""
    picture = home / "page.png"

    browse(home, results / "content_collager" / "index.html", f"--screenshot={picture}", "--window-size=1100,1400")

    pixels = cv2.imread(str(picture)).astype(int)
    assert pixels.shape == (1400, 1100, 3)
    colourful = (pixels.max(axis=2) - pixels.min(axis=2)) > 40
    assert 0.03 < colourful.mean() < 0.6
    assert pixels[5, 5].max() < 60
    assert (pixels.min(axis=2) > 200).mean() > 0.005, "lines of the traces and letters"


def browse(home: Path, page: Path, *options: str) -> str:
    command = ["chromium", *BROWSER, f"--user-data-dir={home / 'chromium'}", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
