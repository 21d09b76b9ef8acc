"""The text mode of a server: what it answers to each line, whatever the segments that the line came in.

A value that is fed bytes and asked for answers. The same bytes give the same answers however they are split: a
character, a line or the logoff word may come in as many pieces as it has bytes. Answers are made when they are asked
for, about as many bytes at a time as there is room for: a byte of input may ask for thousands of bytes of answer, and
neither the memory nor the time of making them all at once may be had for one read.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

LONGEST_LINE = 65_536
"""Bytes of a line without its ending; a longer one gets the error reply, and the connection is closed."""

LONGEST_REPLY = 4096
"""Bytes of a template."""

MOST_PLACES = 16
"""How often a template may have `{}`: an answer is at most so many times as long as its line."""

DEFAULT_REPLY = "You sent: {}"
DEFAULT_ERROR = "Error: not valid UTF-8"
TOO_LONG = f"Error: line longer than {LONGEST_LINE} bytes"

_SMALLEST_BLOCK = 16
_LARGEST_PIECE = 4096

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
        """Why the server is to close once the answers are sent; what comes after it is not answered."""
        self._parts = [part.encode() for part in text_mode.reply.split("{}")]
        self._error = (DEFAULT_ERROR if text_mode.error is None else text_mode.error).encode()
        self._too_long = (TOO_LONG if text_mode.error is None else text_mode.error).encode()
        self._logoff = None if text_mode.logoff is None else text_mode.logoff.encode()
        # No line of n bytes, ending included, is answered with more than n times this.
        self._growth = max(sum(map(len, self._parts)) + len(self._parts), len(self._error) + 1)
        self._input = b""
        self._at = 0
        self._has_ended = False
        self._line = bytearray()
        """What came of a line whose ending has not come."""
        self._pieces: deque[bytes] = deque()
        """Of answers, to be taken next."""

    @property
    def pending(self) -> bool:
        """Whether there may be more answers to take."""
        if self._pieces:
            return True
        return self.ending is None and (self._at < len(self._input) or (self._has_ended and bool(self._line)))

    def feed(self, data: bytes) -> None:
        """Take in what came."""
        if self.ending is None:
            self._input = self._input[self._at :] + data if self._at < len(self._input) else data
            self._at = 0

    def end(self) -> None:
        """Take in that nothing more will come: a last line without an ending is answered too."""
        self._has_ended = True

    def take(self, room: int) -> bytes:
        """Return the next answers: `room` bytes, or what one line or one block of short lines adds to that."""
        taken: list[bytes] = []
        size = 0
        while size < room and (self._pieces or self._go_on(room - size)):
            if self._pieces:
                piece = self._pieces.popleft()
                taken.append(piece)
                size += len(piece)
        if self._at == len(self._input):  # a client that says no more has nothing kept for it
            self._input, self._at = b"", 0
        return b"".join(taken)

    def _go_on(self, room: int) -> bool:
        """Read the next block of whole lines, one line, or a part of one; return whether there was any."""
        if not self.pending:
            return False
        data, at = self._input, self._at
        if at == len(data):
            self._answer(b"\n")
            return True
        if not self._line:
            size = min(max(room // self._growth, _SMALLEST_BLOCK), LONGEST_LINE)
            end = data.rfind(b"\n", at, at + size)
            if end >= 0:
                self._at = end + 1
                self._answer_block(data[at:end])
                return True
        end = data.find(b"\n", at)
        # Looked at before the line is whole: the word ends the conversation, not the newline after it.
        self._line += data[at : len(data) if end < 0 else end]
        self._at = len(data) if end < 0 else end + 1
        if self._is_logoff(self._line):
            self._finish("logoff")
        elif len(self._line) - self._line.endswith(b"\r") > LONGEST_LINE:
            self._pieces.append(self._too_long + b"\n")
            self._finish("line too long")
        elif end >= 0:
            self._answer(b"\n")
        return True

    def _answer_block(self, block: bytes) -> None:
        """Answer short lines together: a flood of newlines costs a fourth of what it costs one by one."""
        lines = block.split(b"\n")
        if self._logoff is not None and self._logoff in block:
            for index, line in enumerate(lines):
                if self._is_logoff(line):
                    del lines[index:]
                    self._finish("logoff")
                    break
        if not lines:
            return
        try:
            block.decode()
        except UnicodeDecodeError:
            replies = [self._reply_to(line) for line in lines]
        else:
            parts = self._parts
            replies = [line[:-1].join(parts) + b"\r" if line.endswith(b"\r") else line.join(parts) for line in lines]
        self._pieces.append(b"\n".join(replies) + b"\n")

    def _reply_to(self, line: bytes) -> bytes:
        bare = line.removesuffix(b"\r")
        try:
            bare.decode()
        except UnicodeDecodeError:
            reply = self._error
        else:
            reply = bare.join(self._parts)
        return reply + line[len(bare) :]

    def _answer(self, ending: bytes) -> None:
        """Answer the line that has come to its end."""
        line = bytes(self._line)
        self._line.clear()
        if len(line) * len(self._parts) <= _LARGEST_PIECE:
            self._pieces.append(self._reply_to(line) + ending)
            return
        # In pieces that share the line: held once, however often the template has it.
        bare = line.removesuffix(b"\r")
        try:
            bare.decode()
        except UnicodeDecodeError:
            self._pieces.append(self._error)
        else:
            for part in self._parts:
                self._pieces += (part, bare)
            self._pieces.pop()
        self._pieces.append(line[len(bare) :] + ending)

    def _is_logoff(self, line: bytes | bytearray) -> bool:
        return self._logoff is not None and line.startswith(self._logoff)

    def _finish(self, ending: Ending) -> None:
        self.ending = ending
        self._input = b""
        self._at = 0
        self._line.clear()


def answer_datagram(text_mode: TextMode, datagram: bytes) -> bytes | None:
    """Return the answers to the lines of one datagram, cut to its length: an answer is never longer than its request.

    What would be cut off is not made. None: there is nothing to say (the logoff word came first). An empty datagram is
    answered with an empty one.
    """
    conversation = Conversation(text_mode)
    conversation.feed(datagram)
    conversation.end()
    answer = conversation.take(len(datagram))
    if not answer and datagram:
        return None
    # What was whole characters before the cut is whole characters after it.
    return answer[: len(datagram)].decode("utf-8", "ignore").encode()
