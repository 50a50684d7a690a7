"""Many streams at once."""

from concurrent.futures import ThreadPoolExecutor

from trunkline.testing.doors import Story, add

CLIENTS = 24


def test_streams_into_one_open_commit_are_all_kept(story: Story) -> None:
    commit = story.start()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda client: story.put(commit, add(f"/{client}", "1"), add("/log", ".")), range(CLIENTS)))
    story.finish(commit)

    assert story.read(commit) == {"/log": "." * CLIENTS, **{f"/{client}": "1" for client in range(CLIENTS)}}
