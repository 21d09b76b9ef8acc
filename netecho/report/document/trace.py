"""The document of a trace, `netecho/trace/1`: what every format of it is printed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netecho.report.document.values import distribution, milliseconds, timestamp
from netecho.trace import both_ways
from netecho.trace.findings import findings
from netecho.trace.loss import end_to_end
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netecho.measure.criteria import Failure
    from netecho.trace.as_numbers import AsTable
    from netecho.trace.finding import Finding
    from netecho.trace.result import FlowResult, HopResult, Trace
    from netecho.trace.reverse import WayBack
    from netecho.trace.run import Head, Traced
    from netecho.trace.session import Answer

SCHEMA = "netecho/trace/1"


def head(known: Head) -> dict[str, Any]:
    """Return what is known as a trace begins, keys in the order they are printed."""
    target = known.target
    return {
        "schema": SCHEMA,
        "version": __version__,
        "id": known.id,
        "label": known.label,
        "started": timestamp(known.started),
        "target": {
            "url": target.url,
            "transport": target.scheme,
            "host": target.host,
            "address": known.address,
            "port": target.port,
        },
        "local": {"address": known.local, "ports": list(known.ports)},
        "settings": dict(known.settings),
        "icmp": "raw" if known.raw else "error_queue",
    }


def document(traced: Traced, exit_code: int = 0, failed: Sequence[Failure] = ()) -> dict[str, Any]:
    """Return a trace as JSON's own types, keys in the order they are printed."""
    trace = traced.trace
    lost = end_to_end(trace)
    return {
        **head(traced.head),
        "duration_ms": milliseconds(traced.duration),
        "interrupted": traced.interrupted,
        "reached": trace.reached,
        "searching": trace.searching,
        "rounds": trace.rounds,
        "stamps": trace.stamps,
        "end_to_end": {**_counts(lost.of, lost.of - lost.lost), "rtt": distribution(trace.rtt)},
        "hops": [_hop(hop, traced.names, traced.head.as_table) for hop in trace.hops],
        "flows": [_flow(flow, flow.port) for flow in trace.flows],
        "reverse": None if traced.reverse is None else _reverse(traced.reverse, traced),
        "tcp": None if traced.retransmits is None else {"retransmits": traced.retransmits},
        "changes": _changes(trace),
        "ignored": {"forged": trace.foreign, "late": trace.late, "short": trace.short},
        "findings": [
            {
                "code": each.code,
                "severity": each.severity,
                "direction": "backward" if each.backward else "forward",
                "hop": each.ttl,
                "time": None if each.at is None else timestamp(each.at),
                "sentence": each.sentence,
            }
            for each in _findings(traced)
        ],
        "verdict": {"exit_code": exit_code, "failed": [str(failure) for failure in failed]},
    }


def _findings(traced: Traced) -> list[Finding]:
    """Return what there is to say of both ways, what needs attention first."""
    back = [] if traced.reverse is None else both_ways.findings(traced.trace, traced.reverse)
    return sorted([*findings(traced.trace), *back], key=lambda each: each.severity != "warning")


def _reverse(back: WayBack, traced: Traced) -> dict[str, Any]:
    """Return the way back; its counts include requests that were lost on the way there."""
    trace = back.trace
    known = {"state": back.state, "refused": back.refused}
    if trace is None:
        return {**known, "reached": False, "searching": back.state == "asking", "hops": [], "flows": [], "changes": []}
    return {
        **known,
        "reached": trace.reached,
        "searching": trace.searching,
        "hops": [_hop(hop, traced.names, traced.head.as_table) for hop in trace.hops],
        "flows": [_flow(flow, port) for flow, port in zip(trace.flows, traced.head.ports, strict=True)],
        "changes": _changes(trace),
    }


def answer_event(answer: Answer) -> dict[str, Any]:
    """Return a line of ndjson: what came of one packet."""
    due = answer.due
    direction = "backward" if answer.backward else "forward"
    event = {"round": due.round, "flow": due.flow, "ttl": due.ttl, "direction": direction}
    if answer.address is None:
        return {"event": "no_answer", **event}
    return {
        "event": "answer",
        **event,
        "address": answer.address,
        "kind": answer.kind,
        "rtt_ms": milliseconds(answer.rtt),
        "stamps": "kernel" if answer.kernel else "user",
        "icmp": answer.meaning,
    }


def _hop(hop: HopResult, names: Mapping[str, str], table: AsTable | None) -> dict[str, Any]:
    systems = {} if table is None else {address: table.of(address) for address in hop.addresses}
    return {
        "ttl": hop.ttl,
        "kind": hop.kind if hop.answered else None,
        "addresses": list(hop.addresses),
        "names": {address: names[address] for address in hop.addresses if address in names},
        "as_numbers": {address: number for address, number in systems.items() if number is not None},
        **_counts(hop.asked, hop.answered),
        "rtt": distribution(hop.rtt),
        "dscp": None if hop.tos is None else hop.tos >> 2,
        "ecn": None if hop.tos is None else hop.tos & 3,
        "translated": hop.translated,
        "mpls": [each._asdict() for each in hop.labels],
        "mtu": hop.mtu,
        "icmp": hop.meaning,
    }


def _flow(flow: FlowResult, port: int) -> dict[str, Any]:
    last = flow.last
    return {
        "flow": flow.flow,
        "port": port,
        "end": flow.end,
        "ended": flow.ended,
        "path": list(flow.path),
        **_counts(*((0, 0) if last is None else (last.asked, last.answered))),
        "rtt": distribution(flow.rtt),
    }


def _changes(trace: Trace) -> list[dict[str, Any]]:
    return [
        {
            "time": timestamp(each.at),
            "flow": each.flow,
            "ttl": each.ttl,
            "before": each.before,
            "after": each.after,
        }
        for each in trace.changes
    ]


def _counts(asked: int, answered: int) -> dict[str, Any]:
    lost = asked - answered
    return {
        "asked": asked,
        "answered": answered,
        "lost": lost,
        "loss_percent": round(100 * lost / asked, 6) if asked else None,
    }
