"""What a Session-Sender asks, and what it believes of the answers."""

import random

import pytest
from hypothesis import given, strategies as st

from netecho.stamp.auth import truncated_hmac
from netecho.stamp.location import Endpoint, Location
from netecho.stamp.packet import Reply, Request
from netecho.stamp.prepared_reply import PreparedReply
from netecho.stamp.reply_control import ReplyControl, ReplyPlan
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Rules
from netecho.stamp.session_sender import Reflection, Rejection, Sender, fits, full_size, least_size, smallest_from
from netecho.stamp.times import ErrorEstimate, to_ntp, to_ptp
from netecho.stamp.tlv import (
    ClassOfService,
    DirectMeasurement,
    SyncSource,
    TimestampInformation,
    Tlv,
    Type,
    decode,
    encode,
)

T1 = 1_795_412_400_500_000_000
T2 = T1 + 1_000_000
T3 = T2 + 40_000
T4 = T3 + 2_000_000
KEY = b"an orchestrator gave us this key"
HERE = ErrorEstimate(False, False, 0, 1)
THERE = ErrorEstimate(True, False, 19, 128)

LOCATION = Location(Endpoint(bytes([203, 0, 113, 7]), 41_234), Endpoint(bytes([192, 0, 2, 1]), 862))


def types(data: bytes, base: int = 44) -> list[int]:
    return [tlv.type for tlv in decode(data[base:])]


def reflect(by: Reflector, request: bytes, tos: int = 0) -> bytes:
    arrival = Arrival(request, ("192.0.2.1", 40_000), 40_000, T2, now=0, ttl=61, tos=tos, location=LOCATION)
    prepared = by.take(arrival)
    assert isinstance(prepared, PreparedReply), prepared
    return bytes(prepared.timestamped(T3))


def there(**rules: object) -> Reflector:
    return Reflector(Rules(**rules), Clock(THERE, SyncSource.NTP))  # type: ignore[arg-type]


def read(sender: Sender, data: bytes) -> Reflection:
    read = sender.read(data, T4)
    assert isinstance(read, Reflection), read
    return read


class TestRequests:
    @pytest.mark.parametrize("key", [None, KEY])
    def test_they_count_from_zero_and_carry_t1(self, key: bytes | None) -> None:
        sender = Sender(ssid=0xBEEF, key=key)
        for sequence in range(3):
            data = sender.request(T1 + sequence, 44 if key is None else 112, HERE)
            assert Request.decode(data, key) == Request(sequence, to_ntp(T1 + sequence), 0x0001, 0xBEEF)
        assert sender.sent == 3

    def test_ptp_stamps_are_announced(self) -> None:
        request = Request.decode(Sender(ptp=True).request(T1, 44, HERE))
        assert (request.stamp, request.error) == (to_ptp(T1), 0x4001)

    @pytest.mark.parametrize(
        ("size", "asked"),
        [
            (44, []),
            (48, [1]),
            (52, [4]),
            (55, [1]),  # 3 octets would be left
            (56, [4, 1]),
            (60, [4, 3]),
            (64, [4, 3, 1]),
            (80, [4, 3, 7]),
            (96, [4, 3, 7, 5]),
            (143, [4, 3, 7, 5, 1]),
            (144, [4, 3, 7, 5, 2]),
            (1400, [4, 3, 7, 5, 2, 1]),
        ],
    )
    def test_they_ask_for_what_there_is_room_for(self, size: int, asked: list[int]) -> None:
        data = Sender().request(T1, size, HERE)
        assert len(data) == size
        assert types(data) == asked
        assert all(tlv.flags == 0x80 for tlv in decode(data[44:]))

    @pytest.mark.parametrize(
        ("size", "asked"),
        [(112, []), (116, [1]), (139, [1]), (140, [4, 8]), (152, [4, 3, 8, 1]), (184, [4, 3, 7, 5, 8])],
    )
    def test_sealed_ones_seal_what_they_ask(self, size: int, asked: list[int]) -> None:
        data = Sender(key=KEY).request(T1, size, HERE)
        assert len(data) == size
        assert types(data, 112) == asked
        if 8 in asked:
            tlvs = decode(data[112:])
            before = tlvs[: asked.index(8)]
            assert tlvs[len(before)].value == truncated_hmac(KEY, bytes(4) + encode(before))

    @given(st.integers(44, 2000), st.sampled_from([None, KEY]))
    def test_every_size_that_fits_comes_out_exact_and_well_formed(self, size: int, key: bytes | None) -> None:
        if fits(size, key):
            data = Sender(key=key).request(T1, size, HERE)
            assert len(data) == size
            base = 44 if key is None else 112
            assert encode(decode(data[base:])) == data[base:]

    def test_sizes_that_do_not_fit(self) -> None:
        assert [size for size in range(60) if fits(size)] == [44, *range(48, 60)]
        assert [size for size in range(120) if fits(size, KEY)] == [112, 116, 117, 118, 119]

    def test_the_smallest_size_from_another_on_is_the_next_that_fits(self) -> None:
        for key in (None, KEY):
            for size in range(130):
                assert smallest_from(size, key) == next(each for each in range(size, 140) if fits(each, key))

    def test_the_size_with_room_for_everything(self) -> None:
        assert full_size() == 144
        assert full_size(KEY) == 232

    def test_they_carry_what_is_to_be_asked_and_counted(self) -> None:
        sender = Sender(dscp=46)
        sender.request(T1, 96, HERE)
        cos, info, follow_up, counters = decode(sender.request(T1, 96, HERE)[44:])
        assert cos.value == bytes.fromhex("B8000000")
        assert info.value == bytes(4)
        assert follow_up.value == bytes(16)
        assert counters.value == (2).to_bytes(4) + bytes(8)

    def test_padding_is_the_callers(self) -> None:
        data = Sender(padding=lambda size: b"\xaa" * size).request(T1, 70, HERE)
        assert decode(data[44:])[-1] == Tlv(0x80, Type.EXTRA_PADDING, b"\xaa" * 6)


