"""What every test may use: the installed command, the peers, and the rule that CI skips no interop test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = ["tests.program"]

# An example that takes long on a busy machine is no defect: no test asserts on speed.
settings.register_profile("netecho", deadline=None)
settings.load_profile("netecho")

INTEROP = Path(__file__).parent / "interop"
NO_SKIP = bool(os.environ.get("NETECHO_NO_SKIP"))


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport, path: Path) -> None:
    """Where NETECHO_NO_SKIP is set, a peer that is not there is a failure: CI must not pass by leaving out."""
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail") and path.is_relative_to(INTEROP):
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
