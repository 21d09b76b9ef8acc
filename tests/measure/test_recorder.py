"""What is told about probes, and the summary it comes to."""

from __future__ import annotations

import tracemalloc

from netecho.measure.loss_reason import TIMED_OUT, LossReason
from netecho.measure.losses import Losses
from netecho.measure.recorder import MOST_FLOWS, Recorder
from netecho.measure.stats.distribution import Distribution
from netecho.measure.stats.histogram import Bin
from netecho.measure.stats.timeline import FIRST_WIDTH, Period
from netecho.measure.summary import FlowSummary, PartSummary, SizeSummary, Summary


def test_before_anything_happened_every_figure_is_empty() -> None:
    assert Recorder().summary() == Summary()
    assert Recorder(by_size=True).summary() == Summary()
    assert Summary().loss_percent is None
    assert Summary().stamps is None


def test_a_run() -> None:
    recorder = Recorder()
    flow = recorder.flow()
    for lag in (5, 15, 10, 10):
        recorder.sent(lag)
    recorder.replied(flow, 0, rtt=100, kernel=True, response=125, size=64)
    recorder.replied(flow, 1, rtt=140, kernel=False, response=185, size=64)
    recorder.lost(64)
    recorder.pending(1)
    assert recorder.summary() == Summary(
        sent=4,
        received=2,
        lost=1,
        loss_by_reason={LossReason.TIMEOUT: 1},
        losses=(Losses(TIMED_OUT, 1, 0, 0),),
        pending=1,
        kernel_stamps=1,
        user_stamps=1,
        rtt=Distribution(
            count=2,
            min=100,
            mean=120.0,
            stddev=20.0,
            p50=100,
            p90=140,
            p95=140,
            p99=140,
            p99_9=140,
            max=140,
            bins=(Bin(100, 101, 1), Bin(140, 141, 1)),
        ),
        response=Distribution(
            count=2,
            min=125,
            mean=155.0,
            stddev=30.0,
            p50=125,
            p90=185,
            p95=185,
            p99=185,
            p99_9=185,
            max=185,
            bins=(Bin(125, 126, 1), Bin(185, 186, 1)),
        ),
        lag=Distribution(count=4, min=5, mean=10.0, stddev=12.5**0.5, p50=10, p90=15, p95=15, p99=15, p99_9=15, max=15),
        ipdv_mean_abs=40.0,
        pdv_p99=40,
        jitter_rfc3550=2.5,
        timeline=(Period(0, FIRST_WIDTH, received=0, lost=1, p50=None, p99=None, max=None),),
    )


def test_each_kind_of_trouble_has_its_count() -> None:
    recorder = Recorder()
    troubles = [
        recorder.late,
        recorder.duplicated,
        recorder.corrupted,
        recorder.reordered,
        recorder.stray,
        recorder.waited,
    ]
    for times, tell in enumerate(troubles, 1):
        for _ in range(times):
            tell()
    summary = recorder.summary()
    assert summary == Summary(late=1, duplicate=2, corrupt=3, reordered=4, stray=5, waits=6)


def test_loss_is_a_share_of_the_probes_whose_fate_is_known() -> None:
    assert Summary(sent=5, received=3, lost=1, pending=1).loss_percent == 25.0
    assert Summary(sent=2, received=2).loss_percent == 0.0
    assert Summary(sent=2, pending=2).loss_percent is None


def test_stamps_are_named_by_what_the_replies_had() -> None:
    assert Summary(kernel_stamps=3).stamps == "kernel"
    assert Summary(user_stamps=3).stamps == "user"
    assert Summary(kernel_stamps=1, user_stamps=3).stamps == "mixed"


