"""The pytest plugin: a service's round trips as a line of a test.

    @pytest.mark.netecho("tcp://127.0.0.1:8000", rtt_p99="20ms", loss="1%", count=200, interval="5ms")
    def test_the_service_answers() -> None: ...

The marker measures before the test's own code, and fails the test with the summary where a bound does not hold. A
bound is a metric with `_` for `.`, and the most it may be; the rest are options of `netecho.probe`. The fixtures
`netecho_server` (an echo server in a process of its own) and `netecho_probe` (`netecho.probe_sync`, whose results go
where the marker's go) are for tests that measure by themselves. Results are properties of the test in JUnit's report.

pytest imports this in every run: nothing of netecho is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Unpack

    from netecho.api import ProbeOptions, ProbeResult

MARKER = (
    "netecho(target, **bounds_and_options): measure `target` first, and fail where a bound (rtt_p99='20ms') is broken"
)


class Probe(Protocol):
    """What the fixture `netecho_probe` gives."""

    def __call__(self, target: str, /, **options: Unpack[ProbeOptions]) -> ProbeResult:
        """Measure as `netecho.probe_sync` does."""


class Server:
    """What the fixture `netecho_server` gives: where an echo server listens, over TCP and UDP on one port."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.tcp = f"tcp://127.0.0.1:{port}"
        self.udp = f"udp://127.0.0.1:{port}"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Measure what the markers say, and fail the test where a bound is broken."""
    for marker in reversed(list(item.iter_markers("netecho"))):
        _measure(item, marker.args, marker.kwargs)
    return (yield)


@pytest.fixture
def netecho_server() -> Iterator[Server]:
    """Serve on a free port of loopback while the test runs."""
    import json
    import subprocess

    from netecho.net import python_child

    command = [*python_child.command("netecho"), "serve", "127.0.0.1:0", "--format", "ndjson", "--max-rate", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=python_child.environment()) as process:  # noqa: S603
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            lines = [json.loads(process.stdout.readline()) for _ in ("tcp", "udp")]
            yield Server(lines[0]["port"])
        finally:
            process.kill()


@pytest.fixture
def netecho_probe(request: pytest.FixtureRequest) -> Probe:
    """Measure in a test: `netecho.probe_sync`, with the result among the test's properties."""

    def probe(target: str, /, **options: Unpack[ProbeOptions]) -> ProbeResult:
        from netecho.api import probe_sync

        result = probe_sync(target, **options)
        _record(request.node, result)
        return result

    return probe


def _measure(item: pytest.Item, targets: tuple[Any, ...], given: Mapping[str, Any]) -> None:
    from netecho.api.options import ProbeOptions

    if len(targets) != 1:
        wrong = f"has more than a target: {targets[1]!r}" if targets else "has no target"
        pytest.fail(f"the marker netecho {wrong}\n{MARKER}", pytrace=False)
    (target,) = targets
    options = {name: value for name, value in given.items() if name in ProbeOptions.__annotations__}
    bounds = [f"{_metric(name)}>{value}" for name, value in given.items() if name not in options]
    options["fail_if"] = [*bounds, *_texts(options.get("fail_if") or ())]
    result = _result(target, **options)
    _record(item, result)
    if not result.ok:
        pytest.fail("\n".join((*(f"failed: {each}" for each in result.failed), "", _summary(result))), pytrace=False)


def _result(target: str, **options: Unpack[ProbeOptions]) -> ProbeResult:
    """Measure; a target or options that cannot be measured fail the test with the sentence that says so."""
    from netecho.api import NetechoError, probe_sync

    try:
        return probe_sync(target, **options)
    except NetechoError as error:
        wrong = error
    # Not in the handler: the failure would be shown with the error, and what led to that.
    hint = f"\n{wrong.hint}" if wrong.hint else ""
    pytest.fail(f"netecho {target}: {wrong.sentence}{hint}", pytrace=False)


def _metric(name: str) -> str:
    """Return the metric that an argument stands for: `rtt_p99_9` is `rtt.p99_9`, `loss_forward` is itself."""
    from netecho.measure.metrics import METRICS

    if name in METRICS:
        return name
    kind, underscore, figure = name.partition("_")
    return f"{kind}.{figure}" if underscore else name


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _record(item: pytest.Item, result: ProbeResult) -> None:
    from netecho.report.formats.verdict import figures_of

    figures = figures_of(dict(result.document))
    item.user_properties += [(f"netecho {result.target.url} {name}", value) for name, value in figures.items()]


def _summary(result: ProbeResult) -> str:
    from netecho.report.terminal.paper import rendered
    from netecho.report.terminal.summary import summary

    document = dict(result.document)
    return rendered(summary(document, 80, histogram=False), width=80, color=False)