class TestReplies:
    @pytest.mark.parametrize("key", [None, KEY])
    def test_everything_a_reflector_says(self, key: bytes | None) -> None:
        sender = Sender(ssid=9, key=key, dscp=46)
        by = there(stateful=True, key=key)
        size = full_size(key)
        read(sender, reflect(by, sender.request(T1 - 1, size, HERE), tos=46 << 2))
        assert read(sender, reflect(by, sender.request(T1, size, HERE), tos=10 << 2 | 1)) == Reflection(
            sequence=1,
            reply_sequence=1,
            t1=T1,
            t2=T2,
            t3=T3,
            unset=False,
            estimate=THERE,
            ttl=61,
            ssid=9,
            class_of_service=ClassOfService(asked=46, dscp=10, ecn=1),
            timestamp_information=TimestampInformation(1, 2, 1, 2),
            counters=DirectMeasurement(sent=2, received=2, reflected=2),
            follow_up=(0, T3),
            location=LOCATION,
            obedience=None,
            wrong_at=None,
        )

    def test_a_reflector_without_extensions_returns_them_unrecognised(self) -> None:
        sender = Sender(ssid=9)
        request = sender.request(T1, 96, HERE)
        reply = Reply(0, to_ntp(T3), 1, 0, to_ntp(T2), 0, to_ntp(T1), 1, 61).encode() + request[44:]
        seen = read(sender, reply)
        assert seen.ssid == 0
        told = (seen.class_of_service, seen.timestamp_information, seen.counters, seen.follow_up)
        assert told == (None, None, None, None)

    def test_a_stateless_reflector_has_nothing_to_follow_up(self) -> None:
        sender = Sender()
        for _ in range(2):
            assert read(sender, reflect(there(), sender.request(T1, 96, HERE))).follow_up == (0, None)

    def test_a_reply_with_the_base_packet_alone_is_one_too(self) -> None:
        sender = Sender()
        assert read(sender, reflect(there(), sender.request(T1, 96, HERE))[:44]).class_of_service is None

    def test_ptp_stamps_are_read_as_such_on_either_side(self) -> None:
        sender = Sender(ptp=True)
        sender.request(T1, 44, HERE)
        seen = read(sender, Reply(0, to_ptp(T3), 0x4001, 0, to_ptp(T2), 0, to_ptp(T1), 0x4001, 61).encode())
        assert (seen.t1, seen.t2, seen.t3) == (T1, T2, T3)

    @pytest.mark.parametrize(("received", "stamp"), [(0, to_ntp(T3)), (to_ntp(T2), 0), (0, 0)])
    def test_stamps_that_were_never_set_are_told(self, received: int, stamp: int) -> None:
        sender = Sender()
        sender.request(T1, 44, HERE)
        assert read(sender, Reply(0, stamp, 1, 0, received, 0, to_ntp(T1), 1, 61).encode()).unset

    def test_only_what_answers_a_request_of_ours_is_believed(self) -> None:
        sender = Sender(ssid=9)
        request = sender.request(T1, 44, HERE)
        good = Reply.decode(reflect(there(), request))
        assert isinstance(sender.read(good.encode(), T4), Reflection)
        assert sender.read(good._replace(sender_sequence=1).encode(), T4) is Rejection.FOREIGN
        assert sender.read(good._replace(sender_stamp=to_ntp(T1 + 1)).encode(), T4) is Rejection.FOREIGN
        assert sender.read(good._replace(ssid=8).encode(), T4) is Rejection.FOREIGN
        assert sender.read(good.encode()[:37], T4) is Rejection.MALFORMED
        assert Sender(ssid=9).read(good.encode(), T4) is Rejection.FOREIGN

    def test_a_request_is_remembered_for_as_many_others(self) -> None:
        sender = Sender(remembered=256)
        first = reflect(there(), sender.request(T1, 44, HERE))
        for _ in range(255):
            sender.request(T1, 44, HERE)
        assert read(sender, first).sequence == 0
        sender.request(T1, 44, HERE)
        assert sender.read(first, T4) is Rejection.FOREIGN

    def test_numbers_go_on_after_they_wrap_on_the_wire(self) -> None:
        sender = Sender()
        sender.sent = 2**32 - 1
        replies = [reflect(there(), sender.request(T1 + at, 44, HERE)) for at in range(3)]
        assert [read(sender, reply).sequence for reply in replies] == [2**32 - 1, 2**32, 2**32 + 1]

    def test_with_a_key_nothing_without_its_seal_is_believed(self) -> None:
        sender = Sender(key=KEY)
        reply = reflect(there(key=KEY), sender.request(T1, 112, HERE))
        assert isinstance(sender.read(reply, T4), Reflection)
        assert sender.read(reply[:-1] + bytes([reply[-1] ^ 1]), T4) is Rejection.MALFORMED
        assert sender.read(reply[:111], T4) is Rejection.MALFORMED

    @given(st.binary(max_size=200), st.sampled_from([None, KEY]))
    def test_any_octets_are_read_or_rejected(self, data: bytes, key: bytes | None) -> None:
        sender = Sender(key=key)
        sender.request(T1, 112, HERE)
        assert isinstance(sender.read(data, T4), Rejection | Reflection)

    @given(st.binary(max_size=100), st.sampled_from([None, KEY]))
    def test_any_octets_may_follow_the_base_packet(self, rest: bytes, key: bytes | None) -> None:
        sender = Sender(key=key)
        reply = reflect(there(key=key), sender.request(T1, 44 if key is None else 112, HERE))
        assert read(sender, reply + rest).sequence == 0


