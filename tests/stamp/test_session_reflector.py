"""What a Session-Reflector answers: RFC 8762 section 4.3, RFC 8972 section 4, and nothing longer than what came."""

import pytest
from hypothesis import given, strategies as st

from netecho.stamp.auth import truncated_hmac
from netecho.stamp.location import REQUEST as WHERE, Endpoint, Location, filled
from netecho.stamp.packet import Reply, Request
from netecho.stamp.prepared_reply import PreparedReply
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Refusal, Rules
from netecho.stamp.sessions import Sessions
from netecho.stamp.times import ErrorEstimate, to_ntp, to_ptp
from netecho.stamp.tlv import SyncSource, Tlv, Type, decode, encode

SECOND = 1_000_000_000
T1 = 1_795_412_400_500_000_000
T2 = T1 + 1_000_000
T3 = T2 + 40_000
KEY = b"an orchestrator gave us this key"
ESTIMATE = ErrorEstimate(True, False, 19, 128)
REQUEST = Request(sequence=7, stamp=to_ntp(T1), error=0x8F80, ssid=0xBEEF)
COS_EF = Tlv(0x80, Type.CLASS_OF_SERVICE, bytes.fromhex("B8000000"))


def reflector(**rules: object) -> Reflector:
    return Reflector(Rules(**rules), Clock(ESTIMATE, SyncSource.NTP))  # type: ignore[arg-type]


def arrival(data: bytes, source: str = "192.0.2.1", port: int = 40_000, tos: int = 0, received: int = T2) -> Arrival:
    return Arrival(data, (source, port), port, received, now=0, ttl=61, tos=tos)


LOCATION = Location(Endpoint(bytes([203, 0, 113, 7]), 41_234), Endpoint(bytes([192, 0, 2, 1]), 862))


def answer(by: Reflector, data: bytes, **how: object) -> bytes:
    prepared = by.take(arrival(data, **how))  # type: ignore[arg-type]
    assert isinstance(prepared, PreparedReply), prepared
    return bytes(prepared.timestamped(T3))


def told(by: Reflector, *tlvs: Tlv, sequence: int = 7, key: bytes | None = None, **how: object) -> tuple[Tlv, ...]:
    """The TLVs of the reply to a request with these."""
    request = REQUEST._replace(sequence=sequence).encode(key)
    return decode(answer(by, request + encode(tlvs), **how)[len(request) :])


def hmac_tlv(sequence: int, *tlvs: Tlv, key: bytes = KEY, flags: int = 0x80) -> Tlv:
    return Tlv(flags, Type.HMAC, truncated_hmac(key, sequence.to_bytes(4) + encode(tlvs)))


class TestEachRuleByItself:
    """What shows a reply, where nothing else does: no other rule would find anything in these."""

    def test_the_mark_of_our_own_replies(self) -> None:
        marked = arrival(bytes(44))._replace(ttl=90)
        assert reflector(marked_ttls=frozenset({90})).take(marked) is Refusal.REPLY
        assert isinstance(reflector(marked_ttls=frozenset({90})).take(arrival(bytes(44))), PreparedReply)

    @pytest.mark.parametrize("size", [20, 44])
    def test_a_port_that_reflectors_write_from_and_more_than_zeroes(self, size: int) -> None:
        odd = (bytes(18) + b"\x01").ljust(size, b"\0")
        assert reflector().take(arrival(odd, port=862)) is Refusal.REPLY
        assert isinstance(reflector().take(arrival(odd, port=40_000)), PreparedReply)
        assert isinstance(reflector().take(arrival(bytes(size), port=862)), PreparedReply)

    def test_a_receive_timestamp_by_the_clock_of_its_timestamp(self) -> None:
        theirs = to_ntp(T1 - 3 * 86_400 * SECOND)
        reply = bytes(4) + theirs.to_bytes(8) + bytes(4) + theirs.to_bytes(8) + bytes(20)
        assert reflector().take(arrival(reply)) is Refusal.REPLY

    def test_a_sender_timestamp_by_our_own_clock(self) -> None:
        reply = bytes(28) + to_ntp(T2).to_bytes(8) + bytes(8)
        assert reflector().take(arrival(reply)) is Refusal.REPLY
        assert isinstance(reflector().take(arrival(reply, received=T2 + 3600 * SECOND)), PreparedReply)


