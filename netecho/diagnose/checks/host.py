"""This machine itself: what it dropped, and how late it sent, so that the network is not blamed for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.diagnose.finding import Figure, Finding, Fine
from netecho.diagnose.words import many, percent, time
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netecho.diagnose.finding import Outcome
    from netecho.diagnose.run import Run

LATE = 5 * MILLISECOND
"""A lateness of sends, at p99, that shows in the figures of whoever has no kernel timestamps."""
WORTH_A_WARNING = 0.01
"""A share of the probes that this machine dropped, from which on other programs here suffer as well."""
ENOUGH = 100
"""Sends that a p99 is taken of, at least."""
BUSY = 0.9
"""A share of the processors' time from which on programs wait for them."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What this machine counted between the beginning and the end. None: it does not say."""

    runs: Sequence[Run]
    interface: str | None
    interface_drops: Mapping[str, int] | None
    """By counter: what the interface that leads to the target dropped or found broken."""
    socket_drops: int | None
    """Datagrams that found no room in a socket's receive buffer, of all programs."""
    busy: float | None
    """The share of the processors' time that was not idle."""


def judge(observed: Observed) -> Outcome:
    """Say what this machine dropped, and whether it kept up."""
    found = (*_interface(observed), *_sockets(observed), *_late(observed))
    return found or (Fine("host", "this machine dropped nothing and sent in time"),)


def _interface(observed: Observed) -> Outcome:
    drops = {name: count for name, count in (observed.interface_drops or {}).items() if count > 0}
    if not drops:
        return ()
    total, lost = sum(drops.values()), any(run.lost for run in observed.runs if run.result.summary.received)
    return (
        Finding(
            check="host",
            code="interface-drops",
            severity="warning" if lost else "info",
            confidence="possible",
            sentence=f"The interface {observed.interface} dropped {many(total, 'packet')} meanwhile, or found them"
            f" broken, of all traffic on it: {'losses may be of this machine' if lost else 'no probe was lost'}.",
            evidence=tuple(Figure(name, count) for name, count in sorted(drops.items())),
            otherwise="Packets that nobody here was to have are counted as dropped, too.",
            command=f"ip -s -s link show dev {observed.interface}",
        ),
    )


def _sockets(observed: Observed) -> Outcome:
    dropped = sum(run.result.summary.dropped_here for run in observed.runs)
    sent = sum(run.result.summary.sent for run in observed.runs)
    lost = any(run.lost for run in observed.runs if run.result.summary.received)
    if not dropped and not (observed.socket_drops and lost):  # other programs' drops explain nothing here
        return ()
    whose = f"of these probes {dropped:,}" if dropped else "none of them of these probes, as far as is known"
    return (
        Finding(
            check="host",
            code="socket-drops",
            severity="warning" if dropped and dropped >= WORTH_A_WARNING * sent else "info",
            confidence="certain",
            sentence=f"This machine had no room for {many(max(observed.socket_drops or 0, dropped), 'datagram')} that"
            f" had arrived, {whose}: a receive buffer is too small, or its program too slow.",
            evidence=(Figure("dropped_here", dropped), Figure("socket_drops", observed.socket_drops)),
            command="nstat -az UdpRcvbufErrors",
        ),
    )


def _late(observed: Observed) -> Outcome:
    # Of a few probes p99 is the latest of them, and some runs begin side by side: that is no lateness of the machine.
    lags = [run.result.summary.lag for run in observed.runs]
    worst = max((lag.p99 for lag in lags if lag.count >= ENOUGH and lag.p99 is not None), default=None)
    late = worst is not None and worst >= LATE
    busy = observed.busy is not None and observed.busy > BUSY
    if not late and not busy:
        return ()
    used = "" if observed.busy is None else f", with its processors busy for {percent(observed.busy)} of the time"
    return (
        Finding(
            check="host",
            code="late-sends" if late else "busy",
            severity="info",
            confidence="certain",
            sentence=f"This machine sent late, by {time(worst or 0)} at p99{used}."
            if late
            else f"The processors of this machine were busy for {percent(observed.busy or 0)} of the time.",
            evidence=(
                Figure("lag_p99", worst, "time"),
                Figure("busy", None if observed.busy is None else 100 * observed.busy, "percent"),
            ),
            otherwise="Round trips are by kernel timestamps where the system has them: they are not longer for it.",
        ),
    )
