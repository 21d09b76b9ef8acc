"""Figures in words: the one place that decides how a time, a share or a number of things reads."""

from __future__ import annotations

from datetime import UTC, datetime

from netecho.units import MILLISECOND, SECOND

_RATES = (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0))


def ms(value: float | None) -> str:
    """Return a time in a table, in milliseconds to the microsecond; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


def time(value: float) -> str:
    """Return a time in a sentence, from milliseconds, to three digits or so: 0.123 ms, 12.3 ms, 450 ms, 2.5 s."""
    if value >= 1000:
        return f"{float(f'{value / 1000:.3g}'):g} s"
    if value < 1:
        return f"{value:.3f} ms" if value else "0 ms"
    return f"{float(f'{value:.3g}'):g} ms"


def span(value: float) -> str:
    """Return how long something took, from milliseconds: 0.31 s, 12.5 s, 4 min 10 s, 3 h 05 min."""
    seconds = value / 1000
    if seconds < 9.995:  # so that what is rounded up does not gain a digit
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def percent(part: int, whole: int) -> str:
    """Return a share that says 0% only for nothing and 100% only for all."""
    if not whole or not part:
        return "0%"
    share = 100 * part / whole
    if part < whole and share > 99.9:
        return "over 99.9%"
    return f"{share:.3g}%" if share >= 0.001 else "under 0.001%"


def many(count: int, thing: str, things: str | None = None) -> str:
    """Return a number of things: 1 probe, 2 probes, 1,000 probes."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def clock(nanoseconds: int) -> str:
    """Return the local time of day to the millisecond, from wall clock since 1970."""
    moment = datetime.fromtimestamp(nanoseconds // SECOND, UTC).astimezone()
    return f"{moment:%H:%M:%S}.{nanoseconds % SECOND // MILLISECOND:03d}"


def reason_words(reason: str) -> str:
    """Return why a probe was lost, from the word that rows and documents have for it."""
    return {"tls_alert": "TLS alert", "icmp_unreachable": "ICMP unreachable", "icmp_ttl": "ICMP TTL exceeded"}.get(
        reason, reason.replace("_", " ")
    )


def quantity(count: float) -> str:
    """Return a number in three digits or so, where many of them stand in a table: 950, 12.3k, 1.2M."""
    for unit in ("", "k", "M", "G"):
        if round(count) < 1000 or unit == "G":
            break
        count /= 1000
    return f"{count:.0f}{unit}" if not unit or count >= 100 else f"{count:.1f}{unit}"


def rate(value: float) -> str:
    """Return bits a second in three digits or so, by powers of 1000: 9.56 Mbit/s."""
    unit, scale = next((each for each in _RATES if value >= each[1]), _RATES[-1])
    return f"{value / scale:.3g} {unit}bit/s"


def size(count: float) -> str:
    """Return a number of bytes in three digits or so, by powers of 1024: 950 B, 12.3 KiB, 1.2 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if round(count) < 1000 or unit == "TiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
