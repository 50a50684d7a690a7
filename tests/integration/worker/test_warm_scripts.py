"""A script that runs in a warm interpreter cannot tell it from a fresh one, and neither can its caller."""

import os
import signal
import textwrap
from pathlib import Path

import pytest

from trunkline.worker.commands.launcher import Reuse

SCRIPTS = {
    "arguments": "import sys; print(sys.argv, sys.orig_argv[0], sys.path[0], sys.executable, sys.prefix)",
    "main_module": "print(sorted(globals()), __name__, __file__, __spec__, __package__, __doc__, __cached__)",
    "docstring": '"""Words."""\nprint(__doc__)',
    "environment": "import os; print(sorted(os.environ.items()))",
    "working_directory": "import os; print(os.getcwd())",
    "stdin": "import sys; print(list(sys.stdin), sys.stdin.encoding, sys.stdin.errors, sys.stdin.newlines)",
    "stdin_bytes": "import sys; print(sys.stdin.buffer.read(), sys.stdin.fileno(), sys.stdin.name, sys.stdin.mode)",
    "streams": """
        import sys
        for s in (sys.stdout, sys.stderr, sys.__stdout__):
            print(s.name, s.mode, s.encoding, s.errors, s.line_buffering, s.write_through, s.isatty(), s.fileno())
        print(getattr(sys.stdout.buffer, "raw", sys.stdout.buffer).name,  sys.stdout is sys.__stdout__)
    """,
    "exit_none": "import sys; sys.exit()",
    "exit_number": "import sys; sys.exit(7)",
    "exit_large_number": "import sys; sys.exit(256 + 3)",
    "exit_negative": "import sys; sys.exit(-1)",
    "exit_text": "import sys; print('a'); sys.exit('went wrong')",
    "exit_object": "raise SystemExit((1, 2))",
    "os_exit": "import os; print('lost'); os._exit(4)",
    "error": """
        def inner(x):
            raise ValueError(x)
        def outer():
            inner("deep")
        outer()
    """,
    "error_chain": """
        def fail():
            try:
                {}["k"]
            except KeyError as error:
                raise RuntimeError("second") from error
        fail()
    """,
    "error_group": "raise ExceptionGroup('many', [ValueError('a'), TypeError('b')])",
    "syntax_error": "print(1)\nif True print(2)\n",
    "null_byte": "print(1)\0",
    "encoding": "# -*- coding: latin-1 -*-\nprint('\u00e9')",
    "import_error": "import no_such_module_at_all",
    "recursion": """
        def f(): f()
        try:
            f()
        except RecursionError as error:
            print(error)
    """,
    "excepthook": """
        import sys
        def hook(kind, value, traceback):
            print("hooked", kind.__name__, value, traceback.tb_lineno, traceback.tb_frame.f_code.co_name)
        sys.excepthook = hook
        1 / 0
    """,
    "broken_excepthook_exits": """
        import sys
        def hook(*_):
            raise SystemExit(9)
        sys.excepthook = hook
        1 / 0
    """,
    "interrupt": "raise KeyboardInterrupt",
    "own_signal": "import os, signal; print('x', flush=True); os.kill(os.getpid(), signal.SIGTERM)",
    "abort": "import os; os.abort()",
    "atexit": """
        import atexit
        atexit.register(print, "first registered")
        atexit.register(print, "last registered")
        print("body")
    """,
    "atexit_error": """
        import atexit
        def fail(): 1 / 0
        class Callback:
            def __call__(self): fail()
            def __repr__(self): return "callback"
        atexit.register(Callback())
        print("body")
    """,
    "threads_are_joined": """
        import threading
        ready = threading.Event()
        def work():
            ready.wait()
            print("worked")
        threading.Thread(target=work).start()
        print("body", flush=True)
        ready.set()
    """,
    "finalizers": """
        class Thing:
            def __del__(self):
                print("gone")
        thing = Thing()
        ring = Thing(); ring.self = ring
        print("body")
    """,
    "open_files_are_written": """
        f = open("left.txt", "w"); f.write("text")
        def keep(f=f): return f
        class Ring: pass
        r = Ring(); r.r = r; r.g = open("left-ring.txt", "wb"); r.g.write(b"bytes")
        import zipfile
        z = zipfile.ZipFile("left.zip", "w"); z.writestr("a", "b")
    """,
    "beside": "import beside; print(beside.VALUE, beside.__file__, beside.__name__)",
    "pickle_main": """
        import pickle
        class Point:
            pass
        print(type(pickle.loads(pickle.dumps(Point()))) is Point)
    """,
    "multiprocessing": """
        import multiprocessing
        def double(x): return 2 * x
        if __name__ == "__main__":
            for kind in ("fork", "spawn"):
                with multiprocessing.get_context(kind).Pool(2) as pool:
                    print(pool.map(double, [1, 2, 3]))
    """,
    "subprocess": """
        import subprocess, sys
        print(subprocess.run([sys.executable, "-c", "print(1 + 1)"], capture_output=True, text=True).stdout)
        subprocess.run(["sh", "-c", "echo from the shell; echo $PYTHONMALLOC $GLIBC_TUNABLES"])
    """,
    "annotations": "x: int = 1\nprint(__annotations__)",
    "closed_stdout": "import sys; print('x'); sys.stdout.close()",
    "future_flags": "x: Undefined = 1\n",
    "warnings": "import warnings; warnings.warn('careful')",
    "frames": "import inspect as i; print(i.currentframe().f_lineno, i.getsource(i.currentframe()))",
    "signal_handlers": """
        import signal
        print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGPIPE), signal.getsignal(signal.SIGTERM))
        print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
    """,
    "asyncio": "import asyncio\nasync def f():\n    return 5\nprint(asyncio.run(f()))",
    "numpy": "import numpy\nprint(numpy.arange(3).sum())",
    "c_streams": "import ctypes; ctypes.CDLL(None).puts(b'from c'); print('from python', flush=True)",
    "gc": "import gc; print(gc.isenabled(), gc.get_threshold())",
}


