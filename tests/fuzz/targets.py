"""The parsers, each as a function of bytes that raises where the parser breaks its word.

An error that the parser promises (UsageError, ValueError) is not a finding. Where a parser has state, the first bytes
choose how the rest is split and in what state it arrives.
"""

from __future__ import annotations

import json
import os
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from netecho.echo.snapshot import ServerSnapshot, combine
from netecho.echo.text import LONGEST_LINE, Conversation, TextMode, answer_datagram
from netecho.errors import UsageError
from netecho.measure import criteria
from netecho.measure.matching import DatagramMatcher, Match, StreamMatcher
from netecho.measure.oneway.delays import Claim, OneWay, Timestamps
from netecho.measure.oneway.loss import Directions, loss_by_direction
from netecho.measure.payload import Payloads
from netecho.measure.plan import Plan
from netecho.monitor import config
from netecho.monitor.histogram import CoarseHistogram, Packed, unpacked
from netecho.net import certificates
from netecho.net.server import systemd
from netecho.net.server.fork_server import Requests
from netecho.net.server.supervised_worker import Worker
from netecho.net.server.worker_messages import MalformedError, parse_report, parse_request, report_line, request_line
from netecho.report.document.reader import replay
from netecho.report.escape import escaped, unescaped
from netecho.stamp.auth import HMAC_LENGTH, truncated_hmac
from netecho.stamp.control import NO_COOKIE, Ask
from netecho.stamp.control_sender import ControlSender
from netecho.stamp.location import Endpoint, Location
from netecho.stamp.packet import AUTHENTICATED, OPEN, Reply, format_of
from netecho.stamp.reply_control import LONGEST, VOLUME, ReplyControl, ReplyPlan
from netecho.stamp.return_sender import FIRST as FIRST_RETURN, ReturnSender
from netecho.stamp.return_trace import MOST_TTL, REPORT_LENGTH
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Refusal, Rules
from netecho.stamp.session_sender import Rejection, Sender
from netecho.stamp.times import ErrorEstimate, to_wire
from netecho.target import parse_listen, parse_target
from netecho.trace.checksum import Flow
from netecho.trace.findings import findings
from netecho.trace.payloads import EchoPayloads
from netecho.trace.plan import Plan as TracePlan
from netecho.trace.quote import MOST_LABELS, parse_icmp, parse_icmp6
from netecho.trace.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.echo.events import ServerEvent
    from netecho.net.server.worker_messages import Request

ISSUED = 24
"""Probes that were sent when the fuzzed bytes come back."""


def pieces(data: bytes) -> list[bytes]:
    """Split: the first byte says how long the pieces are, 0 that there is one."""
    if not data:
        return []
    size, rest = data[0], data[1:]
    return [rest[n : n + size] for n in range(0, len(rest), size)] if size else [rest]


def stream(data: bytes) -> None:
    """An arbitrary server's bytes: replies in the order of sending, each probe once, no byte made up."""
    payloads = Payloads(Plan(seed=1, sizes=(64, 13, 1)))
    matcher = StreamMatcher(payloads, 0, lambda: ISSUED)
    fed, out, last = 0, 0, -1
    for piece in pieces(data):
        fed += len(piece)
        for found in matcher.feed(piece):
            if isinstance(found, Match):
                assert last < found.number < ISSUED
                assert found.wrong_at is None or 0 <= found.wrong_at < payloads.size(found.number)
                last = found.number
                out += payloads.size(found.number)
            else:
                out += len(found)
        assert out <= fed
        assert matcher.wanted >= 0


def datagram(data: bytes) -> None:
    """An arbitrary datagram: it answers a probe that was sent, or none."""
    for settings in ({"sizes": (64,)}, {"sizes": (3,)}, {"payload": b"ping"}, {"sizes": (0, 64)}):
        payloads = Payloads(Plan(seed=1, **settings))
        outstanding = dict.fromkeys(range(0, ISSUED, 2))
        found = DatagramMatcher(payloads, outstanding, lambda: ISSUED).match(data)
        if found is not None:
            assert 0 <= found.number < ISSUED
            assert (found.wrong_at is None) == (data == payloads.of(found.number))


