"""Pipelines, jobs, datums, logs and secrets."""

from itertools import islice

from pachyderm_sdk.api import pfs, pps
from setting import branch_of, client, failure, make_repo, project, project_name, put, seen, tell

repo = make_repo("numbers_in-a-repo_with-a-long-name_as-tests-have")


def make_pipeline(name: str, **more: object) -> pps.Pipeline:
    pipeline = pps.Pipeline(name=name, project=project)
    client.pps.create_pipeline(
        pipeline=pipeline,
        input=pps.Input(pfs=pps.PfsInput(glob="/*", repo=repo.name, project=project_name)),
        transform=pps.Transform(
            cmd=["sh"], image="alpine", stdin=[f"cp /pfs/{repo.name}/*.dat /pfs/out/", "echo copied"]
        ),
        **more,
    )
    return pipeline


pipeline = make_pipeline("copies")
commit = put(repo, {"/file.dat": b"data\n"})
jobs = list(client.pps.list_job(pipeline=pipeline))
seen["job_is_there_at_once"] = jobs[0].job.id == commit.id
seen["two_jobs"] = len(jobs) >= 2
job = pps.Job(pipeline=pipeline, id=commit.id)
client.pps.inspect_job(job=job, wait=True)

# Pipelines
listed = client.pps.list_pipeline(projects=[pfs.Project(name=project_name or "default")])
seen["listed_pipelines"] = [info.pipeline.name for info in listed]
info = client.pps.inspect_pipeline(pipeline=pipeline, details=True)
seen["pipeline"] = [info.details.input.pfs.repo == repo.name, info.version, info.stopped]
seen["history"] = client.pps.inspect_pipeline(pipeline=pipeline, history=-1).version
client.pps.stop_pipeline(pipeline=pipeline)
seen["stopped"] = client.pps.inspect_pipeline(pipeline=pipeline).stopped
client.pps.start_pipeline(pipeline=pipeline)
seen["started"] = client.pps.inspect_pipeline(pipeline=pipeline).stopped
client.pps.rerun_pipeline(pipeline=pipeline, reprocess=True)
seen["run_cron"] = failure(lambda: client.pps.run_cron(pipeline=pipeline))
absent = pps.Pipeline(name="absent", project=project)
seen["absent_pipeline"] = failure(lambda: client.pps.inspect_pipeline(pipeline=absent))

# Jobs
jobs = list(client.pps.list_job(pipeline=pipeline))
seen["no_details"] = jobs[0].details.input.pfs.repo == ""
seen["jobs_of_set"] = [each.job.pipeline.name for each in client.pps.inspect_job_set(job_set=pps.JobSet(id=commit.id))]
seen["job_sets"] = any(each.job_set.id == commit.id for each in client.pps.list_job_set())
of_commit = list(client.pps.list_job(pipeline=pipeline, input_commit=[commit], history=-1))
seen["jobs_of_commit"] = commit.id in [each.job.id for each in of_commit]
in_project = client.pps.list_job(projects=[pfs.Project(name=project_name or "default")], history=-1)
seen["jobs_of_project"] = len(list(in_project)) >= 2
finished = client.pps.inspect_job(job=job, wait=True, details=True)
seen["details"] = finished.details.input.pfs.repo == repo.name

# Datums
datums = list(client.pps.list_datum(job=job))
seen["datums"] = [
    len(datums),
    pps.DatumState(client.pps.inspect_datum(datum=datums[0].datum).state).name,
    client.pps.inspect_datum(datum=datums[0].datum).data[0].file.path,
]
seen["restart_datum"] = failure(lambda: client.pps.restart_datum(job=job, data_filters=["/file.dat"]))
put(repo, {f"/more-{number:02d}.dat": b"x" for number in range(49)})
spec = pps.Input(pfs=pps.PfsInput(repo=repo.name, project=project_name, glob="/*"))
stream = client.pps.generate_datums(input_spec=spec, batch_size=10)
batches = [next(stream)]
batches += [stream.send(size) for size in (5, 20, 10, 5)]
seen["generated"] = [len(batch) for batch in batches]
seen["generated_once"] = len({each.datum.id for batch in batches for each in batch})
seen["generated_end"] = failure(lambda: stream.send(1))[0]

# Logs
for name, where in (
    ("pipeline_logs", {"pipeline": pipeline}),
    ("job_logs", {"job": job}),
    ("master_logs", {"pipeline": pipeline, "master": True}),
    ("datum_logs", {"datum": datums[0].datum}),
):
    logs = client.pps.get_logs(follow=True, **where)
    seen[name] = [line.message != "" for line in islice(logs, 1)]
    logs.close()

# The end of jobs
slow = pps.Pipeline(name="slow", project=project)
client.pps.create_pipeline(
    pipeline=slow,
    input=pps.Input(pfs=pps.PfsInput(glob="/", repo=repo.name, project=project_name)),
    transform=pps.Transform(cmd=["sh"], stdin=["sleep 600"]),
)
running = next(client.pps.list_job(pipeline=slow)).job
client.pps.stop_job(job=running, reason="enough")
stopped = client.pps.inspect_job(job=running, wait=True)
seen["stopped_job"] = [pps.JobState(stopped.state).name, stopped.reason]
client.pps.delete_job(job=running)
seen["deleted_job"] = [client.pps.job_exists(running), *failure(lambda: client.pps.inspect_job(job=running))]

# Secrets
name = f"secret-{project_name or 'default'}"
client.pps.create_secret(name=name, data={"mykey": "my-value"})
secret = client.pps.inspect_secret(secret=pps.Secret(name=name))
seen["secret"] = [secret.secret.name == name, len(client.pps.list_secret().secret_info)]
client.pps.delete_secret(secret=pps.Secret(name=name))
seen["deleted_secret"] = [
    failure(lambda: client.pps.inspect_secret(secret=pps.Secret(name=name)))[0] != "OK",
    len(client.pps.list_secret().secret_info),
]

client.pps.delete_pipelines(projects=[pfs.Project(name=project_name or "default")], force=True)
seen["pipelines_left"] = len(list(client.pps.list_pipeline(projects=[pfs.Project(name=project_name or "default")])))
client.pfs.delete_repo(repo=repo, force=True)
seen["deleted_repo"] = failure(lambda: client.pfs.inspect_repo(repo=repo))
seen["branch_of_deleted"] = failure(lambda: client.pfs.inspect_branch(branch=branch_of(repo)))[0]
tell()
