"""Which datagrams an echo may answer, so that nobody can make two machines talk to each other for ever.

UDP's source address is whatever the sender wrote there. A datagram "from" port 7 of another host, or "from" another
echo server, would be answered, and the answer answered, without end. Three things stop that:

- Services that answer whatever reaches them have well-known ports; datagrams from there are not answered.
- Our own answers leave with an initial TTL (hop limit) of 96. Systems send with 64, 128 or 255, rarely 32, and paths
  are shorter than 32 hops; so a TTL of 65 to 96 on arrival is the mark of another netecho server's answer, on
  whatever port it runs, and such a datagram is not answered. The payload, which RFC 862 wants unchanged, is.
- A datagram from the port we listen on is our own, or that of a server like us.
"""

from __future__ import annotations

ANSWER_TTL = 96
"""The TTL or hop limit that answers leave with; nothing else in common use begins between 65 and 96."""

HOPS = 31
"""The longest path that is reckoned with, both for the mark and for what it must not be mistaken for."""

NEVER_ANSWERED = frozenset(
    {
        0,  # nobody can be answered there
        7,  # echo, RFC 862
        9,  # discard, RFC 863: silent, but of the family, and often the twin of one that is not
        11,  # active users, RFC 866
        13,  # daytime, RFC 867
        15,  # netstat
        17,  # quote of the day, RFC 865
        18,  # message send, RFC 1312
        19,  # chargen, RFC 864
        37,  # time, RFC 868
        53,  # DNS, TFTP and NTP answer what they cannot read with an error, and that again with another:
        69,  # CVE-2024-2169
        123,
        862,  # STAMP and TWAMP-Light reflectors
        7007,  # netecho's own
    }
)

MARKED = frozenset(range(ANSWER_TTL - HOPS, ANSWER_TTL + 1))
"""TTLs on arrival that show that a datagram is an echo server's answer."""

TO_MANY = "sent to a broadcast or multicast address"


def refusal(port: int, ttl: int | None, own_port: int) -> str | None:
    """Say why a datagram from `port` that arrived with `ttl` (None: not known) gets no answer; None: it gets one."""
    if port in NEVER_ANSWERED:
        return f"from port {port}, whose service answers too: they would never stop"
    if port == own_port:
        return "from the port this server listens on"
    if ttl in MARKED:
        return "it is another echo server's answer"
    return None
