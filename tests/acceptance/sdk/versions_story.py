"""Runs in an environment that has only the published pachyderm-sdk; prints what it saw of versioning as JSON.

Usage: versions_story.py ADDRESS PROJECT
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from pachyderm_sdk.api import metadata, pfs, storage
from setting import branch_of, client, failure, make_repo, project, project_name, seen, tell


def put(repo: pfs.Repo, path: str, data: bytes) -> pfs.Commit:
    with client.pfs.commit(branch=branch_of(repo)) as commit:
        commit.put_file_from_bytes(path=path, data=data)
    commit.wait()
    return commit


def read(commit: pfs.Commit, path: str) -> str:
    with client.pfs.pfs_file(pfs.File(commit=commit, path=path)) as file:
        return file.read().decode()


# Projects and repos
seen["project_exists"] = client.pfs.project_exists(project) if project_name else True
seen["project_listed"] = (project_name or "default") in [info.project.name for info in client.pfs.list_project()]
repo = make_repo("versions")
seen["absent_repo"] = failure(lambda: client.pfs.inspect_repo(repo=pfs.Repo(name="absent", project=project)))
seen["repo_again"] = failure(lambda: client.pfs.create_repo(repo=repo))
seen["repo_type"] = client.pfs.inspect_repo(repo=repo).repo.type

# Branches
for name in ("one", "two"):
    client.pfs.create_branch(branch=branch_of(repo, name))
seen["branches"] = [info.branch.name for info in client.pfs.list_branch(repo=repo)]
client.pfs.delete_branch(branch=branch_of(repo, "one"))
seen["branch_exists"] = [client.pfs.branch_exists(branch_of(repo, name)) for name in ("one", "two")]

# Commits
open_commit = client.pfs.start_commit(branch=branch_of(repo))
seen["second_start"] = failure(lambda: client.pfs.start_commit(branch=branch_of(repo)))
absent = pfs.Repo(name="absent", project=project)
seen["start_in_absent_repo"] = failure(lambda: client.pfs.start_commit(branch=branch_of(absent)))
client.pfs.finish_commit(commit=open_commit)
fork = client.pfs.start_commit(branch=branch_of(repo, "fork"), parent=open_commit)
client.pfs.finish_commit(commit=fork)
info = client.pfs.inspect_commit(commit=fork, wait=pfs.CommitState.FINISHED)
seen["fork"] = [info.parent_commit.id == open_commit.id, info.commit.branch.name, info.finished is not None]
empty = [put(make_repo("removal"), "/a", b"1"), put(pfs.Repo(name="removal", project=project), "/b", b"2")]
client.pfs.squash_commit(commit=empty[0])
squashed = list(client.pfs.list_commit(repo=pfs.Repo(name="removal", type="user", project=project)))
seen["squashed"] = [len(squashed), read(squashed[0].commit, "/a")]
client.pfs.drop_commit(commit=empty[1])
seen["dropped"] = client.pfs.commit_exists(empty[1])
seen["commit_set"] = len(client.pfs.wait_commit_set(pfs.CommitSet(id=fork.id)))
subscribed = make_repo("subscribed")
client.pfs.create_branch(branch=branch_of(subscribed))
put(subscribed, "/a", b"1")
stream = client.pfs.subscribe_commit(repo=subscribed, branch="master", state=pfs.CommitState.FINISHED)
seen["subscribed"] = [pfs.OriginKind(next(stream).origin.kind).name for _ in range(2)]

# Files
files = make_repo("files")
first = put(files, "/appended", b"123456789012")
with client.pfs.commit(branch=branch_of(files)) as second:
    second.put_file_from_bytes(path="/appended", data=b"123456789012", append=True)
    second.put_file_from_bytes(path="/empty", data=b"")
    second.copy_file(src=pfs.File(commit=first, path="/appended"), dst="/copied")
second.wait()
sizes = {item.file.path: item.size_bytes for item in client.pfs.walk_file(file=pfs.File(commit=second, path="/"))}
seen["sizes"] = sizes
pairs = client.pfs.diff_file(new_file=pfs.File(commit=second, path="/"), old_file=pfs.File(commit=first, path="/"))
seen["diff"] = [[pair.new_file.file.path, pair.old_file.file.path if pair.old_file.file else ""] for pair in pairs]
with client.pfs.commit(branch=branch_of(files)) as third:
    third.delete_file(path="/copied")
seen["path_exists"] = [client.pfs.path_exists(pfs.File(commit=third, path=path)) for path in ("/copied", "/empty")]
with TemporaryDirectory() as directory:
    (Path(directory) / "deep").mkdir()
    (Path(directory) / "deep" / "file").write_text("uploaded")
    with client.pfs.commit(branch=branch_of(files)) as fourth:
        fourth.put_files(source=directory, path="/upload")
        fourth.put_file_from_url(path="/url", url=f"file://{directory}/deep/file")
seen["uploaded"] = [read(fourth, "/upload/deep/file"), read(fourth, "/url")]
large = put(make_repo("large"), "/large", bytes(20 * 1024 * 1024))
pieces = list(client.pfs.get_file(file=pfs.File(commit=large, path="/large")))
seen["large"] = [len(pieces) > 1, sum(len(piece.value) for piece in pieces)]
missing = pfs.GetFileRequest(file=pfs.File(commit=second, path="/absent"))
seen["absent_file"] = failure(lambda: client.pfs.get_file(file=missing.file))[0]

# File sets, through both services
add = pfs.AddFile(path="/from-set", raw=b"in a set")
file_set = client.pfs.create_file_set(iter([pfs.ModifyFileRequest(add_file=add)])).file_set_id
with client.pfs.commit(branch=branch_of(files)) as fifth:
    client.pfs.add_file_set(commit=fifth, file_set_id=file_set)
seen["file_set"] = read(fifth, "/from-set")
appends = [
    storage.CreateFilesetRequest(append_file=storage.AppendFile(path=f"/{number}", data=str(number).encode()))
    for number in range(3)
]
fileset = client.storage.create_fileset(iter(appends)).fileset_id
messages = client.storage.read_fileset(fileset_id=fileset)
seen["fileset"] = [[message.path, bytes(message.data).decode()] for message in messages]
composed = client.storage.compose_fileset(fileset_ids=[fileset, file_set], ttl_seconds=60).fileset_id
seen["composed"] = len(list(client.storage.read_fileset(fileset_id=composed)))
shards = client.storage.shard_fileset(fileset_id=composed, num_files=2).shards
seen["shards"] = [[shard.lower, shard.upper] for shard in shards]

# Transactions
with client.transaction.transaction() as transaction:
    made = pfs.Repo(name="in-transaction", project=project)
    client.pfs.create_repo(repo=made)
    listed = [each.transaction.id for each in client.transaction.list_transaction().transaction_info]
    seen["transaction"] = [listed == [transaction.id], client.pfs.repo_exists(made)]
seen["after_transaction"] = [client.pfs.repo_exists(made), client.transaction.transaction_exists(transaction)]
try:
    with client.transaction.transaction() as failed:
        client.pfs.create_repo(repo=pfs.Repo(name="never", project=project))
        raise RuntimeError("on purpose")
except RuntimeError:
    never = pfs.Repo(name="never", project=project)
    seen["failed_transaction"] = [client.pfs.repo_exists(never), client.transaction.transaction_exists(failed)]
seen["double_delete"] = failure(lambda: client.transaction.delete_transaction(transaction=failed))[0]

# Metadata
picker = pfs.RepoPicker(
    name=pfs.RepoPickerRepoName(project=pfs.ProjectPicker(name=project_name), name="files", type="user")
)
edit = metadata.Edit(repo=picker, add_key=metadata.EditAddKey(key="owner", value="ada"))
client.metadata.edit_metadata(edits=[edit])
seen["metadata"] = client.pfs.inspect_repo(repo=files).metadata
seen["added_twice"] = failure(lambda: client.metadata.edit_metadata(edits=[edit]))

# The end
removed = client.pfs.delete_repos(projects=[project], force=True).repos
seen["deleted_repos"] = sorted(each.name for each in removed)
if project_name:
    client.pfs.delete_project(project=project)
    seen["deleted_project_exists"] = client.pfs.project_exists(project)
tell()
