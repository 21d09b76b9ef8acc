"""Asking the far end for something by HTTP/1.1 before there is load, and waiting for it: redirects are followed, a few.

A resource of load is asked for by the load processes, which follow none: whoever redirects that says so before.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import selectors
import socket
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin, urlsplit

from netecho.errors import UsageError
from netecho.net.load.orders import Order
from netecho.net.load.wire import trust, wired
from netecho.target import check_host, format_endpoint

if TYPE_CHECKING:
    from netecho.net.client.job import TlsOptions
    from netecho.net.load.orders import Kind
    from netecho.net.load.wire import Wire

TIMEOUT = 5.0
"""Seconds that one request may take, from connecting to what is wanted of its answer."""
REDIRECTS = 5
"""The most that are followed."""
_PORTS = {"http": 80, "https": 443}
_REDIRECTING = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Where something is."""

    address: str
    """An IP literal."""
    port: int
    host: str
    """For the header of that name."""
    path: str
    secure: bool = False
    name: str = ""
    """The host, of whom the certificate is to be."""

    @property
    def url(self) -> str:
        """The same by its name."""
        return f"{'https' if self.secure else 'http'}://{self.host}{self.path}"

    def order(self, kind: Kind, token: str | None, tls: TlsOptions | None = None) -> Order:
        """Return what a process is told that is to have it; `tls` is for those with TLS."""
        return Order(
            kind=kind,
            address=self.address,
            port=self.port,
            host=self.host,
            path=self.path,
            tls=tls if self.secure else None,
            name=self.name,
            token=token,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a request, after the last redirect."""

    resource: Resource
    status: int
    length: int | None
    """Of the content, if that is said."""
    content: bytes
    """Its beginning."""


def find(url: str) -> Resource:
    """Read where a URL leads, and look up its host. Raises ValueError, OSError."""
    split = urlsplit(url)
    if split.scheme not in _PORTS:
        raise ValueError(f"{split.scheme or 'no'}:// is not supported for load: http:// or https://")
    if not split.hostname:
        raise ValueError("it names no host")
    try:
        name = check_host(split.hostname)
    except UsageError as error:
        raise ValueError(error.sentence) from error
    usual = _PORTS[split.scheme]
    port = usual if split.port is None else split.port
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError("its path has characters that no request has")
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return Resource(
        address=_numeric(found[0][4]),
        port=port,
        host=format_endpoint(name, None if port == usual else port),
        path=path,
        secure=split.scheme == "https",
        name=name,
    )


def get(url: str, tls_options: TlsOptions, *, most: int, token: str | None = None) -> Answer:
    """Ask for a URL, and read up to `most` bytes of the content; 0: none of it.

    Raises ValueError, http.client.HTTPException and OSError in words, UnreachableError where TLS fails.
    """
    for _ in range(REDIRECTS + 1):
        answer, location = _ask(find(url), tls_options, most, token)
        if location is None:
            return answer
        url = _redirected(answer.resource, location, with_token=token is not None)
    raise ValueError(f"it redirects more than {REDIRECTS} times, at last to {url}")


def _redirected(resource: Resource, location: str, *, with_token: bool) -> str:
    """Return where a redirect leads. Raises ValueError for one that is not to be followed."""
    url = urljoin(resource.url, location)
    split = urlsplit(url)
    if resource.secure and split.scheme != "https":
        raise ValueError(f"it redirects to {url}, out of TLS: that is not followed")
    if with_token and split.hostname != resource.name:
        raise ValueError(f"it redirects to {url}: the token is not for another host")
    return url


def _ask(resource: Resource, tls_options: TlsOptions, most: int, token: str | None) -> tuple[Answer, str | None]:
    """Return the answer, and where it redirects to."""
    until = time.monotonic() + TIMEOUT
    tls = trust(tls_options if resource.secure else None, resource.name)
    with socket.create_connection((resource.name, resource.port), timeout=TIMEOUT) as sock:
        sock.setblocking(False)
        resource = replace(resource, address=_numeric(sock.getpeername()))
        stream = _Stream(wired(sock, tls), until)
        stream.send(resource.order("small", token).headers("GET", "Accept-Encoding: identity", "Connection: close"))
        with http.client.HTTPResponse(cast("socket.socket", stream)) as response:
            response.begin()
            location = response.getheader("location") if response.status in _REDIRECTING else None
            length = response.length
            content = response.read(most) if most and location is None else b""
            return Answer(resource=resource, status=response.status, length=length, content=content), location


class _Stream(io.RawIOBase):
    """A connection that one waits for, until a deadline; for `http.client`, a socket and the file that it makes."""

    def __init__(self, wire: Wire, until: float) -> None:
        self._wire = wire
        self._until = until
        self._received = bytearray(65_536)
        self._unread = b""

    def makefile(self, *_: Any) -> io.BufferedReader:
        """Return what to read from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Return that it can be read from."""
        return True

    def send(self, data: bytes) -> None:
        """Send all of it."""
        while self._wire.wants:
            self._wait(self._wire.wants)
            self._wire.shake_hands()
        while data:
            self._wait(selectors.EVENT_WRITE)
            data = data[self._wire.send(data) :]

    def readinto(self, buffer: Any) -> int:
        """Read what comes next; 0 at the end."""
        while not self._unread:
            self._wait(selectors.EVENT_READ)
            with contextlib.suppress(BlockingIOError):
                size = self._wire.receive(self._received)
                if not size:
                    return 0
                self._unread = bytes(self._received[:size])
        piece, self._unread = self._unread[: len(buffer)], self._unread[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def _wait(self, event: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wire.sock, event)
            if not selector.select(max(0.0, self._until - time.monotonic())):
                raise TimeoutError(f"no answer within {TIMEOUT:g} s")


def _numeric(name: Any) -> str:
    """Return the IP literal of a socket's name, with its zone."""
    host: str = name[0]
    zone = name[3] if len(name) > 3 else 0
    return f"{host}%{zone}" if zone and "%" not in host else host
