"""Text mode on a stream: answers made as they can be sent, a bounded part of them at a time.

While answers wait to be made or sent, the connection does not read: what its client sends stays in the kernel, whose
own limits push back. So a connection holds one read of input, one line and one part of the answers, whatever its
client sends and whether it reads or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from netecho.echo.text import Conversation

if TYPE_CHECKING:
    from netecho.echo.text import TextMode
    from netecho.net.reactor.eager import EagerConnection
    from netecho.net.server.turns import Turns

PART = 4096
"""Bytes of answers made for one event; with the shortest lines and the default reply, 370 answers or 0.1 ms."""


class Stream(Protocol):
    """The connection, as text mode sees it."""

    wire: EagerConnection | None

    def send(self, data: bytes) -> None:
        """Send an answer."""

    def shut_down(self, reason: str) -> None:
        """Close before the client does."""

    def close(self, reason: str) -> None:
        """Close after the client did."""


class TextResponder:
    """Answers the lines of one stream."""

    def __init__(self, text_mode: TextMode, turns: Turns, stream: Stream) -> None:
        self._conversation = Conversation(text_mode)
        self._turns = turns
        self._stream = stream
        self._is_queued = False
        self._is_paused = False
        self._has_ended = False
        self._is_shut = False
        self._is_over = False

    @property
    def pending(self) -> bool:
        """Whether answers are still to be made."""
        return self._conversation.pending

    def received(self, data: bytes) -> None:
        """Handle received bytes."""
        self._conversation.feed(data)
        self._go_on()

    def ended(self) -> None:
        """Handle the client's FIN: the stream is closed after the last answer."""
        self._conversation.end()
        self._has_ended = True
        self._go_on()

    def stop(self) -> None:
        """Answer no more: the connection is gone."""
        self._is_over = True
        if self._stream.wire is not None:
            self._stream.wire.on_written = None

    def _go_on(self) -> None:
        if not self._is_queued and not self._is_over:
            self._answer()

    def _answer(self) -> None:
        conversation, stream = self._conversation, self._stream
        answers = conversation.take(PART)
        if answers:
            stream.send(answers)
        if conversation.pending:
            self._queue()
            return
        if self._is_paused and stream.wire is not None:
            self._is_paused = False
            stream.wire.resumeProducing()
        if conversation.ending is not None and not self._is_shut:
            self._is_shut = True
            stream.shut_down(conversation.ending)
        if self._has_ended:
            stream.close("closed")

    def _queue(self) -> None:
        """Queue the rest: for a turn, or for when the buffered answers are sent."""
        self._is_queued = True
        wire = self._stream.wire
        if wire is not None and wire.waiting:
            wire.on_written = self._written
            return
        if wire is not None and not self._is_paused:
            self._is_paused = True
            wire.stopReading()
        self._turns.add(self._turn)

    def _written(self) -> None:
        wire = self._stream.wire
        if wire is not None:
            wire.on_written = None
            self._is_paused = True
        self._turns.add(self._turn)

    def _turn(self) -> None:
        self._is_queued = False
        self._go_on()
