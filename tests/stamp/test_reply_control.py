"""Who is sent more than was received: nobody whose address is not proved, and others within bounds."""

import pytest
from hypothesis import given, settings, strategies as st

from netecho.stamp.auth import truncated_hmac
from netecho.stamp.control import NO_COOKIE, Ask, Proof
from netecho.stamp.control_sender import ControlSender, least_request, reply_length
from netecho.stamp.location import Endpoint, Location
from netecho.stamp.packet import OPEN, Reply, Request
from netecho.stamp.prepared_reply import PreparedReply
from netecho.stamp.reply_control import (
    AGAIN,
    COOKIE_LIFE,
    FASTEST,
    LONGEST,
    LONGEST_WAIT,
    MOST,
    NOT_PROVED,
    TOO_FAST,
    TOO_LONG,
    TOO_MANY,
    TOO_SLOW,
    VOLUME,
    ReplyControl,
    ReplyPlan,
)
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Refusal, Rules
from netecho.stamp.times import ErrorEstimate, to_ntp
from netecho.stamp.tlv import Flag, Tlv, Type, decode, encode

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
T1 = 1_795_412_400_500_000_000
T2 = T1 + 1_000_000
KEY = b"an orchestrator gave us this key"
HERE = ErrorEstimate(True, False, 19, 128)
SOURCE = Endpoint(bytes([203, 0, 113, 7]), 40_000)
ELSEWHERE = Endpoint(bytes([203, 0, 113, 8]), 40_000)
OTHER_PORT = Endpoint(bytes([203, 0, 113, 7]), 40_001)


class Purse:
    """A budget that is as large as a test wants it."""

    def __init__(self, octets: int = 1 << 40) -> None:
        self.left = octets
        self.taken: list[tuple[str, ReplyPlan]] = []

    def take(self, client: str, plan: ReplyPlan, now: int) -> str | None:
        del now
        if plan.length * plan.number > self.left:
            return "the purse is empty"
        self.left -= plan.length * plan.number
        self.taken.append((client, plan))
        return None


class Far:
    """A reflector, and what it makes of packets from an address."""

    def __init__(self, budget: Purse | None = None, **rules: object) -> None:
        self.budget = budget or Purse()
        self.control = ReplyControl(b"of the run", self.budget)
        self.reflector = Reflector(Rules(**rules), Clock(HERE), control=self.control)  # type: ignore[arg-type]
        self.now = 0

    def take(self, data: bytes, source: Endpoint = SOURCE) -> PreparedReply | Refusal:
        identity = (source, b"")
        return self.reflector.take(
            Arrival(data, identity, source.port, T2, self.now, 61, 0, False, Location(source), source.host or "")
        )

    def answer(self, data: bytes, source: Endpoint = SOURCE) -> PreparedReply:
        prepared = self.take(data, source)
        assert isinstance(prepared, PreparedReply), prepared
        return prepared


def octets(prepared: PreparedReply, at: int = T2 + 40_000) -> bytes:
    return bytes(prepared.timestamped(at))


def flags_of(data: bytes, base: int = OPEN.size) -> dict[int, int]:
    return {tlv.type: tlv.flags for tlv in decode(data[base:])}


def near(far: Far, key: bytes | None = None, source: Endpoint = SOURCE) -> ControlSender:
    """A sender that has a cookie."""
    sender = ControlSender(ssid=9, key=key)
    request = sender.request(T1, least_request(key), Ask(0), HERE)
    sender.read(octets(far.answer(request, source)), T2)
    assert sender.cookie != NO_COOKIE
    return sender


