"""An incremental run equals a run from scratch: any inputs, any history, one pipeline or two in a chain.

Jobs overlap while some of their datums are held, servers end and pipelines go with jobs under way, garbage is collected
between any two steps, and after each history every byte is read.
"""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import count

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.model.datums import Datum, DatumSet
from trunkline.pfs.garbage import Garbage
from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster
from trunkline.testing.gated_servers import Gate, Servers
from trunkline.testing.in_process import DatumError
from trunkline.testing.pipeline_model import POISON, Files, Kind, Leaf, Node, PipelineModel, Tree, digest_outputs
from trunkline.testing.small_borders import small_borders

PATHS = ["/a", "/b", "/a-x", "/a-y", "/b-x", "/b-y", "/d/a", "/d/b-x", "/e/a"]
CONTENTS = [b"", b"1", b"2"]
USER_REPOS = {"a": "master", "b": "dev"}
"""The repos that users write to, before an example makes their names its own, and the branch that they use."""


HELD = CONTENTS[-1]
"""Datums that see it stay at the gate while that is closed."""


GATE = Gate()


@pytest.fixture(scope="module", params=["usual", "small"])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers with borders as users have them, and with small ones: sets of one datum, segments of four rows."""
    with small_borders() if request.param == "small" else nullcontext():
        opened = Servers(tmp_path_factory.mktemp("cluster") / "home", digest, GATE)
        yield opened
        opened.close()


def digest(datum_set: DatumSet, datum: Datum, seen: Mapping[str, bytes]) -> dict[str, bytes]:
    """The user code of all pipelines; its edition is the argument of the command."""
    if HELD in seen.values():
        GATE.pass_through()
    if POISON in seen.values():
        raise DatumError("poisoned")
    key = frozenset((each.source.name, each.source.repo, each.path) for each in datum.inputs)
    return digest_outputs(key, datum_set.transform.cmd[1], seen)


# What users do


@dataclass(frozen=True)
class Put:
    repo: str
    files: dict[str, bytes]
    deleted: tuple[str, ...]


@dataclass(frozen=True)
class Update:
    which: int
    node: Node | None
    reprocess: bool


@dataclass(frozen=True)
class Stop:
    which: int


@dataclass(frozen=True)
class Start:
    which: int


@dataclass(frozen=True)
class Forget:
    """Remove the record of a pipeline's newest job."""

    which: int


@dataclass(frozen=True)
class Look:
    """Wait until everything is done, and compare."""


@dataclass(frozen=True)
class Hold:
    """Keep datums from getting on until the next look."""


@dataclass(frozen=True)
class Collect:
    """Collect garbage, twice: the second pass deletes what the first one condemned, whatever runs."""


@dataclass(frozen=True)
class Delete:
    """Delete the lower pipeline, whatever it has under way."""


@dataclass(frozen=True)
class Restart:
    """End the server, whatever runs, and start another one."""


Step = Put | Update | Stop | Start | Forget | Look | Hold | Collect | Delete | Restart


def leaves(repos: list[str], globs: list[str]) -> st.SearchStrategy[Leaf]:
    return st.builds(
        lambda repo, glob: Leaf("", repo, glob, branch=USER_REPOS.get(repo, "master")),
        st.sampled_from(repos),
        st.sampled_from(globs),
    )


def keyed_leaves(repos: list[str]) -> st.SearchStrategy[Leaf]:
    return st.builds(
        lambda repo, glob, template, outer: Leaf(
            "", repo, glob, join_on=template, group_by=template, outer=outer, branch=USER_REPOS.get(repo, "master")
        ),
        st.sampled_from(repos),
        st.sampled_from(["/(*)-(*)", "/(*)/(*)"]),
        st.sampled_from(["$1", "$2", "$2$1"]),
        st.booleans(),
    )


