"""The image quality example without a server: its scripts, its Makefile and its photos."""

import csv
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from trunkline.pps.spec.advice.check import check
from trunkline.pps.spec.form.reader import read_specs

cv2 = pytest.importorskip("cv2")
np = pytest.importorskip("numpy")
pytest.importorskip("sklearn", reason="the classifier of the example needs scikit-learn")

EXAMPLE = Path(__file__).parents[3] / "examples" / "image-quality"
METRICS = ("vol", "sob", "fft")
SUBSET = (
    "train/rocket_02.jpg",
    "train/chelsea_03.jpg",
    "train/rocket_04.jpg",
    "train/chelsea_04.jpg",
    "train/chelsea_05.jpg",
    "train/cameraman_05.jpg",
    "test/brickwall_03.jpg",
    "test/alps_04.jpg",
)


def run(command: list[str | Path], *, cwd: Path = EXAMPLE, **variables: str) -> subprocess.CompletedProcess[str]:
    # A make above this test run would hand its flags and job server down.
    inherited = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    return subprocess.run(command, cwd=cwd, env=inherited | variables, capture_output=True, text=True, check=False)


def script(name: str, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, EXAMPLE / f"{name}.py", *arguments], **variables)


def make(directory: Path) -> list[str]:
    """The commands that Make has run."""
    done = run(["make", "-j2", f"PYTHON={sys.executable}"], cwd=directory)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith(sys.executable)]


def results(directory: Path) -> dict[str, bytes]:
    return {
        file.relative_to(directory).as_posix(): file.read_bytes() for file in directory.rglob("*") if file.is_file()
    }


def copy_example(target: Path, photos: tuple[str, ...]) -> Path:
    target.mkdir()
    for file in [*EXAMPLE.glob("*.py"), EXAMPLE / "Makefile", EXAMPLE / "labels.csv"]:
        shutil.copy(file, target)
    for photo in photos:
        (target / "photos" / photo).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(EXAMPLE / "photos" / photo, target / "photos" / photo)
    return target


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = copy_example(tmp_path_factory.mktemp("make") / "image-quality", SUBSET)
    make(directory)
    return directory


class TestMakefile:
    def test_it_makes_every_result(self, built: Path) -> None:
        texts = [Path(photo).with_suffix(".txt").as_posix() for photo in SUBSET]
        expected = {f"{metric}/{text}" for metric in METRICS for text in texts}
        expected |= {f"cls/{text}" for text in texts if text.startswith("test/")}
        expected |= {"model.json", "report/accuracy.txt", "report/confusion.csv", "report/sheet.png"}

        assert results(built / "build").keys() == expected

    def test_made_again_it_does_nothing(self, built: Path) -> None:
        assert make(built) == []

    def test_a_touched_photo_remakes_its_own_targets_only(self, built: Path) -> None:
        (built / "photos" / "test" / "alps_04.jpg").touch()

        commands = make(built)

        assert sorted(Path(command.split()[1]).stem for command in commands) == ["cls", "fft", "report", "sob", "vol"]
        assert all("alps_04" in command or "report.py" in command for command in commands)

    def test_a_directory_gives_the_same_bytes_as_one_file_at_a_time(self, built: Path, tmp_path: Path) -> None:
        """A rule of the Makefile names a photo, a pipeline its directory; threads differ between the two, too."""
        metrics = [tmp_path / metric for metric in METRICS]
        for metric, target in zip(METRICS, metrics, strict=True):
            script(metric, built / "photos", target, OMP_NUM_THREADS="1", OPENCV_FOR_THREADS_NUM="1")
        script("train", EXAMPLE / "labels.csv", *metrics, tmp_path / "model.json", OMP_NUM_THREADS="1")
        script("cls", tmp_path / "model.json", *(metric / "test" for metric in metrics), tmp_path / "cls" / "test")
        script("report", EXAMPLE / "labels.csv", tmp_path / "cls", *metrics, built / "photos", tmp_path / "report")

        assert results(tmp_path) == results(built / "build")

    def test_an_unreadable_photo_fails_by_name(self, tmp_path: Path) -> None:
        directory = copy_example(tmp_path / "image-quality", ("train/rocket_02.jpg", "test/brickwall_03.jpg"))
        (directory / "photos" / "train" / "broken.jpg").write_text("not a picture")

        done = run(["make", f"PYTHON={sys.executable}"], cwd=directory)

        assert done.returncode != 0
        assert "cannot read photos/train/broken.jpg: not a picture" in done.stderr
        assert "broken.txt" not in {file.name for file in (directory / "build").rglob("*")}


@pytest.mark.parametrize("metric", METRICS)
def test_an_unreadable_photo_in_a_directory_fails_by_name(metric: str, tmp_path: Path) -> None:
    (tmp_path / "images" / "test").mkdir(parents=True)
    (tmp_path / "images" / "test" / "x.jpg").write_bytes(b"")

    done = script(metric, tmp_path / "images", tmp_path / "out")

    assert done.returncode == 1
    assert f"cannot read {tmp_path}/images/test/x.jpg: not a picture" in done.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("whole")
    metrics = [build / metric for metric in METRICS]
    for metric, target in zip(METRICS, metrics, strict=True):
        assert script(metric, EXAMPLE / "photos", target).returncode == 0
    assert script("train", EXAMPLE / "labels.csv", *metrics, build / "model.json").returncode == 0
    tested = [metric / "test" for metric in metrics]
    assert script("cls", build / "model.json", *tested, build / "cls" / "test").returncode == 0
    arguments = [EXAMPLE / "labels.csv", build / "cls", *metrics, EXAMPLE / "photos", build / "report"]
    assert script("report", *arguments).returncode == 0
    return build / "report"


