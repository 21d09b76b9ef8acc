"""What the options of a command line are read as."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import given, strategies as st

from netecho.cli.click_ext import types
from netecho.errors import UsageError
from netecho.measure.dscp import parse_dscp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("192.0.2.1", ("192.0.2.1", 0)),
        ("192.0.2.1:4000", ("192.0.2.1", 4000)),
        (":4000", ("", 4000)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("[2001:DB8::1]", ("2001:db8::1", 0)),
        ("[2001:db8::1]:4000", ("2001:db8::1", 4000)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
    ],
)
def test_source(text: str, source: tuple[str, int]) -> None:
    assert types.parse_source(text) == source


@pytest.mark.parametrize(("text", "data"), [("", b""), ("00ff", b"\x00\xff"), ("00 FF:10", b"\x00\xff\x10")])
def test_hex(text: str, data: bytes) -> None:
    assert types.parse_hex(text) == data


@given(st.binary())
def test_hex_is_read_back(data: bytes) -> None:
    assert types.parse_hex(data.hex()) == types.parse_hex(data.hex(":")) == data


def test_a_pin_is_told_apart_by_nothing_but_its_digits() -> None:
    digits = "0123456789abcdef" * 4
    pairs = ":".join(digits[n : n + 2] for n in range(0, 64, 2)).upper()
    assert types.parse_pin(f"SHA256:{pairs}") == types.parse_pin(f"sha256:{digits}") == f"sha256:{digits}"


@given(st.text() | st.text("0123456789abcdefx:.[]%sh-"))
def test_any_text_is_a_value_or_a_usage_error(text: str) -> None:
    parsers: list[Callable[[str], object]] = [
        parse_dscp,
        types.parse_source,
        types.parse_hex,
        types.parse_pin,
        types.parse_alpn,
        types.parse_path,
    ]
    for parse in parsers:
        assert isinstance(_hint(parse, text), str)


def _hint(parse: Callable[[str], object], text: str) -> str | None:
    try:
        parse(text)
    except UsageError as error:
        return error.hint
    return ""


def suggested(kind: click.ParamType[object], incomplete: str) -> list[tuple[str, str]]:
    command = click.Command("x")
    items = kind.shell_complete(click.Context(command), click.Option(["--x"]), incomplete)
    return [(item.value, item.type) for item in items]


@pytest.mark.parametrize(
    ("incomplete", "found"),
    [
        ("", ["self", "localhost", "tcp://", "udp://", "tls://", "unix:/", "stamp://"]),
        ("t", ["tcp://", "tls://"]),
        ("s", ["self", "stamp://"]),
        ("udp://", ["udp://self", "udp://localhost"]),
        ("udp://l", ["udp://localhost"]),
        ("udp://other", []),
    ],
)
def test_targets_are_suggested(incomplete: str, found: list[str]) -> None:
    assert [value for value, _ in suggested(types.TARGET, incomplete)] == found


def test_a_scheme_is_only_the_beginning_of_a_word() -> None:
    assert suggested(types.TARGET, "u") == [("udp://", "prefix"), ("unix:/", "prefix")]


def test_a_path_through_a_network_is_not_suggested_to_end_at_a_file() -> None:
    assert [value for value, _ in suggested(types.TRACED, "")][2:] == ["udp://", "stamp://", "tcp://", "tls://"]


def test_sockets_and_the_way_to_them_are_suggested(tmp_path: Path) -> None:
    import socket

    (tmp_path / "echoes").mkdir()
    (tmp_path / "echo.txt").touch()
    (tmp_path / ".echo").mkdir()
    here = os.open(".", os.O_RDONLY)
    try:
        # The whole path is longer than a socket's may be.
        os.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("echo.sock")
    finally:
        os.fchdir(here)
        os.close(here)
    assert suggested(types.TARGET, f"unix:{tmp_path}/e") == [
        (f"unix:{tmp_path}/echo.sock", "plain"),
        (f"unix:{tmp_path}/echoes/", "prefix"),
    ]
    assert suggested(types.TARGET, f"unix://{tmp_path}/echoe") == [(f"unix://{tmp_path}/echoes/", "prefix")]
    assert suggested(types.TARGET, f"unix:{tmp_path}/nowhere/") == []
