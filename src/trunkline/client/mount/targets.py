"""What is to be mounted: ``repo``, ``repo@branch``, ``repo@commit``, each with ``+w`` to be written to."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from trunkline.errors import InvalidInputError
from trunkline.model.ids import is_id

DEFAULT_BRANCH = "master"


@dataclass(frozen=True, slots=True)
class Target:
    """One repo at one branch or commit."""

    project: str
    repo: str
    reference: str = DEFAULT_BRANCH
    """A branch, a commit id, or either with an ancestry suffix such as ``master^``."""
    writable: bool = False

    def __str__(self) -> str:
        return f"{self.repo}@{self.reference}"


def parse_targets(texts: Iterable[str], *, project: str, write: bool = False) -> list[Target]:
    """Return the targets that comma-separated texts name; with write all that are branches are writable."""
    found = [_parse(text, project) for joined in texts for text in joined.split(",") if text]
    return [replace(target, writable=True) if write and not is_id(target.reference) else target for target in found]


def _parse(text: str, project: str) -> Target:
    name, plus, flags = text.partition("+")
    if plus and flags != "w":
        raise InvalidInputError(f"{text!r}: after + comes w, for writing, and nothing else")
    repo, at, reference = name.partition("@")
    before, slash, rest = repo.partition("/")
    repo = rest if slash else before
    if not repo or (at and not reference) or ":" in name:
        raise InvalidInputError(f"{text!r} is not a repo to mount: write repo, repo@branch or repo@branch+w")
    if plus and is_id(reference):
        raise InvalidInputError(f"{text!r}: a commit never changes, so it cannot be mounted for writing; name a branch")
    return Target(before if slash else project, repo, reference or DEFAULT_BRANCH, writable=bool(plus))


def name_directories(targets: Iterable[Target]) -> Mapping[str, Target]:
    """Return each target under the name of its directory.

    That is the name of the repo; of a repo that is mounted more than once, ``repo@reference``, which no repo can be
    called.
    """
    wanted = list(dict.fromkeys(targets))
    uses = Counter(target.repo for target in wanted)
    named: dict[str, Target] = {}
    for target in wanted:
        name = target.repo if uses[target.repo] == 1 else str(target)
        if name in named:
            raise InvalidInputError(f"{target} would be mounted twice, both times as {name!r}")
        named[name] = target
    return named
