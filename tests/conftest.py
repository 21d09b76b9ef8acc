"""What every test may use: the installed command, the peers; workers, quiet tests, and the rule that CI skips nothing.

The tests run in several processes at once (pytest-xdist), because most of them wait: for a timer, a timeout, a
child's start. Those that measure time themselves are marked `quiet` and run while no other test does.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
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
    from typing import IO

pytest_plugins = ["tests.program"]

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
WORKERS_PER_CORE = 3
"""More than one, as a test that waits leaves its core to another; not many more, or tests with a timeout miss it."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run folders of tests on all cores; tests and files that were asked for by name at once, in this process."""
    if all(Path(each.partition("::")[0]).is_file() for each in config.args):
        config.option.dist = "no"
        return 0
    return len(os.sched_getaffinity(0)) * WORKERS_PER_CORE


def pytest_sessionstart(session: pytest.Session) -> None:
    """Import a share of all tests first, each worker another: what one of them compiles the others only read."""
    worker = getattr(session.config, "workerinput", None)
    if worker is None or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    for path in sorted(TESTS.rglob("test_*.py"))[int(worker["workerid"][2:]) :: worker["workercount"]]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # collecting it says why
            importlib.import_module(".".join(path.relative_to(TESTS.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Let the garbage collector leave the tests and modules alone, which stay: to go through them took a seventh."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal the files out to the workers, each of which has a part of the list to begin with, in order.

    Else one has all that wait for servers and networks, and takes longer than the others, which can take over only what
    it has not begun yet. The quiet tests are the first: before those that run for long, whose ends they would wait for.
    """
    workers: int = getattr(config, "workerinput", {}).get("workercount", 1)
    files = {path: number for number, path in enumerate(dict.fromkeys(item.path for item in items))}
    items.sort(key=lambda item: (not is_quiet(item), files[item.path] % workers))


def is_quiet(item: pytest.Item | None) -> bool:
    return item is not None and item.get_closest_marker("quiet") is not None


TURN = pytest.StashKey["IO[str]"]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    if not hasattr(item.config, "workerinput"):
        return (yield)
    stash = item.config.stash
    if TURN not in stash:
        # The folder that pytest's own temporary folders share is one for all workers of a run.
        factory: pytest.TempPathFactory = item.config._tmp_path_factory  # type: ignore[attr-defined]
        stash[TURN] = _turn(factory.getbasetemp().parent, alone=is_quiet(item))
    try:
        return (yield)
    finally:
        if not (is_quiet(item) and is_quiet(nextitem)):
            stash[TURN].close()
            del stash[TURN]


def _turn(folder: Path, *, alone: bool) -> IO[str]:
    """Share the machine with other tests, or have it `alone`, until what is returned is closed."""
    running = (folder / "running").open("w")
    # Readers and writers, by locks of files. Who waits to be alone holds `next` meanwhile, so that no further test
    # begins before it.
    with (folder / "next").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        fcntl.flock(running, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    return running


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
