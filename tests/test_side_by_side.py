"""Tests side by side: run once each, in other processes, and reported as if they had run here."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
TESTS = """
import os, signal, warnings

import pytest

def note(*words):
    with open("noted", "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")

@pytest.fixture(scope="session", autouse=True)
def of_the_session():
    yield
    note("over", os.getpid())

@pytest.fixture(autouse=True)
def noted(request):
    note("test", os.getpid(), request.node.name)

@pytest.mark.parametrize("n", range(30))
def test_passes(n): pass

def test_fails():
    print("said on the way")
    assert [1] == [2]

def test_skips(): pytest.skip("not here")

@pytest.mark.xfail
def test_is_known_to_fail(): raise ValueError

@pytest.fixture
def broken(): raise LookupError

def test_has_a_broken_fixture(broken): pass

def test_warns(): warnings.warn("look here")

def test_dies(): os.kill(os.getpid(), signal.SIGKILL)

@pytest.mark.parametrize("n", range(30))
def test_passes_too(n): pass
"""


def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *arguments: str, tests: str = TESTS
) -> pytest.RunResult:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(test_them=tests)
    plugins = ("-p", "tests.side_by_side", "-p", "no:cacheprovider", "-p", "no:netecho")
    return pytester.runpytest_subprocess(*plugins, *arguments)


def test_each_runs_once_elsewhere_and_is_reported_here(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, monkeypatch, "--workers=3")
    result.assert_outcomes(passed=61, failed=2, errors=1, skipped=1, xfailed=1, warnings=1)
    for line in (
        "said on the way",
        "*assert [[]1] == [[]2]",
        "*look here",
        "the process that ran this test ended with -9",
    ):
        result.stdout.fnmatch_lines([line])
    noted = [line.split() for line in Path("noted").read_text().splitlines()]
    ran = [name for what, _, *name in noted if what == "test"]
    assert len(ran) == 66
    assert len({*map(tuple, ran)}) == 66
    began = {worker for what, worker, *_ in noted if what == "test"}
    ended = [worker for what, worker, *_ in noted if what == "over"]
    assert len(began) > 1
    assert len({*ended}) == len(ended) == len(began) - 1, "all but the one that was killed"
    assert {*ended} < began


def test_it_stops_where_it_is_told_to(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(pytester, monkeypatch, "--workers=1", "-x")
    result.assert_outcomes(passed=30, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])


@pytest.mark.parametrize("how", ["--workers=0", "test_them.py"])
def test_without_workers_all_run_here(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    result = run(pytester, monkeypatch, how, "-k", "passes")
    result.assert_outcomes(passed=60, deselected=6)
    assert len({line.split()[1] for line in Path("noted").read_text().splitlines()}) == 1


def test_a_worker_that_dies_between_tests_is_no_success(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoils_the_end = """
        import os
        from multiprocessing.util import Finalize

        def test_passes(): Finalize(None, os._exit, args=(3,), exitpriority=1)
    """
    result = run(pytester, monkeypatch, "--workers=1", tests=spoils_the_end)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*ended with 3 between them*"])


def test_a_test_that_hangs_says_where(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs_until_all_is_said = """
        import os, subprocess

        def test_hangs():
            said = f"/proc/{os.getppid()}/fd/2"
            subprocess.run(["sh", "-c", f"until grep -q _run_module_as_main {said}; do sleep 0.01; done"])
    """
    timeout = ("-o", "faulthandler_timeout=0.1")
    result = run(pytester, monkeypatch, "--workers=1", *timeout, tests=hangs_until_all_is_said)
    result.assert_outcomes(passed=1)
    result.stderr.fnmatch_lines(["Timeout (*", "*in test_hangs"])
