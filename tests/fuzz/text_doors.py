"""Doors that take a text: specs, templates, filters, globs, times and sizes, load specs, log queries."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

import grpc

from tests.fuzz import values
from tests.fuzz.run import Input
from tests.fuzz.world import CALL_SECONDS_MAX, World
from trunkline.errors import Error
from trunkline.loads.pfs.spec import parse_load_spec
from trunkline.model.globs.dialect import compile_glob
from trunkline.model.schedules import parse_schedule
from trunkline.model.sizes import parse_quantity, parse_size
from trunkline.pps.spec.advice.check import check
from trunkline.pps.spec.durations import parse_duration
from trunkline.pps.spec.form.reader import read_specs
from trunkline.proto import debug_pb2, debug_pb2_grpc, logs_pb2, logs_pb2_grpc, pfs_pb2, pps_pb2

_RUN_SECONDS_MAX = 45.0
_FAULTS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED}
_SPEC = {
    "pipeline": {"name": "made", "project": {"name": "default"}},
    "description": "text",
    "transform": {"cmd": ["true"], "env": {"A": "b"}, "user": "nobody", "acceptReturnCode": [1]},
    "input": {"pfs": {"repo": "in", "glob": "/(*)", "branch": "master", "lazy": False, "joinOn": "$1"}},
    "parallelismSpec": {"constant": 1},
    "resourceRequests": {"cpu": 1, "memory": "1Gi", "disk": "1G"},
    "datumTimeout": "10s",
    "jobTimeout": "1h",
    "datumTries": 3,
    "datumSetSpec": {"number": 1, "sizeBytes": 100},
    "schedulingSpec": {"nodeSelector": {"a": "b"}},
    "outputBranch": "master",
    "metadata": {"labels": {"a": "b"}},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "podPatch": "[]",
    "salt": "a",
    "autoscaling": False,
    "maxQueueSize": 5,
}
_INPUTS = (
    {"cron": {"name": "tick", "spec": "@every 10h", "start": "2024-05-01T00:00:00Z", "overwrite": True}},
    {"cross": [{"pfs": {"repo": "in", "glob": "/*"}}, {"pfs": {"repo": "in", "glob": "/", "name": "b"}}]},
    {"join": [{"pfs": {"repo": "in", "glob": "/(*)", "joinOn": "$1", "name": each}} for each in "ab"]},
    {"group": [{"pfs": {"repo": "in", "glob": "/(*).txt", "groupBy": "$1"}}]},
    {"union": [{"union": [{"cross": []}]}]},
    {"pfs": {"repo": "in", "glob": "/", "trigger": {"cronSpec": "* * * * *", "size": "1K", "commits": 2}}},
)
_LOAD = """count: 1
modifications:
- count: 1
  putFile: {count: 1, source: random}
fileSources:
- name: random
  random: {directory: {depth: {min: 0, max: 2}, run: 2}, sizes: [{min: 1, max: 10, prob: 100}]}
