"""Versioning as plain Python: what the real one is compared with. Everything is in dictionaries, nothing is clever."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Files: TypeAlias = dict[tuple[str, str], bytes]
"""Content by path and tag."""
Op: TypeAlias = tuple[str, str, str, bytes]
"""What to do (``add``, ``delete``), path, tag, content."""
State: TypeAlias = Literal["open", "finishing", "finished"]


def apply(files: Files, ops: Iterable[Op]) -> Files:
    """Return the files after the operations."""
    result = dict(files)
    for kind, path, tag, data in ops:
        if kind == "add":
            result[path, tag] = result.get((path, tag), b"") + data
        elif path.endswith("/"):
            result = {key: value for key, value in result.items() if key[1] != tag or not key[0].startswith(path)}
        else:
            result.pop((path, tag), None)
    return result


def is_invalid(files: Files) -> bool:
    """Tell whether a path was written by two tags, or is both file and directory."""
    paths = [path for path, _ in files]
    return len(set(paths)) < len(paths) or any(other.startswith(path + "/") for path in paths for other in paths)


@dataclass(eq=False, repr=False)
class Commit:
    """A commit of the model."""

    repo: str
    id: str
    branch: str
    parent: "Commit | None"
    is_auto: bool = False
    provenance: list["Commit"] = field(default_factory=list)
    state: State = "open"
    is_failed: bool = False
    is_forgotten: bool = False
    is_empty_head: bool = False
    ops: list[Op] = field(default_factory=list)
    files: Files = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say where it is; Hypothesis prints many of them."""
        return f"{self.branch}={self.id[:6]}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ANN401 - Hypothesis's protocol
        printer.text(repr(self))

    def base(self) -> "Commit | None":
        """Return the nearest ancestor that is not failed; for a failed commit one that is finished, too."""
        before = self.parent
        while before is not None and (before.is_failed or (self.is_failed and before.state != "finished")):
            before = before.parent
        return before

    def visible(self) -> Files | None:
        """Return the files as readers see them; None while what they lie on is not finished."""
        if self.state == "finished":
            return self.files
        base = self.base()
        if base is not None and base.state != "finished":
            return None
        return apply(base.files if base else {}, self.ops)


