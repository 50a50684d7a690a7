from pathlib import PurePosixPath

import yaml

from trunkline.loads.pfs.files import LoadFile, Tally, files_of, tally, tasks_of
from trunkline.loads.pfs.spec import LoadSpec, parse_load_spec


def spec_of(**random: object) -> LoadSpec:
    sizes = [{"min": 10, "max": 20, "prob": 50}, {"min": 3000000, "max": 3000010, "prob": 50}]
    return parse_load_spec(
        yaml.safe_dump(
            {
                "count": 2,
                "modifications": [
                    {"count": 2, "putFile": {"count": 10, "source": "it"}},
                    {"count": 1, "putFile": {"count": 5, "source": "it"}},
                ],
                "fileSources": [{"name": "it", "random": {"sizes": sizes, **random}}],
            }
        )
    )


def all_files(spec: LoadSpec, seed: int) -> list[LoadFile]:
    tasks = [task for commit in range(spec.count) for task in tasks_of(spec, commit)]
    return [file for task in tasks for file in files_of(spec, task, seed)]


def test_files_are_the_same_for_one_seed_and_others_for_another() -> None:
    spec = spec_of()

    assert all_files(spec, 7) == all_files(spec, 7)
    assert not {file.path for file in all_files(spec, 7)} & {file.path for file in all_files(spec, 8)}


def test_names_are_distinct_and_sizes_are_in_their_ranges() -> None:
    files = all_files(spec_of(), 7)

    assert len({file.path for file in files}) == len(files) == 50
    assert all(len(file.path) == 33 for file in files)
    small = [file for file in files if 10 <= file.size_bytes <= 20]
    large = [file for file in files if 3000000 <= file.size_bytes <= 3000010]
    assert len(small) + len(large) == 50
    assert small
    assert large


def test_content_has_its_size_and_is_repeatable() -> None:
    file = LoadFile("/a", 2 * 1024 * 1024 + 5, "seed")

    content = b"".join(file.content())

    assert len(content) == file.size_bytes
    assert content == b"".join(file.content())
    assert content != b"".join(LoadFile("/a", file.size_bytes, "other").content())


def test_a_new_directory_begins_after_every_run() -> None:
    spec = spec_of(directory={"depth": {"min": 1, "max": 3}, "run": 5})

    directories = [PurePosixPath(file.path).parent for file in all_files(spec, 1)]

    runs = [directories[start : start + 5] for start in range(0, len(directories), 5)]
    assert all(len(set(run)) == 1 for run in runs)
    assert len({run[0] for run in runs}) == len(runs)
    assert {len(run[0].parts) - 1 for run in runs} <= {1, 2, 3}


def test_counted_names_go_on_through_the_whole_test() -> None:
    paths = [file.path for file in all_files(spec_of(increment_path=True), 1)]

    assert paths == [f"/{number:016d}" for number in range(50)]


def test_a_tally_knows_what_files_there_are_but_not_their_order() -> None:
    files = [("/a", 1), ("/b", 2), ("/c", 3)]

    assert tally(files) == tally(reversed(files)) == tally(files[:1]) + tally(files[1:])
    assert tally(files) != tally([("/a", 1), ("/b", 3), ("/c", 2)])
    assert tally([]) == Tally()
