"""Recording and alert rules for Prometheus, made of the names that the metrics have: `--print rules`.

Thresholds are what most networks would call wrong, and are there to be edited. YAML is written as far as it is needed:
texts are in double quotes, as JSON has them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from netecho.monitor.state import State
from netecho.report.prometheus.families import BUILD_INFO, LAG, ONE_WAY, RECEIVED, RTT, STATE, TARGET_STATE
from netecho.report.prometheus.queries import loss_ratio, quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

_WINDOW = "5m"
_BY = ("job", "instance", "node", "target")
"""One path, also where no monitor knows its name."""
_PATH = "{{ with $labels.node }}{{ . }} to {{ end }}{{ $labels.target }}"


class Recorded(NamedTuple):
    """A query whose result is kept under a name of its own."""

    name: str
    query: str


class Alert(NamedTuple):
    """What is to be told, and when."""

    name: str
    query: str
    lasts: str
    severity: str
    summary: str


RTT_P50 = Recorded("netecho:rtt_seconds:p50_5m", quantile(0.5, RTT, _WINDOW, _BY))
RTT_P99 = Recorded("netecho:rtt_seconds:p99_5m", quantile(0.99, RTT, _WINDOW, _BY))
ONE_WAY_P99 = Recorded("netecho:oneway_seconds:p99_5m", quantile(0.99, ONE_WAY, _WINDOW, (*_BY, "direction")))
LOSS = Recorded("netecho:loss:ratio_5m", loss_ratio(_WINDOW, _BY))
LAG_P99 = Recorded("netecho:lag_seconds:p99_5m", quantile(0.99, LAG, _WINDOW, ("job", "instance", "node")))

RECORDED = (RTT_P50, RTT_P99, ONE_WAY_P99, LOSS, LAG_P99)
ALERTS = (
    Alert(
        "NetechoTargetDown",
        # Without the state: a target that goes from the one to the other is not to be waited for anew.
        f'max without ({STATE}) ({TARGET_STATE.name}{{{STATE}=~"{State.DOWN}|{State.UNREACHABLE}"}}) == 1',
        "1m",
        "critical",
        f"{_PATH} does not answer",
    ),
    Alert(
        "NetechoTargetDegraded",
        f'{TARGET_STATE.name}{{{STATE}="{State.DEGRADED}"}} == 1',
        "5m",
        "warning",
        f"{_PATH}: a criterion of its configuration is true",
    ),
    Alert("NetechoLoss", f"{LOSS.name} > 0.01", "5m", "warning", _PATH + " loses {{ $value | humanizePercentage }}"),
    Alert(
        "NetechoSlow",
        f"{RTT_P99.name} > 2 * avg_over_time({RTT_P99.name}[1d]) and {RTT_P99.name} > 0.001",
        "15m",
        "warning",
        f"{_PATH}: the p99 of its round trips, {{{{ $value | humanizeDuration }}}}, is twice that of the day",
    ),
    Alert(
        "NetechoLate",
        f"{LAG_P99.name} > 0.01",
        "15m",
        "warning",
        "{{ $labels.instance }} sends {{ $value | humanizeDuration }} late: its figures say less of the network",
    ),
    Alert(
        "NetechoSilent",
        f"sum by (job, instance) (rate({RECEIVED.name}[{_WINDOW}])) == 0",
        "5m",
        "critical",
        "nothing answers {{ $labels.instance }}: it may be its own network",
    ),
    Alert("NetechoAbsent", f"absent({BUILD_INFO.name})", "5m", "critical", "no netecho monitor is scraped"),
)


def text() -> str:
    """Return the file for `rule_files`."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield "# netecho monitor --print rules\n"
    yield "groups:\n  - name: netecho-recorded\n    rules:\n"
    for rule in RECORDED:
        yield f"      - record: {rule.name}\n        expr: {_quoted(rule.query)}\n"
    yield "  - name: netecho-alerts\n    rules:\n"
    for alert in ALERTS:
        yield f"      - alert: {alert.name}\n        expr: {_quoted(alert.query)}\n        for: {alert.lasts}\n"
        yield f"        labels:\n          severity: {alert.severity}\n"
        yield f"        annotations:\n          summary: {_quoted(alert.summary)}\n"


def _quoted(text: str) -> str:
    return json.dumps(text)
