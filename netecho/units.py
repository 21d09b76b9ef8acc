"""Times, sizes and rates as people write them, to exact integers and back.

Times are integer nanoseconds, sizes bytes, a rate is the exact time between two sends. Nothing here is a float on its
way in: `0.1s` is 100000000 ns and not something near it.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from netecho.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
MICROSECOND = 1_000
"""Nanoseconds."""

TIME_UNITS: dict[str, int] = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5 MICRO SIGN
    "μs": 1_000,  # U+03BC GREEK SMALL LETTER MU, which is what NFKC makes of it
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
SIZE_UNITS: dict[str, int] = {"": 1, "k": 1024, "K": 1024, "M": 1024 * 1024}
FILE_UNITS: dict[str, int] = {"M": 1024**2, "G": 1024**3}
LONGEST_TIME = 8760 * TIME_UNITS["h"]
MOST_SIZES = 100

# Bounded, because int() refuses to convert thousands of digits with an error of its own.
_NUMBER = re.compile(r"([0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})([^0-9.]*)")
_TIME_HINT = "a number with ns, us, ms, s, m or h, in seconds without one: 200ms"
_SIZE_HINT = "a number of bytes, with k or M for powers of 1024: 64"
_FILE_HINT = "a number with M or G, for powers of 1024: 2G"
_SIZES_HINT = "from..to:step sweeps: 64..1400:64"
_RATE_HINT = "a number of probes per second: 50"


def parse_time(text: str) -> int:
    """Read the nanoseconds of a time such as `1.5s`, `200us` or `2` (seconds). Raises UsageError."""
    number, unit = _split(text, "a time", _TIME_HINT)
    factor = TIME_UNITS.get(unit or "s")
    if factor is None:
        raise UsageError(f"{unit!r} in {text!r} is not a unit of time", _TIME_HINT)
    value = number * factor
    if value.denominator != 1:
        raise UsageError(f"{text!r} is finer than a nanosecond", _TIME_HINT)
    if value > LONGEST_TIME:
        raise UsageError(f"{text!r} is longer than a year", _TIME_HINT)
    return int(value)


def parse_size(text: str) -> int:
    """Read the bytes of a size such as `64`, `1.5k` or `2M`. Raises UsageError."""
    return _size(text, SIZE_UNITS, _SIZE_HINT)


def parse_file_size(text: str) -> int:
    """Read the bytes of a file's size such as `500M` or `2G`. Raises UsageError."""
    return _size(text, FILE_UNITS, _FILE_HINT)


def _size(text: str, units: Mapping[str, int], hint: str) -> int:
    number, unit = _split(text, "a size", hint)
    factor = units.get(unit)
    if factor is None:
        raise UsageError(f"{unit!r} in {text!r} is not a unit of size" if unit else f"{text!r} has no unit", hint)
    value = number * factor
    if value.denominator != 1:
        raise UsageError(f"{text!r} is not a whole number of bytes", hint)
    return int(value)


def parse_sizes(text: str) -> tuple[int, ...]:
    """Read one size, or a sweep `from..to:step` with `to` in it where the steps meet it. Raises UsageError."""
    first, dots, rest = text.partition("..")
    if not dots:
        return (parse_size(text),)
    last, colon, step = rest.partition(":")
    start, stop = parse_size(first), parse_size(last)
    if not colon:
        right = max(1, (stop - start) // 10)
        raise UsageError(f"no step in the sweep {text!r}", f"after a colon: {first}..{last}:{right}")
    stride = parse_size(step)
    if stride == 0:
        raise UsageError(f"step {step!r} of the sweep {text!r} leads nowhere", _SIZES_HINT)
    if stop < start:
        raise UsageError(f"the sweep {text!r} ends before it begins", f"{last}..{first}:{step}")
    number = (stop - start) // stride + 1
    if number > MOST_SIZES:
        raise UsageError(
            f"the sweep {text!r} has {number} sizes, more than {MOST_SIZES}",
            f"a wider step: {first}..{last}:{-(-(stop - start) // (MOST_SIZES - 1))}",
        )
    return tuple(range(start, stop + 1, stride))


def parse_rate(text: str) -> Fraction:
    """Read a rate per second such as `1000` as the exact nanoseconds between sends. Raises UsageError."""
    number, unit = _split(text, "a rate", _RATE_HINT)
    if unit:
        raise UsageError(f"{unit!r} in {text!r}: a rate is a bare number", _RATE_HINT)
    if number == 0:
        raise UsageError("a rate of 0 sends nothing", _RATE_HINT)
    interval = SECOND / number
    if interval > LONGEST_TIME:
        raise UsageError(f"rate {text!r} is less than one probe a year", _RATE_HINT)
    return interval


def format_time(nanoseconds: float) -> str:
    """Print milliseconds to the microsecond, as all figures are shown: `1.234 ms`."""
    microseconds, sign = round(Fraction(abs(nanoseconds)) / 1000), "-" if nanoseconds < 0 else ""
    return f"{sign if microseconds else ''}{microseconds // 1000}.{microseconds % 1000:03} ms"


def spell_time(nanoseconds: int) -> str:
    """Print a time as one would type it, exact and short: `1.5s`, `200ms`; `parse_time` gives it back."""
    unit = next((u for u in ("s", "ms", "us") if nanoseconds >= TIME_UNITS[u]), "ns" if nanoseconds else "s")
    whole, rest = divmod(nanoseconds, TIME_UNITS[unit])
    digits = len(str(TIME_UNITS[unit])) - 1
    fraction = f".{rest:0{digits}}".rstrip("0") if rest else ""
    return f"{whole}{fraction}{unit}"


def _split(text: str, what: str, hint: str) -> tuple[Fraction, str]:
    """Part the number from what stands after it."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        if text.startswith("-") and _NUMBER.fullmatch(text[1:]):
            raise UsageError(f"{text!r} is below 0", hint)
        raise UsageError(f"{text!r} is not {what}", hint)
    return Fraction(match[1]), match[2]