class TestBase:
    @pytest.mark.parametrize("key", [None, KEY])
    def test_a_stateless_reply_has_the_senders_number(self, key: bytes | None) -> None:
        reply = Reply.decode(answer(reflector(key=key), REQUEST.encode(key)), key)
        assert reply == Reply(
            sequence=7,
            stamp=to_ntp(T3),
            error=0x9380,
            ssid=0xBEEF,
            received=to_ntp(T2),
            sender_sequence=7,
            sender_stamp=to_ntp(T1),
            sender_error=0x8F80,
            sender_ttl=61,
        )

    @pytest.mark.parametrize("key", [None, KEY])
    def test_a_stateful_reply_has_the_reflectors_own(self, key: bytes | None) -> None:
        by = reflector(stateful=True, key=key)
        for own, sequence in enumerate([0, 1, 5, 4, 4]):
            reply = Reply.decode(answer(by, REQUEST._replace(sequence=sequence).encode(key)), key)
            assert (reply.sequence, reply.sender_sequence) == (own, sequence)

    def test_each_session_has_its_own_count(self) -> None:
        by = reflector(stateful=True)
        other_ssid = REQUEST._replace(ssid=1)
        for _ in range(3):
            answer(by, REQUEST.encode())
        assert Reply.decode(answer(by, REQUEST.encode(), source="192.0.2.2")).sequence == 0
        assert Reply.decode(answer(by, REQUEST.encode(), port=40_001)).sequence == 0
        assert Reply.decode(answer(by, other_ssid.encode())).sequence == 0
        assert Reply.decode(answer(by, REQUEST.encode())).sequence == 3

    def test_what_is_not_ours_to_read_comes_back_as_zero(self) -> None:
        data = bytearray(b"\xff" * 44)
        data[16:24] = bytes(8)  # else its timestamps lay as near as those of a reply
        reply = answer(reflector(), bytes(data))
        assert reply[38:40] == bytes(2)
        assert reply[41:] == bytes(3)

    @pytest.mark.parametrize("key", [None, KEY])
    def test_a_sender_with_ptp_timestamps_is_answered_in_them(self, key: bytes | None) -> None:
        request = REQUEST._replace(stamp=to_ptp(T1), error=0x4001)
        reply = Reply.decode(answer(reflector(key=key), request.encode(key)), key)
        assert (reply.received, reply.stamp, reply.error) == (to_ptp(T2), to_ptp(T3), 0xD380)
        assert (reply.sender_stamp, reply.sender_error) == (to_ptp(T1), 0x4001)

    def test_follow_up_telemetry_is_in_the_same_format(self) -> None:
        by = reflector(stateful=True)
        asked = Tlv(0x80, Type.FOLLOW_UP_TELEMETRY, bytes(16)).encode()
        request = REQUEST._replace(stamp=to_ptp(T1), error=0x4001).encode()
        answer(by, request + asked)
        (answered,) = decode(answer(by, request + asked)[44:])
        assert answered.value[4:12] == to_ptp(T3).to_bytes(8)

    def test_it_is_counted(self) -> None:
        by = reflector()
        answer(by, REQUEST.encode())
        by.take(arrival(b""))
        assert by.tally.reflected == 1
        assert by.tally.refused == dict.fromkeys(Refusal, 0) | {Refusal.SHORT: 1}

    def test_it_leaves_in_the_class_it_came_in_without_the_congestion_bits(self) -> None:
        prepared = reflector().take(arrival(REQUEST.encode(), tos=46 << 2 | 3))
        assert isinstance(prepared, PreparedReply)
        assert prepared.dscp == 46