@pytest.fixture(autouse=True)
def _beside(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("VALUE = 5\n")


def _script(runs, name: str) -> str:
    source = textwrap.dedent(SCRIPTS[name])
    (runs.cwd / f"{name}_script.py").write_bytes(source.encode("latin-1" if name == "encoding" else "utf-8"))
    return f"{name}_script.py"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_warm_run_is_like_a_fresh_one(runs, name: str) -> None:
    argv = ("python3", _script(runs, name), "one", "two words")

    fresh, fresh_out, fresh_err = runs.process(*argv, stdin=b"l1\r\nl2\n")
    files = {path.name: path.read_bytes() for path in runs.cwd.glob("left*")}
    for path in runs.cwd.glob("left*"):
        path.unlink()
    warm, warm_out, warm_err = runs.warm(*argv, stdin=b"l1\r\nl2\n")

    assert (warm.status, warm_out, warm_err) == (fresh.status, fresh_out, fresh_err)
    if name == "open_files_are_written":
        assert len(files) == 3
        assert {path.name: path.stat().st_size for path in runs.cwd.glob("left*")} == {
            name: len(data) for name, data in files.items()
        }


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_run_in_a_process_that_has_run_the_same_is_like_a_fresh_one(runs, name: str) -> None:
    argv = ("python3", _script(runs, name), "one", "two words")
    runs.warm(*argv, stdin=b"")  # so that its imports are known

    fresh, fresh_out, fresh_err = runs.process(*argv, stdin=b"l1\r\nl2\n")
    for _ in range(3):
        ended, out, err = runs.warm(*argv, stdin=b"l1\r\nl2\n", reuse=Reuse("turn", lenient=True))

        assert (ended.status, out, err) == (fresh.status, fresh_out, fresh_err)


def test_a_script_finds_nothing_of_the_run_before(runs) -> None:
    (runs.cwd / "s.py").write_text(
        "import os, sys, json\n"
        "print(hasattr(json, 'left'), os.environ.get('LEFT'), 'left' in globals(), sys.argv)\n"
        "json.left = left = 1; os.environ['LEFT'] = 'x'; sys.argv.append('left')\n"
    )

    first = runs.warm("python3", "s.py", "a")
    second = runs.warm("python3", "s.py", "b")

    assert first[1] == "False None False ['s.py', 'a']\n"
    assert second[1] == "False None False ['s.py', 'b']\n"


def test_global_random_generators_differ_from_run_to_run(runs) -> None:
    (runs.cwd / "s.py").write_text(
        "import random, numpy, numpy.random, uuid, tempfile\n"
        "print(random.random(), numpy.random.rand(), numpy.random.default_rng().random(), uuid.uuid4())\n"
    )

    printed = [runs.warm("python3", "s.py")[1].split() for _ in range(3)]

    assert len({value for values in printed for value in values}) == 12


def test_a_changed_script_runs_as_it_is_now(runs) -> None:
    script = runs.cwd / "s.py"
    script.write_text("print(1)")
    before = runs.warm("python3", "s.py")[1]
    stat = script.stat()
    script.write_text("print(2)")
    os.utime(script, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert (before, runs.warm("python3", "s.py")[1]) == ("1\n", "2\n")


def test_a_changed_module_beside_the_script_is_loaded_anew(runs) -> None:
    (runs.cwd / "s.py").write_text("import beside; print(beside.VALUE)")
    before = runs.warm("python3", "s.py")[1]
    (runs.cwd / "beside.py").write_text("VALUE = 'changed'\n")

    assert (before, runs.warm("python3", "s.py")[1]) == ("5\n", "changed\n")


def test_a_changed_library_is_loaded_anew(runs) -> None:
    library = runs.cwd / "lib"
    library.mkdir()
    (library / "shared_module.py").write_text("VALUE = 1\n")
    (runs.cwd / "s.py").write_text("import shared_module; print(shared_module.VALUE)")
    runs.starters._base_env["PYTHONPATH"] = runs.env["PYTHONPATH"] = str(library)
    before = runs.warm("python3", "s.py")[1]
    (library / "shared_module.py").write_text("VALUE = 'changed'\n")

    assert (before, runs.warm("python3", "s.py")[1]) == ("1\n", "changed\n")


def test_a_module_of_ours_does_not_hide_one_of_the_script(runs) -> None:
    for name in ("serve", "script", "children", "modules", "run", "view", "trunkline"):
        (runs.cwd / f"{name}.py").write_text(f"print('own {name}')\n")
    (runs.cwd / "s.py").write_text("import serve, script, children, modules, run, view, trunkline")

    ended, out, err = runs.warm("python3", "s.py")

    assert (ended.status, err, out.count("own")) == (0, "", 7)


def test_a_run_reports_modules_of_libraries_only(runs) -> None:
    private = runs.cwd / "private"
    private.mkdir()
    (private / "secret_module.py").write_text("")
    (runs.cwd / "s.py").write_text(
        "import sys; sys.path.append('private')\ndef f():\n    import beside, secret_module, colorsys, csv\nf()\n"
    )

    ended, _, err = runs.warm("python3", "s.py")

    assert (ended.status, err) == (0, "")
    assert {"colorsys", "csv"} <= set(ended.modules)
    assert not {"beside", "secret_module"} & set(ended.modules)


def test_modules_that_were_learned_are_loaded_before_the_next_run(runs) -> None:
    (runs.cwd / "s.py").write_text("def f():\n    import colorsys, csv\nimport sys\nprint('csv' in sys.modules)\nf()\n")
    ended, out, _ = runs.warm("python3", "s.py")
    (warm,) = runs.starters._warm.values()

    runs.starters.learn(warm, str(runs.cwd / "s.py"), ended.modules)

    assert (out, runs.warm("python3", "s.py")[1]) == ("False\n", "True\n")
    assert {"colorsys", "csv"} <= set(warm.learned)


def test_scripts_that_import_the_same_packages_share_an_interpreter(runs) -> None:
    """The standard library does not count: it is small, and what one script adds of it does the next no harm."""
    (runs.cwd / "a.py").write_text("import os, json\nprint(os.getppid())")
    (runs.cwd / "b.py").write_text("import os, csv\nprint(os.getppid())")
    (runs.cwd / "c.py").write_text("import os, numpy\nprint(os.getppid())")

    a, b, c = (runs.warm("python3", name)[1].split()[0] for name in ("a.py", "b.py", "c.py"))

    assert a == b
    assert a != c


def test_a_script_takes_an_interpreter_that_has_little_more_than_it_imports(runs) -> None:
    (runs.cwd / "a.py").write_text("import os, cv2\nprint(os.getppid())")
    (runs.cwd / "b.py").write_text("import os, cv2, numpy\nprint(os.getppid())")
    (runs.cwd / "c.py").write_text("import os, numpy, sklearn\nprint(os.getppid())")

    a, b, c = (runs.warm("python3", name)[1].split()[0] for name in ("a.py", "b.py", "c.py"))

    assert a == b
    assert a != c


def test_an_import_that_fails_or_exits_is_left_to_the_script(runs) -> None:
    library = runs.cwd / "lib"
    library.mkdir()
    (library / "exits_module.py").write_text("raise SystemExit(3)\n")
    (runs.cwd / "s.py").write_text(
        "try:\n    import no_such_module\nexcept ImportError:\n    print('none')\nimport exits_module\n"
    )
    runs.starters._base_env["PYTHONPATH"] = runs.env["PYTHONPATH"] = str(library)

    ended, out, err = runs.warm("python3", "s.py")

    assert (ended.status, out, err) == (3, "none\n", "")


def test_unbuffered_output_is_unbuffered(runs) -> None:
    (runs.cwd / "s.py").write_text("import os, sys\nprint('kept', type(sys.stdout.buffer).__name__)\nos._exit(0)")

    assert runs.warm("python3", "-u", "s.py")[1] == runs.process("python3", "-u", "s.py")[1] == "kept FileIO\n"


def test_children_of_a_script_do_not_outlive_it(runs, tmp_path: Path) -> None:
    (runs.cwd / "s.py").write_text(
        "import os, subprocess, sys\n"
        "plain = subprocess.Popen(['sleep', '1000'])\n"
        "own = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "daemon = subprocess.run(['sh', '-c', 'setsid sleep 1000 >/dev/null 2>&1 & echo $!'], stdout=subprocess.PIPE)\n"
        "print(plain.pid, own.pid, int(daemon.stdout))\n"
    )

    for run in (runs.warm, runs.process):
        ended, out, _ = run("python3", "s.py")

        assert ended.status == 0
        assert [pid for pid in out.split() if Path("/proc", pid).exists()] == []


def test_a_silent_script_is_killed_at_its_timeout(runs) -> None:
    (runs.cwd / "s.py").write_text("import time\nprint('started', flush=True)\ntime.sleep(1000)")

    for run in (runs.warm, runs.process):
        ended, out, _ = run("python3", "s.py", timeout=0.5)

        assert (ended.status, out) == (-signal.SIGKILL, "started\n")


def test_cpu_time_is_that_of_the_script_and_its_children(runs) -> None:
    (runs.cwd / "s.py").write_text(
        "import subprocess, sys\n"
        "burn = 'import time\\nwhile time.process_time() < 0.3: pass'\n"
        "exec(burn)\n"
        "subprocess.run([sys.executable, '-c', burn])\n"
    )

    for run in (runs.warm, runs.process):
        assert run("python3", "s.py")[0].cpu_seconds >= 0.6


def test_the_interpreter_loads_nothing_of_ours_and_little_else(runs) -> None:
    (runs.cwd / "s.py").write_text("import sys; print(*sys.modules)")

    loaded = set(runs.warm("python3", "s.py")[1].split())

    assert not {"trunkline", "pyarrow", "grpc", "msgspec", "zstandard", "subprocess"} & loaded
    assert not any(name.startswith("trunkline.") for name in loaded)
