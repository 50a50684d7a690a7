"""Amounts of memory and disk as specs write them: ``512Mi``, ``2G``, ``1.5Gi``."""

import re

_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E|m|[eE][+-]?\d{1,2})?", re.ASCII)
_FACTORS = {"": 1.0, "m": 1e-3} | {
    unit + suffix: float(base**power)
    for base, suffix, units in ((1000, "", "kMGTPE"), (1024, "i", "KMGTPE"))
    for power, unit in enumerate(units, start=1)
}


def parse_quantity(text: str) -> int:
    """Return the bytes that text says, rounded up, or raise ValueError."""
    if not (match := _QUANTITY.fullmatch(text)):
        raise ValueError(f"{text!r} is not an amount such as 512Mi or 2G")
    number, unit = float(match.group(1)), match.group(2) or ""
    factor = _FACTORS[unit] if unit in _FACTORS else 10.0 ** int(unit[1:])
    return -int(-number * factor // 1)


def nearest_quantity(text: str) -> str | None:
    """Return the amount that text most likely means (``512MB`` is ``512M``), or None."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([kmgtpe])?(i?)b?(?:ytes?)?\s*", text.lower())
    if not match:
        return None
    number, unit, binary = match.groups()
    if not unit:
        return number
    return number + (unit.upper() if binary or unit != "k" else unit) + binary
