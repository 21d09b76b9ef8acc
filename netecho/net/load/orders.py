"""What a load process is told, as one line on its standard input, and what it reports, a line of JSON each time.

Its standard input is closed to end it. Instants are nanoseconds of `run_clock`, which all processes of a system share.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

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
    token: str | None = None
    flows: int | None = None
    """None: as many as help."""
    max_bytes: int = 0

    def line(self) -> bytes:
        """Return it as a line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Order:
        """Read a line."""
        return cls(**json.loads(line))

    def headers(self, method: str, *more: str) -> bytes:
        """Return the head of a request."""
        token = [] if self.token is None else [f"Authorization: Bearer {self.token}"]
        lines = [f"{method} {self.path} HTTP/1.1", f"Host: {self.host}", "User-Agent: netecho", *token, *more]
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def report(values: Mapping[str, Any]) -> bytes:
    """Return a report as a line."""
    return json.dumps(values).encode() + b"\n"
