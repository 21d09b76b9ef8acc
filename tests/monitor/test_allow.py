"""Which targets `/probe` may reach."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.errors import UsageError
from netecho.monitor.allow import Allowed, parse_allowed
from netecho.target import parse_target


@pytest.mark.parametrize(
    ("pattern", "url", "covered"),
    [
        ("*.example.net", "udp://echo.example.net", True),
        ("*.EXAMPLE.net", "udp://Echo.Example.NET", True),
        ("*.example.net", "udp://example.net", False),
        ("*.example.net", "udp://evil.example.net.attacker.example", False),
        ("host:443", "tls://host:443", True),
        ("host:443", "tls://host:22", False),
        ("*", "tcp://anything:22", True),
        ("10.0.0.0/8", "tcp://10.1.2.3:22", True),
        ("10.0.0.0/8", "tcp://11.1.2.3:22", False),
        ("10.0.0.0/8", "tcp://ten.example", False),
        ("0.0.0.0/0", "tcp://[::1]:22", False),
        ("2001:db8::/32", "tcp://[2001:db8::7]:22", True),
        ("[2001:db8::7]:22", "tcp://[2001:db8::7]:22", True),
        ("*", "unix:/run/docker.sock", False),
        ("*", "udp://self", False),
    ],
)
def test_a_pattern_covers_what_it_says_and_nothing_else(pattern: str, url: str, covered: bool) -> None:
    assert parse_allowed(pattern).covers(parse_target(url)) is covered


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "a/b", "udp://host", "a b", "host:99999x", ":443"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_allowed(text)


@given(st.text())
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        allowed = parse_allowed(text)
    except UsageError:
        return
    assert isinstance(allowed, Allowed)
    assert isinstance(allowed.covers(parse_target("udp://host:7")), bool)
