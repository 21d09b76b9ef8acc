"""Which probe does this echo answer? Nothing is assumed of the other side but RFC 862: it returns what it got.

On a stream the bytes come back in order, whatever their boundaries; the position decides. Datagrams may be lost,
doubled, reordered, cut or altered: the mark decides, and where the mark itself was altered, the likeness to what is
outstanding. Where payloads carry no mark (the user gave them, or they are too short), datagrams are taken in the
order of sending, which cannot tell a lost one from a late one, nor a duplicate from the reply to the next.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from netecho.measure.payload import MARK_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from netecho.measure.payload import Payloads

# How many probes an altered datagram is compared with, so that a peer that sends rubbish costs little.
_COMPARED = 512
_RECENT = 64
# How much a server may say before its first echo: a banner. Beyond that it is no echo server.
HUNTED = 65536


class Match(NamedTuple):
    """The number of the probe that was echoed, and the offset of the first wrong byte (None: it is what was sent)."""

    number: int
    wrong_at: int | None


def first_difference(got: bytes, sent: bytes) -> int | None:
    """Return where two byte strings part; where one is a prefix of the other, the length of the shorter."""
    if got == sent:
        return None
    for offset, (one, other) in enumerate(zip(got, sent, strict=False)):
        if one != other:
            return offset
    return min(len(got), len(sent))


def alike(got: bytes, sent: bytes) -> float:
    """Return the share of bytes, 0 to 1, that agree place by place."""
    longer = max(len(got), len(sent))
    if not longer:
        return 1.0
    width = min(len(got), len(sent))
    difference = int.from_bytes(got[:width]) ^ int.from_bytes(sent[:width])
    return difference.to_bytes(width).count(0) / longer


class DatagramMatcher:
    """Tells which probe a datagram answers."""

    def __init__(self, payloads: Payloads, outstanding: Mapping[int, object], issued: Callable[[], int]) -> None:
        """Match against `outstanding`, in the order of sending; `issued` tells how many probes were sent."""
        self._payloads = payloads
        self._outstanding = outstanding
        self._issued = issued

    def match(self, data: bytes) -> Match | None:
        """Return the probe that `data` answers, or None where it is nobody's echo."""
        payloads = self._payloads
        if payloads.given is not None:
            return self._in_order(data)
        if len(data) < MARK_SIZE and (found := self._by_low_octets(data)) is not None:
            return found
        claimed = payloads.claimed(data)
        if claimed is not None and claimed < self._issued() and payloads.of(claimed) == data:
            return Match(claimed, None)
        return self._most_alike(data, claimed)

    def _in_order(self, data: bytes) -> Match | None:
        sent = self._payloads.of(0)
        newest = self._issued() - 1
        index = next(iter(self._outstanding), newest)
        return Match(index, first_difference(data, sent)) if index >= 0 else None

    def _by_low_octets(self, data: bytes) -> Match | None:
        """Match a payload too short for a mark: the newest number with these low octets that is outstanding."""
        modulus = 256 ** len(data)
        newest = self._issued() - 1
        nearest = newest - (newest - int.from_bytes(data)) % modulus
        oldest = next(iter(self._outstanding), nearest)
        for index in islice(range(nearest, max(oldest, 0) - 1, -modulus), _COMPARED):
            if index in self._outstanding and self._payloads.of(index) == data:
                return Match(index, None)
        if nearest >= 0 and self._payloads.of(nearest) == data:
            return Match(nearest, None)
        return None

    def _most_alike(self, data: bytes, claimed: int | None) -> Match | None:
        """Match an altered datagram: to what it claims to be, what is outstanding, or what was answered of late."""
        issued = self._issued()
        best, likeness = None, 0.5
        for index in chain(self._claims(claimed, issued), islice(self._outstanding, _COMPARED), self._recent(issued)):
            now = alike(data, self._payloads.of(index))
            if now > likeness:
                best, likeness = index, now
        if best is None and claimed is not None and claimed < issued:
            best = claimed  # its mark is whole, though little else is: a datagram that was cut or rewritten
        return Match(best, first_difference(data, self._payloads.of(best))) if best is not None else None

    @staticmethod
    def _claims(claimed: int | None, issued: int) -> Iterator[int]:
        if claimed is not None and claimed < issued:
            yield claimed

    def _recent(self, issued: int) -> Iterator[int]:
        return (n for n in range(issued - 1, max(issued - 1 - _RECENT, -1), -1) if n not in self._outstanding)


