"""Commit a few readings together, again and again."""

import itertools
import time

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

client = Client.new_in_cluster()
branch = pfs.Branch.from_uri("sensor@master")
for number in itertools.count():
    with client.pfs.commit(branch=branch) as commit:
        for place in ("roof", "cellar"):
            commit.put_file_from_bytes(f"/{place}/{number}", b"20.5\n")
    time.sleep(1)
