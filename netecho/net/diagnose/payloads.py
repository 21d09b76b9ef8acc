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
SIP = "a SIP request"


async def measure(battery: Battery) -> Outcome:
    """Send each payload over UDP and TCP, side by side, and have judged how it came back."""
    samples: list[Sample] = []
    here = next((run.result.start.route.local_address for run in battery.runs), None) or "192.0.2.1"
    targets = [target for target in (battery.udp, battery.tcp) if target is not None]
    port = _free_port(here)
    asked = [(target, what, payload) for target in targets for what, payload in payloads(here, port)]
    await battery.side_by_side([_send(battery, *each, samples, port if each[1] == SIP else 0) for each in asked])
    return judge(Observed(sorted(samples, key=lambda each: (each.transport, each.what))))


def payloads(here: str, port: int) -> Iterator[tuple[str, bytes]]:
    """Return what is sent, with what it is in words, for a host whose address is `here`.

    `port` is what a SIP request is sent from: it says so itself, and gateways have the answer go there.
    """
    address = here.partition("%")[0]
    bracketed = f"[{address}]" if ":" in address else address
    yield "bytes that mean nothing", bytes(range(64))
    yield "our own address as text", f"netecho diagnose: the address is {address}, port 4660.\r\n".encode()
    six = ":" in address
    packed = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, address)
    yield "our own address as bytes", bytes(16) + packed + bytes(16)
    yield SIP, sip(bracketed, port, "IP6" if six else "IP4", address)
    if not six:
        yield "an FTP command", f"PORT {address.replace('.', ',')},18,52\r\n".encode()


def sip(host: str, port: int, kind: str, address: str) -> bytes:
    """Return an INVITE (RFC 3261) from this host and port, whose body (RFC 8866) asks for media to `address`."""
    body = (
        f"v=0\r\no=netecho 1 1 IN {kind} {address}\r\ns=-\r\nc=IN {kind} {address}\r\nt=0 0\r\n"
        "m=audio 49170 RTP/AVP 0\r\n"
    )
    return (
        "INVITE sip:echo@example.net SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKnetecho\r\n"
        "Max-Forwards: 70\r\n"
        f"From: <sip:netecho@{host}>;tag=1\r\nTo: <sip:echo@example.net>\r\n"
        f"Call-ID: netecho@{host}\r\nCSeq: 1 INVITE\r\nContact: <sip:netecho@{host}:{port}>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _free_port(address: str) -> int:
    """Return a port that nobody uses now."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as skt:
        try:
            skt.bind((address.partition("%")[0], 0))
        except OSError:  # a scoped address, or none of this machine: any port is as good
            skt.bind(("", 0))
        port: int = skt.getsockname()[1]
        return port


async def _send(battery: Battery, target: Target, what: str, payload: bytes, into: list[Sample], port: int) -> None:
    """Send a payload, from this port; 0: from any."""
    transport = f"{target.scheme.upper()} port {target.port}"
    options = battery.options.ip_options
    if port:
        options = options._replace(source=((options.source or ("", 0))[0], port))
    try:
        run = await battery.measure(target, count=PROBES, interval=INTERVAL, payload=payload, ip_options=options)
    except NetechoError:
        return  # the transport is not to be had for it, which is for `transports` to say
    into.append(Sample(transport, what, payload, run))