def _said(conversation: Conversation, segments: list[bytes], room: int) -> bytes:
    said = b""
    for segment in segments:
        conversation.feed(segment)
        while conversation.pending:
            said += conversation.take(room)
    conversation.end()
    while conversation.pending:
        said += conversation.take(room)
    return said


def text_mode(data: bytes) -> None:
    """A client's bytes: the same answers however they are split, and over UDP none longer than the request."""
    mode = TextMode(logoff="BYE")
    whole, split = Conversation(mode), Conversation(mode)
    rest = data[1:]
    said = _said(whole, [rest], 1 << 20)
    assert _said(split, pieces(data), 1) == said
    assert whole.ending == split.ending
    assert len(said) <= len(rest) * 25 + LONGEST_LINE
    answer = answer_datagram(mode, rest)
    assert answer is None or len(answer) <= len(rest)
    said.decode()


def saved_run(data: bytes) -> None:
    """A file that is said to be a run: it is one, or a sentence says why not."""
    descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        replay(name)
    except UsageError:
        return
    finally:
        Path(name).unlink()


def worker_message(data: bytes) -> None:
    """What a worker that strangers have taken over writes: events of the server that can be shown, or it is killed."""
    whole, split = Overheard(), Overheard()
    whole.worker.data_received(data[1:])
    for piece in pieces(data):
        split.worker.data_received(piece)
    assert whole.said == split.said
    assert whole.worker.snapshot == split.worker.snapshot
    combine([whole.worker.snapshot, ServerSnapshot()])


class Overheard:
    """A worker without a process, and what its supervisor learns of it."""

    def __init__(self) -> None:
        self.said: list[object] = []
        self.worker = Worker(self, 1, lambda: 0, count(1))

    def worker_event(self, event: ServerEvent) -> None:
        json.dumps(event)
        hash(event)
        self.said.append(event)

    def worker_serves(self, worker: Worker) -> None:
        assert worker.serving_since == 0
        self.said.append("serves")

    def worker_unfit(self, worker: Worker) -> None:
        worker.is_killed = True
        self.said.append(worker.failure)

    def worker_ended(self, worker: Worker, how: str) -> None:
        raise AssertionError(f"nobody said that {worker.number} has ended: {how}")


def fork_request(data: bytes) -> None:
    """What a fork server reads, however it is split: whole requests, each with its descriptors, or it is refused."""
    found: list[list[Request | None]] = []
    for parts in ([data[1:]], pieces(data)):
        requests = Requests()
        got: list[Request | None] = []
        try:
            for part in parts:
                requests.feed(part, [])
                for request, descriptors in requests.whole():
                    assert not descriptors
                    assert parse_request(request_line(request)) == request
                    got.append(request)
        except MalformedError:
            got.append(None)
        found.append(got)
    assert found[0] == found[1]


def fork_report(data: bytes) -> None:
    """What a fork server writes: a report that is written again the same way, or none."""
    try:
        report = parse_report(data)
    except MalformedError:
        return
    assert parse_report(report_line(report)) == report


def systemd_variables(data: bytes) -> None:
    """The environment of a service manager: descriptors that are none are refused by name, numbers are bounded."""
    text = data.decode("latin-1").replace("\0", "")
    fields = [*text.split("\n"), "", "", "", ""]
    environ = {
        "LISTEN_PID": str(os.getpid()) if len(fields[0]) % 2 else fields[0],
        "LISTEN_FDS": fields[1],
        "LISTEN_FDNAMES": fields[2],
        "WATCHDOG_USEC": fields[3],
        "NOTIFY_SOCKET": "",
    }
    first = 1 << 20  # above every descriptor that is open here
    try:
        taken = systemd.inherited(environ, first)
    except UsageError:
        taken = []
    assert not taken
    assert not {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} & environ.keys()
    systemd.Notifier(environ).ready()