class TestExtensionsOfReplies:
    """RFC 8972 section 4: U skips one, M ends the reading, I discards all."""

    def seen(self, *flags: int, key: bytes | None = None) -> list[bool]:
        """Which of Class of Service, Timestamp Information and Direct Measurement is believed with these flags."""
        sender = Sender(key=key)
        request = sender.request(T1, 76 if key is None else 164, HERE)
        base = reflect(there(key=key), request)[: 44 if key is None else 112]
        kinds = (Type.CLASS_OF_SERVICE, Type.TIMESTAMP_INFORMATION, Type.DIRECT_MEASUREMENT)
        tlvs = [Tlv(flag, kind, bytes(size)) for flag, kind, size in zip(flags, kinds, (4, 4, 12), strict=True)]
        found = read(sender, base + encode(tlvs))
        parts = (found.class_of_service, found.timestamp_information, found.counters)
        return [part is not None for part in parts]

    def test_flags(self) -> None:
        assert self.seen(0, 0, 0) == [True, True, True]
        assert self.seen(0, 0x80, 0) == [True, False, True]
        assert self.seen(0, 0x40, 0) == [True, False, False]
        assert self.seen(0, 0, 0x20) == [False, False, False]

    def test_with_a_key_they_need_a_seal(self) -> None:
        assert self.seen(0, 0, 0, key=KEY) == [False, False, False]

    def test_a_seal_that_is_wrong_discards_them_all(self) -> None:
        sender = Sender(key=KEY)
        reply = bytearray(reflect(there(key=KEY), sender.request(T1, 184, HERE)))
        assert read(sender, bytes(reply)).class_of_service is not None
        reply[112 + 4] ^= 1
        assert read(sender, bytes(reply)).class_of_service is None

    def test_a_wrong_length_ends_the_reading(self) -> None:
        sender = Sender()
        base = reflect(there(), sender.request(T1, 60, HERE))[:44]
        tlvs = bytes.fromhex("00 04 0003 000000") + bytes.fromhex("00 03 0005 0102010200")
        assert read(sender, base + tlvs)[9:11] == (None, None)

    def test_what_was_not_asked_for_is_not_believed(self) -> None:
        sender = Sender()
        base = reflect(there(), sender.request(T1, 60, HERE))[:44]
        swapped = Tlv(0, Type.TIMESTAMP_INFORMATION, bytes(4)), Tlv(0, Type.CLASS_OF_SERVICE, bytes(4))
        assert read(sender, base + encode(swapped))[9:11] == (None, None)


