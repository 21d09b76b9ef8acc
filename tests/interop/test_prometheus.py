"""A monitor, scraped by real Prometheus: it takes every line, and its quantiles are netecho's within one bucket."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.parse
import urllib.request
from math import ceil, log2
from typing import TYPE_CHECKING, Any

import pytest

from netecho.monitor.buckets import BOUNDS, SCHEMA
from netecho.report.prometheus import dashboard, rules
from netecho.units import MILLISECOND, SECOND
from tests.peers import free_port, needed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.program import Netecho

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: netecho
    static_configs: [{{targets: ['{netecho}']}}]
  - job_name: probe
    metrics_path: /probe
    params: {{module: [tcp]}}
    static_configs: [{{targets: ['{echo}']}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: '{netecho}'}}
"""


def get(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        return str(answer.read().decode())


@pytest.fixture
def monitor(netecho: Netecho) -> str:
    """What is scraped: HOST:PORT of a monitor that probes servers of its own, one of each kind that has figures."""
    running = netecho.start(
        *("monitor", "self", "udp://self", "stamp://self", "-i", "20ms", "--format", "ndjson"),
        *("--listen", "127.0.0.1:0", "--probe-allow", "127.0.0.0/8"),
    )
    url = running.event_named("listening")["url"]
    for _ in range(3):
        running.event_named("state")
    return str(urllib.parse.urlsplit(url).netloc)


class Prometheus:
    """Prometheus itself, asked by its HTTP API."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self._process = process

    def wait_for(self, query: str) -> None:
        """Return when a query gives something. The pause between questions is a wait for Prometheus, which goes on."""
        while not self.values(query):
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"Prometheus has ended with {self._process.wait(0.1)}")

    def values(self, query: str) -> list[dict[str, Any]]:
        """What a query gives now."""
        asked = urllib.parse.urlencode({"query": query})
        try:
            answer = json.loads(get(f"http://127.0.0.1:{self.port}/api/v1/query?{asked}"))
        except OSError:
            return []  # it has not begun
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


@pytest.fixture
def features() -> tuple[str, ...]:
    """Of Prometheus, beside those it has by itself."""
    return ()


@pytest.fixture
def prometheus(monitor: str, tmp_path: Path, features: tuple[str, ...]) -> Iterator[Prometheus]:
    targets = json.loads(get(f"http://{monitor}/api/v1/targets"))["targets"]
    echo = next(each["url"] for each in targets if each["url"].startswith("tcp://")).removeprefix("tcp://")
    (tmp_path / "prometheus.yml").write_text(CONFIG.format(netecho=monitor, echo=echo))
    port = free_port()
    process = subprocess.Popen(
        [
            needed("prometheus"),
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            *(f"--enable-feature={feature}" for feature in features),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Prometheus(port, process)
    finally:
        process.kill()
        process.wait()


def test_promtool_finds_nothing_wrong(monitor: str) -> None:
    text = get(f"http://{monitor}/metrics")
    checked = subprocess.run(
        [needed("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_quantiles_are_those_of_netecho_within_one_bucket_and_every_query_of_the_dashboard_has_data(
    monitor: str, prometheus: Prometheus
) -> None:
    before = rtt(monitor)
    sent = before["sent"] + 200
    prometheus.wait_for(f'netecho_rtt_seconds_count{{target="udp://self"}} > {sent}')
    quantiles = {
        share: prometheus.values(f'histogram_quantile({share}, netecho_rtt_seconds_bucket{{target="udp://self"}})')
        for share in (0.5, 0.99)
    }
    after = rtt(monitor)
    # Prometheus looks at a rank between two values, which may be far apart where there are few: above the 99th percent.
    for share, lowest, highest in ((0.5, "p50_ms", "p50_ms"), (0.99, "p90_ms", "max_ms")):
        (found,) = quantiles[share]
        # It was scraped some time between the two.
        low = min(_bucket(each[lowest] * MILLISECOND) for each in (before, after))
        high = max(_bucket(each[highest] * MILLISECOND) for each in (before, after))
        assert low - 1 <= _bucket(float(found["value"][1]) * SECOND) <= high + 1
    (up,) = prometheus.values('netecho_target_state{target="udp://self", state="up"}')
    assert up["value"][1] == "1"
    for query in chosen(*(query for panel in dashboard.PANELS for query, _ in panel.queries)):
        prometheus.wait_for(query)


def test_a_probe_by_relabelling_as_blackbox_exporter_has_it(prometheus: Prometheus) -> None:
    prometheus.wait_for("probe_success == 1")
    (protocol,) = prometheus.values("probe_ip_protocol")
    assert protocol["value"][1] == "4"
    prometheus.wait_for('up{job="netecho"} == 1')


@pytest.mark.parametrize("features", [("native-histograms",)], ids=["native"])
def test_native_histograms_have_netechos_quantiles_and_every_query_of_the_dashboard_has_data(
    monitor: str, prometheus: Prometheus
) -> None:
    """Scraped as protobuf, which is what has them."""
    before = rtt(monitor)
    sent = before["sent"] + 100
    prometheus.wait_for(f'histogram_count(netecho_rtt_seconds{{target="udp://self"}}) > {sent}')
    assert prometheus.values("netecho_rtt_seconds_bucket") == []
    found = prometheus.values('histogram_quantile(0.5, netecho_rtt_seconds{target="udp://self"})')
    after = rtt(monitor)
    ours = sorted(_native_bucket(each["p50_ms"] * MILLISECOND) for each in (before, after))
    assert ours[0] - 1 <= _native_bucket(float(found[0]["value"][1]) * SECOND) <= ours[1] + 1
    for query in chosen(*(query for panel in dashboard.PANELS for query, _ in panel.queries)):
        prometheus.wait_for(query)
    for rule in rules.RECORDED:
        prometheus.wait_for(rule.query)


def chosen(*queries: str) -> list[str]:
    """The queries as Grafana asks them, where all is chosen."""
    values = {"$node": ".*", "$target": ".*", "$__rate_interval": "1m"}
    for name, value in values.items():
        queries = tuple(query.replace(name, value) for query in queries)
    return list(queries)


def test_promtool_finds_nothing_wrong_with_the_rules(netecho: Netecho, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(netecho("monitor", "--print", "rules").out)
    checked = subprocess.run(
        [needed("promtool"), "check", "rules", "--lint-fatal", str(tmp_path / "rules.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def rtt(monitor: str) -> dict[str, Any]:
    """The figures of the UDP target as the monitor has them."""
    (target,) = json.loads(get(f"http://{monitor}/api/v1/targets?target=udp%3A%2F%2Fself"))["targets"]
    return {**target["hour"]["rtt"], "sent": target["probes"]["sent"]}


def _native_bucket(nanoseconds: float) -> int:
    return ceil(log2(nanoseconds / SECOND) * (1 << SCHEMA))


def _bucket(nanoseconds: float) -> int:
    return sum(bound < nanoseconds for bound in BOUNDS)
