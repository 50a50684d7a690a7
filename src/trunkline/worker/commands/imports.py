"""Which modules a Python script imports, read from its source without running it."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path


def scan_imports(source: bytes, script_dir: Path) -> tuple[str, ...]:
    """Return what the script imports at its top level, in order and once each; nothing if it does not parse.

    ``module`` stands for ``import module``, ``module:name`` for ``from module import name``. Modules beside the script
    are left out: they are the user's code, which only a run may execute.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    found = dict.fromkeys(_imports(tree.body))
    return tuple(name for name in found if not _is_beside(name, script_dir))


def _imports(body: Sequence[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield from (f"{statement.module}:{alias.name}" for alias in statement.names)
        elif isinstance(statement, ast.If) and not _is_type_checking(statement.test):
            yield from _imports([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Try | ast.TryStar):
            yield from _imports(statement.body)
            for handler in statement.handlers:
                yield from _imports(handler.body)
            yield from _imports([*statement.orelse, *statement.finalbody])
        elif isinstance(statement, ast.With):
            yield from _imports(statement.body)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


def _is_beside(name: str, script_dir: Path) -> bool:
    top = name.partition(":")[0].partition(".")[0]
    return (script_dir / f"{top}.py").exists() or (script_dir / top).is_dir()
