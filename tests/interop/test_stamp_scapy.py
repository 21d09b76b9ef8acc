"""Scapy's STAMP layer reads our packets, and we read those it builds.

Its layer has no packets for authenticated mode; those are described here in scapy's fields, from the figures of
RFC 8972 section 3, so that at least their offsets and their dissection are not ours.

Scapy 2.8 names the flags of a TLV from the wrong end: its "U" is 0x01. Numbers are used here.
"""

import hashlib
import hmac
from ipaddress import ip_address
from typing import Any, ClassVar

import pytest
from scapy.contrib.stamp import (
    ErrorEstimate as ScapyEstimate,
    STAMPSessionReflectorTestUnauthenticated as ScapyReply,
    STAMPSessionSenderTestUnauthenticated as ScapyRequest,
    STAMPTestTLV as ScapyTlv,
)
from scapy.fields import ByteField, IntField, LongField, PacketField, PacketListField, ShortField, StrFixedLenField
from scapy.packet import Packet

from netecho.stamp.control import Ask, Obedience
from netecho.stamp.control_sender import ControlledReply, ControlSender
from netecho.stamp.location import Endpoint, Location
from netecho.stamp.packet import Reply, Request
from netecho.stamp.prepared_reply import PreparedReply
from netecho.stamp.reply_control import ReplyControl, ReplyPlan
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Rules
from netecho.stamp.session_sender import Reflection, Sender, full_size
from netecho.stamp.times import ErrorEstimate, to_ntp
from netecho.stamp.tlv import Tlv, encode

T1 = 1_795_412_400_500_000_000
T2 = T1 + 1_000_000
T3 = T2 + 40_000
KEY = b"an orchestrator gave us this key"
THERE = ErrorEstimate(True, False, 19, 128)


class SealedRequest(Packet):
    name = "RFC 8972 figure 3"
    fields_desc: ClassVar[list[Any]] = [
        IntField("seq", 0),
        StrFixedLenField("mbz1", bytes(12), 12),
        LongField("ts", 0),
        PacketField("err_estimate", ScapyEstimate(), ScapyEstimate),
        ShortField("ssid", 0),
        StrFixedLenField("mbz2", bytes(68), 68),
        StrFixedLenField("hmac", bytes(16), 16),
        PacketListField("tlv_objects", [], ScapyTlv),
    ]


class SealedReply(Packet):
    name = "RFC 8972 figure 4"
    fields_desc: ClassVar[list[Any]] = [
        IntField("seq", 0),
        StrFixedLenField("mbz1", bytes(12), 12),
        LongField("ts", 0),
        PacketField("err_estimate", ScapyEstimate(), ScapyEstimate),
        ShortField("ssid", 0),
        StrFixedLenField("mbz2", bytes(4), 4),
        LongField("ts_rx", 0),
        StrFixedLenField("mbz3", bytes(8), 8),
        IntField("seq_sender", 0),
        StrFixedLenField("mbz4", bytes(12), 12),
        LongField("ts_sender", 0),
        PacketField("err_estimate_sender", ScapyEstimate(), ScapyEstimate),
        StrFixedLenField("mbz5", bytes(6), 6),
        ByteField("ttl_sender", 255),
        StrFixedLenField("mbz6", bytes(15), 15),
        StrFixedLenField("hmac", bytes(16), 16),
        PacketListField("tlv_objects", [], ScapyTlv),
    ]


def seconds(instant: int) -> float:
    """Scapy keeps NTP stamps as a float of seconds since 1900: good to a microsecond."""
    return (to_ntp(instant) >> 32) + (to_ntp(instant) & 0xFFFF_FFFF) / 2**32


def seal(packet: Packet) -> Packet:
    packet.hmac = hmac.new(KEY, bytes(packet)[:96], hashlib.sha256).digest()[:16]
    return packet


NOWHERE = Location()


class Purse:
    """All that is asked for is granted."""

    def take(self, client: str, plan: ReplyPlan, now: int) -> str | None:
        del client, plan, now
        return None


def reflect(request: bytes, tos: int = 0, location: Location = NOWHERE, **rules: Any) -> bytes:
    by = Reflector(Rules(**rules), Clock(THERE), control=ReplyControl(b"key", Purse()))
    prepared = by.take(Arrival(request, ("192.0.2.1", 40_000), 40_000, T2, now=0, ttl=61, tos=tos, location=location))
    assert isinstance(prepared, PreparedReply), prepared
    return bytes(prepared.timestamped(T3))


