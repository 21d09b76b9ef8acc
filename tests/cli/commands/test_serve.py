"""`netecho serve` on the command line: what options mean, and what is wrong with them, said in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from netecho.cli import entry
from netecho.cli.commands.serve import parse_line, parse_mode, parse_word
from netecho.echo.limits import Limits
from netecho.echo.text import TextMode
from netecho.errors import UsageError
from netecho.net.server.settings import Credentials, ServerSettings
from netecho.target import Target, parse_listen
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    Build = Callable[..., dict[str, Any]]


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Build:
    """Run the command up to where it would serve; what it would serve, and how."""
    heard: dict[str, Any] = {}

    def run(targets: list[Target], settings: ServerSettings, _: object, **how: Any) -> int:
        heard.update(how, targets=targets, settings=settings)
        return 0

    monkeypatch.setattr("netecho.cli.commands.serve.run", run)

    def build(*arguments: str) -> dict[str, Any]:
        assert entry.run(["serve", *arguments]) == 0
        return heard

    return build


def test_where_nothing_is_said(build: Build) -> None:
    heard = build()
    assert heard["targets"] == []  # what that means depends on systemd
    settings = heard["settings"]
    assert (settings.text_mode, settings.banner, settings.duration) == (None, None, None)
    assert settings.limits == Limits(connections=4096, per_client=256, idle=300 * SECOND, rate=50_000)
    assert (heard["form"], heard["verbosity"], heard["workers"], heard["mode"]) == ("text", 0, 1, 0o660)


@pytest.mark.parametrize(
    ("arguments", "stateful"),
    [
        ((), True),
        ((":7007", "stamp://:7862"), True),
        (("--whole-base",), True),
        (("stamp://",), False),
        (("stamp://", "--stateful"), True),
    ],
)
def test_serve_alone_numbers_its_replies(build: Build, arguments: tuple[str, ...], stateful: bool) -> None:
    assert build(*arguments)["settings"].reflector_settings.stateful is stateful


def test_addresses(build: Build) -> None:
    assert build(":0", "tls://localhost")["targets"] == [
        Target("tcp", "", 0),
        Target("udp", "", 0),
        Target("tls", "localhost", 7443),
    ]


def test_text_mode(build: Build) -> None:
    assert build("--mode", "text")["settings"].text_mode == TextMode()
    options = ["--reply", "{}", "--reply-error", "?", "--logoff", "BYE", "--banner", "Hi"]
    settings = build("--mode", "text", *options)["settings"]
    assert settings.text_mode == TextMode(reply="{}", error="?", logoff="BYE")
    assert settings.banner == "Hi"


def test_limits_and_how_to_lift_them(build: Build) -> None:
    options = ["--max-connections", "--max-per-client", "--idle-timeout", "--max-rate"]
    set_ = build(*(word for option in options for word in (option, "7")))["settings"].limits
    assert set_ == Limits(connections=7, per_client=7, idle=7 * SECOND, rate=7)
    lifted = build(*(word for option in options for word in (option, "0")))["settings"].limits
    assert lifted == Limits(connections=None, per_client=None, idle=None, rate=None)


def test_tls(build: Build) -> None:
    options = ["--cert", "c", "--key", "k", "--client-ca", "a", "--alpn", "h2", "--alpn", "h3"]
    expected = Credentials(cert="c", key="k", client_ca="a", alpn=("h2", "h3"))
    assert build("tls://:7443", *options)["settings"].credentials == expected
    # With no address the sockets may be systemd's, and one of them for TLS.
    assert build(*options)["settings"].credentials == expected


def test_the_rest(build: Build) -> None:
    options = ["--workers", "3", "--socket-mode", "777", "--for", "1.5s", "--format", "ndjson", "-vv", "-q"]
    heard = build(*options)
    assert (heard["workers"], heard["mode"], heard["form"], heard["verbosity"]) == (3, 0o777, "ndjson", 1)
    assert heard["settings"].duration == 1_500_000_000


def test_the_environment(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETECHO_SERVE_MAX_RATE", "9")
    monkeypatch.setenv("NETECHO_SERVE_BANNER", "two words")
    monkeypatch.setenv("NETECHO_SERVE_FOR", "2s")
    monkeypatch.setenv("NETECHO_SERVE_FORMAT", "ndjson")
    heard = build()
    settings = heard["settings"]
    assert (settings.limits.rate, settings.banner, settings.duration) == (9, "two words", 2 * SECOND)
    assert heard["form"] == "ndjson"


def test_what_the_environment_has_for_other_addresses_is_left_out(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    for option in ("CERT", "KEY", "ALPN", "BANNER", "TOKEN_FILE", "REPLY", "LOGOFF", "AUTH_KEY_FILE"):
        monkeypatch.setenv(f"NETECHO_SERVE_{option}", "x")
    monkeypatch.setenv("NETECHO_SERVE_STATEFUL", "yes")
    monkeypatch.setenv("NETECHO_SERVE_ALLOW", "192.0.2.0/24")
    assert build("udp://:7")["settings"] == ServerSettings()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--logoff", "BYE"], "--logoff is for --mode text"),
        (["--reply", "x"], "--reply is for --mode text"),
        (["--reply-error", "x"], "--reply-error is for --mode text"),
        (["tcp://:7", "--cert", "c"], "--cert is for tls or nqs addresses, and there is none"),
        (["tcp://:7", "--client-ca", "c"], "--client-ca is for tls or nqs addresses, and there is none"),
        (["tls://:7", "--key", "k"], "--key without --cert"),
        (["--mode", "loud"], "--mode: 'loud' is not one of raw, text"),
        (["--workers", "0"], "--workers: '0' is below 1"),
        (["--max-rate", "-1"], "--max-rate: '-1' is below 0"),
        (["--idle-timeout", "soon"], "--idle-timeout: 'soon' is not a time"),
        (["--socket-mode", "rwx"], "--socket-mode: 'rwx' is not a file's permissions"),
        (["--banner", "a\nb"], "--banner: 'a\\nb' is more than one line"),
        (["--mode", "text", "--reply", "{}" * 50], "--reply: the template has {} 50 times, and may have it 16 times"),
        (["--mode", "text", "--reply", "x" * 4097], "--reply: a line of 4097 characters is longer than 4096 bytes"),
        (["--mode", "text", "--logoff", ""], "--logoff: '' begins every line"),
        (["nowhere:port"], "port 'port' in 'nowhere:port' is not a number"),
    ],
)
def test_what_is_wrong(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["serve", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0] == f"netecho: {sentence}"
    assert len(lines) == 2


@pytest.mark.parametrize(("text", "mode"), [("0", 0), ("660", 0o660), ("0777", 0o777), ("4", 0o4)])
def test_permissions(text: str, mode: int) -> None:
    assert parse_mode(text) == mode


@pytest.mark.parametrize("text", ["", "-1", "888", "1777", "07777", "6 6", "\u0667"])
def test_what_are_no_permissions(text: str) -> None:
    with pytest.raises(UsageError, match="not a file's permissions"):
        parse_mode(text)


def test_lines_and_words() -> None:
    assert parse_line("") == ""
    assert parse_word("BYE now") == "BYE now"
    for text in ("a\n", "a\r", "\n"):
        with pytest.raises(UsageError):
            parse_line(text)


def test_the_help_shows_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["serve", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for default in ("4096", "256", "5m", "50000", "You sent: {}", "Error: not valid UTF-8", "660"):
        assert f"[default: {default}]" in said


def test_the_examples_have_addresses_that_parse() -> None:
    from netecho.cli.commands.serve import EXAMPLES

    for line, _ in EXAMPLES:
        for word in line.replace("'", "").split()[2:]:
            if ":" in word:
                parse_listen(word)
