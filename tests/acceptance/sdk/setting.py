"""What the stories share: who talks to which server, in which project, and what failed.

A story runs in an environment that has only the published pachyderm-sdk: story.py ADDRESS PROJECT. It prints what it
saw as JSON.
"""

import json
import sys
from collections.abc import Callable

import grpc
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

address, project_name = sys.argv[1:]
client = Client.from_pachd_address(address)
seen: dict[str, object] = {}
project = pfs.Project(name=project_name)
if project_name and not client.pfs.project_exists(project):
    client.pfs.create_project(project=project)


def make_repo(name: str) -> pfs.Repo:
    repo = pfs.Repo(name=name, project=project)
    client.pfs.create_repo(repo=repo)
    return repo


def branch_of(repo: pfs.Repo, name: str = "master") -> pfs.Branch:
    return pfs.Branch(repo=repo, name=name)


def put(repo: pfs.Repo, files: dict[str, bytes]) -> pfs.Commit:
    with client.pfs.commit(branch=branch_of(repo)) as commit:
        for path, data in files.items():
            commit.put_file_from_bytes(path=path, data=data)
    commit.wait()
    return commit


def failure(call: Callable[[], object]) -> list[str]:
    """Return code and text of the status that a call ends with, or the error of the client."""
    try:
        result = call()
        if hasattr(result, "__next__"):
            next(result)
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    except Exception as error:
        return [type(error).__name__, str(error)]
    return ["OK", ""]


def tell() -> None:
    print(json.dumps(seen))