class TestTheWholeSet:
    def test_the_classes_are_told_apart(self, report: Path) -> None:
        figures = dict(line.rsplit(" ", 1) for line in (report / "accuracy.txt").read_text().splitlines())

        assert figures["photos"] == "31"
        assert float(figures["balanced accuracy"]) > 0.75

    def test_the_confusion_matrix_counts_every_labelled_photo(self, report: Path) -> None:
        with (report / "confusion.csv").open(newline="") as file:
            header, *rows = csv.reader(file)

        assert header[1:] == [row[0] for row in rows] == ["blur", "moire", "sharp"]
        assert [sum(map(int, row[1:])) for row in rows] == [5, 5, 21]

    def test_the_sheet_is_a_picture(self, report: Path) -> None:
        assert cv2.imread(str(report / "sheet.png")).shape == (3 * 210, 5 * 210, 3)


def test_a_photo_without_label_is_shown_and_not_counted(tmp_path: Path) -> None:
    photo = EXAMPLE / "photos" / "train" / "rocket_02.jpg"
    (tmp_path / "images" / "test").mkdir(parents=True)
    shutil.copy(photo, tmp_path / "images" / "test" / "new.jpg")
    for name, text in (("cls", "blur 0.900\n"), *((metric, "1.000000\n") for metric in METRICS)):
        (tmp_path / name / "test").mkdir(parents=True)
        (tmp_path / name / "test" / "new.txt").write_text(text)

    directories = [tmp_path / name for name in ("cls", *METRICS, "images", "out")]
    done = script("report", EXAMPLE / "labels.csv", *directories)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "accuracy.txt").read_text() == "photos 0\n"
    assert (tmp_path / "out" / "sheet.png").exists()


class TestMetrics:
    @pytest.fixture(params=METRICS)
    def metric(self, request: pytest.FixtureRequest) -> ModuleType:
        return load(request.param)

    @pytest.fixture
    def noise(self) -> "np.ndarray":
        return np.random.default_rng(0).integers(0, 256, (120, 160), np.uint8)

    def test_a_flat_picture_has_no_variance(self) -> None:
        flat = np.full((50, 80), 128, np.uint8)

        assert load("vol").metric(flat) == 0
        assert load("sob").metric(flat) == 0

    def test_a_flat_picture_has_no_detail(self) -> None:
        flat = np.full((120, 160), 128, np.uint8)

        assert load("fft").metric(flat) == pytest.approx(20 * np.log(1e-6))

    def test_a_picture_smaller_than_the_low_frequencies_has_no_detail(self, noise: "np.ndarray") -> None:
        assert load("fft").metric(noise[:40, :40]) == pytest.approx(20 * np.log(1e-6))

    def test_blur_lowers_each_metric(self, metric: ModuleType, noise: "np.ndarray") -> None:
        blurred = cv2.GaussianBlur(noise, (0, 0), 2)

        assert metric.metric(blurred) < metric.metric(noise)

    def test_brightness_does_not_matter(self, metric: ModuleType, noise: "np.ndarray") -> None:
        dark = noise // 2

        assert metric.metric(dark + 100) == pytest.approx(metric.metric(dark))

    def test_one_bright_pixel_gives_the_variance_of_the_kernel(self) -> None:
        point = np.zeros((20, 30), np.uint8)
        point[10, 10] = 100

        laplacian = (1 + 1 + 1 + 1 + 4**2) * 100**2 / point.size
        sobel = 2 * (4 * 1**2 + 2 * 2**2) * 100**2 / point.size
        assert load("vol").metric(point) == pytest.approx(laplacian)
        assert load("sob").metric(point) == pytest.approx(sobel)


class TestPhotos:
    @pytest.fixture
    def photos(self) -> set[str]:
        return {file.relative_to(EXAMPLE / "photos").as_posix() for file in (EXAMPLE / "photos").glob("*/*")}

    def test_each_has_a_label(self, photos: set[str]) -> None:
        with (EXAMPLE / "labels.csv").open(newline="") as file:
            labels = {row["path"]: row["label"] for row in csv.DictReader(file)}

        assert labels.keys() == photos
        assert set(labels.values()) == {"sharp", "blur", "moire"}

    def test_each_has_a_licence(self, photos: set[str]) -> None:
        rows = [line.split(" | ") for line in (EXAMPLE / "LICENSES.md").read_text().splitlines() if "`t" in line]
        listed = [name.strip("`| ") for *_, files in rows for name in files.split(", ")]

        assert sorted(listed) == sorted(photos)

    def test_no_original_is_on_both_sides(self, photos: set[str]) -> None:
        train, test = (
            {Path(photo).stem.rsplit("_", 1)[0] for photo in photos if photo.startswith(side)}
            for side in ("train", "test")
        )

        assert not train & test


@pytest.mark.parametrize("spec", sorted(EXAMPLE.glob("*.yaml")), ids=lambda spec: spec.name)
def test_a_pipeline_spec_is_valid_and_gives_no_warning(spec: Path) -> None:
    [document] = read_specs(spec.read_text(), file=spec.name)

    assert check(document) == []


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"image_quality_{name}", EXAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
