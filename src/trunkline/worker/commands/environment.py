"""The environment of user code (reference, section 5.3), and how ``/pfs`` in texts becomes a view elsewhere."""

import os
import re
import sys
import sysconfig
from collections.abc import Collection, Mapping
from pathlib import Path

from trunkline.errors import InvalidInputError
from trunkline.model.datums import Datum, DatumInput, DatumSet
from trunkline.model.residents import Resident
from trunkline.worker.view.namespace import VIEW

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PASSED = frozenset(
    {
        *("HOME", "LOGNAME", "SHELL", "USER"),
        *("LANG", "LANGUAGE", "TMPDIR", "TZ"),
        *("CONDA_DEFAULT_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH", "PATH", "VIRTUAL_ENV"),
        *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
    }
)
_PASSED_PREFIXES = ("LC_", "PACHD_")
_PROXIES = frozenset({"all_proxy", "ftp_proxy", "http_proxy", "https_proxy", "no_proxy"})
_PFS = re.compile(r"(?<![\w./-])/pfs(?![\w-])")
# Huge pages make forks cheap; large arrays that come and go on the heap spare each child the faults of fresh mappings.
_MALLOC_TUNABLES = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=1073741824"


def script_environment(environ: Mapping[str, str], passed: Collection[str] = ()) -> dict[str, str]:
    """Return what commands see of a server's environment (decision 23): who and where we are, and what was asked for.

    Of proxies those that tell no password.
    """
    return {name: value for name, value in environ.items() if name in passed or _is_passed(name, value)}


def check_passed(passed: Collection[str], environ: Mapping[str, str]) -> None:
    """Raise InvalidInputError for what cannot be passed on."""
    for name in passed:
        if "=" in name:
            shown, _, _ = name.partition("=")
            raise InvalidInputError(f"--pass-env {shown}=…: name the variable alone; its value is the server's own")
        if name not in environ:
            raise InvalidInputError(f"--pass-env {name}: the server has no such variable: set it where it is started")


def _is_passed(name: str, value: str) -> bool:
    if name.lower() in _PROXIES:
        return "@" not in value
    return name in _PASSED or name.startswith(_PASSED_PREFIXES)


def base_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what every command on this worker inherits: environ, one thread per numeric library, our Python in front.

    In a virtual environment ``python`` means its interpreter, so that scripts see the packages beside ours. Elsewhere
    our commands are found last, where nothing else is called so.
    """
    env = dict.fromkeys(_THREAD_LIMITS, "1") | dict(environ)
    path = env.get("PATH", os.defpath)
    ours = sysconfig.get_path("scripts")
    in_front = sys.prefix != sys.base_prefix
    env["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), path) if in_front else (path, ours))
    return env


def interpreter_environment(base: Mapping[str, str], transform_env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an interpreter that serves many datums: without what is one pipeline's or one job's.

    Huge pages and the C allocator halve the cost of forking an interpreter with large libraries.
    """
    env = {**base, **transform_env}
    tunables = [text for text in (env.get("GLIBC_TUNABLES"), _MALLOC_TUNABLES) if text]
    return {"PYTHONMALLOC": "malloc", **env, "GLIBC_TUNABLES": ":".join(tunables)}


def limits_threads(env: Mapping[str, str]) -> bool:
    """Whether numeric libraries are held to one thread."""
    return env.get("OMP_NUM_THREADS") == "1"


def datum_set_environment(run: DatumSet | Resident, *, base: Mapping[str, str], worker: str) -> dict[str, str]:
    """Return the environment that all commands of a run share.

    Clients in it that know of a port beside the worker (``PEER_PORT``) find the server itself there.
    """
    return {
        **base,
        "PACH_IN_WORKER": "true",
        "PPS_PROJECT_NAME": run.project,
        "PPS_PIPELINE_NAME": run.pipeline,
        "PPS_WORKER_IP": "127.0.0.1",
        "PPS_POD_NAME": worker,
        "PPS_WORKER_GRPC_PORT": "1080",
        "PEER_PORT": base.get("PACHD_PEER_SERVICE_PORT", "1653"),
        "PACH_NAMESPACE": "default",
        **run.transform.env,
        **run.secrets.env,
        "PACH_JOB_ID": run.job,
        **run.job_env,
    }


def datum_environment(datum: Datum) -> dict[str, str]:
    """Return the variables of one datum. Of several inputs with one name the last wins."""
    env = {}
    for match in datum.inputs:
        name = match.source.name
        env[name] = place(match)
        env[f"{name}_COMMIT"] = match.source.commit
        if match.join_on:
            env[f"PACH_DATUM_{name}_JOIN_ON"] = match.join_on
        if match.group_by:
            env[f"PACH_DATUM_{name}_GROUP_BY"] = match.group_by
    env["PACH_DATUM_ID"] = datum.id
    return env


def place(match: DatumInput) -> str:
    """Return the full path of a match as user code sees it, without a trailing slash."""
    return f"{VIEW}/{match.source.name}{match.path}".rstrip("/")


def map_pfs(text: str, view: str) -> str:
    """Return text with the path ``/pfs``, and what lies below it, moved to view."""
    if view == VIEW or VIEW not in text:
        return text
    return _PFS.sub(lambda _: view, text)


def map_values(env: dict[str, str], view: str) -> dict[str, str]:
    """Return env with `map_pfs` done to every value."""
    return env if view == VIEW else {name: map_pfs(value, view) for name, value in env.items()}