class TestCookie:
    def test_it_proves_the_address_and_port_it_was_made_for(self) -> None:
        control = Far().control
        cookie = control.cookie(SOURCE, 0)
        assert control.proves(SOURCE, cookie, 0)
        assert not control.proves(ELSEWHERE, cookie, 0)
        assert not control.proves(OTHER_PORT, cookie, 0)
        assert not control.proves(SOURCE, NO_COOKIE, 0)

    @given(st.integers(0, 10**18))
    def test_it_holds_for_one_life_at_least_and_two_at_most(self, at: int) -> None:
        control = Far().control
        cookie = control.cookie(SOURCE, at)
        assert control.proves(SOURCE, cookie, at + COOKIE_LIFE)
        assert not control.proves(SOURCE, cookie, at + 2 * COOKIE_LIFE)

    def test_another_process_with_the_key_knows_it_and_one_with_another_does_not(self) -> None:
        cookie = ReplyControl(b"one key", Purse()).cookie(SOURCE, 0)
        assert ReplyControl(b"one key", Purse()).proves(SOURCE, cookie, 0)
        assert not ReplyControl(b"another", Purse()).proves(SOURCE, cookie, 0)

    def test_one_that_is_asked_for_comes_in_a_reply_as_long_as_the_request(self) -> None:
        far, sender = Far(), ControlSender(ssid=9)
        request = sender.request(T1, least_request(), Ask(0), HERE)
        assert len(octets(far.answer(request))) == len(request)

    def test_a_server_without_control_knows_neither_tlv(self) -> None:
        plain = Reflector(Rules(), Clock(HERE))
        request = ControlSender(ssid=9).request(T1, 200, Ask(100), HERE)
        reply = plain.take(Arrival(request, "", 40_000, T2, 0, 61, 0))
        assert isinstance(reply, PreparedReply)
        data = octets(reply)
        assert len(data) == 200
        assert flags_of(data) == {12: 0x80, 252: 0x80, 1: 0}


class TestUnproved:
    @pytest.mark.parametrize("asked", [0, 100, 500, 1000])
    def test_a_shorter_reply_is_sent_to_anybody(self, asked: int) -> None:
        reply = octets(Far().answer(ControlSender(ssid=9).request(T1, 1000, Ask(asked), HERE)))
        assert len(reply) == max(asked, least_request())
        assert flags_of(reply)[12] == 0

    @pytest.mark.parametrize("ask", [Ask(1004), Ask(9000), Ask(1000, 2), Ask(1000, 2000, SECOND)])
    def test_more_than_was_sent_is_not(self, ask: Ask) -> None:
        far = Far()
        prepared = far.answer(ControlSender(ssid=9).request(T1, 1000, ask, HERE))
        assert len(octets(prepared)) <= 1000
        assert prepared.plan is None or prepared.plan.number == 1
        assert flags_of(octets(prepared))[12] == Flag.NOT_AS_ASKED
        assert prepared.decision is not None
        assert prepared.decision.why == NOT_PROVED
        assert far.budget.taken == []

    def test_a_cookie_of_somebody_else_is_none(self) -> None:
        far = Far()
        sender = near(far)
        stolen = sender.request(T1, 200, Ask(1000), HERE)
        assert len(octets(far.answer(stolen, ELSEWHERE))) == 200

    def test_nobody_is_made_to_answer_by_number_zero(self) -> None:
        far = Far(stateful=True)
        sender = ControlSender(ssid=9)
        assert far.take(sender.request(T1, 100, Ask(100, 0), HERE)) is Refusal.UNWANTED
        assert Reply.decode(octets(far.answer(sender.request(T1, 100, Ask(100), HERE)))).sequence == 0

    def test_an_address_group_is_not_supported(self) -> None:
        group = Tlv(0x80, 12, bytes.fromhex("01000001 00000000 800B0008 18000000 C0000200"))
        request = Request(0, to_ntp(T1), 1, 0).encode() + encode([group])
        data = octets(Far().answer(request))
        assert flags_of(data) == {12: Flag.UNRECOGNISED}
        assert len(data) == len(request)

    def test_what_cannot_be_read_whole_is_not_obeyed(self) -> None:
        control = Tlv(0x80, 12, bytes.fromhex("00400001 00000000 00000000"))
        request = Request(0, to_ntp(T1), 1, 0).encode() + encode([control]) + b"\x80\x01\xff\xff" + bytes(200)
        assert len(octets(Far().answer(request))) == len(request)


values = st.one_of(
    st.binary(max_size=40),
    st.builds(lambda a, b, c: Ask(a, b, c).control().encode(), *[st.integers(0, 0xFFFF)] * 2, st.integers(0, 1 << 32)),
    st.builds(lambda c, i: Proof(c, i).encode(), st.binary(min_size=16, max_size=16), st.integers(0, 1 << 31)),
)
tlvs = st.builds(Tlv, st.integers(0, 255), st.sampled_from([1, 2, 3, 4, 5, 7, 8, 12, 12, 252, 252, 9, 200]), values)
packets = st.one_of(
    st.binary(max_size=400),
    st.builds(
        lambda sequence, found, end: Request(sequence, to_ntp(T1), 0x8F80, 9).encode() + encode(found) + end,
        st.integers(0, 0xFFFF_FFFF),
        st.lists(tlvs, max_size=6),
        st.one_of(st.just(b""), st.binary(max_size=60)),
    ),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(packets, st.integers(0, 3)), min_size=1, max_size=12), st.booleans(), st.integers(0, 1 << 40))
