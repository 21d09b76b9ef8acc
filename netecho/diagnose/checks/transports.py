"""Which transports get through: filtered, refused, prohibited, or answered by somebody else; transparent proxies."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.words import many, time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.diagnose.finding import Confidence, Outcome, Severity
    from netecho.target import Target

Answer = Literal["echo", "other", "mute", "refused", "prohibited", "untrusted", "silent", "failed"]
"""An echo; bytes that are none; a connection that brings none; a refusal; an ICMP message that forbids it; TLS that
failed; nothing; another error."""
SOMEBODY: tuple[Answer, ...] = ("other", "mute", "untrusted")
"""Somebody is there who is no echo."""
MUTE = "takes connections, and echoes nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How one service answered a few probes."""

    target: Target
    answer: Answer
    expected: bool = True
    """Whether it was asked for, or is what `netecho serve` alone has; else it was only looked for."""
    rtt: int | None = None
    """The smallest, nanoseconds."""
    detail: str = ""
    """What the network said."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A TCP connection made with a time to live that ends before the far end."""

    hops: int
    """Routers on the way, as a STAMP reflector says by the TTL that arrives there."""
    connected: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """All services that were tried."""

    reached: Sequence[Reach]
    proxy: Proxy | None = None
    """None: it was not tried."""
    why_no_proxy: str = ""


def judge(observed: Observed) -> Outcome:
    """Say which transports get through, where one does at all."""
    whole = any(each.answer == "echo" for each in observed.reached)
    every = tuple(_one(each, whole=whole, netecho=_is_netecho(observed)) for each in observed.reached)
    return (*every, *_proxy(observed))


def _is_netecho(observed: Observed) -> bool:
    """Tell whether the far end is a netecho whose STAMP port answers: then its echo ports are served as well."""
    return any(each.answer == "echo" and each.target.traits.is_stamp and each.expected for each in observed.reached)


def _one(reach: Reach, *, whole: bool, netecho: bool) -> Finding | Fine | NotTested:
    name = _name(reach)
    if reach.answer == "echo":
        took = "" if reach.rtt is None else f" in {time(reach.rtt)}"
        return Fine("transports", f"{name} answers{took}")
    found = _always(reach) or (_expected(reach, netecho=netecho) if reach.expected and whole else None)
    return found or NotTested("transports", f"{name}: {_why(reach)}")


def _always(reach: Reach) -> Finding | None:
    """Return what is a finding whether or not the service was asked for: somebody answered."""
    name = _name(reach)
    if reach.answer == "other":
        return _finding(
            reach,
            code="not-an-echo",
            severity="warning" if reach.expected else "info",
            confidence="certain",
            sentence=f"{name} is answered by something else than an echo: {reach.detail}.",
            otherwise="Another service has that port; or a proxy, or a login page, answers in its place.",
        )
    if reach.answer == "prohibited":
        return _prohibited(reach)
    if reach.answer == "untrusted":
        return _finding(
            reach,
            code="tls-untrusted",
            severity="critical",
            confidence="possible",
            sentence=f"{name} is answered, but TLS fails: {reach.detail}.",
            otherwise="A certificate that is wrong, expired or self-signed; whoever reads along has one of his own.",
        )
    return None


def _prohibited(reach: Reach) -> Finding:
    sender, where, otherwise = _sender(reach), "on the way", None
    if sender is None:
        otherwise = "The far end's own firewall may say so."
    elif sender == _address(reach.target.host):
        where = "by the far end itself"
    return _finding(
        reach,
        code="prohibited",
        severity="warning" if reach.expected else "info",
        confidence="certain",
        sentence=f"{_name(reach)} is forbidden {where}: {reach.detail}.",
        otherwise=otherwise,
    )


def _sender(reach: Reach) -> str | None:
    """Return which address an ICMP message came from; None where there was none, or that is not known."""
    what, _, sender = reach.detail.rpartition(" from ")
    return _address(sender) if what.startswith("ICMP") else None


def _address(host: str) -> str:
    """Return an address as it is written in one way; anything else as it is."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return str(getattr(address, "ipv4_mapped", None) or address)


def _refused_on_the_way(reach: Reach) -> bool:
    """Tell whether another address than the far end's sent the refusal: iptables' REJECT says port unreachable."""
    return reach.answer == "refused" and _sender(reach) not in (None, _address(reach.target.host))


def _expected(reach: Reach, *, netecho: bool) -> Finding | None:
    """Return what is a finding of a service that is to be there, while others of the host answer."""
    name = _name(reach)
    if reach.answer == "mute":
        return _finding(
            reach,
            code="not-an-echo",
            severity="warning",
            confidence="likely",
            sentence=f"{name} {MUTE}.",
            otherwise="Another service has that port, or a proxy takes connections in its name.",
        )
    if reach.answer == "silent":
        return _finding(
            reach,
            code="filtered",
            severity="warning",
            confidence="likely",
            sentence=f"{name} gets no answer and no word of why, while others are answered: a firewall drops it.",
            otherwise="The far end's own firewall may do so, where nothing is served on that port.",
        )
    if _refused_on_the_way(reach):
        return _finding(
            reach,
            code="refused",
            severity="warning",
            confidence="likely",
            sentence=f"{name} is refused by another address than the far end's: {reach.detail}.",
            otherwise="The far end may answer by another of its addresses, where nothing listens on that port.",
        )
    if reach.answer == "refused" and netecho:
        return _finding(
            reach,
            code="refused",
            severity="warning",
            confidence="possible",
            sentence=f"{name} is refused, though the far end is a netecho: something on the way refuses it.",
            otherwise="It may have been started without that port.",
        )
    return None


def _finding(
    reach: Reach,
    *,
    code: str,
    severity: Severity,
    confidence: Confidence,
    sentence: str,
    otherwise: str | None = None,
) -> Finding:
    return Finding(
        check="transports",
        code=code,
        severity=severity,
        confidence=confidence,
        sentence=sentence,
        evidence=(Figure("transport", _name(reach), "text"), Figure("detail", reach.detail or None, "text")),
        otherwise=otherwise,
        command=f"netecho probe {reach.target}",
    )


def _name(reach: Reach) -> str:
    return f"{reach.target.scheme.upper()} port {reach.target.port}"


def _why(reach: Reach) -> str:
    refused = f"refused: {reach.detail if _refused_on_the_way(reach) else 'nothing listens there'}"
    why = {"refused": refused, "silent": "no answer", "mute": MUTE}
    return why.get(reach.answer, reach.detail)


def _proxy(observed: Observed) -> Outcome:
    proxy = observed.proxy
    if proxy is None:
        return (
            (NotTested("transports", f"transparent proxy: {observed.why_no_proxy}"),) if observed.why_no_proxy else ()
        )
    if not proxy.connected:
        return (Fine("transports", f"TCP is answered by the far end itself, {many(proxy.hops, 'router')} away"),)
    tcp = next((each.target for each in observed.reached if each.target.scheme == "tcp"), None)
    return (
        Finding(
            check="transports",
            code="transparent-proxy",
            severity="warning",
            confidence="certain",
            sentence=f"TCP connects with a time to live of {proxy.hops}, with which no packet gets past the"
            f" {many(proxy.hops, 'router')} on the way: a proxy answers in the far end's name.",
            evidence=(Figure("hops", proxy.hops),),
            otherwise="TCP may take a shorter way than UDP.",
            command=None if tcp is None else f"netecho probe {tcp} --connect-only --ttl {proxy.hops}",
        ),
    )