def fields(estimate: Any) -> tuple[int, int, int, int]:
    return (estimate.S, estimate.Z, estimate.scale, estimate.multiplier)


def test_scapy_reads_our_request() -> None:
    sender = Sender(ssid=0xBEEF, dscp=46)
    sender.request(T1, 44, THERE)
    read = ScapyRequest(sender.request(T1, 64, THERE))
    assert (read.seq, read.ssid, read.mbz) == (1, 0xBEEF, 0)
    assert read.ts == pytest.approx(seconds(T1), abs=1e-6)
    assert fields(read.err_estimate) == (1, 0, 19, 128)
    assert [(int(tlv.flags), tlv.type, tlv.len, tlv.value) for tlv in read.tlv_objects] == [
        (128, 4, 4, bytes.fromhex("B8000000")),
        (128, 3, 4, bytes(4)),
        (128, 1, 0, b""),
    ]


def test_we_read_scapys_request_and_scapy_our_reply() -> None:
    request = ScapyRequest(
        seq=7,
        ts=seconds(T1),
        err_estimate=ScapyEstimate(S=1, Z=0, scale=15, multiplier=128),
        ssid=0xBEEF,
        tlv_objects=[
            ScapyTlv(flags=0x80, type=4, len=4, value=bytes.fromhex("B8000000")),
            ScapyTlv(flags=0x80, type=200, len=3, value=b"abc"),
            ScapyTlv(flags=0x80, type=3, len=3, value=b"bad"),
        ],
    )
    data = bytes(request)
    ours = Request.decode(data)
    assert (ours.sequence, ours.error, ours.ssid) == (7, 0x8F80, 0xBEEF)
    reply = ScapyReply(reflect(data, tos=10 << 2 | 1))
    assert (reply.seq, reply.seq_sender, reply.ssid, reply.ttl_sender, reply.mbz1, reply.mbz2) == (
        7,
        7,
        0xBEEF,
        61,
        0,
        0,
    )
    assert reply.ts_sender == pytest.approx(seconds(T1), abs=1e-6)
    assert reply.ts_rx == pytest.approx(seconds(T2), abs=1e-6)
    assert reply.ts == pytest.approx(seconds(T3), abs=1e-6)
    assert fields(reply.err_estimate) == (1, 0, 19, 128)
    assert fields(reply.err_estimate_sender) == (1, 0, 15, 128)
    assert [(int(tlv.flags), tlv.type, tlv.value) for tlv in reply.tlv_objects] == [
        (0, 4, bytes.fromhex("B8A40000")),
        (0x80, 200, b"abc"),
        (0x40, 3, b"bad"),
    ]
    assert len(reflect(data)) == len(data)


@pytest.mark.parametrize(
    ("source", "destination", "kinds"), [("203.0.113.7", "192.0.2.1", (8, 5)), ("2001:db8::7", "2001:db8::1", (9, 6))]
)
def test_scapy_asks_where_it_was_seen_and_reads_the_answer(
    source: str, destination: str, kinds: tuple[int, int]
) -> None:
    asked = [ScapyTlv(flags=0x80, type=kind, len=16, value=bytes(16)) for kind in (7, 4)]
    value = bytes(4) + b"".join(map(bytes, asked))
    request = bytes(ScapyRequest(tlv_objects=[ScapyTlv(flags=0x80, type=2, len=len(value), value=value)]))
    here = Location(Endpoint(ip_address(source).packed, 41_234), Endpoint(ip_address(destination).packed, 862))
    data = reflect(request, location=here)
    assert len(data) == len(request)
    (told,) = ScapyReply(data).tlv_objects
    assert (int(told.flags), told.type, told.len, told.value[:4]) == (0, 2, 44, bytes.fromhex("035EA112"))
    first, second = ScapyTlv(told.value[4:24]), ScapyTlv(told.value[24:])
    assert [(int(tlv.flags), tlv.type, tlv.len) for tlv in (first, second)] == [(0, kind, 16) for kind in kinds]
    for tlv, host in ((first, source), (second, destination)):
        assert tlv.value == ip_address(host).packed.ljust(16, b"\0")


