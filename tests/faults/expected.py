"""What `netecho diagnose` has to find of each fault: by the stable codes of its findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["forward", "backward"]


@dataclass(frozen=True, slots=True)
class Expected:
    """A fault is found by a finding with one of `codes`; a finding with one of `also` follows from it and is true."""

    codes: frozenset[str]
    direction: Direction | None = None
    also: frozenset[str] = frozenset()


def _found(codes: str, direction: Direction | None = None, also: str = "") -> Expected:
    return Expected(frozenset(codes.split()), direction, frozenset(also.split()))


EXPECTED: dict[str, Expected] = {
    "busy": _found(""),
    "loss-forward": _found("loss", "forward"),
    "loss-backward": _found("loss", "backward"),
    "loss-large": _found("loss-by-size", "forward", also="loss"),
    "loss-bursts": _found("loss-bursts loss", "backward"),
    "mtu": _found("mtu-reduced"),
    "black-hole-forward": _found("mtu-black-hole", "forward"),
    "black-hole-backward": _found("mtu-black-hole", "backward"),
    "length-forward": _found("mtu-black-hole", "forward"),
    "mss": _found("mss-clamped"),
    "balanced-loss": _found("path-loss", "forward", also="loss balanced"),
    "balanced-delay": _found("path-delay", "forward", also="balanced"),
    "reordering": _found("reordering", "forward"),
    "duplicates": _found("duplicates", "backward"),
    "dscp-cleared": _found("dscp-changed", "forward"),
    "dscp-rewritten": _found("dscp-changed", "backward"),
    "ecn-bleached": _found("ecn-bleached", "forward"),
    "ecn-blocked": _found("ecn-blocked", "forward"),
    "nat": _found("nat"),
    "nat-ports": _found("nat"),
    "udp-timeout": _found("udp-timeout"),
    "tcp-timeout": _found("tcp-timeout"),
    "sip-alg": _found("payload-rewritten", "forward", also="nat"),
    "ftp-alg": _found("payload-rewritten", "forward", also="nat"),
    "corruption": _found("payload-rewritten", "forward"),
    "policer": _found("policer", "forward"),
    "shaper": _found("shaper", "backward"),
    "udp-blocked": _found("udp-blocked"),
    "udp-prohibited": _found("udp-blocked"),
    "tcp-reset": _found("tcp-blocked"),
    "tcp-proxy": _found("tcp-proxy"),
    "dead-ipv6": _found("address-unreachable"),
    "small-window": _found("receive-window"),
}
"""Fault -> what is to be found. A fault of which nothing may be found expects no code."""
