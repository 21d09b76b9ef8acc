"""What the TCP stack knows of a connection."""

from __future__ import annotations

from typing import NamedTuple


class TcpFacts(NamedTuple):
    """The state of one connection in the TCP stack (Linux: `struct tcp_info`)."""

    smoothed_rtt: int | None = None
    """RFC 6298's SRTT; None before the first measurement."""
    min_rtt: int | None = None
    rtt_variation: int | None = None
    """RFC 6298's RTTVAR."""
    retransmits: int | None = None
    """Segments sent again over the connection's life."""
    retransmits_needless: int | None = None
    """Of `retransmits`, those that had arrived the first time, as the peer says (DSACK, RFC 2883)."""
    segments_sent: int | None = None
    """All of them, those sent again included."""
    window_scale: bool | None = None
    """Whether both ends scale their windows (RFC 7323)."""
    sack: bool | None = None
    """Whether both ends agreed on selective acknowledgements (RFC 2018)."""
    receive_window: int | None = None
    """Bytes that this end lets be on their way at most."""
    send_window: int | None = None
    """Bytes that the peer takes, as announced last."""
    send_window_limited: int | None = None
    """For how long the peer's window was what held data back, nanoseconds."""
    congestion_window: int | None = None
    """Segments."""
    mss: int | None = None
    """Bytes."""
    path_mtu: int | None = None
    """Bytes."""
    unacknowledged: int | None = None
    """Segments on their way, or lost and not yet sent again with success."""
    largest_received: int | None = None
    """Bytes of the largest segment that came; up to 536 are not told apart."""
