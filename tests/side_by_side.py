"""Tests side by side: pytest collects them once, then forks workers, which take tests from one queue.

More than one worker a core, because most tests wait: for a timer, a timeout, a child's start.

pytest-xdist has each of its workers import and collect all tests again. With six of them on two cores this took 32 of
362 seconds of processor time, and the first 17 of 202 seconds; a worker that is forked has the tests, and the modules'
memory is shared. So little is asked of it (no other machines, no looking for changed files) that the whole is here.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import importlib.util
import math
import multiprocessing
import os
import random
import time
from collections import deque
from itertools import chain, groupby, pairwise
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from multiprocessing.context import ForkProcess
    from warnings import WarningMessage

gc.set_threshold(50_000, 50, 100)  # the usual ones took a fifth of the collection of tests, and a tenth of many tests

WORKERS_PER_CORE = 3.5
"""One for the tests that compute. Not many more, or tests with a timeout miss it."""

LESS_URGENT = 5
"""The niceness of workers whose tests compute: others wait for something that is to come in time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--workers",
        type=int,
        help="tests at once (0: one after another, here); default: 7 on two cores for folders, 0 for files",
    )


def workers(config: pytest.Config) -> int:
    """How many are wanted: by default none for tests and files that were asked for by name."""
    if config.option.usepdb or not hasattr(os, "fork"):
        return 0
    if config.option.workers is not None:
        return int(config.option.workers)
    if all(Path(each.partition("::")[0]).is_file() for each in config.args):
        return 0
    return int(len(os.sched_getaffinity(0)) * WORKERS_PER_CORE)


