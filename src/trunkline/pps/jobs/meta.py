"""The files of meta repos: for each datum of a job what is known of it, and what it read and wrote (reference, 4.5).

Nobody writes them. They are made when somebody reads them, from the records of the job's datums and from the commits
that it read and wrote, whose content they share; over what was made for an earlier job, they cost what has changed.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from trunkline.model.datums import DatumState
from trunkline.model.jobs import CommitState
from trunkline.model.versions import CommitReference, RepoKey
from trunkline.pfs.history.good_ancestors import CommitForgottenError
from trunkline.pfs.queries import commits, repos
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.datum_table import DatumRecord, DatumTables, InputRecord
from trunkline.pps.queries import jobs
from trunkline.pps.queries.jobs import JobRow
from trunkline.storage.fileset import FileRow, FileSet, LayerWriter

_ANCESTORS_MAX = 100
"""How far back to look for a commit whose files are made already."""
OUT = "out"
_STATES = {DatumState.FAILED: "FAILED", DatumState.RECOVERED: "RECOVERED"}


def meta_path(datum: str) -> str:
    """Return where the record of a datum lies."""
    return f"/meta/{datum}/meta"


def files_path(datum: str) -> str:
    """Return the directory with what a datum read and wrote."""
    return f"/pfs/{datum}"


class MetaFiles:
    """Makes the file sets of meta commits."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._records = DatumTables(versioning.file_sets.tables)

    def root_of(self, commit: CommitRow) -> str:
        """Return the file set of a meta commit; of one whose job is not done, as far as it has come."""
        with self._versioning.reading() as tx:
            job = jobs.job_of_meta(tx.connection, commit)
        if job is None:
            return ""
        writer = self._versioning.file_sets.edit()
        contents = _Contents(self._versioning, job)
        made = _Writing(writer, contents, job)
        base = ""
        if job.datums:
            base_datums, base = self._base(commit)
            for records, gone in self._records.changes(job.datums, base_datums):
                for datum in gone:
                    made.remove(datum)
                made.add(records)
        else:
            for root in contents.partial_records:
                made.add(list(self._records.scan(root)))
        return self._versioning.file_sets.compose(base, [writer.finish()])

    def _base(self, commit: CommitRow) -> tuple[str, str]:
        """Return the datums and the files of the nearest ancestor whose files are made."""
        with self._versioning.reading() as tx:
            for _ in range(_ANCESTORS_MAX):
                if commit.parent is None:
                    break
                commit = commits.commit_by_key(tx.connection, commit.parent)
                if commit.root and not commit.error:
                    job = jobs.job_of_meta(tx.connection, commit)
                    if job is not None and job.datums:
                        return job.datums, commit.root
        return "", ""


class _Contents:
    """Where the content of what one job read and wrote is."""

    def __init__(self, versioning: Versioning, job: JobRow) -> None:
        self._versioning = versioning
        self._opened: dict[tuple[RepoKey, str], FileSet | None] = {}
        with versioning.reading() as tx:
            output = commits.commit_by_key(tx.connection, job.output_commit)
            inputs = commits.provenance_of(tx.connection, job.output_commit)
            rows = jobs.datum_sets_of(tx.connection, job.key)
        self.partial_records = [row.datums for row in rows]
        """Tables of the datums that a job has run which is not done, or failed."""
        self._inputs = {row.commit.repo: row for row in inputs}
        if job.datums:
            reference = CommitReference(output.commit.repo, id=output.commit.id)
            root = versioning.wait(reference, CommitState.FINISHED).root or ""
        else:
            root = versioning.file_sets.compose("", [row.layer for row in rows])
        self._output = versioning.file_sets.open(root)

    def read_by(self, records: Sequence[DatumRecord]) -> dict[InputRecord, Sequence[FileRow]]:
        """Return the files of all inputs of some datums, as they saw them; content that is gone is left out."""
        wanted = {each for record in records for each in record.inputs}
        found: dict[InputRecord, Sequence[FileRow]] = {}
        # A skipped datum's input is mostly in the present commit, too: one table for many datums.
        for commit_of in (self._current, lambda each: each.commit):
            places: dict[tuple[RepoKey, str], list[InputRecord]] = {}
            for each in wanted - found.keys():
                places.setdefault((_repo(each), commit_of(each)), []).append(each)
            for (repo, commit), inputs in places.items():
                files = self._open(repo, commit)
                if files is not None:
                    found |= _same_content(files, inputs)
        return found

    def written_by(self, records: Sequence[DatumRecord]) -> dict[str, list[FileRow]]:
        """Return the files that some datums wrote, by the datum."""
        rows = self._output.find_many(path for record in records for path in record.outputs)
        return {record.id: [rows[path] for path in record.outputs if path in rows] for record in records}

    def _current(self, record: InputRecord) -> str:
        row = self._inputs.get(_repo(record))
        return row.commit.id if row is not None else record.commit

    def _open(self, repo: RepoKey, commit: str) -> FileSet | None:
        key = (repo, commit)
        if key not in self._opened:
            with self._versioning.reading() as tx:
                found = repos.find_repo(tx.connection, repo)
                row = commits.find_commit(tx.connection, found.key, commit) if found is not None else None
            self._opened[key] = None
            if row is not None and row.finished_at is not None:
                with suppress(CommitForgottenError):
                    self._opened[key] = self._versioning.file_sets.open(self._versioning.root_of(row))
        return self._opened[key]


