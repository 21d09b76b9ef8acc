"""What a reflector does for those who trace the way back, and for whom it does nothing."""

from __future__ import annotations

import pytest

from netecho.stamp import return_traces
from netecho.stamp.control import Ask, control_tlvs
from netecho.stamp.location import Endpoint
from netecho.stamp.packet import Request
from netecho.stamp.return_sender import FIRST, ROOM, ReturnSender
from netecho.stamp.return_trace import Report, ReturnTrace
from netecho.stamp.return_traces import (
    MOST,
    MOST_OF_CLIENT,
    RATE_OF_CLIENT,
    REPLIES,
    IcmpQuote,
    ReturnTraces,
    Tracer,
)
from netecho.stamp.tlv import Flag, Tlv, Type, encode
from netecho.units import SECOND
from tests.stamp.returns import FAR, NEAR, ROUTER, UNSURE, WALL, Far

KEY = b"an orchestrator gave us this key"


def test_the_first_reply_has_the_usual_ttl_and_brings_the_cookie() -> None:
    far = Far()
    reply, data = far.reply(3)
    assert (reply.ttl, reply.stepped) == (0, None)
    read = far.sender.read(data, WALL)
    assert read is not None
    assert (read.known, read.refused) == (True, True)
    assert len(far.reflector.return_traces) == 0
    assert far.reply(3)[0].ttl == 3


def test_with_a_key_the_first_request_is_obeyed() -> None:
    far = Far(KEY)
    reply, data = far.reply(3)
    assert reply.ttl == 3
    read = far.sender.read(data, WALL)
    assert read is not None
    assert (read.known, read.refused, read.ttl, read.number) == (True, False, 3, 0)


def test_a_request_that_is_sent_again_proves_nothing() -> None:
    far = Far(KEY)
    request = far.request(3)
    assert far.take(request).ttl == 3
    assert far.take(request).ttl == 0


def test_the_cookie_of_another_is_not_obeyed() -> None:
    far = Far().learn()
    request = far.request(3)
    assert far.take(request, Endpoint(NEAR.address, NEAR.port + 1)).ttl == 0
    assert far.take(request).ttl == 3


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "authenticated"])
def test_a_reply_is_as_long_as_its_request(key: bytes | None) -> None:
    far = Far(key)
    for ttl in (0, 3):
        size = len(far.request(ttl))
        for _ in range(2 * ROOM):
            _, data = far.reply(3)
            far.expired(data)
            assert len(data) == size


def test_a_symmetrical_reflector_says_that_it_does_not_know_the_tlv() -> None:
    far = Far(controlled=False)
    reply, data = far.reply(3)
    assert reply.ttl == 0
    read = far.sender.read(data, WALL)
    assert read is not None
    assert not read.known


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "authenticated"])
def test_who_answered_is_told_with_a_later_reply_until_that_is_confirmed(key: bytes | None) -> None:
    far = Far(key).learn()
    _, data = far.reply(2)
    assert far.expired(data)
    report = Report(FIRST + 1, ROUTER, 11, 0, 1_000_000, False, 8, 0x12345)
    lost = far.reply(0)[1]  # this one is lost: it confirms nothing
    assert far.ask().reports == (report,)
    assert far.ask().reports == ()
    read = far.sender.read(lost, WALL)
    assert read is not None
    assert read.reports == ()


def test_a_round_trip_is_the_kernels_once_it_has_said_when_the_reply_left() -> None:
    far = Far().learn()
    reply, data = far.reply(2)
    reply.transmitted(WALL + far.now + 400_000)
    far.expired(data)
    (report,) = far.ask().reports
    assert (report.rtt, report.kernel) == (600_000, True)


def test_more_reports_than_there_is_room_for_wait() -> None:
    far = Far().learn()
    sent = [far.reply(ttl)[1] for ttl in range(1, ROOM + 4)]
    for data in sent:
        far.expired(data)
    first, second = far.ask(), far.ask()
    assert (len(first.reports), first.waiting) == (ROOM, 3)
    assert (len(second.reports), second.waiting) == (3, 0)
    assert [each.sequence for each in (*first.reports, *second.reports)] == list(range(FIRST + 1, FIRST + ROOM + 4))


def test_a_report_that_two_replies_have_is_new_once() -> None:
    far = Far().learn()
    first, second = far.reply(2)[1], far.reply(3)[1]
    far.expired(first)
    one = far.reply(0)[1]
    far.expired(second)
    other = far.reply(0)[1]
    read = [far.sender.read(data, WALL) for data in (one, other)]
    assert [[report.sequence - FIRST for report in each.reports] for each in read if each is not None] == [[1], [2]]


