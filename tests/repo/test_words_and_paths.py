"""What the documents name is there: paths in ARCHITECTURE, words of the glossary in the program."""

import re
from pathlib import Path

import trunkline.model
from trunkline.cli.catalogue import COMMANDS
from trunkline.cli.grammar import Entry, Verb

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "trunkline"
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
GLOSSARY = ROOT / "docs" / "glossary.md"
STATE = {"objects/packs", "objects/tables", "objects/logs"}
"""What the table of the state directory names; no file of the source."""
NOT_OURS = {"cluster", "context", "status", "all", "garbage", "cron", "shell", "transaction", "task", "defaults"}
"""Nouns of commands that mean what they mean elsewhere, or are told where they stand."""


def exists(name: str) -> bool:
    """Whether a file or package of that name is in the repository: ``pps/datums/plan``, ``docs/glossary.md``."""
    name = name.removesuffix("/")
    places = [ROOT / name, PACKAGE / name, PACKAGE / f"{name}.py"]
    return any(place.exists() for place in places) or any(ROOT.glob(f"{name}-*.md"))


def test_paths_named_in_the_architecture_exist() -> None:
    named = {name.rpartition("::")[0] or name for name in re.findall(r"`([\w./]+/[\w./]*)`", ARCHITECTURE.read_text())}
    paths = {name for name in named if not name.startswith("/") and name not in STATE}

    assert len(paths) > 20
    assert sorted(name for name in paths if not exists(name) and not is_attribute(name)) == []


def is_attribute(name: str) -> bool:
    """Whether the last part is a name in the module before it, as in ``pfs/versioning.write_layer``."""
    module, _, attribute = name.rpartition(".")
    source = PACKAGE / f"{module}.py"
    return source.exists() and re.search(rf"\b(def|class) {attribute}\b", source.read_text()) is not None


def words() -> set[str]:
    """Return the words that the glossary explains."""
    rows = re.findall(r"^\| ([^|]+) \|", GLOSSARY.read_text(), re.MULTILINE)[1:]
    return {word.strip().lower() for row in rows for word in row.split(",")}


def test_the_nouns_of_the_commands_are_in_the_glossary() -> None:
    nouns = {
        noun.removesuffix("V2")
        for verb, entry in COMMANDS.items()
        if isinstance(entry, Verb) and verb not in {"config", "debug", "auth", "enterprise", "completion"}
        for noun, command in entry.nouns.items()
        if isinstance(command, Entry) and not noun.endswith("load-test")
    }

    assert sorted(nouns - NOT_OURS - words()) == []


def test_the_values_of_the_model_are_called_as_the_glossary_calls_them() -> None:
    source = Path(trunkline.model.__file__).parent
    classes = {
        name
        for module in ("versions", "datums", "jobs", "residents")
        for name in re.findall(r"^class (\w+)", (source / f"{module}.py").read_text(), re.MULTILINE)
    }
    known = words()

    assert sorted(name for name in classes - {"AtWork"} if not any(word in spoken(name) for word in known)) == []


def spoken(name: str) -> str:
    """Return ``DatumSet`` as it is said: datum set."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def test_each_word_is_explained_once_and_used() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", GLOSSARY.read_text(), re.MULTILINE)[1:]
    everything = "\n".join(path.read_text().lower() for path in (ROOT / "src").rglob("*.py"))

    assert len(rows) == len(set(rows))
    assert (
        sorted(word for word in words() if word.replace(" ", "") not in everything.replace(" ", "").replace("_", ""))
        == []
    )
