"""The first specs that a process reads may come on several threads at the same time."""

import subprocess
import sys

import pytest

STORY = """
import sys, threading
{prepare}

def second():
    thread = threading.Thread(target=decode)
    thread.start()
    thread.join()

def interrupt(frame, event, argument):
    # The library looks at our types in Python. When it has come to one inside another, a second thread wants them.
    if event == "call" and "msgspec" in frame.f_code.co_filename and "msgspec" not in frame.f_back.f_code.co_filename:
        looked_at.append(frame)
        if len(looked_at) == 2:
            second()

looked_at = []
sys.setprofile(interrupt)
decode()
sys.setprofile(None)
second()
"""
PIPELINE = """
from trunkline.pps.spec.decode import spec_of
def decode():
    leaf = {"pfs": {"repo": "a", "glob": "/*"}}
    spec = spec_of({"pipeline": {"name": "p"}, "transform": {"cmd": ["sh"]}, "input": {"cross": [leaf, leaf]}})
    assert [each.repo for each in spec.input.leaves()] == ["a", "a"]
"""
LOAD = """
from trunkline.loads.pfs.spec import parse_load_spec
def decode():
    spec = parse_load_spec('''
count: 1
modifications: [{count: 1, putFile: {count: 1, source: s}}]
fileSources: [{name: s, random: {sizes: [{min: 1, max: 2, prob: 100}]}}]
''')
    assert spec.files_per_commit == 1
"""


@pytest.mark.parametrize("prepare", [PIPELINE, LOAD], ids=["pipeline", "load test"])
def test_two_threads_may_read_the_first_spec_of_a_process(prepare: str) -> None:
    """Where the type is prepared by the first thread that reads one, this crashes the process, as it did servers."""
    story = STORY.format(prepare=prepare)
    result = subprocess.run([sys.executable, "-c", story], capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
