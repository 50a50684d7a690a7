"""Many clients at once, bounded by counts."""

from concurrent.futures import ThreadPoolExecutor

from trunkline.proto import pfs_pb2
from trunkline.testing.doors import Story, add, at

CLIENTS = 24
ROUNDS = 3


def test_many_clients_lose_nothing_and_make_one_line_of_commits(story: Story) -> None:
    """Each client puts into a branch of its own and into one that all share, lists and reads in between."""
    for client in range(CLIENTS):
        story.make_repo(f"own-{client}")

    def work(client: int) -> None:
        for round_ in range(ROUNDS):
            story.put(at(f"own-{client}"), add(f"/{round_}", f"{client}"))
            story.put(at("in"), add(f"/{client}/{round_}", f"{client}.{round_}"))
            assert story.read(at(f"own-{client}")) == {f"/{done}": f"{client}" for done in range(round_ + 1)}
            listed = story.pfs.ListFile(pfs_pb2.ListFileRequest(file=pfs_pb2.File(commit=at("in"), path=f"/{client}")))
            assert len(list(listed)) == round_ + 1

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))

    everything = {f"/{client}/{round_}": f"{client}.{round_}" for client in range(CLIENTS) for round_ in range(ROUNDS)}
    assert story.read(at("in")) == everything
    infos = list(story.pfs.ListCommit(pfs_pb2.ListCommitRequest(repo=at("in").repo)))
    assert len(infos) == CLIENTS * ROUNDS
    assert not any(info.error for info in infos)
    assert [info.parent_commit.id for info in infos] == [*(info.commit.id for info in infos[1:]), ""]
    assert not list(story.pfs.Fsck(pfs_pb2.FsckRequest()))


def test_streams_into_one_open_commit_are_all_kept(story: Story) -> None:
    commit = story.start()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda client: story.put(commit, add(f"/{client}", "1"), add("/log", ".")), range(CLIENTS)))
    story.finish(commit)

    assert story.read(commit) == {"/log": "." * CLIENTS, **{f"/{client}": "1" for client in range(CLIENTS)}}
