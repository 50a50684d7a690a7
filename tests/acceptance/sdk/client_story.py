"""Files as Python has them, uploads, tars, what is asked of the cluster, and errors that the client makes its own."""

import io
import tarfile
import tempfile
from pathlib import Path

from pachyderm_sdk import Client
from pachyderm_sdk.api import auth, debug, identity, logs, metadata, pfs, pps
from setting import branch_of, client, failure, make_repo, project, project_name, put, seen, tell

repo = make_repo("objects")
commit = put(repo, {"/table.csv": b"a,b\n1,2\n3,4", "/d/one": b"1", "/d/deep/two": b"22", "/dup": b""})

# File objects
with client.pfs.pfs_file(pfs.File(commit=commit, path="/table.csv")) as file:
    seen["peek"] = file.peek(3).decode()
    seen["readline"] = file.readline().decode()
    seen["lines"] = [line.decode() for line in file]
with client.pfs.pfs_file(pfs.File(commit=commit, path="/table.csv")) as file:
    seen["read"] = [file.read(3).decode(), file.read().decode(), file.read().decode()]
seen["text"] = io.TextIOWrapper(client.pfs.pfs_file(pfs.File(commit=commit, path="/table.csv"))).read()
seen["absent_file_object"] = failure(lambda: client.pfs.pfs_file(pfs.File(commit=commit, path="/absent")))[0]
seen["uri"] = pfs.File.from_uri("proj/repo@master:/dir/file").path

# Uploads
with tempfile.TemporaryDirectory() as name:
    source = Path(name) / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "top").write_text("top")
    (source / "deep" / "er" / "file").write_bytes(b"x" * 5_000_000)
    (source / "empty").touch()
    with client.pfs.commit(branch=branch_of(repo, "uploads")) as uploads:
        uploads.put_files(source=source, path="/up/")
        with (source / "deep" / "er" / "file").open("rb") as opened:
            uploads.put_file_from_file(path="/opened", file=opened)
        uploads.put_file_from_file(path="/opened", file=io.BytesIO(b"more"), append=True)
        uploads.put_file_from_bytes(path="/big", data=bytes(45 * 1024 * 1024))
        uploads.copy_file(src=pfs.File(commit=commit, path="/d"), dst="/copied")
    uploads.wait_all()
walk = client.pfs.walk_file(file=pfs.File(commit=uploads, path="/"))
seen["uploads"] = {item.file.path: item.size_bytes for item in walk if item.file_type == pfs.FileType.FILE}

# Tars
with tempfile.TemporaryDirectory() as name:
    with client.pfs.pfs_tar_file(pfs.File(commit=commit, path="/d/")) as archive:
        archive.extractall(path=name)
    seen["extracted"] = sorted(
        [str(each.relative_to(name)), each.read_text()] for each in Path(name).rglob("*") if each.is_file()
    )
whole = b"".join(message.value for message in client.pfs.get_file_tar(file=pfs.File(commit=commit, path="/")))
with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
    seen["tar"] = sorted(member.name.strip("/") for member in archive if member.isfile())

# Metadata, of everything that has it
picker = pfs.ProjectPicker(name=project_name)
repo_picker = pfs.RepoPicker(name=pfs.RepoPickerRepoName(project=picker, name="objects", type="user"))
branch_picker = pfs.BranchPicker(name=pfs.BranchPickerBranchName(repo=repo_picker, name="master"))
key = metadata.EditAddKey(key="key", value="value")
edits = [
    metadata.Edit(repo=repo_picker, add_key=key),
    metadata.Edit(project=pfs.ProjectPicker(name=project_name or "default"), add_key=key),
    metadata.Edit(branch=branch_picker, edit_key=metadata.EditEditKey(key="key", value="value")),
    metadata.Edit(
        commit=pfs.CommitPicker(branch_head=branch_picker),
        replace=metadata.EditReplace(replacement={"key": "value"}),
    ),
]
client.metadata.edit_metadata(edits=edits)
seen["metadata"] = [
    client.pfs.inspect_repo(repo=repo).metadata,
    client.pfs.inspect_project(project=pfs.Project(name=project_name or "default")).metadata,
    client.pfs.inspect_branch(branch=branch_of(repo)).metadata,
    client.pfs.inspect_commit(commit=commit).metadata,
]
deletion = metadata.Edit(
    project=pfs.ProjectPicker(name=project_name or "default"), delete_key=metadata.EditDeleteKey(key="key")
)
client.metadata.edit_metadata(edits=[deletion])

# Debugging
dump = list(client.debug.dump())
seen["dump"] = [dump[0].progress.progress > 0, dump[-1].content.content != b""]
profile = next(client.debug.profile(filter=debug.Filter(pachd=True), profile=debug.Profile(name="cpu")))
seen["profile"] = len(profile.value) > 0
seen["binary"] = len(next(client.debug.binary(filter=debug.Filter(pachd=True))).value) > 0

# What the client itself says
serialized = failure(lambda: client.pfs.create_project(project=pfs.Project(name=7)))
seen["bad_type"] = serialized[0]
nobody = Client(host="localhost", port=1)
seen["unreachable"] = failure(nobody.get_version)
seen["who_am_i"] = failure(client.auth.who_am_i)
seen["auth"] = [
    failure(lambda: client.auth.activate(root_token="x"))[0],
    failure(lambda: client.auth.get_role_binding(resource=auth.Resource(type=auth.ResourceType.CLUSTER)))[0],
    failure(client.identity.get_identity_server_config)[0],
    failure(client.identity.delete_all)[0],
    failure(lambda: client.identity.create_oidc_client(client=identity.OidcClient(name="x")))[0],
]
seen["enterprise"] = int(client.enterprise.get_state().state)

# Logs by the newer service
pipeline = pps.Pipeline(name="says", project=project)
client.pps.create_pipeline(
    pipeline=pipeline,
    input=pps.Input(pfs=pps.PfsInput(glob="/d", repo="objects", project=project_name)),
    transform=pps.Transform(cmd=["sh"], stdin=["echo said"]),
)
job = client.pps.inspect_job(job=next(client.pps.list_job(pipeline=pipeline)).job, wait=True)
query = logs.LogQuery(user=logs.UserLogQuery(job=job.job.id))
lines = client.logs.get_logs(query=query, filter=logs.LogFilter(user_logs_only=True))
seen["logs"] = [line.log.pps_log_message.message for line in lines]
client.pps.delete_pipeline(pipeline=pipeline, force=True)

# Transactions
with client.transaction.transaction() as transaction:
    client.pfs.create_repo(repo=pfs.Repo(name="both", project=project))
    client.pfs.create_branch(branch=branch_of(pfs.Repo(name="both", type="user", project=project)))
    seen["file_in_transaction"] = failure(
        lambda: client.pfs.put_file_from_bytes(
            commit=pfs.Commit(branch=branch_of(repo), repo=repo), path="/x", data=b""
        )
    )[0]
seen["transaction"] = [
    client.pfs.branch_exists(branch_of(pfs.Repo(name="both", type="user", project=project))),
    len(client.transaction.list_transaction().transaction_info),
]
tell()
