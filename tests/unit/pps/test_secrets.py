"""Manifests of secrets, and what of a secret can be printed."""

import base64
import json

import pytest

from trunkline.errors import InvalidInputError
from trunkline.model.datums import SecretValues
from trunkline.pps.secrets import read_manifest


def manifest(**fields: object) -> bytes:
    return json.dumps({"kind": "Secret", "metadata": {"name": "s"}, **fields}).encode()


def test_a_manifest_gives_values_in_base64_and_as_text_the_text_first() -> None:
    data = {"a": base64.b64encode(b"\x00binary").decode(), "b": base64.b64encode(b"old").decode()}

    read = read_manifest(manifest(data=data, stringData={"b": "new"}, type="kubernetes.io/tls"))

    assert (read.name, read.type, read.data) == ("s", "kubernetes.io/tls", {"a": b"\x00binary", "b": b"new"})


@pytest.mark.parametrize("key", ["../x", "a/b", "", ".", ".."])
def test_a_key_that_would_leave_its_directory_is_refused(key: str) -> None:
    with pytest.raises(InvalidInputError):
        read_manifest(manifest(stringData={key: "x"}))


def test_values_are_not_printed() -> None:
    read = read_manifest(manifest(stringData={"k": "hidden"}))

    assert "hidden" not in repr(read)
    assert "hidden" not in repr(SecretValues({"K": "hidden"}, {"/d": {"k": b"hidden"}}))


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        (b'{"kind": "Secret"}', "and 'metadata' is missing"),
        (b'{"kind": "Secret", "metadata": {}}', "and 'name' is missing"),
        (manifest(data={"password": "plain hidden"}), "data.password is not in base64"),
        (b"[]", "must be a Kubernetes Secret in JSON"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_said_without_its_values(text: bytes, phrase: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_manifest(text)

    assert phrase in str(refused.value)
    assert "hidden" not in str(refused.value)
