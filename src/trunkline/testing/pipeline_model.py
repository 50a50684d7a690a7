"""Pipelines as plain Python: what incremental jobs are compared with. Every job looks at everything."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import product
from typing import Any, Literal, TypeAlias

Files: TypeAlias = Mapping[str, bytes]
"""Content by path."""
Kind: TypeAlias = Literal["cross", "union", "join", "group"]

GLOBS = {
    "/": "",
    "/*": r"/[^/]+",
    "/*/*": r"/[^/]+/[^/]+",
    "/(*)-(*)": r"/([^/]*)-([^/]*)",
    "/(*)/(*)": r"/([^/]+)/([^/]+)",
}
"""The globs that the model knows, as regular expressions."""
POISON = b"poison"
"""A datum that sees this content fails."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A glob over a repo."""

    name: str
    repo: str
    glob: str
    join_on: str = ""
    group_by: str = ""
    outer: bool = False
    branch: str = "master"

    def spec(self) -> dict[str, Any]:
        """Return it as it is written in a spec."""
        return {
            "pfs": {
                "name": self.name,
                "repo": self.repo,
                "branch": self.branch,
                "glob": self.glob,
                "join_on": self.join_on,
                "group_by": self.group_by,
                "outer_join": self.outer,
            }
        }

    def leaves(self) -> Iterator["Leaf"]:
        """Yield itself."""
        yield self


@dataclass(frozen=True, slots=True)
class Tree:
    """Inputs that are combined."""

    kind: Kind
    children: tuple["Leaf | Tree", ...]

    def spec(self) -> dict[str, Any]:
        """Return it as it is written in a spec."""
        return {self.kind: [child.spec() for child in self.children]}

    def leaves(self) -> Iterator[Leaf]:
        """Yield all leaves below."""
        for child in self.children:
            yield from child.leaves()


Node: TypeAlias = Leaf | Tree


@dataclass(frozen=True, slots=True)
class Match:
    """A path that a leaf matched, with all the files it stands for."""

    name: str
    repo: str
    path: str
    files: tuple[tuple[str, bytes], ...]
    join_on: str
    group_by: str


Key: TypeAlias = frozenset[tuple[str, str, str]]
"""Name, repo and path of each input of a datum."""
Contents: TypeAlias = frozenset[tuple[str, str, str, tuple[tuple[str, bytes], ...]]]
"""The same with the files that each stands for."""


def key_of(matches: Iterable[Match]) -> Key:
    """Return what tells a datum from others."""
    return frozenset((match.name, match.repo, match.path) for match in matches)


def datums_of(node: Node, repos: Mapping[str, Files]) -> dict[Key, frozenset[Match]]:
    """Return the datums of a tree by their keys."""
    return {key_of(matches): frozenset(matches) for matches in _tuples(node, repos)}


def _tuples(node: Node, repos: Mapping[str, Files]) -> list[tuple[Match, ...]]:
    if isinstance(node, Leaf):
        return [(match,) for match in _matches(node, repos[node.repo])]
    below = [_tuples(child, repos) for child in node.children]
    if node.kind == "union":
        return [each for tuples in below for each in tuples]
    if node.kind == "cross":
        return [sum(chosen, ()) for chosen in product(*below)]
    if node.kind == "group":
        flat = [each for tuples in below for each in tuples]
        groups = sorted({each[0].group_by for each in flat})
        return [tuple({match for each in flat if each[0].group_by == group for match in each}) for group in groups]
    joined: list[tuple[Match, ...]] = []
    below = [list({key_of(each): each for each in tuples}.values()) for tuples in below]
    for key in sorted({each[0].join_on for tuples in below for each in tuples}):
        sides = [[each for each in tuples if each[0].join_on == key] for tuples in below]
        if not all(sides):
            stays = [any(leaf.outer for leaf in child.leaves()) for child in node.children]
            sides = [side for side, stay in zip(sides, stays, strict=True) if side and stay]
        joined += [sum(chosen, ()) for chosen in product(*sides)] if sides else []
    return joined


