"""What phases come to, of probes and readings that are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netecho.load.phases import summarise
from netecho.load.run import LoadRun, Phase, PhaseRun, Reading, Sample, Transfer
from netecho.units import MILLISECOND, SECOND
from tests.load.runs import whole

if TYPE_CHECKING:
    from collections.abc import Collection

OFFSET = 3600 * SECOND
"""How far the far clock is ahead."""


def samples(begin: int, end: int, forward: int, backward: int, every: int = 10 * MILLISECOND) -> list[Sample]:
    return [
        Sample(at, 1000, forward + backward, forward + OFFSET, backward - OFFSET)
        for at in range(begin * SECOND, end * SECOND, every)
    ]


def transfer(begin: int, end: int, rate: int, **known: object) -> Transfer:
    readings = tuple(
        Reading(at, (at - begin * SECOND) * rate // SECOND, 2)
        for at in range(begin * SECOND, end * SECOND + 1, SECOND // 10)
    )
    return Transfer(direction="upload", readings=readings, **known)  # type: ignore[arg-type]


def run(phases: list[PhaseRun], probes: list[Sample]) -> LoadRun:
    return LoadRun(
        id="1",
        label=None,
        started=0,
        duration=20 * SECOND,
        interrupted=False,
        target="nq://far",
        address="192.0.2.1",
        probed="stamp://192.0.2.1:7862",
        interval=10 * MILLISECOND,
        dscp=None,
        max_bytes=1 << 30,
        samples=tuple(probes),
        phases=tuple(phases),
    )


def phase(name: Phase, begin: int, end: int, *transfers: Transfer) -> PhaseRun:
    return PhaseRun(phase=name, began=begin * SECOND, ended=end * SECOND, transfers=transfers)


def test_delays_are_by_one_clock_and_grow_in_their_direction_alone() -> None:
    probes = samples(0, 3, 1_000_000, 1_000_000) + samples(3, 11, 401_000_000, 1_000_000)
    idle, upload = summarise(run([phase("idle", 0, 3), phase("upload", 3, 11, transfer(3, 11, 1_250_000))], probes))
    assert idle.forward.p50 == idle.backward.p50 == 1_000_000
    assert idle.added is None
    assert upload.added_forward == upload.added == 400_000_000
    assert upload.added_backward == 0


def test_what_is_before_the_goodput_was_saturated_is_left_out() -> None:
    loaded = samples(3, 6, 2_000_000, 1_000_000) + samples(6, 11, 401_000_000, 1_000_000)
    transfers = transfer(3, 11, 1_250_000, saturated_at=6 * SECOND)
    upload = summarise(
        run([phase("idle", 0, 3), phase("upload", 3, 11, transfers)], samples(0, 3, 1_000_000, 1_000_000) + loaded)
    )[1]
    assert (upload.steady, upload.sent, upload.forward.min) == (6 * SECOND, 500, 401_000_000)
    assert upload.goodput == 10_000_000
    (summary,) = upload.transfers
    assert (summary.saturated, summary.flows, summary.bytes) == (True, 2, 10_000_000)


def test_half_of_a_phase_at_least_counts() -> None:
    late = transfer(3, 11, 1_250_000, saturated_at=10 * SECOND)
    assert summarise(run([phase("upload", 3, 11, late)], []))[0].steady == 4 * SECOND


def test_probes_that_were_lost_have_no_times_and_are_counted() -> None:
    probes = [each._replace(rtt=None, forward=None, backward=None) for each in samples(0, 1, 1, 1)]
    (idle,) = summarise(run([phase("idle", 0, 1)], probes))
    assert (idle.sent, idle.lost, idle.rtt.p50) == (100, 100, None)


def test_without_one_way_delays_round_trips_remain() -> None:
    probes = [each._replace(forward=None, backward=None) for each in samples(0, 2, 1_000, 1_000)]
    idle, upload = summarise(run([phase("idle", 0, 1), phase("upload", 1, 2)], probes))
    assert (upload.added, upload.added_forward, idle.forward.count) == (0, None, 0)
    assert upload.goodput is None


@pytest.mark.parametrize("late", [range(0), range(5), range(35, 41), (*range(3), *range(15, 20), *range(38, 41))])
def test_goodput_is_the_same_whether_or_not_something_waits_for_what_was_lost(late: Collection[int]) -> None:
    """A tenth of a second each; what waits is not there until the hole is filled, then all of it is."""
    held = 0
    readings = []
    for n in range(41):
        held = held if n in late else 100_000 * n
        readings.append(Reading(n * SECOND // 10, held, 1))
    late_at_times = Transfer(direction="download", readings=tuple(readings), saturated_at=1)
    (found,) = summarise(
        run([PhaseRun(phase="download", began=-4 * SECOND, ended=4 * SECOND, transfers=(late_at_times,))], [])
    )
    assert found.goodput == pytest.approx(8_000_000)


def test_the_handshakes_of_new_connections_are_those_of_the_steady_part() -> None:
    idle, download, upload, _ = summarise(whole())
    assert (idle.connecting, download.connecting, upload.connecting) == (None, 2 * MILLISECOND, 482 * MILLISECOND)


def test_a_load_that_was_refused_at_once_has_no_goodput_and_no_responsiveness() -> None:
    all_of_it = whole()
    upload = all_of_it.phases[2]
    refused = replace(upload.transfers[0], refused=True, ended="the far end answered 401")
    short = replace(upload, ended=upload.began + SECOND // 2, transfers=(refused,))
    long = replace(upload, transfers=(refused,))
    none, some = (summarise(replace(all_of_it, phases=(each,)))[0] for each in (short, long))
    assert (none.goodput, none.responsiveness, none.connecting) == (None, None, None)
    assert some.goodput is not None
    assert some.responsiveness is not None