def pem(data: bytes) -> None:
    """A file that is said to be a certificate and its key."""
    descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        certificates.read_identity(name, None)
    except UsageError:
        return
    finally:
        Path(name).unlink()


def target(data: bytes) -> None:
    """An address as people write it: what is read is written the same way and read back."""
    text = data.decode("utf-8", "surrogateescape")
    for parse in (parse_target, lambda text: parse_listen(text)[0]):
        try:
            read = parse(text)
        except UsageError:
            continue
        assert parse(str(read)) == read


def criterion(data: bytes) -> None:
    """A `--fail-if`: read or refused with a sentence, and read back from what it prints as."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        read = criteria.parse(text)
    except UsageError:
        return
    for each in read:
        assert criteria.parse(str(each)) == (each,)


def monitor_config(data: bytes) -> None:
    """A monitor's configuration: settings, or mistakes that each stand in a line that there is."""
    text = data.decode("utf-8", "replace")
    settings, mistakes = config.parse(text)
    assert settings.targets or mistakes
    assert len({each.name for each in settings.targets}) == len(settings.targets) or mistakes
    for mistake in mistakes:
        assert 1 <= mistake.line <= text.count("\n") + 1
        assert mistake.column >= 1
        assert mistake.sentence


def packed_histogram(data: bytes) -> None:
    """Buckets from a history, which may be any file's: never an error, and merged with themselves twice as many."""
    cells = list(unpacked(data))
    assert all(cell >= 0 and count >= 0 for cell, count in cells)
    part = Packed(1, 1, 0, 1, data)
    CoarseHistogram.merged([part, part]).packed()


def shown_bytes(data: bytes) -> None:
    """A peer's bytes as they are shown: printable, and what they stood for can be read back."""
    shown = escaped(data)
    assert shown.isprintable()
    assert unescaped(shown) == data


TRACE_TOKEN = b"a token!"
TRACED = "198.51.100.9"
STAMP_KEY = b"an orchestrator gave us this key"
STAMP_TIME = 1_795_412_400_000_000_000
STAMP_SIZES = (44, 144, 200)


def _keyed(data: bytes, key: bytes | None) -> bytes:
    """A packet of the right length with the HMAC that it should have: nothing else gets beyond the first check."""
    if key is None or len(data) < AUTHENTICATED.size:
        return data
    base = data[: AUTHENTICATED.size - HMAC_LENGTH]
    return base + truncated_hmac(key, base) + data[AUTHENTICATED.size :]


def stamp_request(data: bytes) -> None:
    """What reaches a Session-Reflector: no answer to an answer, none longer than it may be, and TLVs that are whole."""
    if not data:
        return
    how, packet = data[0], data[1:]
    key = STAMP_KEY if how & 1 else None
    packet = _keyed(packet, key)
    reflector = Reflector(Rules(stateful=bool(how & 2), key=key), Clock(ErrorEstimate(True, False, 0, 1)))
    arrival = Arrival(packet, "192.0.2.1", 40_000, STAMP_TIME, 0, ttl=how, tos=how, may_grow=bool(how & 4))
    for _ in range(2):
        prepared = reflector.take(arrival)
        if isinstance(prepared, Refusal):
            return
        reply = bytes(prepared.timestamped(STAMP_TIME + 1000))
        prepared.transmitted(STAMP_TIME + 2000)
        assert len(reply) == max(len(packet), format_of(key).size)
        assert 0 <= prepared.dscp < 64
        Reply.decode(reply, key)
        assert reflector.take(arrival._replace(data=reply, ttl=64)) is Refusal.REPLY


class Purse:
    """All that is asked for is granted."""

    def take(self, client: str, plan: ReplyPlan, now: int) -> str | None:
        del client, plan, now
        return None


