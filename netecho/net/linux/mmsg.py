"""Many datagrams in one system call: Linux's recvmmsg(2) and sendmmsg(2), which Python does not have.

A batch is a handful of C arrays that both calls share, so that what was received is sent back without being copied
or made into Python objects. The arrays are also there as strided views, one for each field of interest, so that a
whole batch is checked with a few operations however many datagrams it has. Which of them deserve an answer is not
decided here.

Measured on one core with everything the server checks: 0.45 of a C program's recvfrom and sendto through Python's
`recvmsg` and `sendmsg`, one datagram at a time; about as many as that program through this. A datagram that comes alone
is taken and sent back by the calls for one, 0.5 µs sooner.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import sys
from array import array

from netecho.net.linux import portable, sockopts
from netecho.net.linux.recvmsg import Iovec, Mmsghdr

SIZE = 64
"""Datagrams in a batch; the payloads' buffers take 64 KiB each, of which only what is used becomes resident."""

LARGEST = 65_536
_NAME = 32
"""Bytes a peer's address has; sockaddr_in6 needs 28."""

_CONTROL = 64
"""Bytes of control messages: IP_PKTINFO and IP_TTL take 56, IPV6_PKTINFO and IPV6_HOPLIMIT 64."""

_LOW = 0 if sys.byteorder == "little" else 1
"""Which half of a 64-bit length has the value."""


_ROW = ctypes.sizeof(Mmsghdr)


def available() -> bool:
    """Whether this system has both calls, and the layout (64-bit Linux) that the views count on."""
    return (
        sockopts.LINUX
        and not portable.REQUESTED
        and _ROW == 64
        and all(hasattr(ctypes.CDLL(None), name) for name in ("recvmmsg", "sendmmsg"))
    )


class Batch:
    """Up to `SIZE` datagrams, with views over their fields; an index of a view is a datagram's."""

    def __init__(self, sock: socket.socket) -> None:
        libc = ctypes.PyDLL(None, use_errno=True)
        self._recvmsg, self._recvmmsg = libc.recvmsg, libc.recvmmsg
        self._sendmsg, self._sendmmsg = libc.sendmsg, libc.sendmmsg
        self._fd = sock.fileno()
        self._headers = (Mmsghdr * SIZE)()
        self._vectors = (Iovec * SIZE)()
        self._names = ctypes.create_string_buffer(_NAME * SIZE)
        self._control = ctypes.create_string_buffer(_CONTROL * SIZE)
        self._payloads = (ctypes.c_char * (LARGEST * SIZE))()
        self._rows = [ctypes.byref(header) for header in self._headers]
        self._taken = SIZE
        self._point()

        words = memoryview(self._headers).cast("B").cast("I")
        longs = memoryview(self._headers).cast("B").cast("Q")
        vectors = memoryview(self._vectors).cast("B").cast("I")
        self.lengths = words[14::16]
        """Bytes of payload."""
        self._sizes = vectors[2 + _LOW :: 4]
        self._control_lengths = longs[5::8]
        self.ports = memoryview(self._names).cast("B").cast("H")[1::16]
        """Of the peers, in network byte order."""
        self.control = memoryview(self._control).cast("B")
        self.names = memoryview(self._names).cast("B")
        self._full = memoryview(array("I", [LARGEST - 1] * SIZE))
        self._room = memoryview(array("Q", [_CONTROL] * SIZE))
        self.zeros = memoryview(array("I", [0] * SIZE))

    def control_words(self, offset: int) -> memoryview:
        """View the 32-bit word at `offset` bytes into the control messages."""
        return self.control.cast("I")[offset // 4 :: _CONTROL // 4]

    def control_bytes(self, offset: int) -> memoryview:
        """View the byte at `offset` bytes into the control messages."""
        return self.control[offset::_CONTROL]

    def name_words(self, offset: int) -> memoryview:
        """View the 32-bit word at `offset` bytes into the peers' addresses."""
        return self.names.cast("I")[offset // 4 :: _NAME // 4]

    def name_longs(self, offset: int) -> memoryview:
        """View the 64-bit word at `offset` bytes into the peers' addresses."""
        return self.names.cast("Q")[offset // 8 :: _NAME // 8]

    def name(self, index: int) -> memoryview:
        """View one peer's sockaddr."""
        return self.names[index * _NAME : (index + 1) * _NAME]

    def payload(self, index: int) -> bytes:
        """Copy one payload."""
        return ctypes.string_at(ctypes.addressof(self._payloads) + index * LARGEST, self.lengths[index])

    def receive_one(self) -> bool:
        """Take the first datagram that waits, which is faster where there is only one; return whether there was one."""
        self._sizes[0], self._control_lengths[0] = LARGEST - 1, _CONTROL
        size: int = self._recvmsg(self._fd, self._rows[0], socket.MSG_DONTWAIT)
        if size < 0:
            return False
        self.lengths[0] = size
        return True

    def receive(self) -> int:
        """Take what waits, up to a whole batch, and return how many; 0: nothing waits."""
        # Only what the last batch has changed is made good again, and the first, which `receive_one` may have changed.
        if self._taken <= 1:
            self._sizes[0], self._control_lengths[0] = LARGEST - 1, _CONTROL
        else:
            self._sizes[:] = self._full
            self._control_lengths[:] = self._room
        taken: int = self._recvmmsg(self._fd, self._rows[0], SIZE, socket.MSG_DONTWAIT, None)
        self._taken = max(taken, 0)
        return self._taken

    def send_one_back(self, control: int) -> bool:
        """Send the first datagram back, as `send_back` does; return whether the kernel took it."""
        self._sizes[0], self._control_lengths[0] = self.lengths[0], control
        size: int = self._sendmsg(self._fd, self._rows[0], socket.MSG_DONTWAIT)
        return size >= 0

    def send_back(self, start: int, stop: int, control: int) -> tuple[int, int]:
        """Send the datagrams from `start` to before `stop` back where they came from.

        `control` bytes of their control messages go with them. Returns how many the kernel took, and their bytes.
        """
        self._sizes[start:stop] = self.lengths[start:stop]
        self._control_lengths[start:stop] = memoryview(array("Q", (control,)) * (stop - start))
        taken, size = 0, 0
        while start < stop:
            sent = self._sendmmsg(self._fd, self._rows[start], stop - start, socket.MSG_DONTWAIT)
            if sent > 0:
                taken += sent
                size += sum(self.lengths[start : start + sent])
                start += sent
            elif ctypes.get_errno() == errno.EAGAIN:
                break  # no room: the network would lose them as well
            else:
                start += 1  # no way back to this one
        return taken, size

    def _point(self) -> None:
        for index in range(SIZE):
            vector, header = self._vectors[index], self._headers[index].header
            vector.base = ctypes.addressof(self._payloads) + index * LARGEST
            header.name, header.namelen = ctypes.addressof(self._names) + index * _NAME, _NAME
            header.iov, header.iovlen = ctypes.addressof(self._vectors) + index * ctypes.sizeof(Iovec), 1
            header.control = ctypes.addressof(self._control) + index * _CONTROL