def test_connections_pool_their_ipdv_and_average_their_jitter() -> None:
    recorder = Recorder()
    first, second, idle = recorder.flow(), recorder.flow(), recorder.flow()
    for seq, rtt in enumerate((100, 116, 100)):
        recorder.replied(first, seq, rtt, True, rtt, 64)
    for seq, rtt in enumerate((1000, 1160)):
        recorder.replied(second, seq, rtt, True, rtt, 64)
    summary = recorder.summary()
    assert summary.ipdv_mean_abs == (16 + 16 + 160) / 3
    assert summary.jitter_rfc3550 == ((1 + 15 / 16) + 10) / 2
    assert idle.variation.jitter is None


def test_a_sweep_keeps_its_sizes_apart() -> None:
    recorder = Recorder(by_size=True)
    flow = recorder.flow()
    recorder.replied(flow, 0, 300, True, 300, size=1400)
    recorder.replied(flow, 1, 100, True, 100, size=64)
    recorder.replied(flow, 2, 110, True, 110, size=64)
    recorder.lost(1400)
    recorder.lost(9000)
    small, large, huge = recorder.summary().by_size
    assert (small.size, *small.probes[:3], small.probes.rtt.max) == (64, 2, 2, 0, 110)
    assert (large.size, *large.probes[:3], large.probes.rtt.p50) == (1400, 2, 1, 1, 300)
    assert huge == SizeSummary(9000, PartSummary(sent=1, received=0, lost=1, dropped_here=0, rtt=Distribution()))
    assert [each.probes.loss_percent for each in (small, large, huge)] == [0.0, 50.0, 100.0]
    assert recorder.summary(whole=False).by_size == ()


def test_several_connections_are_kept_apart() -> None:
    recorder = Recorder(connections=2)
    second, first = recorder.flow(1), recorder.flow(0)
    first.local = ("192.0.2.1", 40_000)
    recorder.replied(first, 0, 300, True, 300, 64)
    recorder.replied(first, 1, 100, True, 100, 64)
    recorder.lost(64, flow=second)
    good, bad = recorder.summary().by_flow
    assert (good.connection, good.local, *good.probes[:3]) == (0, ("192.0.2.1", 40_000), 2, 2, 0)
    assert (good.probes.rtt.min, good.probes.rtt.max, good.probes.loss_percent) == (100, 300, 0.0)
    assert bad == FlowSummary(1, None, PartSummary(sent=1, received=0, lost=1, dropped_here=0, rtt=Distribution()))
    assert bad.probes.loss_percent == 100.0
    assert recorder.summary(whole=False).by_flow == ()


def test_of_a_connection_that_is_the_only_one_the_runs_figures_are_all() -> None:
    recorder = Recorder()
    recorder.replied(recorder.flow(), 0, 300, True, 300, 64)
    assert recorder.summary().by_flow == ()


def test_so_many_connections_have_figures_of_their_own() -> None:
    recorder = Recorder(connections=2 * MOST_FLOWS)
    for connection in range(2 * MOST_FLOWS):
        recorder.replied(recorder.flow(connection), 0, 300, True, 300, 64)
    summary = recorder.summary()
    assert [flow.connection for flow in summary.by_flow] == list(range(MOST_FLOWS))
    assert summary.received == 2 * MOST_FLOWS


def test_sizes_are_kept_only_when_asked_for() -> None:
    recorder = Recorder()
    recorder.replied(recorder.flow(), 0, 300, True, 300, size=1400)
    assert recorder.summary().by_size == ()


def test_a_summary_is_a_snapshot() -> None:
    recorder = Recorder()
    recorder.sent(1)
    before = recorder.summary()
    recorder.sent(2)
    assert (before.sent, recorder.summary().sent) == (1, 2)


def test_memory_does_not_grow_with_the_probes() -> None:
    recorder = Recorder()
    flow = recorder.flow()

    def run(first: int, count: int) -> None:
        for seq in range(first, first + count):
            recorder.sent(seq % 977)
            if seq % 7:
                recorder.replied(flow, seq, 100_000 + seq * 7919 % 10_007, True, 200_000, 64)
            else:
                recorder.lost(64)

    tracemalloc.start()
    run(0, 3000)
    before, _ = tracemalloc.get_traced_memory()
    run(3000, 10_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 16 * 1024
