"""Why TLS failed, in words. Without OpenSSL's Python module, which a run over TCP need not import."""

from __future__ import annotations

_ALERTS = {
    "no application protocol": "no_application_protocol(120)",
    "certificate required": "certificate_required(116)",
    "unknown ca": "unknown_ca(48)",
    "bad certificate": "bad_certificate(42)",
    "certificate unknown": "certificate_unknown(46)",
    "certificate expired": "certificate_expired(45)",
    "unsupported certificate": "unsupported_certificate(43)",
    "access denied": "access_denied(49)",
    "handshake failure": "handshake_failure(40)",
    "protocol version": "protocol_version(70)",
    "unrecognized name": "unrecognized_name(112)",
    "internal error": "internal_error(80)",
}
"""The alerts that a peer refuses a connection with (RFC 8446 section 6), by OpenSSL's words for them."""


def reason_of(error: BaseException | None) -> str:
    """Return in words why OpenSSL failed; an alert of the peer by its name and number."""
    queue = error.args[0] if error is not None and error.args else None
    reasons = [entry[-1] for entry in queue if entry and entry[-1]] if isinstance(queue, list | tuple) else []
    reason = str(reasons[-1]) if reasons else str(error).rstrip(".").lower() or type(error).__name__
    if " alert " not in reason:
        return reason
    words = reason.partition(" alert ")[2]
    return f"the peer sent the alert {_ALERTS.get(words, words)}"
