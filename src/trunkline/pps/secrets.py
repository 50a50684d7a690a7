"""Secrets: values that user code gets and that are shown nowhere. Kept encrypted; the key lies in a file of its own."""

import base64
import binascii
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trunkline.errors import AlreadyExistsError, CorruptDataError, InvalidInputError, NotFoundError
from trunkline.model.datums import SecretValues
from trunkline.model.json_text import load_json
from trunkline.model.pipelines import SecretMount
from trunkline.pfs.versioning import Versioning
from trunkline.pps.queries import secrets
from trunkline.pps.queries.secrets import SecretRow

_NONCE_BYTES = 12
_TYPE = "Opaque"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says."""

    name: str
    type: str
    data: dict[str, bytes] = field(repr=False)


def read_manifest(file: bytes) -> Manifest:
    """Return the secret that a Kubernetes manifest in JSON says; raise InvalidInputError if it is none."""
    try:
        document = load_json(file)
        if document["kind"] != "Secret":
            raise InvalidInputError(f"the manifest is of kind {document['kind']!r}, and must be of kind Secret")
        name = document["metadata"]["name"]
        data = {key: _from_base64(key, text) for key, text in (document.get("data") or {}).items()}
        data |= {key: str(text).encode() for key, text in (document.get("stringData") or {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Not the error's own words: they may quote what is to stay secret. The key that was missing is one of ours.
        missing = f", and {error} is missing" if isinstance(error, KeyError) else ""
        raise InvalidInputError(
            "the manifest must be a Kubernetes Secret in JSON, with kind, metadata.name, and data in base64 or "
            f"stringData{missing}"
        ) from None
    if not isinstance(name, str) or not name or any("/" in key or key in ("", ".", "..") for key in data):
        raise InvalidInputError("a secret needs a name, and its keys must be names of files")
    return Manifest(name, str(document.get("type") or _TYPE), data)


def _from_base64(key: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise InvalidInputError(f"data.{key} is not in base64: put plain text into stringData instead") from None


class Secrets:
    """The secrets of a server."""

    def __init__(self, versioning: Versioning, key: bytes) -> None:
        self._versioning = versioning
        self._cipher = AESGCM(key)

    def create(self, manifest: Manifest) -> None:
        """Keep a secret; raise AlreadyExistsError if there is one of that name."""
        with self._versioning.transaction() as tx:
            if secrets.find_secret(tx.connection, manifest.name) is not None:
                raise AlreadyExistsError(f'secret "{manifest.name}" already exists: delete it first')
            row = SecretRow(manifest.name, manifest.type, tx.now, self._seal(manifest.name, manifest.data))
            secrets.insert_secret(tx.connection, row)

    def find(self, name: str) -> SecretRow:
        """Return the secret, sealed, or raise NotFoundError."""
        with self._versioning.reading() as tx:
            row = secrets.find_secret(tx.connection, name)
        if row is None:
            raise NotFoundError(f'secret "{name}" not found')
        return row

    def list(self) -> list[SecretRow]:
        """Return all secrets, sealed, by name."""
        with self._versioning.reading() as tx:
            return secrets.list_secrets(tx.connection)

    def delete(self, name: str) -> None:
        """Forget a secret; raise NotFoundError if there is none."""
        with self._versioning.transaction() as tx:
            if not secrets.delete_secret(tx.connection, name):
                raise NotFoundError(f'secret "{name}" not found')

    def values(self, name: str) -> dict[str, bytes]:
        """Return what a secret holds, by key."""
        row = self.find(name)
        nonce, sealed = row.sealed[:_NONCE_BYTES], row.sealed[_NONCE_BYTES:]
        try:
            opened: dict[str, Any] = json.loads(self._cipher.decrypt(nonce, sealed, name.encode()))
        except InvalidTag:
            raise CorruptDataError(f'secret "{name}" cannot be read with the key of this state directory') from None
        return {key: base64.b64decode(text) for key, text in opened.items()}

    def value(self, name: str, key: str) -> str:
        """Return one value as text, or raise NotFoundError."""
        values = self.values(name)
        if key not in values:
            raise NotFoundError(f'secret "{name}" has no key {key!r}')
        return values[key].decode(errors="surrogateescape")

    def mounted(self, mounts: Iterable[SecretMount]) -> SecretValues:
        """Return what user code gets of the secrets that its transform names; raise NotFoundError if one is missing."""
        env: dict[str, str] = {}
        files: dict[str, dict[str, bytes]] = {}
        for mount in mounts:
            values = self.values(mount.name)
            if mount.env_var:
                env[mount.env_var] = self.value(mount.name, mount.key)
            if mount.mount_path:
                wanted = {mount.key: values[mount.key]} if mount.key in values and not mount.env_var else values
                files.setdefault(mount.mount_path.rstrip("/"), {}).update(wanted)
        return SecretValues(env, files)

    def _seal(self, name: str, data: dict[str, bytes]) -> bytes:
        text = json.dumps({key: base64.b64encode(value).decode() for key, value in data.items()})
        nonce = os.urandom(_NONCE_BYTES)
        # The name is sealed with it: a row cannot pass for another one.
        return nonce + self._cipher.encrypt(nonce, text.encode(), name.encode())
