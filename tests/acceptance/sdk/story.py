"""Runs in an environment that has only the published pachyderm-sdk; prints what it saw as JSON.

Usage: story.py ADDRESS PROJECT
"""

import json
import sys
import tarfile

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

address, project_name = sys.argv[1:]
client = Client.from_pachd_address(address)
seen: dict[str, object] = {}

version = client.get_version()
seen["version"] = [version.major, version.minor]
seen["deployment_id"] = client.admin.inspect_cluster().deployment_id

project = pfs.Project(name=project_name)
if project_name:
    client.pfs.create_project(project=project, description="from the SDK")
repo = pfs.Repo(name="numbers", project=project)
branch = pfs.Branch(repo=repo, name="master")
client.pfs.create_repo(repo=repo, description="numbers")
seen["repo_exists"] = client.pfs.repo_exists(repo)
seen["absent_repo_exists"] = client.pfs.repo_exists(pfs.Repo(name="absent", project=project))

with client.pfs.commit(branch=branch) as commit:
    commit.put_file_from_bytes(path="/one.dat", data=b"1\n")
    commit.put_file_from_bytes(path="/many/two.dat", data=b"2\n")
    commit.put_file_from_bytes(path="/many/two.dat", data=b"again\n", append=True)
info = client.pfs.inspect_commit(commit=commit, wait=pfs.CommitState.FINISHED)
seen["commit"] = [info.commit.branch.name, info.commit.repo.name, info.commit.id == commit.id]

root = pfs.File(commit=pfs.Commit(branch=branch, repo=repo), path="/")
listed = client.pfs.list_file(file=root)
seen["listed"] = [[item.file.path, int(item.file_type), item.size_bytes] for item in listed]
with client.pfs.pfs_file(pfs.File(commit=commit, path="/many/two.dat")) as file:
    seen["content"] = file.read().decode()
with client.pfs.pfs_tar_file(pfs.File(commit=commit, path="/many")) as archive:
    assert isinstance(archive, tarfile.TarFile)
    seen["tar"] = archive.getnames()
seen["globbed"] = [item.file.path for item in client.pfs.glob_file(commit=commit, pattern="/**.dat")]
seen["path_exists"] = [client.pfs.path_exists(pfs.File(commit=commit, path=path)) for path in ("/one.dat", "/none.dat")]

pipeline = pps.Pipeline(name="copy", project=project)
client.pps.create_pipeline(
    pipeline=pipeline,
    input=pps.Input(pfs=pps.PfsInput(repo="numbers", project=project_name, branch="master", glob="/*")),
    transform=pps.Transform(cmd=["sh"], image="alpine", stdin=["cp -r /pfs/numbers/* /pfs/out/", "echo copied"]),
)
jobs = list(client.pps.list_job(pipeline=pipeline))
job = client.pps.inspect_job(job=jobs[0].job, wait=True)
seen["job"] = [pps.JobState(job.state).name, job.data_processed, job.data_total, job.job.pipeline.project.name]
output = pfs.Repo(name="copy", project=project)
with client.pfs.pfs_file(pfs.File(commit=job.output_commit, path="/one.dat")) as file:
    seen["output"] = file.read().decode()

client.pfs.put_file_from_bytes(commit=pfs.Commit(branch=branch, repo=repo), path="/three.dat", data=b"3\n")
newest = next(iter(client.pps.list_job(pipeline=pipeline)))
seen["job_is_there_at_once"] = newest.job.id != job.job.id
newest = client.pps.inspect_job(job=newest.job, wait=True)
seen["second_job"] = [pps.JobState(newest.state).name, newest.data_processed, newest.data_skipped]
datums = list(client.pps.list_datum(job=newest.job))
seen["datums"] = sorted(pps.DatumState(datum.state).name for datum in datums)
seen["logs"] = [line.message for line in client.pps.get_logs(job=job.job)]
seen["master_logs"] = len(list(client.pps.get_logs(pipeline=pipeline, master=True))) > 0
seen["pipeline_exists"] = client.pps.pipeline_exists(pipeline)
client.pps.delete_pipeline(pipeline=pipeline)
seen["deleted_pipeline_exists"] = client.pps.pipeline_exists(pipeline)
seen["output_repo_exists"] = client.pfs.repo_exists(output)
print(json.dumps(seen))
