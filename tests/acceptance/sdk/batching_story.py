"""Datum batching as it is published for the client: its decorator, its context manager, user code from stdin.

The user code is what an image has elsewhere: it takes the first python3 of its PATH, and imports the client alone.
"""

import os
import sys
from pathlib import Path

from pachyderm_sdk.api import pfs, pps
from setting import client, make_repo, project, project_name, put, seen, tell

DECORATED = """
import os
import shutil
from pachyderm_sdk import batch_all_datums

@batch_all_datums
def main():
    names = os.listdir("/pfs/samples")
    assert len(names) == 1
    print("datum", os.environ["PACH_DATUM_ID"])
    shutil.copy(f"/pfs/samples/{names[0]}", f"/pfs/out/{names[0]}")

def init():
    print("inputs at the start:", sorted(os.listdir("/pfs")))

if __name__ == "__main__":
    init()
    main()
"""
RAISING = """
from pachyderm_sdk import batch_all_datums

@batch_all_datums
def main():
    raise RuntimeError("no good")

if __name__ == "__main__":
    main()
"""
SOME_RAISING = """
import os
from pathlib import Path
from pachyderm_sdk import batch_all_datums

@batch_all_datums
def main(suffix):
    source = Path(os.environ["samples"])
    if source.name.endswith("5.dat"):
        raise ValueError(source.name)
    Path("/pfs/out", source.name + suffix).write_text(source.read_text())

main(suffix=".copy")
"""
KEEPS_A_MODEL = """
import argparse
from pathlib import Path
from pachyderm_sdk import batch_all_datums

parser = argparse.ArgumentParser()
parser.add_argument("--model")
parser.add_argument("--data-dir")
parser.add_argument("--output-dir")

@batch_all_datums
def main(model_path, data_dir, output_dir):
    global model
    if model is None:
        print("loading model")
        model = Path(model_path).read_text()
    for file in Path(data_dir).iterdir():
        Path(output_dir, file.name).write_text(model)

if __name__ == "__main__":
    args = parser.parse_args()
    model = None
    main(args.model, args.data_dir, args.output_dir)
"""
repo = make_repo("samples")
models = make_repo("models")
put(models, {"/model.txt": b"knows"})
put(repo, {f"/file_{number:02d}.dat": b"DATA" for number in range(10)})


samples = pps.Input(pfs=pps.PfsInput(project=project_name, repo=repo.name, name="samples", glob="/*"))
model = pps.Input(pfs=pps.PfsInput(project=project_name, repo=models.name, name="models", glob="/model.txt"))


def run(
    name: str,
    user_code: str,
    *,
    arguments: str = "",
    err_cmd: tuple[str, ...] = (),
    input: pps.Input = samples,  # noqa: A002 - the wire's word
    **more: object,
) -> tuple[pps.JobInfo, list[str]]:
    """Return the job, once it has ended, and the files that it wrote. The shell makes the script where it starts."""
    pipeline = pps.Pipeline(name=name, project=project)
    transform = pps.Transform(
        cmd=["bash"],
        err_cmd=list(err_cmd),
        datum_batching=True,
        image="python-with-the-client",
        stdin=[f"echo '{user_code}' > main.py", f"python3 main.py {arguments}"],
        # What the image would say.
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    client.pps.create_pipeline(pipeline=pipeline, input=input, transform=transform, **more)
    started = next(client.pps.list_job(pipeline=pipeline))
    job = client.pps.inspect_job(job=started.job, wait=True)
    written = client.pfs.list_file(file=pfs.File(commit=job.output_commit))
    return job, sorted(info.file.path for info in written)


def logs(job: pps.JobInfo) -> list[str]:
    return [line.message.rstrip() for line in client.pps.get_logs(job=job.job) if line.user]


job, written = run("decorated", DECORATED)
lines = logs(job)
ids = {info.datum.id for info in client.pps.list_datum(job=job.job)}
seen["decorated"] = [pps.JobState(job.state).name, job.data_processed, written]
seen["each_datum_is_told_its_id"] = sorted(ids) == sorted(line[6:] for line in lines if line.startswith("datum "))
seen["starts"] = sum(line.startswith("inputs at the start:") for line in lines)
seen["nothing_is_there_at_the_start"] = all("samples" not in line for line in lines if line.startswith("inputs"))

job, written = run("raising", RAISING, err_cmd=("true",))
seen["raising"] = [pps.JobState(job.state).name, job.data_recovered, written]

job, written = run("some_raising", SOME_RAISING, err_cmd=("true",), datum_tries=1)
seen["some_raising"] = [pps.JobState(job.state).name, job.data_processed, job.data_recovered, written]
seen["what_was_raised"] = logs(job).count("ValueError('file_05.dat')")

arguments = "--model /pfs/models/model.txt --data-dir /pfs/samples --output-dir /pfs/out"
job, written = run("keeps", KEEPS_A_MODEL, arguments=arguments, input=pps.Input(cross=[samples, model]))
seen["keeps"] = [pps.JobState(job.state).name, job.data_processed, len(written)]
seen["models_loaded"] = logs(job).count("loading model")

tell()
