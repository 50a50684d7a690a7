"""Whether a Python script may change what a later run in the same process finds, as far as its source tells.

Errs on the side of yes: a script that is suspected without cause runs in a process of its own, as it would have anyway.
"""

import ast
import re
from collections.abc import Iterator, Mapping

_SETTERS = re.compile(
    r"set[_A-Z]|seterr|setlocale|use$|seed|manual_seed|(un)?register|install|enable|disable|config|option"
    r"|init|reset|add_|patch|basicConfig|append$|insert$|extend$|update$|clear$|pop$|remove$"
)
_RESTORED = (
    "os.environ",
    "sys.argv",
    "sys.path",
    "sys.stdin",
    "sys.stdout",
    "sys.stderr",
    "random.seed",
    "numpy.random.seed",
)
"""What is made anew for each run."""
_UNREADABLE = frozenset({"exec", "eval", "compile", "__import__", "globals", "vars", "setattr", "delattr"})


def may_leave_traces(source: bytes) -> bool:
    """Whether the script sets something in a module that it imports, or does what cannot be told from its source."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return True
    imported = dict(_imports(tree))
    return any(_is_suspect(node, imported) for node in ast.walk(tree))


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the names that imports bind, anywhere in the script, and what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _is_suspect(node: ast.AST, imported: Mapping[str, str]) -> bool:
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in _UNREADABLE:
            return True
        name = _name(node.func, imported)
        return bool(name and _SETTERS.match(name.rpartition(".")[2])) and not name.startswith(_RESTORED)
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        name = _name(node, imported)
        return bool(name) and not name.startswith(_RESTORED)
    return False


def _name(node: ast.expr, imported: Mapping[str, str]) -> str:
    """Return the dotted name of something that was imported, "" for all else."""
    if isinstance(node, ast.Name):
        return imported.get(node.id, "")
    if isinstance(node, ast.Subscript):
        return _name(node.value, imported)
    if isinstance(node, ast.Attribute) and (base := _name(node.value, imported)):
        return f"{base}.{node.attr}"
    return ""
