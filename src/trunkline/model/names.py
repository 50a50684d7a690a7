"""Rules for the names of projects, repos, branches and pipelines (reference, sections 1.2 to 1.4 and 3.3)."""

import re

from trunkline.errors import InvalidInputError
from trunkline.model.ids import is_id

DEFAULT_PROJECT = "default"
DEFAULT_BRANCH = "master"
FILE_SETS_REPO = "__filesets__"
"""The virtual repo under which file sets are addressed."""

USER, SPEC, META = "user", "spec", "meta"
REPO_TYPES = (USER, SPEC, META)

_WORD = re.compile(r"[a-zA-Z0-9_-]+")
NAME_CHARS_MAX = 51


def _check_word(kind: str, name: str) -> None:
    if not _WORD.fullmatch(name):
        raise InvalidInputError(
            f"{kind} name ({name!r}) invalid: only alphanumeric characters, underscores, and dashes are allowed"
        )


def _check_short_and_alphanumeric(kind: str, name: str) -> None:
    _check_word(kind, name)
    if not name[0].isalnum():
        raise InvalidInputError(f"{kind} name ({name!r}) invalid: must start with an alphanumeric character")
    if len(name) > NAME_CHARS_MAX:
        raise InvalidInputError(
            f"{kind} name ({name!r}) invalid: is {len(name) - NAME_CHARS_MAX} characters longer than the "
            f"{NAME_CHARS_MAX} max"
        )


def check_project_name(name: str) -> None:
    """Raise InvalidInputError unless name may name a project."""
    _check_short_and_alphanumeric("project", name)


def check_repo_name(name: str) -> None:
    """Raise InvalidInputError unless name may name a repo."""
    if name == FILE_SETS_REPO:
        raise InvalidInputError(f"repo name ({name!r}) invalid: is a reserved name")
    _check_word("repo", name)


def check_repo_type(type: str) -> None:  # noqa: A002 - the field's word
    """Raise InvalidInputError unless there are repos of that type."""
    if type not in REPO_TYPES:
        raise InvalidInputError(f"repo type ({type!r}) invalid: it is one of {', '.join(REPO_TYPES)}")


def check_branch_name(name: str) -> None:
    """Raise InvalidInputError unless name may name a branch."""
    if is_id(name):
        raise InvalidInputError(f"branch name ({name!r}) invalid: branch name cannot be a UUID V4")
    _check_word("branch", name)


def check_pipeline_name(name: str) -> None:
    """Raise InvalidInputError unless name may name a pipeline."""
    _check_short_and_alphanumeric("pipeline", name)