class TestPadding:
    def test_a_wrong_octet_is_found(self) -> None:
        sender = Sender(padding=lambda size: b"\xaa" * size)
        reply = bytearray(reflect(there(), sender.request(T1, 200, HERE)))
        assert read(sender, bytes(reply)).wrong_at is None
        reply[150] ^= 4
        reply[199] ^= 4
        assert read(sender, bytes(reply)).wrong_at == 150

    def test_nothing_is_said_of_a_reply_of_another_length(self) -> None:
        sender = Sender(padding=lambda size: b"\xaa" * size)
        assert read(sender, reflect(there(), sender.request(T1, 200, HERE))[:150]).wrong_at is None

    @pytest.mark.parametrize("size", [48, 60, 96, 200, 500, 1400])
    @pytest.mark.parametrize("returned", ["zeroes", "ones", "shifted", "untouched", "reversed"])
    def test_reflectors_that_know_no_tlvs_may_return_what_they_like(self, size: int, returned: str) -> None:
        """TWAMP-Light's pad their replies (RFC 5357 section 4.2.1): perfSONAR's shifts, Cisco's has zeroes."""
        sender = Sender(padding=lambda length: bytes(n & 0xFF for n in range(length)))
        request = sender.request(T1, size, HERE)
        base = reflect(there(), request[:44])
        rest = {
            "zeroes": bytes(size),
            "ones": b"\xff" * size,
            "shifted": request[44 - 27 :],
            "untouched": request[44:],
            "reversed": request[:43:-1],
        }[returned]
        found = read(sender, (base + rest)[:size])
        assert (found.sequence, found.wrong_at, found.class_of_service, found.counters) == (0, None, None, None)

    @given(st.integers(44, 300), st.randoms(use_true_random=False))
    def test_random_padding_is_neither_wrong_nor_believed(self, size: int, luck: random.Random) -> None:
        sender = Sender(padding=luck.randbytes)
        request = sender.request(T1, size if fits(size) else 44, HERE)
        reply = reflect(there(), request[:44]) + luck.randbytes(len(request) - 44)
        found = read(sender, reply)
        assert found.wrong_at is None
        assert found[9:13] == (None, None, None, None)


class TestReplySize:
    """Replies of another length than their requests (RFC 10052)."""

    def far(self, key: bytes | None, **rules: object) -> Reflector:
        class Purse:
            def take(self, client: str, plan: ReplyPlan, now: int) -> str | None:
                del client, plan, now
                return None

        return Reflector(Rules(key=key, **rules), Clock(THERE), control=ReplyControl(b"key", Purse()))  # type: ignore[arg-type]

    @pytest.mark.parametrize("key", [None, KEY])
    @pytest.mark.parametrize("asked", [0, 200, 1001, 1400])
    def test_what_a_reflector_says_is_read_from_them_too(self, key: bytes | None, asked: int) -> None:
        sender = Sender(ssid=9, key=key, reply_size=asked, padding=lambda size: b"\xaa" * size)
        by = self.far(key, stateful=True)
        size = full_size(key, control=True) + 40
        for sequence in range(3):
            data = reflect(by, sender.request(T1, size, HERE))
            seen = read(sender, data)
            assert isinstance(seen, Reflection)
            refused = key is None and not sequence and asked > size
            assert seen.obedience == ("not as asked" if refused else "as asked")
            assert len(data) == (size if refused else max(asked, size - 40))
            assert (seen.sequence, seen.reply_sequence, seen.wrong_at) == (sequence, sequence, None)
            assert (seen.location, seen.counters) == (LOCATION, DirectMeasurement(*[sequence + 1] * 3))

    def test_a_reflector_that_knows_nothing_of_it_is_told(self) -> None:
        sender = Sender(ssid=9, reply_size=1000)
        seen = read(sender, reflect(there(), sender.request(T1, full_size(control=True), HERE)))
        assert isinstance(seen, Reflection)
        assert (seen.obedience, seen.location) == ("unknown", LOCATION)

    @pytest.mark.parametrize(("key", "least", "full"), [(None, 92, 192), (KEY, 180, 280)])
    def test_they_have_room_for_what_asks(self, key: bytes | None, least: int, full: int) -> None:
        assert (least_size(key, control=True), full_size(key, control=True)) == (least, full)
        assert [size for size in range(least - 2, least + 6) if fits(size, key, control=True)] == [
            least,
            least + 4,
            least + 5,
        ]
        for size in (least, least + 4, full, 1400):
            assert len(Sender(ssid=9, key=key, reply_size=1).request(T1, size, HERE)) == size