class StreamMatcher:
    """Tells which probes the bytes of one connection answer: the echoes come in the order of sending.

    `first` is the number of the first probe sent on this connection; `issued` tells how many were sent in all.

    Position decides, but where the echoes begin must be found first: a server may say something before (a banner),
    and its first reply may be wrong. So bytes that do not open with the echo that is expected are held until a mark is
    found behind them, which tells where the echoes are, or until `decide`: then position decides from the first byte.
    Each byte fed is accounted for once: in a match, in bytes that are no echo, or in what `close` returns.
    """

    def __init__(self, payloads: Payloads, first: int, issued: Callable[[], int]) -> None:
        self._payloads = payloads
        self._issued = issued
        self._head = first
        self._offset = 0
        self._wrong_at: int | None = None
        self._aligned = False
        self._held = bytearray()
        self._chunks: list[tuple[int, int, int]] = []
        """Of what is held: the size of each piece, when it was received, and how many probes were sent by then."""
        self.received_at = 0
        """When the bytes were received that completed what `feed` or `decide` has just yielded."""

    @property
    def wanted(self) -> int:
        """How many bytes the next reply still lacks; 0 where none is expected, or where none has begun yet.

        Reading no more than this at a time keeps each reply's kernel timestamp its own where replies are merged.
        """
        if self._head >= self._issued():
            return 0
        return max(self._payloads.size(self._head) - self._offset - len(self._held), 0)

    @property
    def is_complete(self) -> bool:
        """Whether every probe that was sent has its reply."""
        return self._head >= self._issued()

    @property
    def undecided(self) -> bool:
        """Whether a whole reply is held of which it is not known whether it is one."""
        return bool(self._held) and len(self._held) >= self._payloads.size(self._head)

    def whole(self, data: bytes) -> int | None:
        """Return the number of the probe of which `data` is the whole echo and no more, quickly: mostly it is.

        Nothing is consumed: `skip` does that.
        """
        head = self._head
        if self._offset or not self._aligned or head >= self._issued() or data != self._payloads.of(head):
            return None
        return head

    def skip(self, index: int) -> None:
        """Go on with the reply to probe `index`: those before it were dealt with elsewhere, whole."""
        self._head = index

    def feed(self, data: bytes, now: int = 0) -> Iterator[Match | bytes]:
        """Yield a match for each reply that `data`, received at `now`, completes, and the bytes that are no echo."""
        self.received_at = now
        issued = self._issued()
        if self._aligned:
            yield from self._by_position(data, issued)
        elif self._head >= issued and not self._held:
            yield data
        else:
            self._chunks.append((len(data), now, issued))
            self._held += data
            yield from self._align(len(data), issued)

    def decide(self) -> Iterator[Match | bytes]:
        """Wait no longer for a mark: position decides about what is held, if that is as long as a reply."""
        if self.undecided:
            yield from self._begin(0)

    def close(self) -> tuple[bytes, bytes, int]:
        """Return what is held, and of a reply that was not completed the bytes as far as they are known, and how many.

        They are no echoes.
        """
        held, cut = bytes(self._held), self._offset
        right = self._payloads.of(self._head)[: cut if self._wrong_at is None else self._wrong_at] if cut else b""
        self._held.clear()
        self._chunks.clear()
        self._offset, self._wrong_at = 0, None
        return held, right, cut

    def _by_position(self, data: bytes, issued: int) -> Iterator[Match | bytes]:
        while data:
            if self._head >= issued:
                yield data
                return
            sent = self._payloads.of(self._head)
            part = data[: len(sent) - self._offset]
            if self._wrong_at is None and part != sent[self._offset : self._offset + len(part)]:
                self._wrong_at = self._offset + (first_difference(part, sent[self._offset :]) or 0)
            self._offset += len(part)
            data = data[len(part) :]
            if self._offset == len(sent):
                found = Match(self._head, self._wrong_at)
                self._head += 1
                self._offset = 0
                self._wrong_at = None
                yield found

    def _align(self, added: int, issued: int) -> Iterator[Match | bytes]:
        """Find where the echoes begin in what is held, of which the last `added` bytes are new."""
        held, sent = self._held, self._payloads.of(self._head)
        if sent.startswith(held[: len(sent)]):
            if len(held) >= min(len(sent), MARK_SIZE):
                yield from self._begin(0)
            return
        start = max(len(held) - added - MARK_SIZE, 0)
        begin = self._echoes_begin(start, issued)
        if begin is not None:
            yield from self._begin(begin)
        elif len(held) > HUNTED or (len(held) >= len(sent) and alike(bytes(held[: len(sent)]), sent) > 0.5):
            yield from self._begin(0)

    def _echoes_begin(self, start: int, issued: int) -> int | None:
        """Return where in what is held the echoes begin, as far as a mark tells that lies at `start` or after it.

        The mark of the reply that is expected begins it. That of a later one tells where those before it must lie,
        whatever they say; where there is no room for them, they have had no answer.
        """
        head, payloads = self._head, self._payloads
        start = max(0, min(start, len(self._held) - len(payloads.mark(head))))
        begin = self._held.find(payloads.mark(head), start)
        if begin >= 0:
            return begin
        for at, index in payloads.marks(self._held, start):
            if head < index < issued:
                room = at - sum(payloads.size(n) for n in range(head, min(index, head + at + 1)))
                if room >= 0:
                    return room
                self._head = index
                return at
        return None

    def _begin(self, begin: int) -> Iterator[Match | bytes]:
        """Go on by position from an offset in what is held: each piece as it was received."""
        held, chunks = bytes(self._held), list(self._chunks)
        self.close()
        self._aligned = True
        if begin:
            yield held[:begin]
        at = 0
        for size, received_at, issued in chunks:
            piece = held[max(at, begin) : at + size]
            at += size
            if piece:
                self.received_at = received_at
                yield from self._by_position(piece, issued)
