"""A run's first line: what is probed, where that is, and how."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netecho.report.escape import printable_values
from netecho.report.humanize import many, ms, time
from netecho.target import format_endpoint

if TYPE_CHECKING:
    from netecho.report.document.model import Document


def headline(document: Document) -> str:
    """Name the target and what is sent there; `document` need have no figures yet."""
    shown = printable_values({key: document[key] for key in ("target", "settings")})
    return f"{shown['target']['url']}{_where(shown['target'])}: {manner(shown['settings'])}"


def path(document: Document) -> str:
    """Return both ends of the measured path, as far as they have addresses."""
    target, local = document["target"], document["local"]
    there = _endpoint(target["address"], target["port"])
    here = _endpoint(local["address"], local["port"])
    return f"{here} -> {there}" if here and there else there


def phases(setup: Document) -> str:
    """Return what it took to connect, phase by phase; empty where there are none."""
    named = ((name, setup[f"{name}_ms"]) for name in ("resolve", "connect", "tls"))
    return ", ".join(f"{name} {ms(taken)} ms" for name, taken in named if taken is not None)


def manner(settings: Document, sent: int | None = None) -> str:
    """Return how the probes were sent, and if they were, how many."""
    size = _size(settings.get("size"))
    if settings.get("connect_only"):
        words = "connections" if sent is None else many(sent, "connection")
    elif sent is None:
        words = f"{size} bytes"
    else:
        words = f"{many(sent, 'probe')} of {size} bytes"
    interval = settings.get("interval_ms")
    if interval == 0:
        words += " one after the other"
    elif interval is not None:
        words += f" {'about every' if settings.get('schedule') == 'poisson' else 'every'} {time(interval)}"
    connections = settings.get("connections", 1)
    if connections > 1:
        words += f" on each of {connections} connections"
    return words + (", with a connection each" if settings.get("reconnect") else "")


def _size(size: object) -> str:
    """Return the size of a payload, or the sizes of a sweep as they are said: 64 to 1,408 (by 448)."""
    if not isinstance(size, str):
        return str(size)
    swept = re.fullmatch(r"(\d{1,9})\.\.(\d{1,9}):(\d{1,9})", size, re.ASCII)
    if swept is None:
        return size
    first, last, step = map(int, swept.groups())
    return f"{first:,} to {last:,} (by {step:,})"


def _where(target: Document) -> str:
    address = target["address"]
    return f" ({address})" if address and address != target["host"] and address not in target["url"] else ""


def _endpoint(address: str | None, port: int | None) -> str:
    if not address:
        return ""
    return address if port is None else format_endpoint(address, port)
