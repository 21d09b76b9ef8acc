"""Errors that a send reports though they are of a datagram sent before, by ICMP (ip(7): pending errors).

They are what Linux makes of ICMP and ICMPv6 (icmp_err_convert, icmpv6_err_convert).
"""

from __future__ import annotations

import errno

OF_AN_EARLIER = frozenset(
    {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENOPROTOOPT, errno.EPROTO, errno.EOPNOTSUPP}
)
OF_AN_EARLIER_OR_THIS = frozenset({errno.ENETUNREACH, errno.ENONET, errno.EACCES, errno.EMSGSIZE})
"""Those that may as well be of this one: then sending it again fails again. EMSGSIZE is what a router's word of a
smaller MTU becomes, though the next datagram may have room."""
PENDING = OF_AN_EARLIER | OF_AN_EARLIER_OR_THIS
"""All of them: sending again tells."""
