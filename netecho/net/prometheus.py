"""Asking Prometheus by its HTTP API, within a time and a number of bytes, whatever answers.

`api/v1/query` is asked for instant vectors. Nothing is followed: a redirect is an answer that is not Prometheus's.
"""

from __future__ import annotations

import http.client
import io
import json
import math
import ssl
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from netecho.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

LARGEST = 32 << 20
"""Bytes of an answer: some 100,000 series."""
_CHUNK = 65_536
_SAID = 200
"""Characters of an error that are shown."""
_PORTS = {"http": 80, "https": 443}
_HINTS = {
    401: "the token that it asks for: --token-file FILE",
    404: "the path that it is served under: http://HOST:9090/PATH",
}


class Series(NamedTuple):
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float
    """Finite."""


class Server(NamedTuple):
    """Where Prometheus is."""

    scheme: str
    host: str
    port: int
    path: str
    """What stands before `/api`, without a slash at its end."""

    @property
    def url(self) -> str:
        """As it is shown."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse_server(text: str) -> Server:
    """Read the address of Prometheus. Raises UsageError."""
    right = "http://HOST:9090, with a path where it is served under one"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UsageError(f"{text!r} is not a URL", right) from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{text!r} is not the URL of a Prometheus", right)
    if "@" in parts.netloc:
        raise UsageError(f"{parts.hostname}: a password in a URL is seen by all", "a token: --token-file FILE")
    if not parts.path.isascii() or not parts.path.isprintable() or " " in parts.path:
        raise UsageError(f"{text!r} has a path that cannot be asked for", right)
    return Server(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], parts.path.rstrip("/"))


class Prometheus:
    """Asks one server, for at most so long in all."""

    def __init__(self, server: Server, timeout: float, token: str | None = None) -> None:
        """`timeout` is seconds, for all that is asked."""
        self._server = server
        self._timeout = timeout
        self._ends = time.monotonic() + timeout
        self._headers = {"User-Agent": "netecho", "Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def query(self, query: str) -> list[Series]:
        """Return what a query gives now. Raises UnreachableError where that cannot be had, whatever the reason."""
        try:
            status, content = self._get(f"{self._server.path}/api/v1/query?{urlencode({'query': query})}")
        except TimeoutError:
            raise self._failed(f"does not answer within {self._timeout:g} s", "a longer one: --timeout") from None
        except http.client.HTTPException:  # first: a connection that is closed without a word is an OSError as well
            raise self._failed("does not speak HTTP") from None
        except ssl.SSLError as error:
            raise self._failed(f"TLS failed: {error.reason or error}") from None
        except OSError as error:
            raise self._failed(f"cannot be reached: {error.strerror or error}") from None
        return self._read(status, content)

    def _get(self, path: str) -> tuple[int, bytes]:
        server = self._server
        if server.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                server.host, server.port, timeout=self._left(), context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(server.host, server.port, timeout=self._left())
        try:
            connection.request("GET", path, headers=self._headers)
            return self._answer(connection)
        finally:
            connection.close()

    def _answer(self, connection: http.client.HTTPConnection) -> tuple[int, bytes]:
        """Read the answer, with the time looked at before each read: one octet a second must not take for ever."""
        reader = _BoundedReader(connection.sock, self._left)
        content = bytearray()
        # It asks for makefile alone.
        with http.client.HTTPResponse(reader, method="GET") as answer:  # type: ignore[arg-type]
            answer.begin()
            while chunk := answer.read1(_CHUNK):
                content += chunk
                if len(content) > LARGEST:
                    raise self._failed(f"answers with more than {LARGEST >> 20} MiB", "fewer nodes at once")
            return answer.status, bytes(content)

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _read(self, status: int, content: bytes) -> list[Series]:
        try:
            document = json.loads(content)
            refused = None if document["status"] == "success" else str(document["error"])
            vector = [] if refused is not None else _vector(document["data"])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            if status != http.client.OK:
                raise self._failed(f"answers {status}", _HINTS.get(status)) from None
            raise self._failed("answers with what is not Prometheus's", "http://HOST:9090") from None
        if refused is not None:
            raise self._failed(f"refuses to answer: {refused[:_SAID]!a}")
        return vector

    def _failed(self, what: str, hint: str | None = None) -> UnreachableError:
        return UnreachableError(f"{self._server.url} {what}", hint)


class _BoundedReader(io.RawIOBase):
    """What is received, until the time is over."""

    def __init__(self, skt: socket.socket, left: Callable[[], float]) -> None:
        self._socket = skt
        self._left = left

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return what an HTTPResponse reads from."""
        del mode
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Tell that it is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive into a buffer."""
        self._socket.settimeout(self._left())
        return self._socket.recv_into(buffer)


def _vector(data: Any) -> list[Series]:
    """Read an instant vector. Raises what a wrong one brings."""
    if data["resultType"] != "vector":
        raise ValueError(data["resultType"])
    return [series for each in data["result"] if (series := _series(each)) is not None]


def _series(element: Any) -> Series | None:
    """Read an element of a vector; one that is a histogram, or no number, is none. Raises what a wrong one brings."""
    labels = element["metric"]
    if not all(isinstance(part, str) for pair in labels.items() for part in pair):
        raise ValueError(labels)
    if "value" not in element:
        return None
    value = float(element["value"][1])
    return Series(labels, value) if math.isfinite(value) else None