def _matches(leaf: Leaf, files: Files) -> Iterator[Match]:
    directories = {path[: end + 1] for path in files for end, letter in enumerate(path) if letter == "/"}
    for path in sorted({*files, *directories}):
        found = re.fullmatch(GLOBS[leaf.glob], path.rstrip("/"))
        if found is None:
            continue
        inside = (
            {path: files[path]} if path in files else {each: files[each] for each in files if each.startswith(path)}
        )
        templates = (leaf.join_on, leaf.group_by)
        filled = [found.expand(text.replace("$", "\\")) for text in templates]
        yield Match(leaf.name, leaf.repo, path, tuple(sorted(inside.items())), *filled)


def digest_outputs(key: Key, edition: str, seen: Files) -> dict[str, bytes]:
    """Return what the user code of these tests writes: a file of a datum's own for all that it sees, and one for each.

    Of empty files it writes nothing; so the number of files follows the content.
    """
    directory = "/" + ",".join(sorted(f"{name}~{repo}{path.replace('/', '~')}" for name, repo, path in key))
    total = blake2b(edition.encode(), digest_size=8)
    written = {}
    for place, data in sorted(seen.items()):
        total.update(place.encode() + b"=" + data + b";")
        if data:
            written[f"{directory}/{place.replace('/', '~')}"] = edition.encode() + b":" + data
    written[f"{directory}/all"] = total.hexdigest().encode()
    return written


@dataclass(frozen=True, slots=True)
class Expected:
    """How a job ends. Counts are (total, processed, skipped); None where it does not get through its datums."""

    state: Literal["JOB_SUCCESS", "JOB_FAILURE", "JOB_UNRUNNABLE"]
    counts: tuple[int, int, int] | None = None


@dataclass
class PipelineModel:
    """A pipeline, the jobs it must have had, and the files it must show."""

    name: str
    node: Node
    edition: int = 0
    every_job: bool = False
    stopped: bool = False
    failed: bool = False
    """Whether the newest output commit has an error."""
    jobs: list[Expected] = field(default_factory=list)
    done: list[dict[Key, tuple[Contents, int]] | None] = field(default_factory=list)
    """The datums of each job, with the edition that processed each; None for jobs that did not succeed."""
    files: dict[str, bytes] = field(default_factory=dict)

    def reads(self, repo: str) -> bool:
        """Tell whether a repo is among its inputs."""
        return any(leaf.repo == repo for leaf in self.node.leaves())

    def run(self, repos: Mapping[str, Files], broken: Iterable[str]) -> None:
        """Run one job; ``broken`` are the repos whose heads have errors."""
        if any(self.reads(repo) for repo in broken):
            self._end(Expected("JOB_UNRUNNABLE"), None)
            return
        datums = datums_of(self.node, repos)
        wanted = {key: (_contents(matches), self.edition) for key, matches in datums.items()}
        base = next((done for done in reversed(self.done) if done is not None), {})
        kept = {key for key, value in wanted.items() if base.get(key) == value and not self.every_job}
        left = [matches for key, matches in datums.items() if key not in kept]
        if any(POISON in dict(match.files).values() for matches in left for match in matches):
            self._end(Expected("JOB_FAILURE"), None)
            return
        self._end(Expected("JOB_SUCCESS", (len(datums), len(left), len(kept))), wanted)
        self.files = {}
        for key, matches in datums.items():
            seen = {match.name + path: data for match in matches for path, data in match.files}
            self.files |= digest_outputs(key, str(self.edition), seen)

    def _end(self, job: Expected, done: dict[Key, tuple[Contents, int]] | None) -> None:
        self.jobs.append(job)
        self.done.append(done)
        self.failed = done is None

    def forget_newest(self) -> None:
        """Remove the record of the newest job: the next builds on the one before it."""
        self.jobs.pop()
        self.done.pop()


def _contents(matches: frozenset[Match]) -> Contents:
    return frozenset((match.name, match.repo, match.path, match.files) for match in matches)
