"""What every test may use: the installed command, the peers; and the rule that CI skips nothing."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import BYTECODE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

pytest_plugins = ["tests.side_by_side", "tests.program"]

# An example that takes long on a busy machine is no defect: no test asserts on speed.
settings.register_profile("netecho", deadline=None, max_examples=15)
settings.register_profile("long", deadline=None, max_examples=10_000)
settings.register_profile("brief", deadline=None, max_examples=6)  # where the same tests run once more, elsewhere
settings.load_profile("netecho")

if sys.dont_write_bytecode:  # then no process would find what another has compiled
    sys.pycache_prefix, sys.dont_write_bytecode = str(BYTECODE), False

TESTS = Path(__file__).parent
NOT_TO_SKIP = (TESTS / "interop", TESTS / "faults")
NO_SKIP = bool(os.environ.get("NETECHO_NO_SKIP"))


LONGEST = (
    "faults",
    "integration/test_trace.py",
    "interop/test_prometheus.py",
    "cli/test_examples.py",
    "attacks",
    "integration",
    "interop",
    "api",
    "cli",
)
"""Tests that wait, for networks and for processes; those first whose tests take longest."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those first that wait: others can use that time, and what is last should be short."""
    order = {TESTS / path: place for place, path in enumerate(LONGEST)}
    paths = {item.path for item in items}
    places = {path: min(order.get(each, len(order)) for each in (path, *path.parents)) for path in paths}
    items.sort(key=lambda item: places[item.path])


@pytest.fixture(scope="session", autouse=True)
def _usual_signals() -> Iterator[None]:
    """Have commands start as from a terminal: nohup and a shell's `&` ignore signals, and children inherit that."""
    ignored = {
        each for each in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT) if signal.getsignal(each) is signal.SIG_IGN
    }
    for each in ignored:
        signal.signal(each, signal.SIG_DFL)
    yield
    for each in ignored:
        signal.signal(each, signal.SIG_IGN)


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport, path: Path) -> None:
    """Where NETECHO_NO_SKIP is set, a peer that is not there is a failure: CI must not pass by leaving out."""
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail") and any(map(path.is_relative_to, NOT_TO_SKIP)):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"skipped where NETECHO_NO_SKIP says that nothing may be: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report, item.path)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report, collector.path)
    return report
