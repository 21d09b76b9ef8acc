"""What a load process is told, as one line on its standard input, and what it reports, a line of JSON each time.

Its standard input is closed to end it. Instants are nanoseconds of `run_clock`, which all processes of a system share.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from netecho.net.client.job import TlsOptions

if TYPE_CHECKING:
    from collections.abc import Mapping


Kind = Literal["download", "upload", "small"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a process is to do until it is ended."""

    kind: Kind
    address: str
    """An IP literal."""
    port: int
    host: str
    """For the header of that name."""
    path: str
    tls: TlsOptions | None = None
    """None: without TLS."""
    name: str = ""
    """Whom the certificate is to be of, with TLS."""
    token: str | None = None
    flows: int | None = None
    """None: as many as help."""
    max_bytes: int = 0

    def line(self) -> bytes:
        """Return it as a line."""
        tls = None if self.tls is None else self.tls._asdict()  # else its values alone are written, without names
        return json.dumps({**asdict(self), "tls": tls}).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Order:
        """Read a line."""
        values = json.loads(line)
        tls = values.pop("tls")
        if tls is not None:
            tls = TlsOptions(**{**tls, "alpn": tuple(tls["alpn"]), "pins": tuple(tls["pins"])})
        return cls(**values, tls=tls)

    def headers(self, method: str, *more: str) -> bytes:
        """Return the head of a request."""
        token = [] if self.token is None else [f"Authorization: Bearer {self.token}"]
        lines = [f"{method} {self.path} HTTP/1.1", f"Host: {self.host}", "User-Agent: netecho", *token, *more]
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def report(values: Mapping[str, Any]) -> bytes:
    """Return a report as a line."""
    return json.dumps(values).encode() + b"\n"
