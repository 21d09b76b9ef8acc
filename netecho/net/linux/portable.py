"""The one switch that turns every fast path off: `NETECHO_PORTABLE=1`, read once, as the process starts.

With it a run takes the way that any system has: Twisted's own reactor as Twisted chooses it, its own polling for the
server's connections, `callLater` instead of timer descriptors, a datagram at a time by the socket module, the
program's own clock, and every probe of a closed loop through the reactor. Slower, and the same results: the tests
compare them.
"""

from __future__ import annotations

import os

REQUESTED = os.environ.get("NETECHO_PORTABLE", "") not in ("", "0")
"""Whether the fast paths are off by request. Where a system lacks one of them, that one is off by itself."""
