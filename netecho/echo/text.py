"""The text mode of a server: what it answers to each line, whatever the segments that the line came in.

A value that is fed bytes and returns bytes. The same bytes give the same answers however they are split: a
character, a line or the logoff word may come in as many pieces as it has bytes. What is kept is less than one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LONGEST_LINE = 65_536
"""Bytes of a line without its ending; a longer one gets the error reply, and the connection is closed."""

DEFAULT_REPLY = "You sent: {}"
DEFAULT_ERROR = "Error: not valid UTF-8"
TOO_LONG = f"Error: line longer than {LONGEST_LINE} bytes"

Ending = Literal["logoff", "line too long"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMode:
    """What a server says. A reply ends as the line did that it answers: LF, or CR LF."""

    reply: str = DEFAULT_REPLY
    """`{}` in it stands for the line."""
    error: str | None = None
    """For what cannot be answered; None: `DEFAULT_ERROR`, or `TOO_LONG`."""
    logoff: str | None = None
    """A line that starts with this ends the conversation, without a reply."""


class Conversation:
    """One client's lines and the answers to them."""

    def __init__(self, text_mode: TextMode) -> None:
        self.ending: Ending | None = None
        """Why the server is to close once the answers are sent; nothing is answered any more."""
        self._parts = [part.encode() for part in text_mode.reply.split("{}")]
        self._error = (DEFAULT_ERROR if text_mode.error is None else text_mode.error).encode()
        self._too_long = (TOO_LONG if text_mode.error is None else text_mode.error).encode()
        self._logoff = None if text_mode.logoff is None else text_mode.logoff.encode()
        self._line = bytearray()
        self._answers: list[bytes] = []

    def received(self, data: bytes) -> bytes:
        """Take in what came, and return what is to be sent for it."""
        start = 0
        while self.ending is None and start < len(data):
            end = data.find(b"\n", start)
            # Looked at before the line is whole: the word ends the conversation, not the newline after it.
            self._line += data[start : len(data) if end < 0 else end]
            if self._is_logoff():
                self.ending = "logoff"
            elif len(self._line) - self._line.endswith(b"\r") > LONGEST_LINE:
                self._answers.append(self._too_long + b"\n")
                self.ending = "line too long"
            elif end >= 0:
                self._answer(b"\n")
            start = end + 1 if end >= 0 else len(data)
        return self._said()

    def ended(self) -> bytes:
        """Take in that nothing more will come, and return what is to be sent for a last line without an ending."""
        if self.ending is None and self._line:
            self._answer(b"\n")
        return self._said()

    def _is_logoff(self) -> bool:
        return self._logoff is not None and self._line.startswith(self._logoff)

    def _answer(self, ending: bytes) -> None:
        line = bytes(self._line)
        self._line.clear()
        if line.endswith(b"\r"):
            line, ending = line[:-1], b"\r\n"
        try:
            line.decode()
        except UnicodeDecodeError:
            self._answers.append(self._error + ending)
        else:
            self._answers.append(line.join(self._parts) + ending)

    def _said(self) -> bytes:
        said = b"".join(self._answers)
        self._answers.clear()
        return said


def answer_datagram(text_mode: TextMode, datagram: bytes) -> bytes | None:
    """Return the answers to the lines of one datagram, cut to its length: an answer is never longer than its request.

    None: there is nothing to say (the logoff word came first). An empty datagram is answered with an empty one.
    """
    conversation = Conversation(text_mode)
    answer = conversation.received(datagram) + conversation.ended()
    if not answer and datagram:
        return None
    # What was whole characters before the cut is whole characters after it.
    return answer[: len(datagram)].decode("utf-8", "ignore").encode()
