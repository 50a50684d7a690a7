"""Commands that will not do what they look like: what only a shell understands, where no shell reads it."""

from collections.abc import Iterator

from trunkline.model.pipelines import PipelineSpec, Transform
from trunkline.pps.spec.form.findings import Finding, warning
from trunkline.pps.spec.form.shell import argv_of, is_shell, shell_line, shell_meaning

_CODE_FLAGS = frozenset({"-c", "-e", "-E", "--eval", "-lc", "-ec", "-exc", "-xc", "-uc"})
_OWN_WILDCARDS = frozenset(
    {"find", "rsync", "grep", "egrep", "awk", "gawk", "sed", "perl", "jq", "yq", "tar", "zip", "rg", "fd"}
)
"""Programs whose arguments may well hold wildcards, dollars or pipes of their own."""


def command_findings(spec: PipelineSpec) -> Iterator[Finding]:
    """Yield what is odd about cmd and errCmd."""
    if (transform := spec.transform) is None:
        transform = Transform()
    if not transform.cmd:
        correction = {"cmd": ["sh"]} if transform.stdin else {"cmd": ["python3", "/app/main.py"]}
        yield warning("transform.cmd", "nothing to run: no transform.cmd; the pipeline will fail", correction)
    else:
        yield from _argv_findings(transform.cmd, "cmd", "stdin")
    if transform.err_cmd:
        yield from _argv_findings(transform.err_cmd, "errCmd", "errStdin")


def _argv_findings(argv: tuple[str, ...], key: str, stdin_key: str) -> Iterator[Finding]:
    path = f"transform.{key}"
    if is_shell(argv[0]):
        yield from _shell_findings(argv, path, key)
        return
    if len(argv) == 1 and " " in argv[0].strip():
        message = f"{argv[0]!r} as a whole is taken for the name of a program; give each argument as an item"
        yield warning(path, message, {key: argv_of(argv[0])})
        return
    if argv[0].rpartition("/")[2] in _OWN_WILDCARDS:
        return
    for index, argument in enumerate(_before_code(argv)):
        if index and (what := shell_meaning(argument)):
            message = (
                f"no shell reads cmd, so {what} {argument!r} reaches the program as it stands; "
                f"take a shell (or cmd: [sh] with the line in {stdin_key})"
            )
            yield warning(path, message, {key: ["sh", "-c", shell_line(argv)]})
            return


def _before_code(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the arguments up to a flag such as ``-c``: what follows it is code, not words for a shell."""
    for index, argument in enumerate(argv):
        if argument in _CODE_FLAGS:
            return argv[:index]
    return argv


def _shell_findings(argv: tuple[str, ...], path: str, key: str) -> Iterator[Finding]:
    flag = next((index for index, argument in enumerate(argv[1:], start=1) if not argument.startswith("+")), None)
    if flag is None:
        return
    has_code = argv[flag].startswith("-") and not argv[flag].startswith("--") and argv[flag].endswith("c")
    if has_code and len(argv) > flag + 2 and " " not in argv[flag + 1].strip() and "$" not in argv[flag + 1]:
        message = f"{argv[0]} {argv[flag]} runs only {argv[flag + 1]!r}; the whole command line must be one string"
        yield warning(path, message, {key: [*argv[: flag + 1], shell_line(argv[flag + 1 :])]})
    elif len(argv) == 2 and not argv[1].startswith("-") and " " in argv[1].strip():
        message = f"{argv[0]} takes {argv[1]!r} for the name of a script; a command line comes after -c"
        yield warning(path, message, {key: [argv[0], "-c", argv[1]]})