def stamp_control(data: bytes) -> None:
    """What asks for other replies: nobody unproved gets more than was sent, and nobody more than the plan says."""
    if not data:
        return
    how, packet = data[0], data[1:]
    key = STAMP_KEY if how & 1 else None
    source = Endpoint(bytes([192, 0, 2, 1]), 40_000)
    control = ReplyControl(b"key of the run", Purse())
    proved = key is not None
    if how & 8 and key is None:
        # A cookie in the place of the one that is asked for.
        proved = NO_COOKIE in packet
        packet = packet.replace(NO_COOKIE, control.cookie(source, 0), 1)
    packet = _keyed(packet, key)
    reflector = Reflector(
        Rules(stateful=bool(how & 2), key=key), Clock(ErrorEstimate(True, False, 0, 1)), control=control
    )
    arrival = Arrival(packet, "192.0.2.1", 40_000, STAMP_TIME, 0, 64, 0, may_grow=False, location=Location(source))
    prepared = reflector.take(arrival)
    if isinstance(prepared, Refusal):
        return
    reply = bytes(prepared.timestamped(STAMP_TIME + 1000))
    plan = prepared.plan
    if plan is None:
        assert len(reply) == len(packet)
        return
    assert plan.number >= 1
    assert len(reply) <= plan.length
    assert proved or (plan.number == 1 and plan.length <= len(packet))
    assert plan.length <= max(LONGEST, len(packet))
    assert plan.number * plan.length <= max(VOLUME, len(packet))
    prepared.next(plan.number - 1)
    further = bytes(prepared.timestamped(STAMP_TIME + 2000))
    assert len(further) == len(reply)
    Reply.decode(further, key)
    assert reflector.take(arrival._replace(data=further)) is Refusal.REPLY


def stamp_controlled_reply(data: bytes) -> None:
    """What comes back for other replies: of a request that was sent, and never an error."""
    if not data:
        return
    how, packet = data[0], bytearray(data[1:])
    key = STAMP_KEY if how & 1 else None
    form = format_of(key)
    sender = ControlSender(ssid=9, key=key)
    sender.request(STAMP_TIME, 200, Ask(100, 3, 1000), ErrorEstimate(False, False, 0, 1))
    if how & 4 and len(packet) >= form.size:
        at = form.sender_sent_at
        packet[at - 4 : at + 8] = bytes(4) + to_wire(STAMP_TIME, ptp=False).to_bytes(8)
    read = sender.read(_keyed(bytes(packet), key), STAMP_TIME)
    assert isinstance(read, Rejection) or (read.sequence, read.length) == (0, len(packet))


def stamp_return(data: bytes) -> None:
    """What asks for replies that expire: nobody unproved is obeyed, and each reply is one, as long as its request."""
    if not data:
        return
    how, packet = data[0], data[1:]
    key = STAMP_KEY if how & 1 else None
    source = Endpoint(bytes([192, 0, 2, 1]), 40_000)
    control = ReplyControl(b"key of the run", Purse())
    proved = key is not None
    if how & 8 and key is None:
        proved = NO_COOKIE in packet
        packet = packet.replace(NO_COOKIE, control.cookie(source, 0), 1)
    packet = _keyed(packet, key)
    reflector = Reflector(Rules(key=key), Clock(ErrorEstimate(True, False, 0, 1)), control=control)
    arrival = Arrival(packet, "192.0.2.1", 40_000, STAMP_TIME, 0, 64, 0, may_grow=False, location=Location(source))
    prepared = reflector.take(arrival)
    if isinstance(prepared, Refusal) or prepared.plan is not None:
        return
    reply = bytes(prepared.timestamped(STAMP_TIME + 1000))
    assert len(reply) == len(packet)
    assert 0 <= prepared.ttl <= MOST_TTL
    assert proved or (prepared.ttl == 0 and not reflector.return_traces.expire(0))
    assert (prepared.stepped is None) == (prepared.ttl == 0)


