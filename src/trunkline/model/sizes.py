"""Amounts of bytes as people write them: ``512Mi``, ``2G`` as Kubernetes takes them, ``100MB``, ``2 GiB`` elsewhere."""

import re

SIZE_BYTES_MAX = 2**63 - 1
_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E|m|[eE][+-]?\d{1,2})?", re.ASCII)
_HUMAN = re.compile(r"(\d+(?:\.\d*)?)\s*([kmgtpe]?)(i?)b?(?:ytes?)?", re.IGNORECASE | re.ASCII)
_FACTORS = {"": 1.0, "m": 1e-3} | {
    unit + suffix: float(base**power)
    for base, suffix, units in ((1000, "", "kMGTPE"), (1024, "i", "KMGTPE"))
    for power, unit in enumerate(units, start=1)
}


def parse_quantity(text: str) -> int:
    """Return the bytes that a Kubernetes quantity says, rounded up, or raise ValueError."""
    if not (match := _QUANTITY.fullmatch(text)):
        raise ValueError(f"{text[:100]!r} is not an amount such as 512Mi or 2G")
    number, unit = float(match.group(1)), match.group(2) or ""
    factor = _FACTORS[unit] if unit in _FACTORS else 10.0 ** int(unit[1:])
    if number * factor >= SIZE_BYTES_MAX:
        raise ValueError(f"{text[:100]!r} is more than any machine holds")
    return -int(-number * factor // 1)


def nearest_quantity(text: str) -> str | None:
    """Return the quantity that text most likely means (``512MB`` is ``512M``), or None."""
    match = _HUMAN.fullmatch(text.strip())
    if not match:
        return None
    number, unit, binary = match.groups()
    if not unit:
        return str(number)
    return f"{number}{unit.upper() if binary or unit.lower() != 'k' else 'k'}{binary.lower()}"


def parse_size(text: str) -> int:
    """Return the bytes that a person means: ``1K`` and ``1KB`` are 1000, ``1Ki`` is 1024; or raise ValueError."""
    nearest = nearest_quantity(text)
    if nearest is None:
        raise ValueError(f"{text[:100]!r} is not a number and a unit, such as 100MB or 2GiB")
    return parse_quantity(nearest)
