"""The times of a STAMP packet: two formats of an instant, and how wrong the clock behind it may be.

Instants are nanoseconds since 1970 on our side. On the wire they are 64 bits wide: NTP (RFC 5905 section 6, seconds
since 1900 and a binary fraction) or PTP truncated (IEEE 1588-2008, seconds and nanoseconds), and the Error Estimate
beside them says which. Both wrap: which 2**32 seconds are meant is decided by an instant that is known to be near.
"""

from __future__ import annotations

from typing import NamedTuple

from netecho.units import SECOND

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 868)."""

PTP_FORMAT = 0x4000
"""The Z bit of an Error Estimate."""

_ERA = 1 << 32
_MASK_32 = _ERA - 1
_MASK_64 = (1 << 64) - 1
_HIGHEST_SCALE = 63


def to_ntp(instant: int) -> int:
    """Return an instant in NTP's 64-bit format: 32 bits of seconds, 32 of their fraction."""
    return ((instant << 32) // SECOND + (NTP_EPOCH << 32)) & _MASK_64


def from_ntp(stamp: int, near: int) -> int:
    """Return the instant of an NTP timestamp, in the era that puts it within 68 years of `near`."""
    seconds = _unwrapped((stamp >> 32) - NTP_EPOCH, near)
    # Rounded, so that every nanosecond survives the way there and back: the fraction's step is 0.23 ns.
    return seconds * SECOND + (((stamp & _MASK_32) * SECOND + (1 << 31)) >> 32)


def to_ptp(instant: int) -> int:
    """Return an instant in PTP's truncated 64-bit format: 32 bits of seconds, 32 of nanoseconds."""
    seconds, nanoseconds = divmod(instant, SECOND)
    return (seconds & _MASK_32) << 32 | nanoseconds


def from_ptp(stamp: int, near: int) -> int:
    """Return the instant of a PTP timestamp, in the era that puts it within 68 years of `near`."""
    return _unwrapped(stamp >> 32, near) * SECOND + (stamp & _MASK_32)


def to_wire(instant: int, *, ptp: bool = False) -> int:
    """Return an instant in the format that an Error Estimate with this Z bit announces."""
    return to_ptp(instant) if ptp else to_ntp(instant)


def from_wire(stamp: int, near: int, *, ptp: bool = False) -> int:
    """Return the instant of a timestamp whose Error Estimate has this Z bit."""
    return from_ptp(stamp, near) if ptp else from_ntp(stamp, near)


def _unwrapped(seconds: int, near: int) -> int:
    close = near // SECOND
    return close + (seconds - close + _ERA // 2) % _ERA - _ERA // 2


class ErrorEstimate(NamedTuple):
    """How exact the timestamps are: 16 bits, S Z Scale(6) Multiplier(8) (RFC 4656 section 4.1.2, RFC 8186)."""

    synchronised: bool
    """S: the clock follows an external source of UTC."""
    ptp: bool
    """Z: the timestamps are in PTP's truncated format, not in NTP's."""
    scale: int
    multiplier: int

    @property
    def error(self) -> int | None:
        """The largest error claimed, nanoseconds, rounded up; None where the multiplier is 0, which says nothing."""
        if not self.multiplier:
            return None
        return -((-self.multiplier * SECOND << self.scale) >> 32)

    def encode(self) -> int:
        """Return the 16 bits."""
        return self.synchronised << 15 | self.ptp << 14 | self.scale << 8 | self.multiplier

    @classmethod
    def decode(cls, bits: int) -> ErrorEstimate:
        """Read 16 bits; every value has a meaning."""
        return cls(bool(bits & 0x8000), bool(bits & PTP_FORMAT), bits >> 8 & 0x3F, bits & 0xFF)

    @classmethod
    def of(cls, error: int, *, synchronised: bool, ptp: bool = False) -> ErrorEstimate:
        """Return the smallest estimate that is not below `error` (nanoseconds); the multiplier is never 0."""
        units = max(1, -(-(error << 32) // SECOND))
        scale = max(0, units.bit_length() - 8)
        multiplier = -(-units >> scale)
        if multiplier > 0xFF:  # rounding up reached the next power of two
            scale, multiplier = scale + 1, multiplier + 1 >> 1
        if scale > _HIGHEST_SCALE:
            scale, multiplier = _HIGHEST_SCALE, 0xFF
        return cls(synchronised, ptp, scale, multiplier)