validator: {frequency: {count: 1}}
"""
_TEMPLATES = (
    'function(name="a") {pipeline: {name: name}, transform: {cmd: ["true"]}}',
    "std.repeat('a', 1000000000)",
    "local f(x) = f(x + 1); f(0)",
    'importstr "/etc/passwd"',
    'import "http://127.0.0.1:1/"',
    "[" * 5000,
    "std.range(0, 100000000)",
    "error 'a'",
    "{a: self.a}",
    "std.extVar('a')",
    "function(x) function(y) x",
    "[[] for x in std.range(0, 10)]",
    "1/0",
    "std.parseJson('[')",
    "std.parseYaml('a: &a [*a]')",
    '"\\ud800"',
)
_FILTERS = (
    '.pipeline.name == "out"',
    "error($ENV|tojson)",
    "[range(1e9)]",
    "def f: f; f",
    "input",
    "..|..|..",
    "try error catch .",
    'import "a" as $a; 1',
    "limit(1; repeat(1))",
    '"a" * 1e9',
    "$__loc__",
    "[" * 3000,
    'getpath(["a"])',
    "@base64d",
    "tojson|fromjson",
    "1 as $x | 2 as $y | [$x,$y]",
    "halt_error",
    "debug",
    "env",
    "ltrimstr(1)",
    'splits("(a+)+$")',
    ".[",
)


@dataclass(frozen=True)
class TextDoor:
    """A door that takes a text and perhaps more."""

    name: str
    made: Callable[[Random], Input]
    sent: Callable[[World, Input], str]
    takes_its_time: bool = False
    """What users wrote is run, one at a time, and ended after so many seconds."""

    def make(self, random: Random) -> Input:
        return self.made(random)

    def send(self, world: World, sent: Input) -> str:
        return self.sent(world, sent)

    def may_wait(self, sent: Input) -> bool:
        return self.takes_its_time


def _answer(call: Callable[[], Any]) -> str:
    """Make a call to the end; return what is wrong with its answer."""
    try:
        found = call()
        if isinstance(found, Iterable):
            for _ in found:
                pass
    except grpc.RpcError as error:
        if error.code() in _FAULTS:
            return f"{error.code().name}: {(error.details() or '')[:1000]}"
    return ""


def _parsed(*parsers: Callable[[], object]) -> None:
    """Parse what is to be parsed here; what is refused with a reason is well."""
    for parser in parsers:
        try:
            parser()
        except Error as error:
            str(error).encode(errors="backslashreplace")
        except ValueError as error:
            if type(error) is not ValueError:
                raise


def _some(random: Random, choices: tuple[str, ...]) -> str:
    chosen = random.choice(choices)
    return values.mutated(random, chosen) if random.random() < 0.6 else chosen


def _make_spec(random: Random) -> Input:
    spec: Any = dict(_SPEC)
    if random.random() < 0.4:
        spec["input"] = random.choice(_INPUTS)
    if random.random() < 0.1:
        for _ in range(random.choice([50, 200])):
            spec["input"] = {"union": [spec["input"]]}
    kept = {
        key: value for key, value in spec.items() if key in ("pipeline", "transform", "input") or random.random() < 0.3
    }
    changed = values.mutated_json(random, kept, chance=0.06)
    _disarm(changed)
    text = json.dumps(changed, allow_nan=random.random() < 0.5)
    if random.random() < 0.15:
        text = values.mutated(random, text)
        if "stdin" in text or '"sh"' in text:
            text = "{"
    if random.random() < 0.03:
        text = random.choice(
            ["[" * 100_000, '{"a":' * 50_000, "\\ud800", '{"pipeline": {"name": "\\ud800"}}', "a: &a [*a]"]
        )
    return {"spec": text}


def _disarm(spec: object) -> None:
    """See to it that nothing is run that a mutation made up."""
    if isinstance(spec, dict):
        for key in [key for key in spec if "stdin" in key.lower() or key.lower() in ("errcmd", "err_cmd")]:
            del spec[key]
        if "cmd" in spec and isinstance(spec["cmd"], list):
            spec["cmd"] = ["true"]
        for value in spec.values():
            _disarm(value)
    elif isinstance(spec, list):
        for value in spec:
            _disarm(value)


def _send_spec(world: World, sent: Input) -> str:
    text = sent["spec"]
    _parsed(lambda: [check(document) for document in read_specs(text, file="spec")])
    return _answer(
        lambda: world.pps.CreatePipelineV2(
            pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=text), timeout=CALL_SECONDS_MAX
        )
    )


def _send_template(world: World, sent: Input) -> str:
    request = pps_pb2.RenderTemplateRequest(template=sent["template"], args=sent["arguments"])
    return _answer(lambda: world.pps.RenderTemplate(request, timeout=_RUN_SECONDS_MAX))


def _send_filter(world: World, sent: Input) -> str:
    calls = (
        lambda: world.pps.ListPipeline(pps_pb2.ListPipelineRequest(jqFilter=sent["filter"]), timeout=_RUN_SECONDS_MAX),
        lambda: world.pps.ListJob(pps_pb2.ListJobRequest(jqFilter=sent["filter"]), timeout=_RUN_SECONDS_MAX),
    )
    return next((problem for call in calls if (problem := _answer(call))), "")


def _send_glob(world: World, sent: Input) -> str:
    def match() -> None:
        found = compile_glob(sent["glob"])
        for path in ("/a.txt", "/d/b.txt", "/" + "a" * 400, "/" + "ab/" * 100 + "c", sent["path"]):
            if matched := found.match(path):
                matched.expand(sent["template"])

    _parsed(match)
    commit = pfs_pb2.Commit(repo=pfs_pb2.Repo(name="in", type="user"), branch=pfs_pb2.Branch(name="master"))
    commit.branch.repo.CopyFrom(commit.repo)
    glob = pfs_pb2.GlobFileRequest(commit=commit, pattern=sent["glob"])
    source = {"pfs": {"repo": "in", "glob": sent["glob"], "group_by": sent["template"], "project": "default"}}
    datums = pps_pb2.ListDatumRequest(input=pps_pb2.Input(pfs=pps_pb2.PFSInput(**source["pfs"])))
    got = pfs_pb2.GetFileRequest(file=pfs_pb2.File(commit=commit, path=sent["glob"]))
    calls = (
        lambda: world.pfs.GlobFile(glob, timeout=CALL_SECONDS_MAX),
        lambda: world.pps.ListDatum(datums, timeout=CALL_SECONDS_MAX),
        lambda: world.pfs.GetFileTAR(got, timeout=CALL_SECONDS_MAX),
    )
    return next((problem for call in calls if (problem := _answer(call))), "")


def _send_time(world: World, sent: Input) -> str:
    text = sent["text"]
    _parsed(
        lambda: parse_schedule(text),
        lambda: parse_duration(text),
        lambda: parse_quantity(text),
        lambda: parse_size(text),
    )
    repo = pfs_pb2.Repo(name="in", type="user")
    branch = pfs_pb2.Branch(repo=repo, name="follows")
    request = pfs_pb2.CreateBranchRequest(branch=branch)
    setattr(request.trigger, sent["field"], text)
    request.trigger.branch = "master"
    found = _answer(lambda: world.pfs.CreateBranch(request, timeout=CALL_SECONDS_MAX))
    spec = {
        "pipeline": {"name": "ticks"},
        "transform": {"cmd": ["true"]},
        "input": {"cron": {"name": "tick", "spec": text if sent["field"] == "cron_spec" else "@never"}},
        "datumTimeout": text,
        "resourceRequests": {"memory": text},
    }
    for absent in ("datumTimeout", "resourceRequests"):
        if sent["field"] != ("size" if absent == "resourceRequests" else "rate_limit_spec"):
            del spec[absent]
    put = pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path="/t", raw={"value": b"t"}))
    target = pfs_pb2.ModifyFileRequest(set_commit=pfs_pb2.Commit(branch=pfs_pb2.Branch(repo=repo, name="master")))
    return (
        found
        or _answer(lambda: world.pfs.ModifyFile(iter([target, put]), timeout=CALL_SECONDS_MAX))
        or _send_spec(world, {"spec": json.dumps(spec)})
    )


def _send_load(world: World, sent: Input) -> str:
    _parsed(lambda: parse_load_spec(sent["spec"]))
    request = debug_pb2.RunPFSLoadTestRequest(spec=sent["spec"], seed=sent["seed"])
    stub = debug_pb2_grpc.DebugStub(world.channel)
    return _answer(lambda: stub.RunPFSLoadTest(request, timeout=CALL_SECONDS_MAX))


def _send_log_query(world: World, sent: Input) -> str:
    old = pps_pb2.GetLogsRequest(pipeline=pps_pb2.Pipeline(name="out"), data_filters=[sent["pattern"]])
    new = logs_pb2.GetLogsRequest(query=logs_pb2.LogQuery(user=logs_pb2.UserLogQuery(project="default")))
    new.filter.regex.pattern = sent["pattern"]
    new.filter.regex.negate = sent["negate"]
    new.filter.limit = sent["limit"]
    new.filter.time_range.offset = sent["limit"]
    stub = logs_pb2_grpc.APIStub(world.channel)
    calls = (
        lambda: world.pps.GetLogs(old, timeout=CALL_SECONDS_MAX),
        lambda: stub.GetLogs(new, timeout=CALL_SECONDS_MAX),
    )
    return next((problem for call in calls if (problem := _answer(call))), "")


TEXT_DOORS = (
    TextDoor("spec", _make_spec, _send_spec),
    TextDoor(
        "template",
        lambda random: {"template": _some(random, _TEMPLATES), "arguments": {"name": values.text(random)}},
        _send_template,
        takes_its_time=True,
    ),
    TextDoor("filter", lambda random: {"filter": _some(random, _FILTERS)}, _send_filter, takes_its_time=True),
    TextDoor(
        "glob",
        lambda random: {
            "glob": _some(random, values.GLOBS),
            "template": random.choice(["$1", "$2$1", "$", "$99999", "${1}", "$1a"]),
            "path": _some(random, values.PATHS),
        },
        _send_glob,
    ),
    TextDoor(
        "time",
        lambda random: {
            "text": _some(random, values.TIMES + values.SIZES),
            "field": random.choice(["rate_limit_spec", "cron_spec", "size"]),
        },
        _send_time,
    ),
    TextDoor(
        "load",
        lambda random: {"spec": values.mutated(random, _LOAD).replace("count: 1\n", _count(random), 1), "seed": 1},
        _send_load,
    ),
    TextDoor(
        "log",
        lambda random: {
            "pattern": _some(random, values.PATTERNS),
            "negate": random.random() < 0.5,
            "limit": random.choice([0, 1, 100, (1 << 63) - 1, (1 << 64) - 1]),
        },
        _send_log_query,
    ),
)


def _count(random: Random) -> str:
    return f"count: {random.choice([1, 1, 1, 0, -1, 10**9, 1e300, 'a', '[', '&a [*a]'])}\n"
