"""The configuration file that clients of the field share: contexts, each an address and a project.

What this program does not know in a file is kept when the file is written again.
"""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trunkline.errors import InvalidInputError, NotFoundError
from trunkline.model.ids import new_id
from trunkline.model.names import DEFAULT_PROJECT

IN_WORKER_PATH = Path("/pachctl/config.json")
DEFAULT_CONTEXT = "default"
# Where clients look that are told of no port. Written again: every command loads this module, and few an address.
_PORT_UNSAID = 30650
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


@dataclass(frozen=True, slots=True)
class Context:
    """One server as clients see it. Without an address it is the local server, which starts on demand."""

    pachd_address: str = ""
    project: str = ""
    session_token: str = ""
    active_transaction: str = ""
    cluster_deployment_id: str = ""
    server_cas: str = ""
    source: int = 0
    other: Mapping[str, Any] = field(default_factory=dict)
    """Fields that only other programs use, such as ``namespace``."""

    @property
    def is_local(self) -> bool:
        """Whether it means the local server: it has no address, nor was it made for a cluster."""
        return not (self.pachd_address or any(self.other.get(name) for name in _CLUSTER_FIELDS))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Context":
        """Return the context that one entry of ``contexts`` describes."""
        known: dict[str, Any] = {}
        other: dict[str, Any] = {}
        for key, value in data.items():
            (known if _snake(key) in _CONTEXT_FIELDS else other)[_snake(key)] = value
        if not all(isinstance(value, str) for key, value in known.items() if key != "source"):
            raise InvalidInputError(f"a context's {', '.join(sorted(known))} must be strings")
        source = known.get("source")
        return cls(**known | {"source": source if isinstance(source, int) else 0}, other=other)

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``contexts`` for this context; empty values are left out."""
        known = {name: getattr(self, name) for name in _CONTEXT_FIELDS}
        return {key: value for key, value in {**known, **self.other}.items() if value}


_CONTEXT_FIELDS = (
    "source",
    "pachd_address",
    "server_cas",
    "session_token",
    "active_transaction",
    "cluster_deployment_id",
    "project",
)
_CLUSTER_FIELDS = ("cluster_name", "auth_info", "namespace")


@dataclass(frozen=True, slots=True)
class Config:
    """What one configuration file says. Values: changing one means writing another."""

    contexts: Mapping[str, Context]
    active_context: str = DEFAULT_CONTEXT
    metrics: bool = True
    user_id: str = ""
    other: Mapping[str, Any] = field(default_factory=dict)

    def context(self, name: str = "") -> tuple[str, Context]:
        """Return name and context: the named one, else that of ``PACH_CONTEXT``, else the active one."""
        name = name or os.environ.get("PACH_CONTEXT", "") or self.active_context
        if name not in self.contexts:
            raise NotFoundError(f"context {name!r} does not exist; `pachctl config list context` shows those that do")
        return name, self.contexts[name]

    def with_local_port(self, port: int) -> "Config":
        """Return this configuration with the port of the local server in every context that means that server.

        It stands where clients of the field look for the port of a server that has no address.
        """

        def told(context: Context) -> Context:
            forwarded = context.other.get("port_forwarders") or {}
            known = forwarded.get("pachd", _PORT_UNSAID) if isinstance(forwarded, dict) else None
            if not context.is_local or known == port or not isinstance(forwarded, dict):
                return context
            return replace(context, other={**context.other, "port_forwarders": {**forwarded, "pachd": port}})

        return replace(self, contexts={name: told(context) for name, context in self.contexts.items()})

    def with_context(self, name: str, context: Context) -> "Config":
        """Return this configuration with one context added or replaced."""
        return replace(self, contexts={**self.contexts, name: context})

    def without_context(self, name: str) -> "Config":
        """Return this configuration without the named context."""
        return replace(self, contexts={key: value for key, value in self.contexts.items() if key != name})


def config_path() -> Path:
    """Return the file in use: ``$PACH_CONFIG``, else the one inside workers, else the one of the user."""
    if path := os.environ.get("PACH_CONFIG"):
        return Path(path)
    return IN_WORKER_PATH if IN_WORKER_PATH.exists() else Path.home() / ".pachyderm" / "config.json"


def read_config(path: Path | None = None) -> Config:
    """Return what the file says; a missing file is created, with one context that means the local server.

    Where it cannot be created, in a home without rights for example, the same holds without a file.
    """
    path = path or config_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        config = Config(contexts={DEFAULT_CONTEXT: Context(project=DEFAULT_PROJECT)}, user_id=new_id())
        with suppress(InvalidInputError):
            write_config(config, path)
        return config
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"cannot read the configuration {path}: {_reason(error)}") from None
    return _decode(_parse(text, path), path)


def tell_local_port(port: int) -> None:
    """Write the port of the local server into the configuration, for clients that know of no home directory.

    Where the file cannot be written, or read, nothing happens: we find the server without it.
    """
    with suppress(InvalidInputError):
        config = read_config()
        told = config.with_local_port(port)
        if told != config:
            write_config(told)


def write_config(config: Config, path: Path | None = None) -> None:
    """Replace the file at once; only its owner may read it, since it may hold a session token."""
    path = path or config_path()
    contexts = {name: context.to_json() for name, context in config.contexts.items()}
    v2 = {**config.other, "active_context": config.active_context, "metrics": config.metrics, "contexts": contexts}
    text = json.dumps({"user_id": config.user_id or new_id(), "v2": v2}, indent=2) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
        Path(file.name).replace(path)
    except OSError as error:
        raise InvalidInputError(
            f"cannot write the configuration {path}: {_reason(error)}; PACH_CONFIG can name another file"
        ) from None


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _parse(text: str, path: Path) -> object:
    try:
        data: object = json.loads(text)
    except ValueError:
        # Other programs accept YAML here. It is loaded late since it is rare.
        import yaml  # noqa: PLC0415

        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise InvalidInputError(f"the configuration {path} is neither JSON nor YAML: {reason}") from None
    return data


def _decode(data: object, path: Path) -> Config:
    top = _snake_keys(data, path)
    v2 = _snake_keys(top.get("v2") or {}, path)
    entries = v2.pop("contexts", None) or {}
    if not isinstance(entries, dict):
        raise InvalidInputError(f"the configuration {path} must hold an object at v2.contexts")
    contexts = {str(name): Context.from_json(_snake_keys(entry or {}, path)) for name, entry in entries.items()}
    return Config(
        contexts=contexts or {DEFAULT_CONTEXT: Context(project=DEFAULT_PROJECT)},
        active_context=str(v2.pop("active_context", "") or DEFAULT_CONTEXT),
        metrics=bool(v2.pop("metrics", True)),
        user_id=str(top.get("user_id", "")),
        other=v2,
    )


def _snake_keys(data: object, path: Path) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InvalidInputError(f"the configuration {path} must hold an object where it has {data!r}")
    return {_snake(str(key)): value for key, value in data.items()}


def _snake(name: str) -> str:
    return _CAPITAL.sub(lambda match: "_" + match.group().lower(), name)
