"""Random protobuf messages, from what their descriptors say."""

from random import Random
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.fuzz import values

_DEPTH_MAX = 6
_BY_NAME = {
    "url": values.URLS,
    "path": values.PATHS,
    "src": values.PATHS,
    "dst": values.PATHS,
    "glob": values.GLOBS,
    "pattern": values.GLOBS + values.PATTERNS,
    "schedule": values.TIMES,
    "cron_spec": values.TIMES,
    "rate_limit_spec": values.TIMES,
    "size": values.SIZES,
    "memory": values.SIZES,
    "id": values.IDS,
    "file_set_id": values.IDS,
    "job": values.IDS,
    "branch": values.BRANCHES,
    "repo": values.REPOS,
    "pipeline": values.PIPELINES,
    "project": ("default", "other", ""),
    "type": ("user", "spec", "meta", "", "nothing"),
    "directory": (values.SCRATCH,),
    "dockerfile": ("",),
}
_BY_MESSAGE = {
    "Repo.name": values.REPOS,
    "Branch.name": values.BRANCHES,
    "Pipeline.name": values.PIPELINES,
    "Project.name": ("default", "other", ""),
    # What a server writes or reads on its own machine stays where it can do no harm.
    "LocalDirectory.path": (values.SCRATCH,),
    "SQLDatabaseEgress.url": values.URLS,
}
# Commands run for real: nothing but these.
_PROGRAMS = (("true",), ("false",), ("sh", "-c", "exit 3"), ("no such program",), ())
_COMMANDS = {"cmd", "err_cmd", "datum_batching_cmd"}
_NO_TEXT = {"stdin", "err_stdin"}
_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.TYPE_SINT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.TYPE_SFIXED32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.TYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.TYPE_FIXED32: (0, (1 << 32) - 1),
    FieldDescriptor.TYPE_UINT64: (0, (1 << 64) - 1),
    FieldDescriptor.TYPE_FIXED64: (0, (1 << 64) - 1),
}


def random_message(random: Random, descriptor: Descriptor) -> Message:
    """Return a message of a type with some of its fields set."""
    message = GetMessageClass(descriptor)()
    _fill(random, message, depth=0)
    return message


def nested(random: Random, descriptor: Descriptor, depth: int) -> Message:
    """Return a message that holds messages of its own type, as far as it can."""
    message = here = GetMessageClass(descriptor)()
    for _ in range(depth):
        inner = [each for each in here.DESCRIPTOR.fields if each.message_type and not _is_map(each)]
        again = [each for each in inner if each.message_type is here.DESCRIPTOR] or inner
        if not again:
            break
        field = random.choice(again)
        value = getattr(here, field.name)
        here = value.add() if field.is_repeated else value
        if not field.is_repeated:
            here.SetInParent()
    return message


def mutated_bytes(random: Random, data: bytes) -> bytes:
    """Return bytes that may be no message any more, or hold text that is none."""
    changed = bytearray(data or b"\x0a\x01a")
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(changed) + 1)
        changed[at : at + random.randrange(3)] = random.choice([b"\xed\xa0\x80", b"\xff", b"\x80" * 12, b"", b"\x0b"])
    return bytes(changed)


def _fill(random: Random, message: Message, *, depth: int) -> None:
    chance = 0.6 if depth == 0 else 0.45 if depth < 3 else 0.2
    for field in message.DESCRIPTOR.fields:
        if random.random() > chance or (field.message_type and depth >= _DEPTH_MAX):
            continue
        if _is_map(field):
            _fill_map(random, message, field)
        elif field.name in _COMMANDS:
            getattr(message, field.name).extend(random.choice(_PROGRAMS))
        elif field.name in _NO_TEXT:
            continue
        elif field.is_repeated:
            for _ in range(random.choice([0, 1, 1, 2, 5])):
                _add(random, getattr(message, field.name), field, depth)
        elif field.message_type:
            inner = getattr(message, field.name)
            inner.SetInParent()
            _fill(random, inner, depth=depth + 1)
        else:
            setattr(message, field.name, _scalar(random, field))


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def _fill_map(random: Random, message: Message, field: FieldDescriptor) -> None:
    key_field, value_field = field.message_type.fields
    entries: Any = getattr(message, field.name)
    for _ in range(random.randrange(3)):
        key = _scalar(random, key_field)
        if value_field.message_type:
            _fill(random, entries[key], depth=_DEPTH_MAX - 1)
        else:
            entries[key] = _scalar(random, value_field)


def _add(random: Random, target: Any, field: FieldDescriptor, depth: int) -> None:
    if field.message_type:
        _fill(random, target.add(), depth=depth + 1)
    else:
        target.append(_scalar(random, field))


def _scalar(random: Random, field: FieldDescriptor) -> Any:
    kind = field.type
    if kind == FieldDescriptor.TYPE_STRING:
        return _text(random, field)
    if kind == FieldDescriptor.TYPE_BYTES:
        return values.text(random).encode()
    if kind == FieldDescriptor.TYPE_BOOL:
        return random.random() < 0.5
    if kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return random.choice(values.FLOATS)
    if kind == FieldDescriptor.TYPE_ENUM:
        known = [value.number for value in field.enum_type.values]
        return random.choice([*known, *known, 99, -1, (1 << 31) - 1])
    low, high = _RANGES.get(kind, (-(1 << 63), (1 << 63) - 1))
    return min(max(values.integer(random), low), high)


def _text(random: Random, field: FieldDescriptor) -> str:
    if (choices := _BY_MESSAGE.get(f"{field.containing_type.name}.{field.name}")) is not None:
        return random.choice(choices)
    choices = _BY_NAME.get(field.name.lower())
    if field.name.lower() in ("url", "directory", "dockerfile"):
        return random.choice(choices or values.URLS)
    return random.choice(choices) if choices and random.random() < 0.8 else values.text(random)
