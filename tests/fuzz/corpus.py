"""What fuzzing begins with: a folder a target, a file an input; what was found once stays there.

Seeds that a line of code makes are made here, so that they follow the formats.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from netecho.echo.events import Connected, Disconnected, Noticed, Received, Refused
from netecho.echo.snapshot import ClientCounts, ServerSnapshot, TransportCounts
from netecho.echo.text import TextMode
from netecho.measure.payload import Payloads
from netecho.measure.plan import Plan
from netecho.monitor.histogram import CoarseHistogram
from netecho.net.certificates import make_identity
from netecho.net.server.settings import Credentials, ServerSettings
from netecho.net.server.worker_messages import (
    Ended,
    Failed,
    KillRequest,
    NotStarted,
    Started,
    StartRequest,
    WorkerStart,
    event_line,
    report_line,
    request_line,
    snapshot_line,
)
from netecho.report.document.model import head
from netecho.stamp.control import NO_COOKIE, Ask, Proof, control_tlvs
from netecho.stamp.control_sender import ControlSender
from netecho.stamp.packet import Request, format_of
from netecho.stamp.prepared_reply import PreparedReply
from netecho.stamp.reply_control import ReplyControl
from netecho.stamp.return_sender import ReturnSender
from netecho.stamp.return_trace import ReturnTrace
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Rules
from netecho.stamp.session_sender import Sender
from netecho.stamp.times import ErrorEstimate, to_ntp
from netecho.stamp.tlv import Tlv, encode
from netecho.trace.payloads import EchoPayloads
from tests.fuzz.targets import ISSUED, STAMP_KEY, STAMP_SIZES, STAMP_TIME, TRACE_TOKEN, Purse
from tests.monitor.test_config import WHOLE
from tests.report.runs import START
from tests.report.test_golden import RUNS
from tests.stamp.returns import Far
from tests.trace.quotes import FIRST, FIRST6, TARGET, TARGET6

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.echo.events import ServerEvent

FOLDER = Path(__file__).parent / "corpus"
LARGEST = 65_536


def inputs(target: str) -> Iterator[bytes]:
    """Return the kept inputs of a target, and the seeds that are made anew."""
    yield from SEEDS[target]()
    for path in sorted((FOLDER / target).glob("*")):
        yield path.read_bytes()


def _stream() -> Iterator[bytes]:
    payloads = Payloads(Plan(seed=1, sizes=(64, 13, 1)))
    echoes = b"".join(payloads.of(n) for n in range(ISSUED))
    wrong = bytes([echoes[0] ^ 0xFF]) + echoes[1:]
    for size in (0, 1, 7, 64):
        for said in (echoes, wrong, b"220 ready\r\n" + echoes, echoes + echoes, b"x" * 64 + echoes[64:]):
            yield bytes([size]) + said


def _datagram() -> Iterator[bytes]:
    payloads = Payloads(Plan(seed=1))
    echo = payloads.of(3)
    yield from (b"", b"ping", echo, echo[:40], echo + b"!", echo[:20] + b"\0\0" + echo[22:], payloads.of(99)[:12])


def _text_mode() -> Iterator[bytes]:
    for said in (b"hello\n", b"a\r\nb\n", "håp\n".encode(), b"\xff\n", b"BYE now\n", b"\n" * 500, b"x" * 70_000):
        yield b"\0" + said
        yield b"\1" + said


def _saved_run() -> Iterator[bytes]:
    for document in RUNS.values():
        yield json.dumps(document).encode()
    start = json.dumps({"event": "start", **head(START)})
    yield start.encode()
    yield (start + '\n{"event": "lost", "seq": 0, "scheduled_ms": 0, "lag_ms": 0, "size": 64}\n').encode()


def _worker_message() -> Iterator[bytes]:
    snapshot = ServerSnapshot(
        transports={"tcp": TransportCounts(open=1)}, clients=(ClientCounts(client="::/64"),), refusals={"full": 3}
    )
    events: tuple[ServerEvent | Failed, ...] = (
        Connected(1, "tcp", "127.0.0.1:1"),
        Received(1, "tcp", "127.0.0.1:1", 5),
        Disconnected(1, "tcp", "127.0.0.1:1", 10, 20, 30, "closed"),
        Refused("tcp", "::/64", "full", 3),
        Noticed("bug", "several\nlines"),
        Failed("out of memory"),
    )
    lines = [snapshot_line(snapshot), *map(event_line, events)]
    for size in (b"\0", b"\7"):
        yield size + b"".join(lines)
        for line in lines:
            yield size + line


def _fork_request() -> Iterator[bytes]:
    settings = ServerSettings(text_mode=TextMode(), credentials=Credentials(alpn=("echo",)))
    start = StartRequest(WorkerStart(settings=settings, schemes=("tcp",), workers=2, salt="00ff"), 1)
    for size in (b"\0", b"\5"):
        yield size + request_line(KillRequest(4711)) + request_line(KillRequest(4712))
        yield size + request_line(KillRequest(4711)) + request_line(start)


def _fork_report() -> Iterator[bytes]:
    for report in (Started(3, 4711), NotStarted(0, "no room"), Ended(4711, -9)):
        yield report_line(report)


def _systemd_variables() -> Iterator[bytes]:
    yield b"1\n2\ntls:x\n30000000"
    yield b"1\n99999999999999999999\n\n-1"


def _pem() -> Iterator[bytes]:
    yield make_identity(["localhost"]).encode()


def _stamp_request() -> Iterator[bytes]:
    for how, key in ((4, None), (6, None), (5, STAMP_KEY), (7, STAMP_KEY)):
        sender = Sender(ssid=9, key=key, dscp=46, padding=bytes)
        base = format_of(key).size
        for size in (base, base + 52, base + 156):
            yield bytes([how]) + sender.request(STAMP_TIME, size, ErrorEstimate(False, False, 0, 1))
    yield b"\4" + sender.request(STAMP_TIME, 112, ErrorEstimate(False, False, 0, 1))[:14]
    # The last TLV is cut off; one has the length of none of its type; one is unknown.
    request = Request(0, to_ntp(STAMP_TIME), 1).encode()
    for tlvs in ("8004", "80040003B80000", "80C8000100", "8001FFFF"):
        yield b"\6" + request + bytes.fromhex(tlvs)


def _stamp_reply() -> Iterator[bytes]:
    for how, key in ((4, None), (6, None), (5, STAMP_KEY)):
        sender = Sender(ssid=9, key=key, padding=lambda size: b"\xaa" * size, ptp=bool(how & 2))
        reflector = Reflector(Rules(stateful=True, key=key), Clock(ErrorEstimate(True, False, 0, 1)))
        for size in STAMP_SIZES:
            request = sender.request(STAMP_TIME, size + format_of(key).size - 44, ErrorEstimate(False, False, 0, 1))
            prepared = reflector.take(Arrival(request, "192.0.2.1", 40_000, STAMP_TIME + 1000, 0, 61, 0))
            if isinstance(prepared, PreparedReply):
                yield bytes([how]) + prepared.timestamped(STAMP_TIME + 2000)


def _asks() -> Iterator[tuple[int, bytes | None, bytes]]:
    """How a sender asks for other replies: flags, its key, and the request."""
    for how, key in ((0, None), (8, None), (10, None), (1, STAMP_KEY), (3, STAMP_KEY)):
        for ask in (Ask(0), Ask(1400), Ask(100, 3, 1_000_000), Ask(9216, 200, 600_000_000_000), Ask(1, 0)):
            sender = ControlSender(ssid=9, key=key)
            yield how, key, sender.request(STAMP_TIME, 300, ask, ErrorEstimate(False, False, 0, 1))


def _stamp_control() -> Iterator[bytes]:
    for how, _, request in _asks():
        yield bytes([how]) + request
    group = "0100001F4A0C4A00 800B0008 18000000C0000200"
    for tlvs in ("800C000C 00400001 00000000 00000000", "800C0008 0040000100000000", f"800C0014{group}"):
        yield b"\0" + Request(0, to_ntp(STAMP_TIME), 1).encode() + bytes.fromhex(tlvs) + bytes.fromhex("80010000")


def _stamp_controlled_reply() -> Iterator[bytes]:
    for how, key, request in _asks():
        control = ReplyControl(b"key of the run", Purse())
        reflector = Reflector(
            Rules(stateful=bool(how & 2), key=key), Clock(ErrorEstimate(True, False, 0, 1)), control=control
        )
        prepared = reflector.take(Arrival(request, "192.0.2.1", 40_000, STAMP_TIME + 1000, 0, 61, 0))
        if isinstance(prepared, PreparedReply):
            yield bytes([how | 4]) + prepared.timestamped(STAMP_TIME + 2000)


def _stamp_return() -> Iterator[bytes]:
    for how, key in ((0, None), (8, None), (1, STAMP_KEY)):
        for ttl in (0, 3, 64):
            yield bytes([how]) + ReturnSender(1, key, 9).request(0, STAMP_TIME, ttl)
    # No proof before it, an odd length, a TTL that may not be, together with TLV 12.
    base, proof = Request(0, to_ntp(STAMP_TIME), 1).encode(), Tlv(0x80, 252, Proof().encode())
    for value in (ReturnTrace(3).encode(), ReturnTrace(3, room=1).encode()[:-1], ReturnTrace(99).encode()):
        yield b"\0" + base + Tlv(0x80, 253, value).encode()
        yield b"\10" + base + encode((proof, Tlv(0x80, 253, value)))
    yield b"\10" + base + encode((*control_tlvs(Ask(200, 2), NO_COOKIE), Tlv(0x80, 253, ReturnTrace(3).encode())))


def _stamp_returned() -> Iterator[bytes]:
    far = Far().learn()
    for ttl in (1, 2, 3):
        far.expired(far.reply(ttl)[1])
    yield b"\4" + far.reply(0)[1]
    far = Far(STAMP_KEY)
    far.expired(far.reply(1)[1])
    yield b"\5" + far.reply(0)[1]
    yield b"\4" + Far(controlled=False).reply(3)[1]


def _target() -> Iterator[bytes]:
    for text in (
        "tcp://host:7",
        "udp://[::1]:7",
        "[fe80::1%eth0]",
        "unix:///run/x",
        "unix:x",
        "self",
        ":7007",
        "bücher.de",
    ):
        yield text.encode()


def _criterion() -> Iterator[bytes]:
    for text in ("rtt.p99>20ms", "loss>1%, late>=3", "rtt.p50>+10%", "ipdv<1us", "connect>1s"):
        yield text.encode()


def _monitor_config() -> Iterator[bytes]:
    yield WHOLE.encode()
    for text in (
        'targets = [{ target = "udp://a" }]',
        "[[targets]]\ntarget = 'a'\nlabels = { le = '' }",
        "[groups.x]\nsize = 1e9",
    ):
        yield text.encode()


def _packed_histogram() -> Iterator[bytes]:
    histogram = CoarseHistogram()
    for value in (1, 100, 10**6, 10**9, 10**13):
        histogram.record(value)
    yield histogram.packed().cells
    yield b"\xff" * 40


def _shown_bytes() -> Iterator[bytes]:
    yield b"\x1b[2J\xff\\ caf\xc3\xa9 \xe2\x80\xae"


def _icmp_error() -> Iterator[bytes]:
    payload = EchoPayloads(TRACE_TOKEN).of(0, 3, 0)
    for error in (FIRST, TARGET):
        yield b"\xff" + error
        yield b"\xff" + error[:36] + payload
    for error in (FIRST6, TARGET6):
        yield b"\0" + error
        yield b"\0" + error[:56] + payload


SEEDS = {
    "stream": _stream,
    "datagram": _datagram,
    "text_mode": _text_mode,
    "saved_run": _saved_run,
    "worker_message": _worker_message,
    "fork_request": _fork_request,
    "fork_report": _fork_report,
    "systemd_variables": _systemd_variables,
    "pem": _pem,
    "target": _target,
    "criterion": _criterion,
    "monitor_config": _monitor_config,
    "packed_histogram": _packed_histogram,
    "shown_bytes": _shown_bytes,
    "stamp_request": _stamp_request,
    "stamp_reply": _stamp_reply,
    "stamp_control": _stamp_control,
    "stamp_controlled_reply": _stamp_controlled_reply,
    "stamp_return": _stamp_return,
    "stamp_returned": _stamp_returned,
    "icmp_error": _icmp_error,
}
