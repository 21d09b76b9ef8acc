"""Which options, and which metrics of `--fail-if`, have a meaning for which targets. A row in a table here.

Options of one transport (TLS, STAMP) are for the targets that have it. The others must suit every target.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from netecho.target import DEFAULT_PORTS, Scheme, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAYLOADS = ("payload", "payload_hex", "payload_file")
TLS_ONLY = frozenset({"ca", "insecure", "server_name", "alpn", "cert", "key", "pin"})
STAMP_ONLY = frozenset({"auth_key_file", "clock", "reply_size", "ssid", "timestamp_format"})
ONE_TRANSPORT = TLS_ONLY | STAMP_ONLY
"""Options that say which of several targets they are for."""
_IP = frozenset({"ipv4", "ipv6", "source", "dscp", "ttl", "dont_fragment"})
_CONNECTIONS = frozenset({"reconnect", "connect_only"})
_DATAGRAMS = frozenset({"ecn"})


def family_of(host: str) -> int | None:
    """Return the family of an IP literal; None for a name."""
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return None


def _has_name(target: Target) -> bool:
    return target.traits.is_ip and not target.is_self and family_of(target.host) is None


_METRICS: Mapping[str, tuple[Callable[[Target], bool], str]] = {
    "tls": (lambda target: target.traits.is_secure, "which has no TLS handshake"),
    "connect": (lambda target: target.traits.is_stream, "which has no connections"),
    "resolve": (_has_name, "which has no name to resolve"),
    "forward": (lambda target: target.traits.is_stamp, "whose far end puts no timestamps in"),
    "backward": (lambda target: target.traits.is_stamp, "whose far end puts no timestamps in"),
    "loss_forward": (lambda target: target.traits.is_stamp, "whose far end does not number its replies"),
    "loss_backward": (lambda target: target.traits.is_stamp, "whose far end does not number its replies"),
    "processing": (lambda target: target.traits.is_stamp, "whose far end puts no timestamps in"),
}
"""By the first part of the name; the rest, every transport has."""


class Misfit(NamedTuple):
    """Why something means nothing for a target, and what to do instead."""

    why: str
    hint: str


def option_misfit(name: str, target: Target) -> Misfit | None:
    """Return why an option means nothing for a target; None where it does."""
    traits = target.traits
    if name in _IP and not traits.is_ip:
        return Misfit(f"means nothing for {target}: its bytes travel in no packets", "leave it out")
    if name in _CONNECTIONS and not traits.is_stream:
        hint = f"over TCP: {Target('tcp', target.host, target.port)}"
        return Misfit(f"is for streams: {target.scheme}:// has no connections", hint)
    if name in _DATAGRAMS and traits.is_stream:
        right = _instead("udp", target, target.port or DEFAULT_PORTS["udp"])
        return Misfit(
            f"is for datagrams: {target} is a stream, whose congestion control marks its packets", f"over UDP: {right}"
        )
    if name in PAYLOADS and traits.is_stamp:
        return Misfit("means nothing for stamp://: its packets have a set form", "leave it out")
    if name in STAMP_ONLY and not traits.is_stamp:
        right = _instead("stamp", target, DEFAULT_PORTS["stamp"])
        return Misfit(f"is for stamp:// targets, and {target} is not one", f"with STAMP: {right}")
    if name in TLS_ONLY and not traits.is_secure:
        right = _instead("tls", target, target.port or DEFAULT_PORTS["tls"])
        return Misfit(f"is for tls:// targets, and {target} is not one", f"over TLS: {right}")
    if name in TLS_ONLY and target.is_self:
        return Misfit(f"means nothing for {target}, which trusts what it made", "leave it out")
    return None


def metric_misfit(metric: str, target: Target) -> Misfit | None:
    """Return why a metric can have no value for a target; None where it can."""
    needs = _METRICS.get(metric.partition(".")[0])
    if needs is None or needs[0](target):
        return None
    return Misfit(f"can have no value for {target}, {needs[1]}", "leave it out")


def _instead(scheme: Scheme, target: Target, port: int) -> Target:
    return Target(scheme, target.host or "localhost", None if target.is_self else port)
