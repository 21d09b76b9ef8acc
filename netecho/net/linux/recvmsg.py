"""Messages by recvmsg(2) and recvmmsg(2), into the same memory again and again.

Python's own `recvmsg` makes objects of all that comes with a message: the bytes, a list of the control messages, the
peer's address as text. In a closed loop that is time between a reply and the next request. Here the kernel writes
into the same memory each time, and only what is read becomes an object. `timestamp_cmsg` reads the control messages.

The calls are PyDLL's, which keeps the interpreter lock: releasing it costs time, and no other thread has work
while probes are in flight. Having arguments converted (`argtypes`) costs 0.6 µs a call, so they are what C takes,
addresses as `byref`.
"""

from __future__ import annotations

import ctypes
import errno
import os

from netecho.net.linux.cmsg import _WORD, control_messages


class Iovec(ctypes.Structure):
    """A struct iovec: where bytes go, or come from."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Msghdr(ctypes.Structure):
    """A struct msghdr, as Linux has it."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Mmsghdr(ctypes.Structure):
    """A struct mmsghdr: a message, and how many of its bytes were received or sent."""

    _fields_ = (("header", Msghdr), ("length", ctypes.c_uint32))


_CONTROL_LENGTH = Msghdr.controllen.offset // _WORD


class Message:
    """Memory for a message of up to `size` bytes, and for `space` bytes of control messages.

    What is to stay is to be taken out before the next message comes.
    """

    def __init__(self, size: int, space: int) -> None:
        self._recvmsg = ctypes.PyDLL(None, use_errno=True).recvmsg
        self._size, self._space = size, space
        self.data = bytearray(size)
        self.control = bytearray(space)
        self.controlled = 0
        """How many bytes of control messages were received."""
        self._vector = Iovec(_address(self.data), size)
        self._msghdr = Msghdr(iov=ctypes.addressof(self._vector), iovlen=1, control=_address(self.control))
        self._where = ctypes.byref(self._msghdr)
        self._views = memoryview(self.data), memoryview(self.control)
        self._lengths = memoryview(self._msghdr).cast("B").cast("P")

    def receive(self, fd: int, size: int) -> int:
        """Take in a message, of which no more than `size` bytes; return how many were received, -1: nothing waits.

        Where nothing waits, the memory is unchanged. Raises OSError as `socket.recvmsg` does, but for EAGAIN.
        """
        self._vector.length = min(size, self._size)
        self._lengths[_CONTROL_LENGTH] = self._space
        length: int = self._recvmsg(fd, self._where, 0)
        if length < 0:
            _nothing_came()
        else:
            self.controlled = self._lengths[_CONTROL_LENGTH]
        return length

    def first(self, size: int) -> bytes:
        """Return the first `size` bytes."""
        return bytes(self._views[0][:size])

    def beside(self) -> bytes:
        """Return the control messages as they lie there."""
        return bytes(self._views[1][: self.controlled])

    def ancillary(self) -> list[tuple[int, int, bytes]]:
        """Return the control messages as `socket.recvmsg` does: (level, type, data)."""
        return control_messages(self.beside())


class Entries:
    """Memory for up to `count` messages of which only the control messages matter: of a socket's error queue."""

    def __init__(self, count: int, space: int) -> None:
        self._recvmmsg = ctypes.PyDLL(None, use_errno=True).recvmmsg
        self.space = space
        self.control = bytearray(count * space)
        self._headers = (Mmsghdr * count)()
        begin = _address(self.control)
        for index, row in enumerate(self._headers):
            row.header.control = begin + index * space
        self._where = ctypes.byref(self._headers)
        self.lengths = memoryview(self._headers).cast("B").cast("P")[_CONTROL_LENGTH :: ctypes.sizeof(Mmsghdr) // _WORD]
        """How many bytes of control messages each has."""
        self._room = memoryview((ctypes.c_size_t * count)(*[space] * count)).cast("B").cast("P")

    def receive(self, fd: int, flags: int) -> int:
        """Take in what waits, and return how many; raises OSError as `socket.recvmsg` does, but for EAGAIN."""
        self.lengths[:] = self._room
        length: int = self._recvmmsg(fd, self._where, len(self._room), flags, None)
        if length < 0:
            _nothing_came()
            return 0
        return length

    def ancillary(self, index: int) -> list[tuple[int, int, bytes]]:
        """Return the control messages of one as `socket.recvmsg` does: (level, type, data)."""
        at = index * self.space
        return control_messages(bytes(self.control[at : at + self.lengths[index]]))


def _nothing_came() -> None:
    number = ctypes.get_errno()
    if number != errno.EAGAIN:
        raise OSError(number, os.strerror(number))


def _address(memory: bytearray) -> int:
    """Where a bytearray's bytes lie. They stay there, as long as nobody makes it longer or shorter."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
