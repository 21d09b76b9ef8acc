"""The settings of a server as one frozen value: how it answers, what its limits are, how long it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netecho.echo.limits import Limits
from netecho.echo.load_budget import LoadLimits

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from netecho.echo.text import TextMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The server's certificate, and the authorities that it trusts for its clients'. Files are paths of PEM files."""

    cert: str | None = None
    """None: a certificate is made for the run, signed by itself."""
    key: str | None = None
    """None: the key is in the certificate's file."""
    client_ca: str | None = None
    """Clients must show a certificate that these authorities signed; None: no client is asked for one."""
    alpn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectorSettings:
    """How the test packets of STAMP are answered."""

    stateful: bool = False
    """Number the replies of each session."""
    key: str | None = None
    """Of authenticated mode, in hexadecimal digits; None: open mode."""
    symmetrical: bool = False
    """Answer every request once and with as many bytes, whatever it asks for (no TLV 12 of RFC 10052)."""
    whole_base: bool = False
    """Answer requests shorter than the base packet (RFC 8762 section 4.6) without a limit to how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """Who may have load of an `nq` address, and how much."""

    token: bytes | None = None
    """What a client must show (`Authorization: Bearer`, RFC 6750 section 2.1); None: nothing."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Who may connect; none: everybody."""
    limits: LoadLimits = field(default_factory=LoadLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The settings of a server, except where it listens. Times are nanoseconds."""

    text_mode: TextMode | None = None
    """Answer lines with these words; None: send back the bytes as they are (RFC 862)."""
    banner: str | None = None
    """A line for each new stream connection."""
    credentials: Credentials = field(default_factory=Credentials)
    reflector_settings: ReflectorSettings = field(default_factory=ReflectorSettings)
    limits: Limits = field(default_factory=Limits)
    load_settings: LoadSettings | None = None
    """None: no address is `nq`. Such a server is one process, which has the budgets of all clients."""
    duration: int | None = None
    """Stop after this long; None: at a signal."""
    log_connections: bool = True
    """Whether there are events when a connection begins and when it ends."""
    log_received: bool = False
    """Whether there is an event for each read and each datagram."""
