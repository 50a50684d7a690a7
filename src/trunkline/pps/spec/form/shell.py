"""What a shell would do with a command line, and where there is none to do it."""

import re
import shlex

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox"})
_OPERATORS = frozenset({"|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "2>&1", "&>", "1>", "<<<"})
_REDIRECTED = re.compile(r"(?:\d|&)?>{1,2}&?[^\s>]+|<[^\s<]+")
_VARIABLE = re.compile(r"\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*[^}]*\}|\()")
_WILDCARD_PATH = re.compile(r"[^\s*?\[]*/[^\s]*[*?\[]\S*")
_STAR_NAME = re.compile(r"\*\.\w+|\*")


def needs_shell(text: str) -> bool:
    """Tell whether a whole command line uses what only a shell understands."""
    try:
        words = shlex.split(text)
    except ValueError:
        return True
    return "\n" in text.strip() or any(shell_meaning(word) for word in words) or bool(re.search(r"[|;&<>`]", text))


def shell_meaning(argument: str) -> str:
    """Return what only a shell would make of one argument (wildcard, variable, pipe, redirection), or nothing."""
    if argument in _OPERATORS:
        return _operator(argument)
    if _WILDCARD_PATH.fullmatch(argument) or _STAR_NAME.fullmatch(argument):
        return "the wildcard"
    if _REDIRECTED.fullmatch(argument):
        return "the redirection"
    if not re.search(r"\s", argument) and _VARIABLE.search(argument):
        return "the variable"
    if argument.startswith("`") and argument.endswith("`") and len(argument) > 1:
        return "the command substitution"
    return ""


def _operator(argument: str) -> str:
    if "<" in argument or ">" in argument:
        return "the redirection"
    return "the pipe" if argument == "|" else "the operator"


def is_shell(argument: str) -> bool:
    """Tell whether an executable is a shell."""
    return argument.rpartition("/")[2] in SHELLS


def argv_of(text: str) -> list[str]:
    """Return the cmd that runs a command line: its words, or a shell where it takes one."""
    line = text.strip()
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    if words and (is_shell(words[0]) or not needs_shell(line)):
        return words
    return ["sh", "-c", line]


def shell_line(arguments: list[str] | tuple[str, ...]) -> str:
    """Return the command line of arguments: those that a shell shall read as they are, the others quoted."""
    return " ".join(each if shell_meaning(each) else shlex.quote(each) for each in arguments)