def combined(kind: Kind, children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(lambda nodes: Tree(kind, tuple(nodes)), st.lists(children, min_size=1, max_size=2))


def nodes(repos: list[str], globs: list[str]) -> st.SearchStrategy[Node]:
    leaf = leaves(repos, globs)
    keyed = keyed_leaves(repos)
    keyed_node = st.one_of(keyed, keyed, combined("union", keyed), combined("cross", keyed))
    joined = combined("join", st.one_of(keyed_node, combined("group", keyed)))
    grouped = combined("group", st.one_of(keyed_node, combined("join", keyed_node)))
    simple = st.one_of(leaf, joined, grouped)
    middle = st.one_of(simple, combined("union", simple), combined("cross", simple))
    tree = st.one_of(leaf, middle, combined("union", middle), combined("cross", middle))
    return st.builds(named, tree, st.booleans())


def named(node: Node, share: bool) -> Node:
    """Name the leaves by their places; if share, the plain leaves right below a union all have one name."""
    numbers = count()

    def walk(each: Node, shared: str = "") -> Node:
        if isinstance(each, Leaf):
            own = f"n{next(numbers)}"
            return replace(each, name=own if each.join_on or not shared else shared)
        below = f"n{next(numbers)}" if share and each.kind == "union" else ""
        return Tree(each.kind, tuple(walk(child, below) for child in each.children))

    return walk(node)


UPPER = nodes(list(USER_REPOS), ["/", "/*", "/*/*", "/(*)-(*)"])
LOWER = nodes(["upper", "upper", "a"], ["/", "/*", "/*/*"])
CONTENT = st.sampled_from([*CONTENTS * 6, POISON])
PUT = st.builds(
    Put,
    st.sampled_from(list(USER_REPOS)),
    st.dictionaries(st.sampled_from(PATHS), CONTENT, max_size=4),
    st.lists(st.sampled_from([*PATHS, "/d/", "/"]), max_size=3, unique=True).map(tuple),
)
STEP = st.one_of(
    PUT,
    PUT,
    PUT,
    st.builds(Update, st.just(0), st.none() | UPPER, st.booleans()),
    st.builds(Update, st.just(1), st.none() | LOWER, st.booleans()),
    st.builds(Stop, st.integers(0, 1)),
    st.builds(Start, st.integers(0, 1)),
    st.builds(Forget, st.integers(0, 1)),
    st.just(Look()),
    st.just(Hold()),
    st.just(Hold()),
    st.just(Collect()),
    st.just(Collect()),
    st.just(Delete()),
    st.just(Restart()),
)


class Story:
    """One example: a real cluster and the model, given the same history."""

    numbers = count()

    def __init__(self, servers: Servers, trees: list[Node], every_job: list[bool]) -> None:
        self.servers = servers
        self.prefix = f"s{next(self.numbers)}"
        self.repos: dict[str, Files] = {}
        self.made: list[str] = []
        for repo in USER_REPOS:
            self.cluster.create_repo(self.prefix + repo)
            self.repos[self.prefix + repo] = {}
        self.pipelines = []
        for name, tree, every in zip(["upper", "lower"], trees, every_job, strict=False):
            model = PipelineModel(self.prefix + name, self.own(tree), every_job=every)
            self.pipelines.append(model)
            self.create(model.name, model)
            self.run_from({model.name})

    @property
    def cluster(self) -> Cluster:
        return self.servers.cluster

    def own(self, node: Node) -> Node:
        """Return the tree with the repos of this story."""
        if isinstance(node, Leaf):
            return replace(node, repo=self.prefix + node.repo)
        return Tree(node.kind, tuple(map(self.own, node.children)))

    def create(self, name: str, model: PipelineModel, *, update: bool = False, reprocess: bool = False) -> None:
        spec = {
            "pipeline": {"name": name},
            "input": model.node.spec(),
            "transform": {"cmd": ["digest", str(model.edition)]},
            "reprocess_spec": "every_job" if model.every_job else "until_success",
        }
        self.cluster.create(spec, update=update, reprocess=reprocess)
        if not update:
            self.made.append(name)

    def run_from(self, changed: set[str]) -> None:
        """Give the model the jobs that follow from changed repos, or from pipelines that were made or updated."""
        for model in self.pipelines:
            if not model.stopped and (model.name in changed or any(map(model.reads, changed))):
                changed = changed | {model.name}
                files = self.repos | {each.name: each.files for each in self.pipelines}
                model.run(files, [each.name for each in self.pipelines if each.failed])

    def take(self, step: Step) -> None:
        if isinstance(step, Put):
            self.put(step)
            return
        if isinstance(step, Hold):
            GATE.close()
            return
        if isinstance(step, Restart):
            self.servers.restart()
            return
        if isinstance(step, Collect):
            self.collect()
            return
        if isinstance(step, Delete):
            for model in self.pipelines[1:]:
                self.delete(model.name)
                self.made.remove(model.name)
            del self.pipelines[1:]
            return
        self.look()
        if isinstance(step, Look) or step.which >= len(self.pipelines):
            return
        model = self.pipelines[step.which]
        if isinstance(step, Update):
            model.node = self.own(step.node) if step.node is not None else model.node
            model.edition += step.reprocess
            self.create(model.name, model, update=True, reprocess=step.reprocess)
            if not model.stopped:
                self.run_from({model.name})
        elif isinstance(step, Forget):
            if model.jobs:
                newest = self.cluster.jobs(model.name, history=-1)[0].job
                self.cluster.pps.DeleteJob(pps_pb2.DeleteJobRequest(job=newest))
                model.forget_newest()
        elif isinstance(step, Stop):
            self.cluster.pps.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=pps_pb2.Pipeline(name=model.name)))
            model.stopped = True
        else:
            self.cluster.pps.StartPipeline(pps_pb2.StartPipelineRequest(pipeline=pps_pb2.Pipeline(name=model.name)))
            if model.stopped:
                model.stopped = False
                self.run_from({model.name})

    def put(self, step: Put) -> None:
        repo = self.prefix + step.repo
        self.cluster.put(
            repo,
            {path: data.decode() for path, data in step.files.items()},
            deleted=step.deleted,
            branch_name=USER_REPOS[step.repo],
        )
        kept = {path: data for path, data in self.repos[repo].items() if not is_deleted(path, step.deleted)}
        self.repos[repo] = kept | step.files
        self.run_from({repo})

    def look(self) -> None:
        """Let all jobs end; compare those so far, and what is to be seen now."""
        GATE.open()
        for model in self.pipelines:
            if not model.jobs:
                continue
            newest = self.cluster.jobs(model.name, history=-1)[0].job
            self.cluster.pps.InspectJob(pps_pb2.InspectJobRequest(job=newest, wait=True))
            jobs = self.cluster.jobs(model.name, history=-1)[::-1]
            found = [
                (
                    pps_pb2.JobState.Name(job.state),
                    (job.data_total, job.data_processed, job.data_skipped) if each.counts else None,
                )
                for job, each in zip(jobs, model.jobs, strict=False)
            ]
            assert found == [(each.state, each.counts) for each in model.jobs]
            assert len(jobs) == len(model.jobs)
            if model.failed:
                with pytest.raises(grpc.RpcError, match="finished with an error"):
                    self.files(model.name)
            else:
                assert self.files(model.name) == model.files

    def collect(self) -> None:
        for _ in range(2):
            Garbage(self.cluster.server.versioning).collect(grace_seconds=0)

    def delete(self, name: str) -> None:
        pipeline = pps_pb2.Pipeline(name=name)
        self.cluster.pps.DeletePipeline(pps_pb2.DeletePipelineRequest(pipeline=pipeline, force=True))

    def check_storage(self) -> None:
        """Nothing is missing or damaged, down to the last byte, before what is not used goes and after it."""
        for _ in range(2):
            assert [found.error for found in self.cluster.pfs.Fsck(pfs_pb2.FsckRequest())] == []
            self.cluster.pfs.CheckStorage(pfs_pb2.CheckStorageRequest(read_chunk_data=True))
            self.collect()

    def files(self, repo: str) -> Files:
        return {path: text.encode() for path, text in self.cluster.files(repo).items()}

    def check_from_scratch(self) -> None:
        """Compare with new pipelines on the same inputs."""
        for model in self.pipelines:
            if model.stopped or model.failed:
                continue
            name = f"{model.name}-fresh"
            self.create(name, model)
            job = self.cluster.finished_job(name)
            assert pps_pb2.JobState.Name(job.state) == "JOB_SUCCESS"
            assert job.data_skipped == 0
            assert self.files(name) == self.files(model.name)

    def close(self) -> None:
        GATE.open()
        for name in reversed(self.made):
            self.delete(name)
        for repo in self.repos:
            self.cluster.pfs.DeleteRepo(pfs_pb2.DeleteRepoRequest(repo=pfs_pb2.Repo(name=repo), force=True))


def is_deleted(path: str, deleted: tuple[str, ...]) -> bool:
    return any(path == each or (each.endswith("/") and path.startswith(each)) for each in deleted)


@settings(max_examples=settings().max_examples // 4)
@given(
    trees=st.tuples(UPPER, LOWER).map(list) | UPPER.map(lambda tree: [tree]),
    every_job=st.tuples(*[st.sampled_from([False, False, False, True])] * 2).map(list),
    history=st.lists(STEP, min_size=1, max_size=8),
)
def test_an_incremental_run_equals_a_run_from_scratch(
    servers: Servers, trees: list[Node], every_job: list[bool], history: list[Step]
) -> None:
    story = Story(servers, trees, every_job)
    try:
        for step in history:
            story.take(step)
        story.look()
        story.check_from_scratch()
        story.check_storage()
    finally:
        story.close()