def test_we_read_where_scapys_reflector_saw_us() -> None:
    sender = Sender(ssid=0xBEEF)
    size = full_size()
    sent = ScapyRequest(sender.request(T1, size, THERE))
    (asked,) = (tlv for tlv in sent.tlv_objects if tlv.type == 2)
    assert asked.value == bytes(4) + b"".join(
        bytes(ScapyTlv(flags=0x80, type=kind, len=16, value=bytes(16))) for kind in (7, 4)
    )
    there = bytes.fromhex("035EA112") + b"".join(
        bytes(ScapyTlv(flags=0, type=kind, len=16, value=ip_address(host).packed.ljust(16, b"\0")))
        for kind, host in ((8, "203.0.113.7"), (5, "192.0.2.1"))
    )
    tlvs = [ScapyTlv(flags=0, type=2, len=44, value=there) if tlv.type == 2 else tlv for tlv in sent.tlv_objects]
    reply = ScapyReply(ssid=sent.ssid, seq_sender=sent.seq, ts=seconds(T3), ts_rx=seconds(T2), tlv_objects=tlvs)
    data = bytearray(bytes(reply))
    data[28:36] = to_ntp(T1).to_bytes(8)
    read = sender.read(bytes(data), T3)
    assert isinstance(read, Reflection)
    assert read.location is not None
    assert [(end.host, end.port) for end in read.location] == [("203.0.113.7", 41_234), ("192.0.2.1", 862)]


def test_scapys_own_flags_are_no_hindrance() -> None:
    request = ScapyRequest(tlv_objects=[ScapyTlv(flags="U", type=4, len=4, value=bytes.fromhex("B8000000"))])
    (answered,) = ScapyReply(reflect(bytes(request), tos=10 << 2)).tlv_objects
    assert (int(answered.flags), answered.value) == (0, bytes.fromhex("B8A00000"))


def test_we_read_scapys_reply() -> None:
    sender = Sender(ssid=0xBEEF)
    sent = ScapyRequest(sender.request(T1, 52, THERE))
    reply = ScapyReply(
        seq=3,
        ts=seconds(T3),
        err_estimate=ScapyEstimate(S=1, Z=0, scale=15, multiplier=128),
        ssid=sent.ssid,
        ts_rx=seconds(T2),
        seq_sender=sent.seq,
        ts_sender=sent.ts,
        err_estimate_sender=sent.err_estimate,
        ttl_sender=64,
        tlv_objects=[ScapyTlv(flags=0, type=4, len=4, value=bytes.fromhex("00A40000"))],
    )
    # A float of seconds is too coarse to give T1 back exactly, as a reflector must.
    data = bytearray(bytes(reply))
    data[28:36] = to_ntp(T1).to_bytes(8)
    read = sender.read(bytes(data), T3)
    assert isinstance(read, Reflection)
    assert (read.sequence, read.reply_sequence, read.ttl, read.ssid) == (0, 3, 64, 0xBEEF)
    assert read.t2 == pytest.approx(T2, abs=1000)
    assert read.t3 == pytest.approx(T3, abs=1000)
    assert read.estimate == ErrorEstimate(True, False, 15, 128)
    assert read.class_of_service is not None
    assert (read.class_of_service.dscp, read.class_of_service.ecn) == (10, 1)


def test_scapy_reads_our_sealed_request() -> None:
    data = Sender(ssid=0xBEEF, key=KEY).request(T1, 184, THERE)
    read = SealedRequest(data)
    assert (read.seq, read.ts, read.ssid) == (0, to_ntp(T1), 0xBEEF)
    assert fields(read.err_estimate) == (1, 0, 19, 128)
    assert read.hmac == hmac.new(KEY, data[:96], hashlib.sha256).digest()[:16]
    *asked, sealed = read.tlv_objects
    assert [tlv.type for tlv in asked] == [4, 3, 7, 5]
    text = bytes(4) + b"".join(bytes(tlv) for tlv in asked)
    assert sealed.value == hmac.new(KEY, text, hashlib.sha256).digest()[:16]


def test_we_read_scapys_sealed_request_and_scapy_our_sealed_reply() -> None:
    request = seal(SealedRequest(seq=7, ts=to_ntp(T1), err_estimate=ScapyEstimate(scale=15), ssid=0xBEEF))
    data = reflect(bytes(request), stateful=True, key=KEY)
    reply = SealedReply(data)
    assert len(data) == 112
    assert (reply.seq, reply.seq_sender, reply.ssid, reply.ttl_sender) == (0, 7, 0xBEEF, 61)
    assert (reply.ts_sender, reply.ts_rx, reply.ts) == (to_ntp(T1), to_ntp(T2), to_ntp(T3))
    assert reply.hmac == hmac.new(KEY, data[:96], hashlib.sha256).digest()[:16]
    must_be_zero = [reply.mbz1, reply.mbz2, reply.mbz3, reply.mbz4, reply.mbz5, reply.mbz6]
    assert not any(b"".join(must_be_zero))