class VersionModel:
    """Branches, commits and what follows from changing them."""

    def __init__(self, triggers: dict[str, tuple[str, int]]) -> None:
        """Take which branch each trigger branch (``repo@branch``) follows, at how many commits."""
        self.upstream: dict[str, list[str]] = {}
        """What each computed branch is computed from, upstream ones first."""
        self.triggers = triggers
        self.heads: dict[str, Commit] = {}
        self.commits: list[Commit] = []
        self.fired: list[tuple[str, Commit]] = []
        """Trigger branches that moved, whose downstream commits are still to be told with `follow`."""

    def find(self, repo: str, id: str) -> Commit | None:  # noqa: A002 - the field's word
        """Return the commit of a repo and set."""
        return next((each for each in self.commits if (each.repo, each.id) == (repo, id)), None)

    def children(self, commit: Commit) -> list[Commit]:
        """Return the commits on top of one."""
        return [each for each in self.commits if each.parent is commit]

    def subvenance(self, commit: Commit) -> list[Commit]:
        """Return all that is computed from a commit, directly or not."""
        found: list[Commit] = []
        frontier = [commit]
        while frontier:
            frontier = [
                each
                for each in self.commits
                if each not in found and any(other in frontier for other in each.provenance)
            ]
            found += frontier
        return found

    def start(self, branch: str, id: str, parent: Commit | None = None) -> Commit:  # noqa: A002
        """Open a commit on a branch."""
        commit = Commit(branch.partition("@")[0], id, branch, parent or self.heads.get(branch))
        self.commits.append(commit)
        self.heads[branch] = commit
        return commit

    def give_empty_head(self, branch: str, id: str) -> None:  # noqa: A002
        """Make a branch stand at a commit without files; branches of one repo share it."""
        repo = branch.partition("@")[0]
        commit = self.find(repo, id)
        if commit is None:
            commit = Commit(repo, id, branch, None, is_auto=True, state="finished", is_empty_head=True)
            self.commits.append(commit)
        self.heads[branch] = commit

    def propagate(self, moved: Sequence[str], id: str, *, lacking: Sequence[str] = ()) -> None:  # noqa: A002
        """Open commits on what is computed from moved branches, and on those that lack one."""
        affected = set(lacking)
        changed = set(moved) | affected
        for branch, sources in self.upstream.items():  # upstream comes first
            if branch in affected or changed & set(sources):
                changed.add(branch)
                repo = branch.partition("@")[0]
                if self.find(repo, id) is None:
                    commit = Commit(repo, id, branch, self.heads.get(branch), is_auto=True)
                    commit.provenance = [self.heads[source] for source in sources]
                    self.commits.append(commit)
                    self.heads[branch] = commit

    def finish(self, commit: Commit, *, failed: bool = False) -> None:
        """Close a commit, and settle it as soon as what it lies on is."""
        commit.state = "finishing"
        commit.is_failed = failed
        self._settle(commit)

    def _settle(self, commit: Commit) -> None:
        files = commit.visible()
        if files is None:
            return
        commit.files, commit.state = files, "finished"
        commit.is_failed = commit.is_failed or is_invalid(files)
        if not commit.is_failed:
            self._fire(commit)
        self._settle_children(commit)

    def _settle_children(self, commit: Commit) -> None:
        for child in self.children(commit):
            if child.state == "finishing":
                self._settle(child)
            elif child.state == "finished" and child.is_failed:
                self._settle_children(child)

    def _fire(self, commit: Commit) -> None:
        for branch, (source, wanted) in self.triggers.items():
            old = self.heads[branch]
            if source != commit.branch or commit in _line(old):
                continue
            line = _line(commit)
            between = line[: line.index(old)] if old in line else line
            if sum(not each.is_auto or each.parent is not None for each in between) >= wanted:
                self.heads[branch] = commit
                self.fired.append((branch, commit))

    def may_delete(self, branch: str) -> bool:
        """Tell whether nothing else is made from a branch, follows it, or lets it follow."""
        sources = [source for each in self.upstream.values() for source in each]
        followed = [source for source, _ in self.triggers.values()]
        return branch not in [*sources, *followed, *self.triggers]

    def delete(self, branch: str) -> None:
        """Take a branch away; its commits stay."""
        del self.heads[branch]
        self.upstream.pop(branch, None)

    def may_forget(self, commit: Commit) -> bool:
        """Tell whether the files of a commit can be computed again, and nobody reads them before that."""
        if commit.is_forgotten:
            return True
        is_read = any(commit in each.provenance and each.state != "finished" for each in self.commits)
        if not commit.provenance or commit.state != "finished" or is_read:
            return False
        return commit not in self.heads.values() and all(map(self._stands_alone, self.children(commit)))

    def _stands_alone(self, commit: Commit) -> bool:
        """Tell whether the files below a commit are of no use to it, nor to what will come after it."""
        if commit.state != "finished":
            return False
        if not commit.is_failed:
            return True
        return commit not in self.heads.values() and all(map(self._stands_alone, self.children(commit)))

    def may_build_on(self, commit: Commit | None) -> bool:
        """Tell whether the files are there that a commit after this one would lie on."""
        while commit is not None and commit.is_failed:
            commit = commit.parent
        return commit is None or not commit.is_forgotten

    def leaves_heads(self, commits: Sequence[Commit]) -> bool:
        """Tell whether all branches can go on without these commits: a branch cannot stand at a forgotten one."""
        for head in self.heads.values():
            left: Commit | None = head
            while left is not None and (left in commits or left.is_failed):
                left = left.parent
            stands_at = next((each for each in _line(head) if each not in commits), None)
            if any(each is not None and each.is_forgotten for each in (left, stands_at)):
                return False
        return True

    def may_drop(self, commits: Sequence[Commit]) -> bool:
        """Tell whether these may go with what they added."""
        return all(child in commits for commit in commits for child in self.children(commit))

    def may_squash(self, commits: Sequence[Commit]) -> bool:
        """Tell whether these may go and leave what they added to commits that lie on them."""
        for commit in commits:
            upon = list(self.upon(commit))
            if any(each.state != "finished" for each in upon):
                return False
            if not commit.is_failed and any(each.is_failed and each in self.heads.values() for each in upon):
                return False
            if all(each in commits or (each.is_failed and not commit.is_failed) for each in upon):
                return False
        return True

    def upon(self, commit: Commit) -> Iterator[Commit]:
        """Yield what lies on a commit: its children, and what lies on those that have failed."""
        for child in self.children(commit):
            yield child
            if child.is_failed:
                yield from self.upon(child)

    def remove(self, commits: Sequence[Commit], id: str) -> None:  # noqa: A002
        """Take commits away."""
        for commit in self.commits:
            while commit.parent in commits and commit not in commits:
                assert commit.parent is not None
                commit.parent = commit.parent.parent
            commit.provenance = [each for each in commit.provenance if each not in commits]
        self.commits = [each for each in self.commits if each not in commits]
        lacking: list[str] = []
        moved: list[str] = []
        for branch, head in list(self.heads.items()):
            kept: Commit | None = head
            while kept is not None and kept in commits:
                kept = kept.parent
            if kept is not None:
                self.heads[branch] = kept
                if kept is not head and self._is_computed_otherwise(branch, kept):
                    lacking.append(branch)
                continue
            del self.heads[branch]
            (lacking if branch in self.upstream else moved).append(branch)
        for branch in moved:
            self.give_empty_head(branch, id)
        self.propagate(moved, id, lacking=lacking)

    def _is_computed_otherwise(self, branch: str, head: Commit) -> bool:
        """Tell whether a head was computed from less than its branch is now."""
        if not head.is_auto or head.branch != branch or head.is_empty_head:
            return False
        repos = {each.repo for each in head.provenance}
        return any(source.partition("@")[0] not in repos for source in self.upstream.get(branch, ()))


def _line(commit: Commit | None) -> list[Commit]:
    """Return a commit and its ancestors."""
    found = []
    while commit is not None:
        found.append(commit)
        commit = commit.parent
    return found
