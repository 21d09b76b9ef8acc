"""How often, and when, a server's process that ended is started again: workers, and a server beside a monitor."""

from __future__ import annotations

from netecho.units import SECOND

RETRY_DELAYS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt; after the last one it is given up."""
STEADY = 10 * SECOND
"""A process that ends sooner after it began to serve counts as one that failed to start; nanoseconds."""
