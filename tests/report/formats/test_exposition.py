"""A monitor's metrics, as Prometheus's own parser reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, strategies as st
from prometheus_client.parser import text_string_to_metric_families

from netecho.monitor.buckets import BOUNDS, Buckets
from netecho.monitor.monitored import MonitoredTarget
from netecho.monitor.settings import ProbeSettings, TargetSettings
from netecho.report.formats import exposition
from netecho.report.formats.exposition import ProbeOutcome
from netecho.report.prometheus.families import Exposed
from netecho.target import parse_target
from netecho.units import MILLISECOND, SECOND
from tests.report.monitored import EVERY, STAMPED, UP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client import Metric
    from prometheus_client.samples import Sample


def families(targets: Sequence[MonitoredTarget], lag: Buckets | None = None) -> dict[str, Metric]:
    text = "".join(exposition.metrics(Exposed(targets, lag or Buckets())))
    found = list(text_string_to_metric_families(text))
    assert len({family.name for family in found}) == len(found), "all lines of a metric stand together"
    return {family.name: family for family in found}


def samples(family: Metric, name: str) -> list[Sample]:
    return [sample for sample in family.samples if sample.name == name]


def test_the_names_that_rules_rely_on() -> None:
    found = families(EVERY)
    assert {name: family.type for name, family in found.items()} == {
        "netecho_build_info": "gauge",
        "netecho_lag_seconds": "histogram",
        "netecho_target_info": "gauge",
        "netecho_target_state": "gauge",
        "netecho_probes_sent": "counter",
        "netecho_probes_received": "counter",
        "netecho_probes_lost": "counter",
        "netecho_lost_located": "counter",
        "netecho_probes_dropped_here": "counter",
        "netecho_late": "counter",
        "netecho_duplicates": "counter",
        "netecho_reordered": "counter",
        "netecho_corrupt": "counter",
        "netecho_rtt_seconds": "histogram",
        "netecho_response_seconds": "histogram",
        "netecho_oneway_seconds": "histogram",
        "netecho_phase_seconds": "histogram",
    }
    lost = {sample.labels["target"]: sample.value for sample in found["netecho_probes_lost"].samples}
    assert lost == {"fra": 0, "lon": 50, "nyc": 200, "syd": 200}
    assert all(sample.labels["direction"] == "unknown" for sample in found["netecho_probes_lost"].samples)


def test_a_target_is_in_one_state() -> None:
    states = families(EVERY)["netecho_target_state"].samples
    current = {sample.labels["target"]: sample.labels["state"] for sample in states if sample.value == 1}
    assert current == {"fra": "up", "lon": "degraded", "nyc": "down", "syd": "unreachable"}
    assert len(states) == 5 * len(EVERY)


@given(st.lists(st.integers(0, 20 * SECOND), max_size=50))
def test_buckets_are_cumulative_and_agree_with_count_and_sum(rtts: list[int]) -> None:
    target = MonitoredTarget(TargetSettings(name="a", target=parse_target("a")), 0, Buckets())
    flow = target.recorder.flow()
    for rtt in rtts:
        target.recorder.replied(flow, 0, rtt, True, rtt, 64)
    family = families([target])["netecho_rtt_seconds"]
    buckets = [(float(each.labels["le"]), each.value) for each in samples(family, "netecho_rtt_seconds_bucket")]
    assert [bound for bound, _ in buckets] == [*(bound / SECOND for bound in BOUNDS), float("inf")]
    assert [count for _, count in buckets] == [sum(rtt / SECOND <= bound for rtt in rtts) for bound, _ in buckets]
    (count,), (total,) = samples(family, "netecho_rtt_seconds_count"), samples(family, "netecho_rtt_seconds_sum")
    assert (count.value, total.value) == (len(rtts), sum(rtts) / SECOND)


@given(st.text(min_size=1), st.dictionaries(st.from_regex(r"\A[a-d]{1,3}\Z"), st.text(), max_size=3))
def test_whatever_a_target_is_called_and_labelled_is_read_back(name: str, labels: dict[str, str]) -> None:
    probing = ProbeSettings(labels=tuple(labels.items()))
    target = MonitoredTarget(TargetSettings(name=name, target=parse_target("a"), probing=probing), 0, Buckets())
    text = "".join(exposition.metrics(Exposed([target], Buckets())))
    (line,) = [each for each in text.split("\n") if each.startswith("netecho_probes_sent_total{")]
    (family,) = text_string_to_metric_families(f"# TYPE netecho_probes_sent_total counter\n{line}\n")
    assert family.samples[0].labels == {"target": name, **labels}


def test_phases_are_there_for_targets_that_have_them() -> None:
    target = MonitoredTarget(TargetSettings(name="web", target=parse_target("tls://web")), 0, Buckets())
    target.recorder.connected(3 * MILLISECOND, 9 * MILLISECOND)
    family = families([target])["netecho_phase_seconds"]
    sums = {each.labels["phase"]: each.value for each in samples(family, "netecho_phase_seconds_sum")}
    assert sums == {"connect": 0.003, "tls": 0.009}


def test_directions_are_there_for_targets_whose_far_end_stamps() -> None:
    found = families([STAMPED, UP[0]])
    lost = {
        sample.labels["direction"]: sample.value
        for sample in found["netecho_probes_lost"].samples
        if sample.labels["target"] == "stamped"
    }
    assert lost == {"forward": 2, "backward": 1, "unknown": 0}
    one_way = samples(found["netecho_oneway_seconds"], "netecho_oneway_seconds_sum")
    assert {(each.labels["target"], each.labels["direction"]): each.value for each in one_way} == {
        ("stamped", "forward"): 0.002,
        ("stamped", "backward"): 0.003,
    }


def test_a_monitor_that_knows_its_name_says_it_with_every_figure() -> None:
    text = "".join(exposition.metrics(Exposed(EVERY, Buckets(), node="ams")))
    found = list(text_string_to_metric_families(text))
    assert all(sample.labels["node"] == "ams" for family in found for sample in family.samples)


def test_the_lag_is_the_instruments_and_of_no_target() -> None:
    lag = Buckets()
    lag.record(20_000)
    family = families(EVERY, lag)["netecho_lag_seconds"]
    assert all(set(sample.labels) <= {"le"} for sample in family.samples)
    assert samples(family, "netecho_lag_seconds_count")[0].value == 1


def test_a_probe_has_blackbox_exporters_names() -> None:
    outcome = ProbeOutcome(
        success=True, duration=30 * MILLISECOND, ip_protocol=6, resolve=MILLISECOND, connect=2 * MILLISECOND, rtt=500
    )
    found = list(text_string_to_metric_families("".join(exposition.probe(outcome))))
    values = {family.name: family.samples[0].value for family in found}
    assert values == {
        "probe_dns_lookup_time_seconds": 0.001,
        "probe_duration_seconds": 0.03,
        "probe_ip_protocol": 6,
        "probe_success": 1,
        "probe_netecho_duration_seconds": 0.001,
    }
    assert [sample.labels["phase"] for sample in found[-1].samples] == ["resolve", "connect", "rtt"]