class TestTwampLight:
    @pytest.mark.parametrize("size", range(14, 44))
    def test_a_short_request_is_read_as_if_zeroes_followed(self, size: int) -> None:
        short = REQUEST.encode()[:size]
        assert answer(reflector(), short) == answer(reflector(), short.ljust(44, b"\0"))

    @pytest.mark.parametrize("size", range(14, 44))
    def test_a_client_that_had_its_share_of_longer_replies_gets_none(self, size: int) -> None:
        short = arrival(REQUEST.encode()[:size])._replace(may_grow=False)
        assert reflector().take(short) is Refusal.GROWTH
        assert isinstance(reflector().take(arrival(REQUEST.encode())._replace(may_grow=False)), PreparedReply)

    @pytest.mark.parametrize("size", range(14))
    def test_what_is_shorter_than_the_smallest_request_is_not_answered(self, size: int) -> None:
        assert reflector().take(arrival(REQUEST.encode()[:size])) is Refusal.SHORT

    @pytest.mark.parametrize("padding", [bytes(27), b"\x01\x02\x03", b"\xff" * 1400, b"packet padding"])
    def test_padding_comes_back_as_it_was(self, padding: bytes) -> None:
        assert answer(reflector(), REQUEST.encode() + padding)[44:] == padding


class TestAuthenticated:
    def test_a_wrong_seal_is_not_answered(self) -> None:
        by = reflector(key=KEY)
        assert by.take(arrival(REQUEST.encode(b"another"))) is Refusal.FORGED
        assert by.take(arrival(REQUEST.encode() + bytes(68))) is Refusal.FORGED
        assert by.take(arrival(REQUEST.encode(KEY)[:111])) is Refusal.SHORT
        assert by.take(arrival(REQUEST.encode())) is Refusal.SHORT
        assert by.tally.reflected == 0
        assert by.tally.refused[Refusal.FORGED] == 2

    @given(st.binary(max_size=200), st.booleans())
    def test_nothing_is_answered_that_was_not_sealed_with_the_key(self, data: bytes, stateful: bool) -> None:
        by = reflector(key=KEY, stateful=stateful)
        assert isinstance(by.take(arrival(data)), Refusal)
        assert len(by.sessions) == 0

    def test_replays_are_counted_and_answered(self) -> None:
        by = reflector(key=KEY)
        for sequence in (0, 1, 0, 2, 0):
            answer(by, REQUEST._replace(sequence=sequence).encode(KEY))
        assert by.tally.replays == 2
        assert by.tally.reflected == 5

    def test_a_replay_from_elsewhere_is_one_too(self) -> None:
        by = reflector(key=KEY)
        answer(by, REQUEST.encode(KEY))
        answer(by, REQUEST.encode(KEY), source="198.51.100.9")
        assert by.tally.replays == 1

    def test_a_forged_packet_is_no_replay(self) -> None:
        by = reflector(key=KEY)
        for _ in range(2):
            by.take(arrival(REQUEST.encode(b"another")))
        assert by.tally.replays == 0


