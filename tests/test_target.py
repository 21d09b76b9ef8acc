"""The address grammar: what is written, what it means, and what is said of what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given, strategies as st

from netecho.errors import UsageError
from netecho.target import (
    DEFAULT_PORTS,
    TRAITS,
    Scheme,
    Target,
    default_listen,
    format_endpoint,
    parse_listen,
    parse_target,
)

if TYPE_CHECKING:
    import ipaddress
    from collections.abc import Callable

T = TypeVar("T")
WITH_PORTS: list[Scheme] = ["tcp", "udp", "tls", "stamp"]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("localhost", Target("tcp", "localhost", 7007)),
        ("localhost:7", Target("tcp", "localhost", 7)),
        ("tcp://localhost", Target("tcp", "localhost", 7007)),
        ("udp://localhost", Target("udp", "localhost", 7007)),
        ("tls://localhost", Target("tls", "localhost", 7443)),
        ("stamp://localhost", Target("stamp", "localhost", 862)),
        ("UDP://LocalHost:0007", Target("udp", "localhost", 7)),
        ("localhost:65535", Target("tcp", "localhost", 65535)),
        ("echo.example.", Target("tcp", "echo.example.", 7007)),
        ("my_host-1:7", Target("tcp", "my_host-1", 7)),
        ("127.0.0.1", Target("tcp", "127.0.0.1", 7007)),
        ("udp://127.0.0.1:7", Target("udp", "127.0.0.1", 7)),
        ("1.example", Target("tcp", "1.example", 7007)),
        ("::1", Target("tcp", "::1", 7007)),
        ("::", Target("tcp", "::", 7007)),
        ("udp://::1", Target("udp", "::1", 7007)),
        ("[::1]", Target("tcp", "::1", 7007)),
        ("udp://[::1]:7", Target("udp", "::1", 7)),
        ("[2001:DB8:0:0::1]:7", Target("tcp", "2001:db8::1", 7)),
        ("fe80::1:7007", Target("tcp", "fe80::1:7007", 7007)),
        ("fe80::1%eth0", Target("tcp", "fe80::1%eth0", 7007)),
        ("udp://[fe80::1%br-0.5]:7", Target("udp", "fe80::1%br-0.5", 7)),
        ("bücher.example:7", Target("tcp", "xn--bcher-kva.example", 7)),
        ("日本語。\uff2a\uff30", Target("tcp", "xn--wgv71a119e.jp", 7007)),
        ("self", Target("tcp", "self")),
        ("udp://self", Target("udp", "self")),
        ("tls://SELF", Target("tls", "self")),
        ("stamp://self", Target("stamp", "self")),
        ("unix:/run/echo.sock", Target("unix", path="/run/echo.sock")),
        ("unix:///run/echo.sock", Target("unix", path="/run/echo.sock")),
        ("UNIX:/run/Echo sock:7", Target("unix", path="/run/Echo sock:7")),
        ("unix:/" + "a" * 106, Target("unix", path="/" + "a" * 106)),
    ],
)
def test_probe_reaches(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        (":7007", ["tcp://:7007", "udp://:7007"]),
        (":0", ["tcp://:0", "udp://:0"]),
        ("localhost", ["tcp://localhost:7007", "udp://localhost:7007"]),
        ("[::1]:7", ["tcp://[::1]:7", "udp://[::1]:7"]),
        ("::", ["tcp://[::]:7007", "udp://[::]:7007"]),
        ("tcp://:7", ["tcp://:7"]),
        ("tcp://", ["tcp://:7007"]),
        ("tls://", ["tls://:7443"]),
        ("stamp://", ["stamp://:862"]),
        ("stamp://:0", ["stamp://:0"]),
        ("nq://", ["nq://:7080"]),
        ("nqs://", ["nqs://:7081"]),
        ("udp://0.0.0.0:9", ["udp://0.0.0.0:9"]),
        ("unix:/tmp/e", ["unix:/tmp/e"]),
    ],
)
def test_serve_listens_on(text: str, urls: list[str]) -> None:
    assert [target.url for target in parse_listen(text)] == urls


def test_serve_alone_listens_where_no_root_is_needed() -> None:
    assert [target.url for target in default_listen()] == ["tcp://:7007", "udp://:7007", "stamp://:7862"]


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("", "no host in ''", "name one: tcp://localhost"),
        (":7", "no host in ':7'", "name one: tcp://localhost:7"),
        ("udp://", "no host in 'udp://'", "name one: udp://localhost"),
        (
            "http://a.example/x",
            "scheme 'http' in 'http://a.example/x' is not one of tcp, udp, tls, unix, stamp, nq, nqs",
            "for an echo over TCP: tcp://a.example",
        ),
        (
            "://a",
            "scheme '' in '://a' is not one of tcp, udp, tls, unix, stamp, nq, nqs",
            "for an echo over TCP: tcp://a",
        ),
        (
            "localhost:",
            "no port after the colon in 'localhost:'",
            "a port is a number up to 65535: tcp://localhost:7007",
        ),
        (
            "localhost:echo",
            "port 'echo' in 'localhost:echo' is not a number",
            "a port is a number up to 65535: tcp://localhost:7007",
        ),
        (
            "localhost:\u0667",
            "port '\u0667' in 'localhost:\u0667' is not a number",
            "a port is a number up to 65535: tcp://localhost:7007",
        ),
        (
            "localhost:-1",
            "port '-1' in 'localhost:-1' is not a number",
            "a port is a number up to 65535: tcp://localhost:7007",
        ),
        (
            "udp://[::1]:65536",
            "port 65536 in 'udp://[::1]:65536' is above 65535",
            "a port is a number up to 65535: udp://[::1]:7007",
        ),
        ("tls://localhost:0", "port 0 in 'tls://localhost:0' cannot be probed", "name the real one: tls://localhost:7443"),
        ("self:7", "'self' takes no port: 'self:7'", "netecho picks a free one: tcp://self"),
        ("udp://self:0", "'self' takes no port: 'udp://self:0'", "netecho picks a free one: udp://self"),
        (
            "localhost:7/",
            "path '/' in 'localhost:7/': a target ends with its port",
            "leave it out: tcp://localhost:7",
        ),
        (
            "udp://a?b",
            "query '?b' in 'udp://a?b': a target ends with its port",
            "leave it out: udp://a",
        ),
        ("a#b", "fragment '#b' in 'a#b': a target ends with its port", "leave it out: tcp://a"),
        ("me@a:7", "user 'me' in 'me@a:7': a target has none", "leave it out: tcp://a:7"),
        ("[::1", "no closing bracket in '[::1'", "write it like tcp://[::1]:7007"),
        ("[::1]7", "'7' in '[::1]7' is not a port", "write it like tcp://[::1]:7007"),
        ("[127.0.0.1]:7", "'127.0.0.1' in '[127.0.0.1]:7' is not an IPv6 address", "write it like tcp://[::1]:7007"),
        ("[]", "'' in '[]' is not an IPv6 address", "write it like tcp://[::1]:7007"),
        ("[fe80::1%]:7", "'fe80::1%' in '[fe80::1%]:7' is not an IPv6 address", "write it like tcp://[::1]:7007"),
        (
            "[fe80::1%e 0]:7",
            "'fe80::1%e 0' in '[fe80::1%e 0]:7' is not an IPv6 address",
            "write it like tcp://[::1]:7007",
        ),
        (
            "a:b:7",
            "'a:b:7' is neither host:port nor an IPv6 address",
            "an IPv6 address with a port stands in brackets: tcp://[::1]:7007",
        ),
        ("7007", "'7007' is not a host", "for a port of this machine: localhost:7007"),
        ("127.1", "'127.1' is not an IPv4 address", "four numbers from 0 to 255: tcp://127.0.0.1:7007"),
        (
            "udp://10.0.0.256:7",
            "'10.0.0.256' in 'udp://10.0.0.256:7' is not an IPv4 address",
            "four numbers from 0 to 255: udp://127.0.0.1:7007",
        ),
        (
            "127.0.0.01",
            "'127.0.0.01' is not an IPv4 address",
            "four numbers from 0 to 255: tcp://127.0.0.1:7007",
        ),
        ("a..b", "host 'a..b' has an empty label", "write a name or an address: tcp://localhost:7007"),
        (".", "host '.' has an empty label", "write a name or an address: tcp://localhost:7007"),
        ("-a.b", "'-a' in '-a.b' is not part of a host name", "write a name or an address: tcp://localhost:7007"),
        ("a b", "'a b' is not part of a host name", "write a name or an address: tcp://localhost:7007"),
        (
            "\x1b[31m",
            "'\\x1b[31m' is not part of a host name",
            "write a name or an address: tcp://localhost:7007",
        ),
        ("*:7", "'*' in '*:7' is not part of a host name", "write a name or an address: tcp://localhost:7007"),
        (
            "a" * 64,
            f"'{'a' * 64}' in host '{'a' * 64}' is longer than 63 characters",
            "write a name or an address: tcp://localhost:7007",
        ),
        (
            ".".join(["a" * 50] * 5),
            f"host '{'.'.join(['a' * 50] * 5)}' is longer than 253 characters",
            "write a name or an address: tcp://localhost:7007",
        ),
        ("☃.example", "host '☃.example' is not a name that IDNA allows", "write a name or an address: tcp://localhost:7007"),
        ("unix:", "no path in 'unix:'", "write unix:/path or unix:///path: unix:/run/netecho.sock"),
        ("unix://", "no path in 'unix://'", "write unix:/path or unix:///path: unix:/run/netecho.sock"),
        (
            "unix:a.sock",
            "path 'a.sock' in 'unix:a.sock' is not absolute",
            "write unix:/path or unix:///path: unix:/run/netecho.sock",
        ),
        (
            "unix://run/a.sock",
            "host 'run' in 'unix://run/a.sock': a Unix socket has none",
            "write unix:/path or unix:///path: unix:/run/netecho.sock",
        ),
        (
            "unix:/run/",
            "path '/run/' in 'unix:/run/' is a directory's",
            "write unix:/path or unix:///path: unix:/run/netecho.sock",
        ),
        (
            "unix:/a\0b",
            "path '/a\\x00b' has a NUL in it",
            "write unix:/path or unix:///path: unix:/run/netecho.sock",
        ),
        (
            "unix:/" + "é" * 54,
            f"path '/{'é' * 54}' is longer than the 107 bytes of a Unix socket's",
            "write unix:/path or unix:///path: unix:/run/netecho.sock",
        ),
    ],
)  # fmt: skip
def test_a_wrong_target_is_told_by_its_wrong_part(text: str, sentence: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(text)
    assert (caught.value.sentence, caught.value.hint) == (sentence, hint)


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("", "the address to listen on is empty", "for TCP and UDP on every address: :7007"),
        ("7007", "'7007' is not an address", "for that port on every address: :7007"),
        (
            "udp://self",
            "'self' in 'udp://self' is for probes: it is the server they start themselves",
            "to listen on loopback: udp://localhost:7007",
        ),
        (":", "no port after the colon in ':'", "a port is a number up to 65535: tcp://localhost:7007"),
    ],
)
def test_a_wrong_address_to_listen_on(text: str, sentence: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_listen(text)
    assert (caught.value.sentence, caught.value.hint) == (sentence, hint)


def test_what_a_target_is() -> None:
    assert [parse_target(text).is_stream for text in ("tcp://a", "tls://a", "unix:/a", "udp://a", "stamp://a")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert parse_target("udp://self").is_self
    assert not parse_target("self.").is_self
    assert str(parse_target("self")) == "tcp://self"


LABELS = st.from_regex(r"[a-z_]([a-z0-9_-]{0,20}[a-z0-9_])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join).filter(lambda name: name != "self")
ZONES = st.from_regex(r"[a-z0-9._@-]{1,15}", fullmatch=True)
IPV6 = st.ip_addresses(v=6).map(str)
HOSTS = st.one_of(
    NAMES, st.ip_addresses(v=4).map(str), IPV6, st.builds("{}%{}".format, IPV6, ZONES.filter(lambda z: "@" not in z))
)
PATHS = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=25).map("/{}".format)
TARGETS = st.one_of(
    st.tuples(st.sampled_from(WITH_PORTS), HOSTS, st.integers(1, 65535)).map(lambda parts: Target(*parts)),
    st.sampled_from(WITH_PORTS).map(lambda scheme: Target(scheme, "self")),
    PATHS.filter(lambda p: not p.endswith("/") and len(p.encode(errors="replace")) < 100).map(
        lambda path: Target("unix", path=path)
    ),
)


def _outcome(parse: Callable[[str], T], text: str) -> T | UsageError:
    try:
        return parse(text)
    except UsageError as error:
        return error


def _encodable(target: Target) -> bool:
    try:
        (target.path or "").encode()
    except UnicodeEncodeError:
        return False
    return True


@given(TARGETS.filter(_encodable))
def test_a_url_is_read_back_as_the_target_it_was_written_from(target: Target) -> None:
    assert parse_target(target.url) == target
    if not target.is_self:
        assert parse_listen(target.url) == (target,)


@given(st.sampled_from(WITH_PORTS), HOSTS)
def test_the_default_port_is_filled_in(scheme: Scheme, host: str) -> None:
    bracketed = f"[{host}]" if ":" in host else host
    assert parse_target(f"{scheme}://{bracketed}").port == DEFAULT_PORTS[scheme]


@given(st.ip_addresses(v=6))
def test_a_bare_ipv6_literal_is_the_bracketed_one(address: ipaddress.IPv6Address) -> None:
    assert parse_target(address.exploded) == parse_target(f"[{address.exploded}]")


@given(st.text() | st.text("tcpudlsxi:/[]%.@0179é\0 -"))
def test_any_text_is_a_target_or_a_usage_error(text: str) -> None:
    for outcome in (_outcome(parse_target, text), _outcome(parse_listen, text)):
        if isinstance(outcome, UsageError):
            assert outcome.hint
            assert "\0" not in outcome.sentence
        elif isinstance(outcome, Target):
            assert parse_target(outcome.url) == outcome
        else:
            assert [parse_listen(target.url) for target in outcome] == [(target,) for target in outcome]


@pytest.mark.parametrize(
    ("host", "port", "written"),
    [("192.0.2.1", 7, "192.0.2.1:7"), ("fe80::1%eth0", 7, "[fe80::1%eth0]:7"), ("::1", None, "[::1]"), ("", 7, ":7")],
)
def test_an_endpoint_is_written_as_in_a_target(host: str, port: int | None, written: str) -> None:
    assert format_endpoint(host, port) == written


def test_what_a_scheme_means() -> None:
    assert {scheme for scheme, traits in TRAITS.items() if traits.is_stream} == {"tcp", "tls", "unix", "nq", "nqs"}
    assert {scheme for scheme, traits in TRAITS.items() if traits.is_secure} == {"tls", "nqs"}
    assert {scheme for scheme, traits in TRAITS.items() if not traits.is_ip} == {"unix"}
    assert {scheme for scheme, traits in TRAITS.items() if traits.is_stamp} == {"stamp"}
