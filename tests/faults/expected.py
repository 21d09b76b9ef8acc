"""What `netecho diagnose` has to find of each fault: by the stable codes of its findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from netecho.diagnose.finding import Check

ABOUT_THIS_MACHINE = frozenset({"busy", "late-sends", "socket-drops"})
"""True of the machine that plays, and no mistake: it has other things to do."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A fault is found by `check`, in a finding with one of `codes`; one with one of `also` follows from it.

    A direction that is None is not asked for.
    """

    check: Check
    codes: frozenset[str]
    direction: Literal["forward", "backward"] | None
    also: frozenset[str]


def _found(
    check: Check, codes: str, direction: Literal["forward", "backward"] | None = None, also: str = ""
) -> Expected:
    return Expected(check, frozenset(codes.split()), direction, frozenset(also.split()) | ABOUT_THIS_MACHINE)


EXPECTED: dict[str, Expected] = {
    "busy": _found("host", ""),
    "loss-forward": _found("loss", "loss", "forward", also="retransmissions"),
    "loss-backward": _found("loss", "loss", "backward", also="retransmissions"),
    "loss-large": _found("loss", "loss-by-size", "forward", also="loss retransmissions"),
    "loss-bursts": _found("loss", "loss-bursts", "backward", also="retransmissions"),
    "mtu": _found("size", "path-mtu", also="retransmissions"),
    "black-hole-forward": _found("size", "mtu-black-hole", "forward", also="retransmissions"),
    "black-hole-backward": _found("size", "mtu-black-hole", "backward", also="retransmissions"),
    "length-forward": _found("size", "mtu-black-hole", "forward", also="retransmissions"),
    "length-tcp": _found("size", "mtu-black-hole", "forward", also="retransmissions"),
    "mss": _found("size", "mss-clamped"),
    "balanced-loss": _found("balancing", "bad-path-loss", "forward", also="loss retransmissions"),
    "balanced-delay": _found("balancing", "bad-path-delay", "forward"),
    "reordering": _found("balancing", "reordering", "forward"),
    "duplicates": _found("loss", "duplicates", "backward"),
    "dscp-cleared": _found("marking", "dscp-cleared", "forward"),
    "dscp-rewritten": _found("marking", "dscp-rewritten", "backward"),
    "ecn-bleached": _found("marking", "ecn-bleached", "forward"),
    "ecn-blocked": _found("marking", "ecn-blocked", "forward"),
    "nat": _found("translation", "nat"),
    "nat-ports": _found("translation", "symmetric-nat", also="nat"),
    "udp-timeout": _found("timeouts", "udp-timeout"),
    "tcp-timeout": _found("timeouts", "tcp-timeout"),
    # The echo of a SIP request goes to the port that the request names, where nobody has to listen.
    "sip-alg": _found("payload", "payload-rewritten payload-dropped", also="nat"),
    "ftp-alg": _found("payload", "payload-rewritten", also="nat"),
    "corruption": _found("payload", "payload-rewritten"),
    "policer": _found("rate", "policer", "forward", also="retransmissions"),
    "shaper": _found("rate", "shaper", "backward", also="retransmissions"),
    "udp-blocked": _found("transports", "filtered"),
    "udp-prohibited": _found("transports", "prohibited"),
    "tcp-reset": _found("transports", "refused"),
    "tcp-proxy": _found("transports", "transparent-proxy"),
    "dead-ipv6": _found("names", "dead-family"),
    "small-window": _found("tcp", "receive-window"),
}
"""Fault -> what is to be found. A fault of which nothing may be found expects no code."""