def test_an_icmp_error_counts_once_and_if_it_quotes_what_went_to_that_endpoint() -> None:
    far = Far().learn()
    _, data = far.reply(2)
    head = far.reflector.head_length
    assert not far.expired(data, peer=FAR)
    assert not far.expired(data[: head - 1])
    assert not far.expired(data[: head - 1] + bytes([data[head - 1] ^ 1]) + data[head:])
    assert not far.expired(far.reply(0)[1])
    assert far.expired(data)
    assert not far.expired(data)
    assert len(far.ask().reports) == 1


def test_it_is_not_obeyed_together_with_replies_of_another_number() -> None:
    far = Far().learn()
    tlvs = (*control_tlvs(Ask(200, 5), far.sender.cookie), Tlv(0x80, Type.RETURN_TRACE, ReturnTrace(3).encode()))
    reply = far.take(Request(5, WALL, UNSURE.encode()).encode() + encode(tlvs) + bytes(200))
    assert reply.ttl == 0


def test_of_two_such_tlvs_the_first_is_obeyed() -> None:
    far = Far().learn()
    proof, _ = control_tlvs(Ask(0), far.sender.cookie)[::-1]
    asked = [Tlv(0x80, Type.RETURN_TRACE, ReturnTrace(ttl).encode()) for ttl in (3, 4)]
    reply = far.take(Request(5, WALL, UNSURE.encode()).encode() + encode((proof, *asked)))
    assert reply.ttl == 3
    assert reply.timestamped(WALL)[-16] & Flag.UNRECOGNISED


def test_all_that_is_remembered_has_a_bound() -> None:
    traces = ReturnTraces()
    for n in range(REPLIES + 10):
        stepped = traces.answer(ReturnTrace(3), Tracer(NEAR, "a", n, True), 0).stepped
        assert stepped is not None
        traces.sent(stepped, b"%016d" % n, WALL)

    def quoted(n: int) -> bool:
        return traces.quoted(IcmpQuote(NEAR, b"%016d" % n, ROUTER, 11, 0, WALL + 1, exact=True), 16)

    assert (quoted(9), quoted(10)) == (False, True)
    far = Far().learn()
    sent = [far.reply(2) for _ in range(REPLIES)]
    assert all(far.expired(data) for _, data in sent)
    refused, data = far.reply(2)
    assert refused.stepped is None
    read = far.sender.read(data, WALL)
    assert read is not None
    assert read.refused
    told = len(read.reports)
    while found := far.ask().reports:
        told += len(found)
    assert told == REPLIES
    assert far.reply(2)[0].stepped is not None


def test_endpoints_have_a_bound_and_push_out_nobody() -> None:
    traces = ReturnTraces()

    def obeyed(n: int, client: str, now: int = 0) -> bool:
        source = Endpoint(bytes([10, 0, n >> 8, n & 255]), 1)
        return not traces.answer(ReturnTrace(0), Tracer(source, client, 1, True), now).refused

    assert [obeyed(n, "a") for n in range(MOST_OF_CLIENT + 1)] == [True] * MOST_OF_CLIENT + [False]
    for n in range(MOST):
        obeyed(1000 + n, str(n))
    assert len(traces) == MOST
    assert not obeyed(5000, "z")
    assert obeyed(0, "a")
    assert obeyed(5000, "z", return_traces.IDLE + 1)
    assert traces.expire(return_traces.IDLE + 1)
    assert not traces.expire(3 * return_traces.IDLE)


def test_a_client_may_have_so_many_in_a_second() -> None:
    traces = ReturnTraces()

    def taken(client: str, now: int) -> int:
        tracer = Tracer(Endpoint(client.encode(), 1), client, 1, True)
        return sum(traces.answer(ReturnTrace(3), tracer, now).stepped is not None for _ in range(RATE_OF_CLIENT + 9))

    assert taken("a", 0) == RATE_OF_CLIENT
    assert taken("a", 0) == 0
    assert taken("b", 0) == RATE_OF_CLIENT
    assert taken("a", SECOND) == RATE_OF_CLIENT
    assert sum(taken(str(n), SECOND) for n in range(20)) == return_traces.RATE - RATE_OF_CLIENT


def test_what_a_reply_answers_is_known_by_number_and_time() -> None:
    far = Far()
    _, data = far.reply(0)
    stranger = ReturnSender(UNSURE.encode(), None, ssid=9)
    stranger.request(0, WALL + 1, 0)
    assert stranger.read(data, WALL) is None
    assert stranger.read(data[:20], WALL) is None
    sent = far.request(3)
    assert far.sender.is_ours(sent)
    assert not stranger.is_ours(sent)