class _Writing:
    """The layer that brings the files of datums in and takes those of others away."""

    def __init__(self, writer: LayerWriter, contents: _Contents, job: JobRow) -> None:
        self._contents = contents
        self._writer = writer
        self._job = job

    def remove(self, datum: str) -> None:
        """Take the files of a datum away."""
        for directory in (f"/meta/{datum}/", f"{files_path(datum)}/"):
            self._writer.delete(directory, tag=datum)

    def add(self, records: Sequence[DatumRecord]) -> None:
        """Bring in the files of some datums."""
        read, written = self._contents.read_by(records), self._contents.written_by(records)
        for record in records:
            self._writer.add(meta_path(record.id), meta_json(record, self._job), tag=record.id)
            directory = files_path(record.id)
            # Two matches of one name may overlap.
            places = {f"{each.name}{row.path}": row for each in record.inputs for row in read.get(each, ())}
            places |= {f"{OUT}{row.path}": row for row in written[record.id]}
            for place, row in places.items():
                self._writer.copy(f"{directory}/{place}", [row], tag=record.id)


def _repo(record: InputRecord) -> RepoKey:
    return RepoKey(record.project, record.repo, record.repo_type)


def _same_content(files: FileSet, inputs: Sequence[InputRecord]) -> dict[InputRecord, Sequence[FileRow]]:
    """Return the files of those inputs that are in a file set with the content that they had."""
    rows = files.find_many(each.path for each in inputs if not each.path.endswith("/"))
    found: dict[InputRecord, Sequence[FileRow]] = {}
    for each in inputs:
        if each.path.endswith("/"):
            info = files.directory(each.path)
            if info is not None and info.hash.hex() == each.hash:
                found[each] = list(files.files(each.path))
        elif each.path in rows and rows[each.path].hash.hex() == each.hash:
            found[each] = [rows[each.path]]
    return found


def meta_json(record: DatumRecord, job: JobRow) -> bytes:
    """Return what is known of a datum as the JSON of a ``Meta`` message (reference, section 6.9)."""
    stats = record.stats
    meta = {
        "job": {"pipeline": {"project": {"name": job.project}, "name": job.pipeline}, "id": record.job},
        "inputs": [_input(each) for each in record.inputs],
        "hash": record.hash,
        "state": _STATES.get(record.state, "PROCESSED"),
        "reason": record.reason,
        "stats": {
            **{f"{what}Time": f"{stats.get(f'{what}_seconds', 0):.9f}s" for what in ("download", "process", "upload")},
            **{f"{what}Bytes": str(int(stats.get(f"{what}_bytes", 0))) for what in ("download", "upload")},
        },
        "index": str(record.index),
    }
    return json.dumps(meta).encode()


def _input(record: InputRecord) -> dict[str, Any]:
    repo = {"name": record.repo, "type": record.repo_type, "project": {"name": record.project}}
    return {
        "fileInfo": {
            "file": {"commit": {"repo": repo, "id": record.commit}, "path": record.path},
            "fileType": "DIR" if record.path.endswith("/") else "FILE",
            "sizeBytes": str(record.size_bytes),
            "hash": b64encode(bytes.fromhex(record.hash)).decode(),
        },
        "name": record.name,
        "branch": record.branch,
        **({"joinOn": record.join_on} if record.join_on else {}),
        **({"groupBy": record.group_by} if record.group_by else {}),
        **{_camel_case(option): True for option in record.options},
    }


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