def test_we_read_scapys_sealed_reply() -> None:
    reply = seal(SealedReply(seq=1, ts=to_ntp(T3), ts_rx=to_ntp(T2), seq_sender=7, ts_sender=to_ntp(T1), ssid=9))
    read = Reply.decode(bytes(reply), KEY)
    assert (read.sequence, read.stamp, read.received, read.ssid) == (1, to_ntp(T3), to_ntp(T2), 9)
    assert (read.sender_sequence, read.sender_stamp, read.sender_ttl) == (7, to_ntp(T1), 255)


def test_the_same_tlv_in_the_same_octets() -> None:
    assert encode([Tlv(0x80, 5, bytes(12))]) == bytes(ScapyTlv(flags=0x80, type=5, len=12, value=bytes(12)))


def test_we_obey_scapys_tlv_12_with_a_short_reply_and_scapy_reads_it() -> None:
    """RFC 10052 section 3: the padding goes, and its length is a multiple of four."""
    tlvs = [
        ScapyTlv(flags=0x80, type=12, len=12, value=bytes.fromhex("0059 0001 00000000 00000000")),
        ScapyTlv(flags=0x80, type=1, len=1000, value=bytes(1000)),
    ]
    data = reflect(bytes(ScapyRequest(seq=7, ssid=9, tlv_objects=tlvs)))
    reply = ScapyReply(data)
    assert len(data) == 92
    assert [(int(tlv.flags), tlv.type, tlv.len) for tlv in reply.tlv_objects] == [(0, 12, 12), (0, 1, 28)]


def test_more_than_scapy_sent_is_refused_as_scapy_reads() -> None:
    tlv = ScapyTlv(flags=0x80, type=12, len=12, value=bytes.fromhex("05DC 000A 000F4240 00000000"))
    request = bytes(ScapyRequest(seq=7, ssid=9, tlv_objects=[tlv]))
    data = reflect(request)
    assert len(data) == len(request)
    assert [(int(tlv.flags), tlv.type) for tlv in ScapyReply(data).tlv_objects] == [(0x10, 12)]


def test_in_authenticated_mode_scapy_gets_what_it_asked_for() -> None:
    control = ScapyTlv(flags=0x80, type=12, len=12, value=bytes.fromhex("05DC 000A 000F4240 00000000"))
    text = (7).to_bytes(4) + bytes(control)
    sealed = ScapyTlv(flags=0x80, type=8, len=16, value=hmac.new(KEY, text, hashlib.sha256).digest()[:16])
    base = seal(SealedRequest(seq=7, ts=to_ntp(T1), err_estimate=ScapyEstimate(scale=15), ssid=0xBEEF))
    data = reflect(bytes(base) + bytes(control) + bytes(sealed), key=KEY)
    told, sealed, padding = SealedReply(data).tlv_objects
    assert len(data) == 1500
    assert (int(told.flags), padding.type, padding.len) == (0, 1, 1500 - 112 - 16 - 20 - 4)
    text = (7).to_bytes(4) + bytes(told)
    assert sealed.value == hmac.new(KEY, text, hashlib.sha256).digest()[:16]


def test_scapy_reads_what_we_ask_for_and_we_its_answer() -> None:
    sender = ControlSender(ssid=0xBEEF)
    sent = ScapyRequest(sender.request(T1, 200, Ask(1500, 10, 1_000_000), THERE))
    control, proof, padding = sent.tlv_objects
    assert (int(control.flags), control.type, control.value) == (0x80, 12, bytes.fromhex("05DC000A000F424000000000"))
    assert (int(proof.flags), proof.type, proof.value) == (0x80, 252, b"nech" + bytes(24))
    assert padding.type == 1
    reply = ScapyReply(seq=3, ts_rx=seconds(T2), ssid=sent.ssid, seq_sender=sent.seq)
    reply.tlv_objects = [ScapyTlv(flags=0x10, type=12, len=12, value=control.value), proof]
    data = bytearray(bytes(reply))
    data[28:36] = to_ntp(T1).to_bytes(8)
    read = sender.read(bytes(data), T3)
    assert isinstance(read, ControlledReply)
    assert (read.obedience, read.number, read.sequence) == (Obedience.NOT_AS_ASKED, None, 0)