class TestExtensions:
    def test_extra_padding_comes_back(self) -> None:
        padding = Tlv(0x80, Type.EXTRA_PADDING, b"\xaa\xbb\xcc")
        assert told(reflector(), padding, padding) == (padding._replace(flags=0),) * 2

    def test_class_of_service_as_received_and_as_asked(self) -> None:
        request = REQUEST.encode() + COS_EF.encode()
        # It arrived with DSCP 10 and ECN 1: 101110 001010 01 00
        prepared = reflector().take(arrival(request, tos=10 << 2 | 1))
        assert isinstance(prepared, PreparedReply)
        assert prepared.dscp == 46
        assert bytes(prepared.timestamped(T3))[44:] == bytes.fromhex("00 04 0004 B8A4 0000")

    def test_a_second_class_of_service_also_says_what_arrived(self) -> None:
        first, second = told(reflector(), COS_EF, Tlv(0x80, Type.CLASS_OF_SERVICE, bytes(4)), tos=10 << 2)
        assert (first.value, second.value) == (bytes.fromhex("B8A00000"), bytes.fromhex("00A00000"))

    @pytest.mark.parametrize("key", [None, KEY])
    def test_location_as_received(self, key: bytes | None) -> None:
        asked = Tlv(0x80, Type.LOCATION, WHERE)
        sealed = () if key is None else (hmac_tlv(7, asked, key=key),)
        request = REQUEST.encode(key) + encode((asked, *sealed))
        prepared = reflector(key=key).take(arrival(request)._replace(location=LOCATION))
        assert isinstance(prepared, PreparedReply)
        answered = Tlv(0, Type.LOCATION, filled(WHERE, LOCATION))
        reply = bytes(prepared.timestamped(T3))
        assert len(reply) == len(request)
        assert decode(reply[len(REQUEST.encode(key)) :])[0] == answered

    def test_a_location_without_ports_is_malformed(self) -> None:
        assert told(reflector(), Tlv(0x80, Type.LOCATION, b"abc")) == (Tlv(0x40, Type.LOCATION, b"abc"),)

    def test_timestamp_information(self) -> None:
        asked = Tlv(0x80, Type.TIMESTAMP_INFORMATION, bytes(4))
        assert told(reflector(), asked) == (Tlv(0, Type.TIMESTAMP_INFORMATION, bytes.fromhex("01020102")),)

    def test_timestamp_information_with_a_sub_tlv_leaves_it_unrecognised(self) -> None:
        asked = Tlv(0x80, Type.TIMESTAMP_INFORMATION, bytes(4) + bytes.fromhex("80C80000"))
        (answered,) = told(reflector(), asked)
        assert answered.value == bytes.fromhex("01020102 80C80000")

    @pytest.mark.parametrize("stateful", [False, True])
    def test_direct_measurement_counts_by_session(self, stateful: bool) -> None:
        by = reflector(stateful=stateful)
        for count in (1, 2, 3):
            asked = Tlv(0x80, Type.DIRECT_MEASUREMENT, (count + 2).to_bytes(4) + b"\xff" * 8)
            (answered,) = told(by, asked)
            assert answered.value == (count + 2).to_bytes(4) + count.to_bytes(4) * 2
        (answered,) = told(by, asked, port=40_001)
        assert answered.value[4:] == bytes.fromhex("00000001 00000001")

    def test_a_stateless_reflector_knows_nothing_of_the_previous_reply(self) -> None:
        by = reflector()
        asked = Tlv(0x80, Type.FOLLOW_UP_TELEMETRY, b"\xff" * 16)
        for _ in range(2):
            assert told(by, asked) == (Tlv(0, Type.FOLLOW_UP_TELEMETRY, bytes(16)),)

    def test_follow_up_tells_when_the_previous_reply_was_stamped(self) -> None:
        by = reflector(stateful=True)
        asked = Tlv(0x80, Type.FOLLOW_UP_TELEMETRY, bytes(16))
        assert told(by, asked) == (Tlv(0, Type.FOLLOW_UP_TELEMETRY, bytes(16)),)
        told(by)
        (answered,) = told(by, asked)
        assert answered.value == (1).to_bytes(4) + to_ntp(T3).to_bytes(8) + bytes.fromhex("02000000")

    def test_follow_up_tells_when_the_previous_reply_left_where_that_is_known(self) -> None:
        by = reflector(stateful=True)
        request = REQUEST.encode() + Tlv(0x80, Type.FOLLOW_UP_TELEMETRY, bytes(16)).encode()
        first = by.take(arrival(request))
        assert isinstance(first, PreparedReply)
        assert first.wants_tx_timestamp
        first.timestamped(T3)
        first.transmitted(T3 + 9_000)
        assert answer(by, request)[48:60] == bytes(4) + to_ntp(T3 + 9_000).to_bytes(8)

    def test_a_stamp_that_comes_after_the_next_reply_is_too_late(self) -> None:
        by = reflector(stateful=True)
        request = REQUEST.encode() + Tlv(0x80, Type.FOLLOW_UP_TELEMETRY, bytes(16)).encode()
        first = by.take(arrival(request))
        assert isinstance(first, PreparedReply)
        first.timestamped(T3)
        answer(by, request)
        first.transmitted(T3 + 9_000)
        assert answer(by, request)[48:60] == (1).to_bytes(4) + to_ntp(T3).to_bytes(8)

    @pytest.mark.parametrize("kind", [6, 9, 200, 240, 254])
    def test_an_unknown_type_comes_back_unrecognised_and_the_rest_is_answered(self, kind: int) -> None:
        unknown = Tlv(0x80, kind, b"\x01\x02\x03\x04")
        answered = told(reflector(), unknown, COS_EF)
        assert answered == (unknown, Tlv(0, Type.CLASS_OF_SERVICE, COS_EF.value))
        assert told(reflector(), unknown._replace(flags=0)) == (unknown,)

    @pytest.mark.parametrize("flags", [0x00, 0x80, 0x40, 0xE0])
    def test_what_a_sender_should_not_have_set_is_cleared(self, flags: int) -> None:
        assert told(reflector(), COS_EF._replace(flags=flags))[0].flags == 0

    def test_a_reserved_flag_is_cleared_too(self) -> None:
        assert told(reflector(), COS_EF, COS_EF._replace(flags=0x9F))[1].flags == 0

    @pytest.mark.parametrize(
        "malformed",
        [
            "80 03 0003 000000",
            "80 04 0003 B80000",
            "80 04 0005 B800000000",
            "80 05 000B" + "00" * 11,
            "80 07 000F" + "00" * 15,
            "80 04 0004 B800",  # cut off
            "80 04 00",
        ],
    )
    def test_after_a_malformed_one_everything_comes_back_as_it_was(self, malformed: str) -> None:
        bad = bytes.fromhex(malformed)
        after = b"" if malformed.endswith(("B800", "04 00")) else COS_EF.encode()
        prepared = reflector().take(arrival(REQUEST.encode() + COS_EF.encode() + bad + after))
        assert isinstance(prepared, PreparedReply)
        assert prepared.dscp == 46
        assert bytes(prepared.timestamped(T3))[44:] == bytes.fromhex("0004 0004 B8000000") + b"\x40" + bad[1:] + after

    def test_an_unknown_type_can_be_malformed_too(self) -> None:
        assert answer(reflector(), REQUEST.encode() + bytes.fromhex("80 C8 0009 01"))[44:] == bytes.fromhex(
            "C0 C8 0009 01"
        )


