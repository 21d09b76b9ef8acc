"""Server-sent events: who is told what, and listeners that read slowly, never, or are too many."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from netecho.net.monitor import event_stream
from netecho.net.monitor.event_stream import MOST, MOST_WAITING, PATIENCE, Listener, Listeners, message
from netecho.net.monitor.replies import Query, Reply, Stream, plain
from netecho.net.monitor.web import LONGEST, Web, WebSettings
from tests.net.monitor.test_web import Bench, Client

if TYPE_CHECKING:
    from collections.abc import Iterator


class Audience(Bench):
    """A server whose `/events` can be listened to."""

    def __init__(self) -> None:
        super().__init__()
        self.reasons: list[str] = []
        self.first: list[str] = ["a", "b"]
        self.listeners = Listeners(self.clock, self.spare, self.reasons.append)
        self.web = Web(self.clock, self.spare, WebSettings(routes={"/events": self.events}))

    async def events(self, _: Query) -> Reply | Stream:
        if self.listeners.are_full:
            return plain(503, "full")
        return Listener(self.listeners, self.beginning())

    def beginning(self) -> Iterator[str]:
        for each in self.first:
            self.made += 1
            yield message(each, "{}")

    def listening(self) -> Client:
        client = self.client()
        client.get("/events")
        return client


@pytest.fixture
def audience() -> Audience:
    return Audience()


def told(client: Client) -> list[str]:
    """The events, by their names."""
    return [line[7:].decode() for line in client.received.split(b"\n") if line.startswith(b"event: ")]


def test_a_listener_is_told_what_there_is_and_then_what_happens(audience: Audience) -> None:
    client = audience.listening()
    audience.turns(2)
    assert b"Content-Type: text/event-stream; charset=utf-8\r\n" in client.received
    audience.listeners.publish(message("c", '{"x": 1}'))
    audience.turns(1)
    assert told(client) == ["a", "b", "c"]
    assert b'event: c\ndata: {"x": 1}\n\n' in client.received


def test_what_is_published_in_one_pass_is_written_in_the_next_as_one(audience: Audience) -> None:
    client = audience.listening()
    audience.turns(2)
    before = client.received
    for _ in range(3):
        audience.listeners.publish(message("c", "{}"))
    assert client.received == before
    assert len(audience.clock.getDelayedCalls()) == 1
    audience.turns(1)
    assert client.received.removeprefix(before).count(b"\r\n") == 2  # of one chunk


def test_nobody_listens_for_longer_than_they_are_there(audience: Audience) -> None:
    client = audience.listening()
    audience.clock.advance(10 * LONGEST)
    assert not client.aborted
    client.leave()
    assert len(audience.listeners) == 0
    audience.listeners.publish(message("c", "{}"))
    assert audience.clock.getDelayedCalls() == []


def test_a_long_beginning_is_made_in_pieces_and_waits_for_its_reader(audience: Audience) -> None:
    audience.first = ["x"] * 100
    client = audience.listening()
    assert audience.made == 1
    client.producer.pauseProducing()
    audience.turns(50)
    assert audience.made == 1
    client.producer.resumeProducing()
    audience.turns(100)
    assert audience.made == 100


def test_one_that_reads_late_gets_all_in_its_order(audience: Audience) -> None:
    client = audience.listening()
    audience.turns(2)
    client.producer.pauseProducing()
    for each in "cd":
        audience.listeners.publish(message(each, "{}"))
        audience.turns(1)
    assert told(client) == ["a", "b"]
    client.producer.resumeProducing()
    audience.clock.advance(PATIENCE)
    assert told(client) == ["a", "b", "c", "d"]
    assert audience.reasons == []


def test_one_for_which_too_much_waits_is_dropped_with_the_reason(audience: Audience) -> None:
    client, other = audience.listening(), audience.listening()
    client.producer.pauseProducing()
    for _ in range(MOST_WAITING // 50_000 + 1):
        audience.listeners.publish(message("c", "x" * 50_000))
        audience.turns(1)
    assert audience.reasons == ["a listener to /api/v1/events was dropped: 512 KiB of events were waiting for it"]
    assert told(client)[-1] == "dropped"
    assert b'{"reason": "512 KiB of events were waiting for it"}' in client.received
    assert client.aborted
    assert (len(audience.listeners), told(other)[-1]) == (1, "c")


def test_one_that_does_not_read_for_long_is_dropped_though_little_waits(audience: Audience) -> None:
    client = audience.listening()
    client.producer.pauseProducing()
    audience.clock.advance(10 * PATIENCE)
    assert len(audience.listeners) == 1  # nothing waits for it
    audience.listeners.publish(message("c", "{}"))
    audience.turns(1)
    audience.clock.advance(PATIENCE)
    assert len(audience.listeners) == 0
    (line,) = [line for line in client.received.split(b"\n") if line.startswith(b'data: {"reason"')]
    assert json.loads(line[6:]) == {"reason": f"nothing was read for {PATIENCE:g} s"}
    client.transport.disconnecting = False
    audience.clock.advance(event_stream._GRACE)
    assert client.aborted  # whether it has read that or not


def test_there_are_no_more_than_may_be_and_a_place_is_given_back(audience: Audience) -> None:
    clients = [audience.listening() for _ in range(MOST)]
    late = audience.listening()
    assert late.status == 503
    clients[0].leave()
    assert audience.listening().status == 200


def test_head_has_no_events(audience: Audience) -> None:
    client = audience.client()
    client.get("/events", method="HEAD")
    assert client.status == 200
    assert (len(audience.listeners), audience.made) == (0, 0)