def all_wanted(config: pytest.Config) -> bool:
    """Whether the whole suite is to run, by workers."""
    return workers(config) > 0 and config.args_source is pytest.Config.ArgsSource.TESTPATHS


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile what is about to be collected on a second core as well, from the other end."""
    if all_wanted(session.config):
        multiprocessing.get_context("fork").Process(target=_compile, daemon=True).start()


def _compile() -> None:
    tests = Path(__file__).parent
    for path in sorted(tests.rglob("test_*.py"), reverse=True):
        compiled = Path(importlib.util.cache_from_source(str(path))).parent
        if any(compiled.glob(f"{path.stem}.*-pytest-*")):
            continue
        with contextlib.suppress(Exception, pytest.skip.Exception):  # collecting it says why
            importlib.import_module(".".join(path.relative_to(tests.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Let the garbage collector leave the tests and modules alone, which stay: to go through them took a seventh."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    number = workers(session.config)
    if number == 0 or session.config.option.collectonly or session.testsfailed:
        return None
    session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # one for all
    if (terminal := session.config.pluginmanager.get_plugin("terminalreporter")) is not None:
        terminal.showfspath = False  # files take turns
    _Run(session, number).play()
    return True


class _Worker:
    """A process that runs tests, seen from the one that gives them out."""

    def __init__(self, session: pytest.Session, others: Iterable[Connection], *, from_the_end: bool) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, theirs = context.Pipe()
        self.from_the_end = from_the_end
        self.file: deque[int] = deque()
        """Those of its file that are not given out."""
        others = [*others, self.connection]
        self.given: deque[int] = deque()
        """The tests that it has not reported on: it is at the first."""
        nice = LESS_URGENT if from_the_end else 0
        self.process: ForkProcess = context.Process(target=_work, args=(session, theirs, others, nice))
        self.process.start()
        theirs.close()


class _Run:
    """Gives tests out, and takes reports."""

    def __init__(self, session: pytest.Session, number: int) -> None:
        self._session = session
        self._config = session.config
        self._items = items = session.items
        files = groupby(range(len(items)), key=lambda index: items[index].path)
        self._files = deque(deque(indices) for _, indices in files)
        """Those that no worker has begun."""
        self._begun: list[deque[int]] = []
        self._number = number
        self._from_the_end = int(number / WORKERS_PER_CORE)
        self._workers: dict[Connection, _Worker] = {}

    def play(self) -> None:
        """Run all tests. Raises what pytest raises where it is to stop."""
        try:
            for _ in range(min(self._number, len(self._items))):
                self._begin_worker()
            while self._workers:
                for connection in wait(list(self._workers)):
                    assert isinstance(connection, Connection)
                    self._hear(self._workers[connection])
                if self._session.shouldfail:
                    raise self._session.Failed(self._session.shouldfail)
                if self._session.shouldstop:
                    raise self._session.Interrupted(self._session.shouldstop)
        finally:
            for worker in self._workers.values():
                worker.process.terminate()
                worker.process.join()

    def _begin_worker(self) -> None:
        from_the_end = sum(each.from_the_end for each in self._workers.values()) < self._from_the_end
        worker = _Worker(self._session, self._workers, from_the_end=from_the_end)
        self._workers[worker.connection] = worker
        self._give(worker)
        self._give(worker)  # what comes next is known before a test begins

    def _hear(self, worker: _Worker) -> None:
        try:
            message = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            self._ended(worker)
            return
        self._give(worker)
        reports, warnings = message
        worker.given.popleft()
        self._reported([self._restored(each) for each in reports])
        for each in warnings:
            self._config.hook.pytest_warning_recorded.call_historic(kwargs=each)

    def _give(self, worker: _Worker) -> None:
        """Give it one more test, or None when there are no more."""
        index = self._next(worker)
        if index is not None:
            worker.given.append(index)
        with contextlib.suppress(BrokenPipeError):
            worker.connection.send(index)

    def _next(self, worker: _Worker) -> int | None:
        """Return what a worker is to run next: of its file, of one that is not begun, at last of another's.

        One for each core takes the last: where the first files wait and the last compute, there is always something to
        compute. (With one in all, both cores were busy for nine tenths of the time.)
        """
        if not worker.file and self._files:
            worker.file = self._files.pop() if worker.from_the_end else self._files.popleft()
            self._begun.append(worker.file)
        elif not worker.file:
            worker.file = max(self._begun, key=len)
        return worker.file.popleft() if worker.file else None

    def _restored(self, report: pytest.TestReport | dict[str, Any]) -> pytest.TestReport:
        if isinstance(report, pytest.TestReport):
            return report
        restored = self._config.hook.pytest_report_from_serializable(config=self._config, data=report)
        assert isinstance(restored, pytest.TestReport)
        return restored

    def _reported(self, reports: Sequence[pytest.TestReport]) -> None:
        """Hand on the reports on one test, of which there is at least that of its set-up."""
        test = {"nodeid": reports[0].nodeid, "location": reports[0].location}
        self._config.hook.pytest_runtest_logstart(**test)
        for report in reports:
            self._config.hook.pytest_runtest_logreport(report=report)
        self._config.hook.pytest_runtest_logfinish(**test)

    def _ended(self, worker: _Worker) -> None:
        """Deal with the end of a worker: of one that still had tests the first has killed it.

        One that had none ends well or by what is no test's; then tests might be left, and nobody would miss them.
        """
        del self._workers[worker.connection]
        worker.connection.close()
        worker.process.join()
        code = worker.process.exitcode
        if not worker.given:
            if code:
                raise self._session.Interrupted(f"a process that ran tests ended with {code} between them")
            return
        item = self._items[worker.given.popleft()]
        why = f"the process that ran this test ended with {code}"
        self._reported([pytest.TestReport(item.nodeid, item.location, {}, "failed", why, "call")])
        if worker.given:
            self._files.appendleft(worker.given)
        if any((*self._files, *self._begun)):
            self._begin_worker()


class _Reporter:
    """In a worker it stands for the terminal's reporter, and keeps what one test has to report."""

    def __init__(self, config: pytest.Config) -> None:
        self._tw = config.get_terminal_writer()  # which pytest asks this plugin for, to compare values in colour
        self._config = config
        self.reports: list[pytest.TestReport | dict[str, Any]] = []
        """As they are where there is nothing to explain, which costs less."""
        self.warnings: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.longrepr is None:
            self.reports.append(report)
        else:
            self.reports.append(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    def pytest_warning_recorded(self, warning_message: WarningMessage, when: str, nodeid: str, location: Any) -> None:
        warning_message.source = None  # an object, which stays here
        given = {"warning_message": warning_message, "when": when, "nodeid": nodeid, "location": location}
        self.warnings.append(given)


class _Watch:
    """Has a test that hangs write where, as pytest's own watch does, which starts a thread for each test.

    That took a quarter of the time that it takes to run a test of which nothing is to be done.
    """

    def __init__(self, config: pytest.Config) -> None:
        """Take over, while standard error is not captured."""
        config.pluginmanager.unregister(name="faulthandler")
        self._timeout = float(config.getini("faulthandler_timeout") or 0)
        self._stderr = os.dup(2)
        self._begun = -math.inf

    def begin(self) -> None:
        """Begin anew, unless that was done a moment ago."""
        now = time.monotonic()
        if self._timeout and now - self._begun > self._timeout / 10:
            faulthandler.dump_traceback_later(self._timeout, file=self._stderr)
            self._begun = now


def _work(session: pytest.Session, connection: Connection, others: Iterable[Connection], nice: int) -> None:
    """Run tests until there are none, in a process of its own."""
    os.nice(nice)
    for each in others:  # or it would not be told that the parent has ended
        each.close()
    random.seed()
    config, plugins = session.config, session.config.pluginmanager
    if (capture := plugins.get_plugin("capturemanager")) is not None:
        capture.stop_global_capturing()  # whose file is shared with the other processes
    watch = _Watch(config)
    if capture is not None:
        capture.start_global_capturing()
        capture.suspend_global_capture()
    reporter = _Reporter(config)
    plugins.unregister(name="terminalreporter")
    plugins.register(reporter, "terminalreporter")
    for item, nextitem in pairwise(chain(_given(session, connection), [None])):
        assert item is not None
        watch.begin()
        reporter.reports, reporter.warnings = [], []
        config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
        connection.send((reporter.reports, reporter.warnings))


def _given(session: pytest.Session, connection: Connection) -> Iterator[pytest.Item]:
    while (index := connection.recv()) is not None:
        yield session.items[index]