class TestExtensionSeals:
    def test_where_packets_are_sealed_tlvs_are_sealed_too_and_so_is_their_answer(self) -> None:
        asked = (COS_EF, Tlv(0x80, Type.TIMESTAMP_INFORMATION, bytes(4)))
        by = reflector(key=KEY, stateful=True)
        cos, info, sealed = told(by, *asked, hmac_tlv(7, *asked), key=KEY)
        assert cos == Tlv(0, Type.CLASS_OF_SERVICE, COS_EF.value)
        assert info.value == bytes.fromhex("01020102")
        assert sealed == hmac_tlv(0, cos, info, flags=0)  # 0: the reply's own number

    def test_padding_may_follow_and_is_not_covered(self) -> None:
        padding = Tlv(0x80, Type.EXTRA_PADDING, b"\xaa")
        cos, sealed, last = told(reflector(key=KEY), COS_EF, hmac_tlv(7, COS_EF), padding, key=KEY)
        assert sealed == hmac_tlv(7, cos, flags=0)
        assert last == padding._replace(flags=0)

    def test_padding_alone_needs_no_seal(self) -> None:
        padding = Tlv(0x80, Type.EXTRA_PADDING, b"\xaa")
        assert told(reflector(key=KEY), padding, key=KEY) == (padding._replace(flags=0),)

    @pytest.mark.parametrize(
        "asked",
        [
            (COS_EF,),
            (COS_EF, Tlv(0x80, Type.EXTRA_PADDING, b"")),
            (Tlv(0x80, Type.EXTRA_PADDING, b""), Tlv(0x80, Type.EXTRA_PADDING, b"")),
            (COS_EF, hmac_tlv(8, COS_EF)),
            (COS_EF, hmac_tlv(7, COS_EF, key=b"another")),
            (hmac_tlv(7), COS_EF),
            (COS_EF, hmac_tlv(7, COS_EF), hmac_tlv(7, COS_EF)),
        ],
        ids=["none", "none, padded", "two paddings", "other number", "other key", "not last", "twice"],
    )
    def test_what_fails_comes_back_with_the_integrity_flag_and_is_not_acted_on(self, asked: tuple[Tlv, ...]) -> None:
        prepared = reflector(key=KEY).take(arrival(REQUEST.encode(KEY) + encode(asked)))
        assert isinstance(prepared, PreparedReply)
        assert prepared.dscp == 0
        answered = decode(bytes(prepared.timestamped(T3))[112:])
        assert answered == tuple(tlv._replace(flags=0x20) for tlv in asked)

    def test_unknown_and_malformed_ones_that_fail_say_that_as_well(self) -> None:
        answered = told(reflector(key=KEY), Tlv(0x80, 200, b""), Tlv(0x80, 8, b"short"), key=KEY)
        assert [tlv.flags for tlv in answered] == [0xA0, 0x60]

    def test_in_open_mode_a_seal_that_cannot_be_checked_has_failed(self) -> None:
        assert [tlv.flags for tlv in told(reflector(), COS_EF, hmac_tlv(7, COS_EF))] == [0x20, 0x20]

    def test_after_a_malformed_one_the_seal_is_not_renewed(self) -> None:
        bad = Tlv(0x80, Type.CLASS_OF_SERVICE, bytes(5))
        answered = told(reflector(key=KEY), bad, hmac_tlv(7, bad), key=KEY)
        assert answered == (bad._replace(flags=0x40), hmac_tlv(7, bad))


