"""Secrets as files, for as long as a datum set or a resident runs.

They lie in a private directory of the worker, not at their mount path, which is part of the machine's file system that
others see. So the mount path is mapped to that directory wherever the transform names it.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace as with_fields

from trunkline.model.datums import DatumSet
from trunkline.model.pipelines import Transform
from trunkline.model.residents import Resident
from trunkline.worker.users import find_user

Run = TypeVar("Run", DatumSet, Resident)


@contextmanager
def secret_files(run: Run, scratch: Path) -> Iterator[Run]:
    """Give the run with its transform changed so that it finds its secrets, which are gone at the end."""
    if not run.secrets.files:
        yield run
        return
    # The same place for every set of a pipeline, so that warm interpreters stay good.
    root = scratch / "secrets" / f"{run.project}.{run.pipeline}"
    places = {mount: root / str(index) for index, mount in enumerate(sorted(run.secrets.files))}
    try:
        for mount, place in places.items():
            _write(place, run.secrets.files[mount], run.transform.user)
        yield replace(run, transform=_mapped(run.transform, places))
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _write(place: Path, files: dict[str, bytes], user: str) -> None:
    place.mkdir(parents=True, exist_ok=True)
    owner = find_user(user)
    for name, value in files.items():
        fd = os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400)
        with os.fdopen(fd, "wb") as file:
            file.write(value)
            if owner is not None:
                os.fchown(fd, owner.uid, owner.gid)


def _mapped(transform: Transform, places: dict[str, Path]) -> Transform:
    # The longest first: one mount path may lie below another.
    mounts = sorted(places, key=len, reverse=True)
    pattern = re.compile(r"(?<![\w./-])(" + "|".join(map(re.escape, mounts)) + r")(?![\w-])")

    def mapped(text: str) -> str:
        return pattern.sub(lambda match: str(places[match[1]]), text)

    return with_fields(
        transform,
        cmd=tuple(map(mapped, transform.cmd)),
        stdin=tuple(map(mapped, transform.stdin)),
        err_cmd=tuple(map(mapped, transform.err_cmd)),
        err_stdin=tuple(map(mapped, transform.err_stdin)),
        env={name: mapped(value) for name, value in transform.env.items()},
    )
