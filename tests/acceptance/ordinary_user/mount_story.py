"""Runs as an ordinary user, with a server of the user's own; prints what was seen of mounts as JSON.

Usage: mount_story.py HOME
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

home = Path(sys.argv[1])
environment = {
    **os.environ,
    "TRUNKLINE_HOME": str(home / "state"),
    "PACH_CONFIG": str(home / "config.json"),
    "PACHD_ADDRESS": "",
}
seen: dict[str, object] = {"capable": Path("/proc/self/status").read_text().partition("CapEff:\t")[2][:16] != "0" * 16}


def pachctl(*arguments: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trunkline", *arguments]
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done


def serve(port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "trunkline", "serve", "--grpc-port", str(port), "--http-port", "0"]
    with (home / "server.log").open("a") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True)
    published = home / "state" / "server.json"
    while server.poll() is None:
        if published.exists() and json.loads(published.read_text())["pid"] == server.pid:
            return server
        time.sleep(0.02)
    raise RuntimeError((home / "server.log").read_text())


def tree(directory: Path) -> dict[str, str]:
    return {str(each.relative_to(directory)): each.read_text() for each in directory.rglob("*") if each.is_file()}


def mount_pid() -> int:
    (record,) = (home / "state" / "mounts").glob("*/mount.json")
    return int(json.loads(record.read_text())["pid"])


def read_again(file: Path) -> str:
    for _ in range(100_000):
        try:
            return file.read_text()
        except OSError:
            continue
    return "it stays unreadable"


server = serve(0)
port = int(json.loads((home / "state" / "server.json").read_text())["grpc_address"].rpartition(":")[2])
environment["PACHD_ADDRESS"] = f"grpc://127.0.0.1:{port}"
try:
    pachctl("create", "project", "p")
    for repo in ("one", "two"):
        pachctl("create", "repo", repo, "--project", "p")
        pachctl("put", "file", f"{repo}@master:/d/f", "--project", "p", stdin=repo)
    mounted = home / "mnt"

    pachctl("mount", str(mounted), "--project", "p", "-r", "one@master+w,two")
    seen["tree"] = tree(mounted)
    info = (mounted / "one" / "d" / "f").stat()
    seen["mine"] = [info.st_uid == os.getuid(), info.st_gid == os.getgid()]
    (mounted / "one" / "d" / "f").write_text("changed")
    (mounted / "one" / "new").write_text("new")
    try:
        (mounted / "two" / "y").write_text("y")
    except OSError as error:
        seen["refused"] = error.strerror
    seen["unmounted"] = pachctl("unmount", str(mounted)).stderr
    seen["got"] = pachctl("get", "file", "one@master:/d/f", "--project", "p").stdout
    seen["empty"] = list(mounted.iterdir())

    # The mount's process is killed
    pachctl("mount", str(mounted), "--project", "p", "-r", "one+w")
    (mounted / "one" / "kept").write_text("kept")
    os.kill(mount_pid(), signal.SIGKILL)
    cleared = pachctl("unmount", "--all", check=False)
    seen["killed"] = cleared.stderr
    kept = Path(cleared.stderr.strip().rpartition(" ")[2])
    seen["kept"] = (kept / "one" / "kept").read_text()
    seen["cleared"] = list(mounted.iterdir())

    # The server is killed
    pachctl("mount", str(mounted), "--project", "p", "-r", "one")
    server.kill()
    server.wait()
    try:
        (mounted / "one" / "new").read_text()
    except OSError as error:
        seen["server_gone"] = error.strerror
    server = serve(port)
    seen["server_back"] = read_again(mounted / "one" / "new")
    pachctl("unmount", str(mounted))
    table = Path("/proc/self/mountinfo").read_text().splitlines()
    seen["mounts_left"] = [line for line in table if str(mounted) in line]
    seen["records_left"] = len(list((home / "state" / "mounts").glob("*/mount.json")))
finally:
    pachctl("unmount", "--all", check=False)
    server.terminate()
    server.wait()
print(json.dumps(seen))
