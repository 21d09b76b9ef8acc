"""Why a connection ended, in words: for the log, not for deciding anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionAborted, ConnectionDone

if TYPE_CHECKING:
    from twisted.python.failure import Failure


def reason_of(failure: Failure) -> str:
    """Name what Twisted gives as the reason of a lost connection."""
    error: Any = failure.value
    if isinstance(error, ConnectionDone):
        return "closed"
    if isinstance(error, ConnectionAborted):
        return "aborted"
    # Not by isinstance: a server without TLS should not depend on OpenSSL's Python module for its log.
    if type(error).__module__.startswith("OpenSSL"):
        return f"TLS: {_openssl(error)}"
    return "reset"


def _openssl(error: BaseException) -> str:
    """Take the last reason out of OpenSSL's queue of (library, function, reason)."""
    queue = error.args[0] if error.args else None
    if isinstance(queue, list) and queue:
        return str(queue[-1][-1]) or "failed"
    return str(error) or "failed"