def test_an_unproved_source_is_never_sent_more_than_came_from_it(
    arrivals: list[tuple[bytes, int]], stateful: bool, now: int
) -> None:
    far = Far(stateful=stateful)
    far.now = now
    came, sent = dict.fromkeys(range(4), 0), dict.fromkeys(range(4), 0)
    for data, place in arrivals:
        prepared = far.take(data, Endpoint(bytes([192, 0, 2, place]), 40_000))
        came[place] += len(data)
        if isinstance(prepared, PreparedReply):
            plan = prepared.plan
            assert plan is None or plan.number == 1
            sent[place] += len(octets(prepared))
        assert sent[place] <= came[place]


@settings(max_examples=80)
@given(packets, st.integers(0, 10))
def test_a_proved_source_is_never_sent_more_than_its_plan(data: bytes, number: int) -> None:
    far = Far()
    cookie = far.control.cookie(SOURCE, 0)
    prepared = far.take(data + Tlv(0x80, 252, Proof(cookie).encode()).encode())
    if isinstance(prepared, PreparedReply) and prepared.plan is not None:
        plan = prepared.plan
        assert plan.length * plan.number <= max(VOLUME, len(data) + 32)
        prepared.next(number)
        assert len(octets(prepared)) <= plan.length


class TestProved:
    @pytest.mark.parametrize("asked", [0, 93, 1000, 1001, 1472, LONGEST])
    @pytest.mark.parametrize("key", [None, KEY])
    def test_a_reply_to_a_netecho_is_as_long_as_asked_to_the_octet(self, key: bytes | None, asked: int) -> None:
        far = Far(key=key)
        sender = near(far, key)
        data = octets(far.answer(sender.request(T1, 200, Ask(asked), HERE)))
        assert len(data) == reply_length(asked, key)
        assert asked < least_request(key) + 4 or len(data) == asked
        reply = sender.read(data, T2)
        assert not isinstance(reply, str)
        assert (reply.obedience, reply.number, reply.length) == ("as asked", 0, len(data))

    @pytest.mark.parametrize(
        ("ask", "why"),
        [
            (Ask(LONGEST + 4), TOO_LONG),
            (Ask(100, MOST + 1, SECOND), TOO_MANY),
            (Ask(LONGEST, VOLUME // LONGEST + 1, SECOND), TOO_MANY),
            (Ask(100, 2, LONGEST_WAIT + MILLISECOND), TOO_SLOW),
            (Ask(1024, 2, 1024 * SECOND // FASTEST), TOO_FAST),
            (Ask(100, 2, 0), TOO_FAST),
        ],
    )
    def test_what_is_beyond_the_bounds_is_one_reply_no_longer_than_the_request(self, ask: Ask, why: str) -> None:
        far = Far()
        prepared = far.answer(near(far).request(T1, 200, ask, HERE))
        assert prepared.decision is not None
        assert prepared.decision.why == why
        assert prepared.plan is None or prepared.plan.number == 1
        assert len(octets(prepared)) <= 200
        assert flags_of(octets(prepared))[12] == Flag.NOT_AS_ASKED

    @pytest.mark.parametrize(
        "ask",
        [Ask(LONGEST), Ask(100, MOST, SECOND), Ask(100, 2, LONGEST_WAIT), Ask(1024, 2, 1024 * SECOND // FASTEST + 1)],
    )
    def test_what_is_just_within_them_is_sent(self, ask: Ask) -> None:
        far = Far()
        prepared = far.answer(near(far).request(T1, 200, ask, HERE))
        assert prepared.plan == ReplyPlan(ask.length, ask.number, ask.interval)
        assert far.budget.taken == [("203.0.113.7", prepared.plan)]

    def test_what_every_reply_has_counts_though_less_was_asked_for(self) -> None:
        far = Far()
        cookie = far.control.cookie(SOURCE, 0)
        tlvs = [
            Tlv(0x80, 12, Ask(0, 300, SECOND).control().encode()),
            Tlv(0x80, 252, Proof(cookie).encode()),
            Tlv(0x80, 200, bytes(8000)),
        ]
        prepared = far.answer(Request(0, to_ntp(T1), 1, 0).encode() + encode(tlvs))
        assert prepared.decision is not None
        assert prepared.decision.why == TOO_MANY

    def test_an_empty_budget_is_said(self) -> None:
        far = Far(Purse(1000))
        sender = near(far)
        first = far.answer(sender.request(T1, 200, Ask(600), HERE))
        second = far.answer(sender.request(T1, 200, Ask(600), HERE))
        assert (len(octets(first)), len(octets(second))) == (600, 200)
        assert flags_of(octets(second))[12] == Flag.NOT_AS_ASKED

    def test_a_request_that_comes_again_is_not_obeyed_again(self) -> None:
        far = Far()
        sender = near(far)
        one, two = (sender.request(T1, 200, Ask(600), HERE) for _ in range(2))
        assert len(octets(far.answer(two))) == 600
        for old in (two, one):
            prepared = far.answer(old)
            assert len(octets(prepared)) == 200
            assert flags_of(octets(prepared))[12] == Flag.UNRECOGNISED
            assert prepared.decision is not None
            assert prepared.decision.why == AGAIN

    def test_numbers_wrap(self) -> None:
        far = Far()
        sender = near(far)
        sender.sent = 0xFFFF_FFFF
        for _ in range(2):
            assert len(octets(far.answer(sender.request(T1, 200, Ask(600), HERE)))) == 600

    def test_an_hmac_that_was_seen_before_proves_no_address(self) -> None:
        far = Far(key=KEY)
        request = ControlSender(ssid=9, key=KEY).request(T1, 200, Ask(600), HERE)
        assert len(octets(far.answer(request))) == 600
        assert len(octets(far.answer(request, ELSEWHERE))) == 200

    def test_a_stateless_reflector_counts_its_packet_once(self) -> None:
        tlvs = [Tlv(0x80, 5, bytes(12)), Tlv(0x80, 12, Ask(0).control().encode())]
        data = octets(Far().answer(Request(0, to_ntp(T1), 1, 0).encode() + encode(tlvs)))
        assert decode(data[44:])[0].value == bytes.fromhex("00000000 00000001 00000001")

    def test_a_second_tlv_12_is_not_known(self) -> None:
        far = Far()
        cookie = far.control.cookie(SOURCE, 0)
        asks = [Tlv(0x80, 12, Ask(length).control().encode()) for length in (600, 9000)]
        data = octets(
            far.answer(Request(0, to_ntp(T1), 1, 0).encode() + encode([*asks, Tlv(0x80, 252, Proof(cookie).encode())]))
        )
        assert len(data) == 600
        assert [tlv.flags for tlv in decode(data[44:]) if tlv.type == 12] == [0, Flag.UNRECOGNISED]


class TestFurtherReplies:
    @pytest.mark.parametrize("key", [None, KEY])
    @pytest.mark.parametrize("stateful", [False, True])
    def test_each_has_its_own_number_time_and_hmac(self, key: bytes | None, stateful: bool) -> None:
        far = Far(key=key, stateful=stateful)
        sender = near(far, key)
        prepared = far.answer(sender.request(T1, 200, Ask(300, 3, SECOND), HERE))
        seen = []
        for number in range(3):
            if number:
                prepared.next(number)
            data = octets(prepared, T2 + number)
            reply = sender.read(data, T2)
            assert not isinstance(reply, str)
            seen.append((reply.sequence, reply.number, reply.t3 - T2, Reply.decode(data, key).sequence, len(data)))
            if key is not None:
                at, text = len(data), b""
                for tlv in decode(data[112:]):
                    if tlv.type == Type.HMAC:
                        assert tlv.value == truncated_hmac(key, data[:4] + text)
                    text += tlv.encode()
                assert len(text) == at - 112
        assert seen == [(1, number, number, 1 + number * stateful, 300) for number in range(3)]

    @pytest.mark.parametrize("key", [None, KEY])
    def test_one_too_long_for_the_way_out_becomes_one_that_is_not(self, key: bytes | None) -> None:
        far = Far(key=key)
        sender = near(far, key)
        prepared = far.answer(sender.request(T1, 200, Ask(3000, 3, SECOND), HERE))
        assert prepared.reduce(1472)
        reply = sender.read(octets(prepared), T2)
        assert not isinstance(reply, str)
        assert (reply.length, reply.obedience) == (1472, "not as asked")

    def test_one_like_its_request_stays_so(self) -> None:
        far = Far()
        prepared = far.answer(ControlSender(ssid=9).request(T1, 3000, Ask(4000), HERE))
        assert not prepared.reduce(1472)
        assert len(octets(prepared)) == 3000
        assert flags_of(octets(prepared))[12] == Flag.NOT_AS_ASKED

    def test_one_without_padding_cannot(self) -> None:
        far = Far()
        prepared = far.answer(near(far).request(T1, 200, Ask(0), HERE))
        assert not prepared.reduce(80)
