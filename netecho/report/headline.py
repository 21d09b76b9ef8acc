"""A run's first line: what is probed, where that is, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.report.wording import ms, time

if TYPE_CHECKING:
    from netecho.report.model import Document


def headline(document: Document) -> str:
    """Name the target and what is sent there; `document` need have no figures yet."""
    return f"{document['target']['url']}{_where(document['target'])}: {manner(document['settings'])}"


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


def manner(settings: Document) -> str:
    """Return how the probes were sent."""
    size = settings.get("size")
    words = [f"{size} bytes" if size is not None else "probes"]
    interval = settings.get("interval_ms")
    if interval == 0:
        words.append("one after the other")
    elif interval is not None:
        about = "about every" if settings.get("schedule") == "poisson" else "every"
        words.append(f"{about} {time(interval)}")
    connections = settings.get("connections", 1)
    if connections is not None and connections > 1:
        words.append(f"on {connections} connections")
    return " ".join(words)


def _where(target: Document) -> str:
    address = target["address"]
    return f" ({address})" if address and address != target["host"] and address not in target["url"] else ""


def _endpoint(address: str | None, port: int | None) -> str:
    if not address:
        return ""
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
