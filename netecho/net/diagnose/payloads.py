"""Payloads that gateways on the way care about: our own address, and the words of SIP and FTP."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from netecho.diagnose.checks.payload import Observed, Sample, judge
from netecho.errors import NetechoError
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.diagnose.finding import Outcome
    from netecho.net.diagnose.battery import Battery
    from netecho.target import Target

PROBES = 10
"""Of each payload: where none of them is answered and those of the others are, that is no chance."""
INTERVAL = 50 * MILLISECOND


async def measure(battery: Battery) -> Outcome:
    """Send each payload over UDP and TCP, side by side, and have judged how it came back."""
    samples: list[Sample] = []
    here = next((run.result.start.route.local_address for run in battery.runs), None) or "192.0.2.1"
    targets = [target for target in (battery.udp, battery.tcp) if target is not None]
    asked = [(target, what, payload) for target in targets for what, payload in payloads(here)]
    await battery.side_by_side([_send(battery, *each, samples) for each in asked])
    return judge(Observed(sorted(samples, key=lambda each: (each.transport, each.what))))


def payloads(here: str) -> Iterator[tuple[str, bytes]]:
    """Return what is sent, with what it is in words, for a host whose address is `here`."""
    address = here.partition("%")[0]
    bracketed = f"[{address}]" if ":" in address else address
    yield "bytes that mean nothing", bytes(range(64))
    yield "our own address as text", f"netecho diagnose: the address is {address}, port 4660.\r\n".encode()
    six = ":" in address
    packed = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, address)
    yield "our own address as bytes", bytes(16) + packed + bytes(16)
    yield "a SIP request", sip(bracketed, "IP6" if six else "IP4", address)
    if not six:
        yield "an FTP command", f"PORT {address.replace('.', ',')},18,52\r\n".encode()


def sip(host: str, kind: str, address: str) -> bytes:
    """Return an INVITE (RFC 3261) whose body (RFC 8866) asks for media to `address`."""
    body = (
        f"v=0\r\no=netecho 1 1 IN {kind} {address}\r\ns=-\r\nc=IN {kind} {address}\r\nt=0 0\r\n"
        "m=audio 49170 RTP/AVP 0\r\n"
    )
    return (
        "INVITE sip:echo@example.net SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bKnetecho\r\n"
        "Max-Forwards: 70\r\n"
        f"From: <sip:netecho@{host}>;tag=1\r\nTo: <sip:echo@example.net>\r\n"
        f"Call-ID: netecho@{host}\r\nCSeq: 1 INVITE\r\nContact: <sip:netecho@{host}:5060>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def _send(battery: Battery, target: Target, what: str, payload: bytes, into: list[Sample]) -> None:
    transport = f"{target.scheme.upper()} port {target.port}"
    try:
        run = await battery.measure(target, count=PROBES, interval=INTERVAL, payload=payload)
    except NetechoError:
        into.append(Sample(transport, what, payload, None))
    else:
        into.append(Sample(transport, what, payload, run))