def stamp_returned(data: bytes) -> None:
    """What a far end tells of the way back: nothing but what fits into its length, and never an error."""
    if not data:
        return
    how, packet = data[0], bytearray(data[1:])
    key = STAMP_KEY if how & 1 else None
    form = format_of(key)
    sender = ReturnSender(1, key, 9)
    sender.request(0, STAMP_TIME, 3)
    if how & 4 and len(packet) >= form.size:
        at = form.sender_sent_at
        packet[at - 4 : at + 8] = FIRST_RETURN.to_bytes(4) + to_wire(STAMP_TIME, ptp=False).to_bytes(8)
    read = sender.read(_keyed(bytes(packet), key), STAMP_TIME)
    if read is not None:
        assert read.number == 0
        assert len(read.reports) <= len(packet) // REPORT_LENGTH
        assert read.known or not read.reports


def stamp_reply(data: bytes) -> None:
    """What a reflector sends back: it is of a request that was sent, and no figure made of it is impossible."""
    if not data:
        return
    how, packet = data[0], bytearray(data[1:])
    key = STAMP_KEY if how & 1 else None
    form = format_of(key)
    sender = Sender(ssid=9, key=key, padding=lambda size: b"\xaa" * size, ptp=bool(how & 2))
    for size in STAMP_SIZES:
        sender.request(STAMP_TIME, size + form.size - OPEN.size, ErrorEstimate(False, False, 0, 1))
    if how & 4 and len(packet) >= form.size:
        # The number and the timestamp of the last request, without which a reply is nobody's.
        at = form.sender_sent_at
        packet[at - 4 : at + 8] = (len(STAMP_SIZES) - 1).to_bytes(4) + to_wire(STAMP_TIME, ptp=bool(how & 2)).to_bytes(
            8
        )
    read = sender.read(_keyed(bytes(packet), key), STAMP_TIME + 1_000_000)
    if isinstance(read, Rejection):
        return
    assert read.t1 == STAMP_TIME
    assert 0 <= read.sequence < len(STAMP_SIZES)
    assert read.wrong_at is None or form.size <= read.wrong_at < len(packet)
    oneway, directions = OneWay("auto"), Directions()
    flow, here = oneway.flow(), Claim(False, 1)
    claim = Claim(read.estimate.synchronised, read.estimate.error)
    stamps = Timestamps(read.t1, read.t2, read.t3, STAMP_TIME + 1_000_000, read.unset)
    kept, wrong = oneway.check(stamps, 1_000_000, here, claim)
    assert 0 <= kept < 1_000_000
    if wrong is None:
        oneway.replied(flow, read.sequence, 0, stamps, here, claim)
    directions.replied(read.sequence, read.reply_sequence)
    oneway.summary()
    loss = loss_by_direction([directions], 2)
    assert loss.forward + loss.backward + loss.unknown == 2


def icmp_error(data: bytes) -> None:
    """An ICMP error, about one packet that is outstanding: it is read or not, and counted once or not at all."""
    parse = parse_icmp6 if data[:1] < b"\x80" else parse_icmp
    error = parse(data[1:])
    if error is None:
        return
    assert len(error.labels) <= MOST_LABELS
    session = Session(TracePlan(rounds=1), [EchoPayloads(TRACE_TOKEN)], 0, TRACED)
    session.opened(0, Flow("192.0.2.1", 40_000, TRACED, 7007))
    (due,) = session.due(0)
    session.sent(due, session.payload(due, 0), 0)
    assert session.flow_of(error.quote) in (None, 0)
    session.quoted(0, "203.0.113.1", error, 1, None)
    found = session.result()
    assert sum(hop.answered for hop in found.hops) + found.foreign + found.late + found.short == 1
    findings(found)


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (
        stream,
        datagram,
        text_mode,
        saved_run,
        worker_message,
        fork_request,
        fork_report,
        systemd_variables,
        pem,
        target,
        criterion,
        monitor_config,
        packed_histogram,
        shown_bytes,
        stamp_request,
        stamp_reply,
        stamp_control,
        stamp_controlled_reply,
        stamp_return,
        stamp_returned,
        icmp_error,
    )
}
