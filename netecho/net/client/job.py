"""The options of a run as frozen values: IP, TLS, STAMP. Imports nothing heavy: `--help` reads this module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netecho.measure.facts.ecn import Codepoint
    from netecho.measure.plan import Plan
    from netecho.target import Target


class IpOptions(NamedTuple):
    """Where packets leave from and what their headers say; None leaves it to the system."""

    family: Literal[4, 6] | None = None
    source: tuple[str, int] | None = None
    """Local address (may be empty) and port (0: any)."""
    dscp: int | None = None
    ecn: Codepoint | None = None
    """Of datagrams: a stream's is its congestion control's business."""
    ttl: int | None = None
    dont_fragment: bool = False


class TlsOptions(NamedTuple):
    """Which certificates a TLS probe trusts, and its own. Files are paths of PEM files."""

    ca: str | None = None
    insecure: bool = False
    server_name: str | None = None
    alpn: tuple[str, ...] = ()
    cert: str | None = None
    key: str | None = None
    pins: tuple[str, ...] = ()
    """SHA-256 of the certificate's public key info, as `sha256:HEX`; any one suffices."""


class StampOptions(NamedTuple):
    """How a STAMP probe identifies itself, and whether its one-way delays trust the clocks."""

    key: bytes | None = None
    """Authenticated mode."""
    ssid: int | None = None
    """0: none; None: one at random for each connection."""
    clock: Literal["auto", "synced", "estimated"] = "auto"
    timestamp_format: Literal["ntp", "ptp"] = "ntp"
    """Of T1, and so of what the reflector answers with (RFC 8186)."""
    reply_size: int | None = None
    """What length replies are asked for (RFC 10052); None: as long as their requests."""


class Job(NamedTuple):
    """All that was asked of a probe."""

    target: Target
    plan: Plan
    ip_options: IpOptions
    tls_options: TlsOptions
    settings: Mapping[str, object]
    """What the document says was asked; keys as printed."""
    label: str | None = None
    stamp_options: StampOptions = StampOptions()
