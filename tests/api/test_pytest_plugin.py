"""The plugin as a project has it: installed, found by its entry point, in a pytest of its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from netecho import probe_sync
from tests.program import Program
from tests.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator


pytest_plugins = ["pytester"]


ARGUMENTS = ("-p", "no:cacheprovider")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    program = Program("serve", "udp://127.0.0.1:0", "--format", "ndjson")
    try:
        address = f"udp://127.0.0.1:{Server(program, 1).port['udp']}"
        # A pytest inside this one forgets the modules that it was the first to import, and Twisted's are to stay.
        probe_sync(address, count=1)
        yield address
    finally:
        program.kill()


def run(pytester: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(source)
    return pytester.runpytest_inprocess(*ARGUMENTS, *arguments)


def run_apart(pytester: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    """In a process of its own, which has imported nothing yet."""
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess(*ARGUMENTS, *arguments)


def test_a_service_that_is_good_enough(pytester: pytest.Pytester, url: str) -> None:
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.netecho("{url}", rtt_p99="5s", loss="50%", count=5, interval="1ms")
        def test_it() -> None:
            pass
        """,
        "--strict-markers",
        "--junit-xml=report.xml",
    )
    result.assert_outcomes(passed=1)
    names = {each.get("name"): each.get("value") for each in ET.parse("report.xml").iter("property")}
    assert names[f"netecho {url} probes.received"] == "5"
    assert float(names[f"netecho {url} rtt.p99_ms"] or 0) > 0


def test_one_that_is_not_fails_with_the_summary(pytester: pytest.Pytester, url: str) -> None:
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.netecho("{url}", rtt_p50="1ns", count=5, interval="1ms")
        def test_it() -> None:
            raise AssertionError("the test's own code is not reached")
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["failed: rtt.p50>1ns: *", f"*{url}*", "5 received, 0 lost*", "*p99*"])
    assert "Traceback" not in result.stdout.str()


def test_a_marker_may_have_criteria_of_its_own_beside_its_bounds(pytester: pytest.Pytester, url: str) -> None:
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.netecho("{url}", loss="50%", fail_if=["received<5", "rtt.p50>1ns"], count=5, interval="1ms")
        def test_it() -> None:
            pass
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["failed: rtt.p50>1ns: *"])
    assert "received<5" not in result.stdout.str()


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        ('"tcp://127.0.0.1:9", count=1', "*netecho tcp://127.0.0.1:9: connection refused: 127.0.0.1:9*"),
        ('"udp://127.0.0.1:9", rtt_p98="1ms"', "*'rtt.p98' in 'rtt.p98>1ms' is not a metric*"),
        ('"udp://127.0.0.1:9", loss_forward="1%"', "*loss_forward in 'loss_forward>1%' can have no value for udp*"),
        ('"udp://127.0.0.1:9", interval="1xs"', "*--interval: 'xs' in '1xs' is not a unit of time*"),
        ("count=1", "*the marker netecho has no target*"),
        ('"udp://127.0.0.1:9", "1ms"', "*the marker netecho has more than a target: '1ms'*"),
    ],
)
def test_what_cannot_be_measured_fails_with_a_sentence(
    pytester: pytest.Pytester, url: str, marker: str, sentence: str
) -> None:
    del url  # it has imported what a measurement needs
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.netecho({marker})
        def test_it() -> None:
            pass
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([sentence])
    assert "another exception" not in result.stdout.str()
    assert "pytest_plugin.py" not in result.stdout.str()


def test_the_fixtures(pytester: pytest.Pytester) -> None:
    result = run_apart(
        pytester,
        """
        def test_it(netecho_server, netecho_probe) -> None:
            for url in (netecho_server.tcp, netecho_server.udp):
                result = netecho_probe(url, count=3, interval="1ms")
                assert result.probes.received == 3
        """,
        "--junit-xml=report.xml",
    )
    result.assert_outcomes(passed=1)
    assert sum("probes.received" in (each.get("name") or "") for each in ET.parse("report.xml").iter("property")) == 2


def test_it_costs_nothing_where_it_is_not_used(pytester: pytest.Pytester) -> None:
    result = run_apart(
        pytester,
        """
        import sys

        def test_it() -> None:
            assert "netecho.pytest_plugin" in sys.modules
            assert not {"twisted", "click", "netecho.api"} & sys.modules.keys()
        """,
    )
    result.assert_outcomes(passed=1)


def test_an_application_under_asyncio_is_measured(pytester: pytest.Pytester) -> None:
    """An application of somebody's own, a few lines of asyncio in a process beside the test."""
    pytester.makepyfile(
        application="""
        import asyncio

        async def echo(reader, writer):
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()

        async def main():
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()

        asyncio.run(main())
        """
    )
    result = run_apart(
        pytester,
        f"""
        import subprocess
        import pytest

        @pytest.fixture
        def application():
            with subprocess.Popen([{sys.executable!r}, "application.py"], stdout=subprocess.PIPE) as process:
                yield int(process.stdout.readline())
                process.kill()

        def test_it(application, netecho_probe) -> None:
            assert netecho_probe(f"tcp://127.0.0.1:{{application}}", count=5, interval="1ms").ok
        """,
    )
    result.assert_outcomes(passed=1)
