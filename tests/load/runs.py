"""Runs of load that look like real ones."""

from __future__ import annotations

from typing import Any

from netecho.errors import UnreachableError
from netecho.load.run import LOADS, PHASES, Exchange, LoadRun, NotTested, PhaseRun, Reading, Sample, Transfer
from netecho.units import MILLISECOND, SECOND

LENGTH = 8 * SECOND
RATE = 1_195_000
"""Bytes a second."""


def whole(up: int = 480, down: int = 0, **changed: Any) -> LoadRun:
    """All phases, with queues of so many milliseconds in each direction; idle, each way takes one."""
    samples, phases = [], []
    for number, phase in enumerate(PHASES):
        began = 10 * SECOND * number
        round_trip = (2 + up * ("upload" in LOADS[phase]) + down * ("download" in LOADS[phase])) * MILLISECOND
        for at in range(began, began + LENGTH, 20 * MILLISECOND):
            filled = min(1.0, (at - began) / SECOND)
            forward = round((1 + up * filled * ("upload" in LOADS[phase])) * MILLISECOND)
            backward = round((1 + down * filled * ("download" in LOADS[phase])) * MILLISECOND)
            samples.append(Sample(at, 50_000, forward + backward, forward + 7 * SECOND, backward - 7 * SECOND))
        transfers = tuple(
            Transfer(
                direction=direction,
                readings=tuple(
                    Reading(at, (at - began) * RATE // SECOND, 4)
                    for at in range(began, began + LENGTH + 1, SECOND // 10)
                ),
                saturated_at=began + 4 * SECOND,
                retransmits=12 if direction == "upload" else None,
                smoothed_rtts=((began + 5 * SECOND, round_trip),),
            )
            for direction in LOADS[phase]
        )
        exchanges = tuple(
            Exchange(began + n * SECOND // 10, round_trip, round_trip) for n in range(80 * bool(transfers))
        )
        phases.append(
            PhaseRun(phase=phase, began=began, ended=began + LENGTH, transfers=transfers, exchanges=exchanges)
        )
    return LoadRun(
        **{
            "id": "5f1c",
            "label": None,
            "started": 1_764_000_000 * SECOND,
            "duration": 38 * SECOND,
            "interrupted": False,
            "target": "nq://far.example:7080",
            "address": "192.0.2.7",
            "probed": "stamp://192.0.2.7:7862",
            "interval": 20 * MILLISECOND,
            "dscp": None,
            "max_bytes": 512 << 20,
            "samples": tuple(samples),
            "phases": tuple(phases),
        }
        | changed
    )


WHY = "no load service on port 7080 there (netecho serve nq://): Connection refused"
NO_SERVICE = whole(
    phases=whole().phases[:1],
    label="before\x1b[2J",
    not_tested=tuple(NotTested(what=each, reason=WHY) for each in ("download", "upload", "both")),
)
SILENT = whole(
    samples=(),
    phases=(),
    probed=None,
    address=None,
    error=UnreachableError(
        "far.example answers nothing: no STAMP, no echo, no load service", "on the far end: netecho serve"
    ),
)
RUNS = {"queue": whole(), "calm": whole(0, 0), "both": whole(480, 300), "no-service": NO_SERVICE, "silent": SILENT}
