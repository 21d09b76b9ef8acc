"""How the arguments of our commands are read."""

from __future__ import annotations

import click
import pytest

from netecho.cli.click_ext.command import command, section
from netecho.cli.click_ext.types import TIME

when = section("When")


@command("wait", examples=())
@click.argument("hosts", nargs=-1)
@when("-i", "--interval", type=TIME, help="between two")
@when("-c", "--count", type=int, help="how many")
def wait(hosts: tuple[str, ...], interval: int | None, count: int | None) -> int:
    del hosts, interval, count
    return 0


@pytest.mark.parametrize(
    "line",
    [
        "-i 5 -c 1 ms",
        "ms -i 5",
        "-i 5 tcp://ms",
        "-i 5ms ms",
        "-c 5 ms",
        "-i 5 -- ms",
        "-i 5 msx",
        "5 ms",
        "-- -i 5 ms",
    ],
)
def test_a_host_may_have_the_name_of_a_unit_where_no_number_waits_for_one(line: str) -> None:
    context = wait.make_context("wait", line.split())
    assert any("ms" in host for host in context.params["hosts"])