rules = st.fixed_dictionaries(
    {
        "stateful": st.booleans(),
        "key": st.sampled_from([None, KEY]),
    }
)
tlv_like = st.lists(
    st.builds(Tlv, st.integers(0, 255), st.integers(0, 10), st.binary(max_size=20)).map(Tlv.encode), max_size=8
).map(b"".join)
requests = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda rest, junk: REQUEST.encode() + rest + junk, tlv_like, st.binary(max_size=9)),
    st.builds(lambda rest, junk: REQUEST.encode(KEY) + rest + junk, tlv_like, st.binary(max_size=9)),
)


@given(rules, st.lists(requests, max_size=5), st.integers(0, 2**16 - 1), st.integers(0, 255), st.integers(0, 255))
def test_whatever_comes_there_is_no_exception_and_nothing_longer_comes_back(
    how: dict[str, object], datagrams: list[bytes], port: int, ttl: int, tos: int
) -> None:
    by = reflector(**how)
    for data in datagrams:
        prepared = by.take(Arrival(data, ("192.0.2.1", port), port, T2, 0, ttl, tos))
        if isinstance(prepared, PreparedReply):
            reply = prepared.timestamped(T3)
            assert len(reply) == max(len(data), 44)
            assert 0 <= prepared.dscp < 64
            prepared.transmitted(T3 + 1)
    assert by.tally.reflected + sum(by.tally.refused.values()) == len(datagrams)


def test_sessions_of_strangers_do_not_grow_without_bound() -> None:
    by = Reflector(Rules(stateful=True), Clock(ESTIMATE), sessions=Sessions(most_new=100))
    for port in range(1000):
        by.take(arrival(REQUEST.encode(), port=port))
    assert len(by.sessions) == 100
