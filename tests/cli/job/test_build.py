"""From a command line to what is to be done, without doing it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from netecho.cli.commands.probe import options_of, probe
from netecho.cli.job.build import Invocation, build
from netecho.cli.job.options import Options
from netecho.measure.plan import Plan
from netecho.net.client.job import IpOptions, TlsOptions
from netecho.target import Target

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_000_000_000


def ask(*arguments: str) -> Invocation:
    ctx = probe.make_context("probe", list(arguments), auto_envvar_prefix="NETECHO_PROBE")
    return build(options_of(ctx, ctx.params), seed=7)


def test_nothing_but_a_target_means_the_defaults_of_the_contract() -> None:
    run = ask("host")
    assert run.runs[0].job.target == Target("tcp", "host", 7007)
    assert run.runs[0].job.plan == Plan(
        count=10,
        duration=None,
        interval=Fraction(SECOND, 5),
        schedule="even",
        sizes=(64,),
        pattern="random",
        payload=None,
        timeout=2 * SECOND,
        window=None,
        warmup=0,
        connections=1,
        reconnect=False,
        connect_only=False,
        stamps="auto",
        spin=False,
        seed=7,
    )
    assert run.runs[0].job.ip_options == IpOptions()
    assert run.runs[0].job.tls_options == TlsOptions()
    assert (run.output_options.format, run.output_options.quiet, run.output_options.color, run.output_options.live) == (
        "text",
        0,
        True,
        None,
    )
    assert run.runs[0].criteria == ()


def test_what_the_help_says_is_the_default() -> None:
    shown = {
        param.name: param.shown
        for param in probe.params
        if getattr(param, "shown", None) is not None and hasattr(param, "shown")
    }
    plain = {"schedule": "even", "pattern": "random", "stamps": "auto", "warmup": "0", "connections": "1"}
    assert {name: shown[name] for name in plain} == plain
    assert (shown["interval"], shown["timeout"], shown["size"], shown["format"]) == ("200ms", "2s", "64", "text")


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["-c", "5"], {"count": 5}),
        (["-c", "0"], {"count": None}),
        (["-t", "3s"], {"count": None, "duration": 3 * SECOND}),
        (["-t", "3s", "-c", "5"], {"count": 5, "duration": 3 * SECOND}),
        (["-t", "3s", "-c", "0"], {"count": None, "duration": 3 * SECOND}),
        (["-i", "1ms"], {"interval": Fraction(1_000_000)}),
        (["-i", "0"], {"interval": Fraction(0)}),
        (["-r", "3"], {"interval": Fraction(SECOND, 3)}),
        (["--schedule", "poisson"], {"schedule": "poisson"}),
        (["--schedule", "even", "-i", "0"], {"interval": Fraction(0)}),
        (["-s", "1k"], {"sizes": (1024,)}),
        (["-s", "64..256:64"], {"sizes": (64, 128, 192, 256), "count": 40}),
        (["-s", "64..256:64", "-c", "6"], {"sizes": (64, 128, 192, 256), "count": 24}),
        (["-s", "64..256:64", "-c", "0"], {"sizes": (64, 128, 192, 256), "count": None}),
        (["-s", "64..256:64", "-t", "1"], {"sizes": (64, 128, 192, 256), "count": None, "duration": SECOND}),
        (["--payload", "héllo"], {"payload": "héllo".encode(), "sizes": (6,)}),
        (["--payload-hex", "00ff"], {"payload": b"\x00\xff", "sizes": (2,)}),
        (["--pattern", "counter"], {"pattern": "counter"}),
        (["-W", "500ms"], {"timeout": SECOND // 2}),
        (["-W", "1h"], {"timeout": 3600 * SECOND}),
        (["-w", "3"], {"window": 3}),
        (["--connections", "4"], {"connections": 4}),
        (["--reconnect"], {"reconnect": True}),
        (["--connect-only"], {"connect_only": True, "sizes": (0,)}),
        (["--warmup", "2"], {"warmup": 2}),
        (["--stamps", "user"], {"stamps": "user"}),
        (["--spin"], {"spin": True}),
    ],
)
def test_the_plan(arguments: list[str], settings: dict[str, Any]) -> None:
    plan = ask("host", *arguments).runs[0].job.plan
    assert plan == Plan(**{"seed": 7} | settings)


@pytest.mark.parametrize(
    ("arguments", "ip_options"),
    [
        (["-4"], IpOptions(family=4)),
        (["--ipv6"], IpOptions(family=6)),
        (["--source", "[::1]:9", "-6"], IpOptions(family=6, source=("::1", 9))),
        (["--source", "::1"], IpOptions(family=6, source=("::1", 0))),
        (["--source", ":9"], IpOptions(source=("", 9))),
        (["--dscp", "AF41", "--ttl", "3", "--dont-fragment"], IpOptions(dscp=34, ttl=3, dont_fragment=True)),
    ],
)
def test_how_the_packets_travel(arguments: list[str], ip_options: IpOptions) -> None:
    assert ask("host", *arguments).runs[0].job.ip_options == ip_options


@pytest.mark.parametrize("target", ["udp://host", "stamp://host"])
def test_datagrams_have_an_ecn_codepoint(target: str) -> None:
    job = ask(target, "--ecn", "ect1").runs[0].job
    assert job.ip_options == IpOptions(ecn="ect1")
    assert job.settings["ecn"] == "ect1"


def test_whom_tls_trusts(tmp_path: Path) -> None:
    file = str(tmp_path / "pem")
    (tmp_path / "pem").touch()
    pin = f"sha256:{'0' * 64}"
    assert ask(
        *("tls://host", "--ca", file, "--server-name", "Bücher.example", "--alpn", "h2", "--alpn", "echo"),
        *("--cert", file, "--key", file, "--pin", pin),
    ).runs[0].job.tls_options == TlsOptions(
        ca=file, server_name="xn--bcher-kva.example", alpn=("h2", "echo"), cert=file, key=file, pins=(pin,)
    )
    assert ask("tls://host", "--insecure").runs[0].job.tls_options == TlsOptions(insecure=True)


def test_what_is_shown(tmp_path: Path) -> None:
    run, log = str(tmp_path / "run"), str(tmp_path / "log")
    output_options = ask(
        "host", "--save", run, "--hdr", log, "-q", "--no-live", "--histogram", "--no-color"
    ).output_options
    assert (output_options.save, output_options.hdr, output_options.quiet, output_options.live) == (run, log, 1, False)
    assert (output_options.histogram, output_options.color, output_options.format) == (True, False, "text")
    assert ask("host", "--json").output_options.format == "json"
    assert ask("host", "--json", "--format", "json").output_options.format == "json"
    assert ask("host", "--format", "csv").output_options.format == "csv"
    assert list(tmp_path.iterdir()) == []


def test_a_payload_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "payload").write_bytes(b"\x00payload\n")
    plan = ask("host", "--payload-file", str(tmp_path / "payload")).runs[0].job.plan
    assert (plan.payload, plan.sizes) == (b"\x00payload\n", (9,))


def test_an_empty_datagram_is_a_probe() -> None:
    assert ask("udp://host", "-s", "0").runs[0].job.plan.sizes == (0,)
    assert ask("udp://host", "--payload", "").runs[0].job.plan.payload == b""


def test_every_option_may_come_from_the_environment_under_the_name_it_is_typed_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variables = {
        "COUNT": "7",
        "INTERVAL": "5ms",
        "PAYLOAD_HEX": "00ff",
        "CONNECT_ONLY": "no",
        "IPV4": "1",
        "DONT_FRAGMENT": "true",
        "QUIET": "1",
        "LIVE": "no",
        "LABEL": "two words",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"NETECHO_PROBE_{name}", value)
    run = ask("host")
    assert run.runs[0].job.plan.interval == Fraction(5_000_000)
    assert (run.runs[0].job.plan.count, run.runs[0].job.plan.payload) == (7, b"\x00\xff")
    assert run.runs[0].job.ip_options == IpOptions(family=4, dont_fragment=True)
    assert (run.output_options.quiet, run.output_options.live, run.runs[0].job.label) == (1, False, "two words")
    assert not run.runs[0].job.plan.connect_only


@pytest.mark.parametrize(
    ("variable", "value", "arguments"),
    [
        ("INTERVAL", "1s", ["-r", "5"]),
        ("RATE", "5", ["-i", "1s"]),
        ("SIZE", "100", ["--payload", "x"]),
        ("PATTERN", "zeros", ["--payload", "x"]),
        ("PAYLOAD", "x", ["-s", "64"]),
        ("IPV4", "1", ["-6"]),
        ("FORMAT", "csv", ["--json"]),
        ("JSON", "1", ["--format", "csv"]),
        ("HISTOGRAM", "1", ["--json"]),
        ("LIVE", "1", ["-q"]),
        ("SIZE", "100", ["--connect-only"]),
        ("CONNECT_ONLY", "1", ["--payload", "x"]),
        ("RECONNECT", "1", ["--connect-only"]),
    ],
)
def test_what_is_typed_wins_over_what_the_environment_says_instead(
    variable: str, value: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without = ask("host", *arguments)
    monkeypatch.setenv(f"NETECHO_PROBE_{variable}", value)
    assert ask("host", *arguments) == without


@pytest.mark.parametrize(
    ("variable", "value", "target"),
    [
        ("CA", "ca.pem", "host"),
        ("INSECURE", "1", "udp://host"),
        ("PIN", "sha256:" + "0" * 64, "tls://self"),
        ("AUTH_KEY_FILE", "key", "host"),
        ("CLOCK", "synced", "udp://host"),
        ("RECONNECT", "1", "udp://host"),
        ("CONNECT_ONLY", "1", "stamp://host"),
        ("PAYLOAD", "x", "stamp://host"),
        ("TTL", "3", "unix:/x"),
        ("SOURCE", "127.0.0.1", "unix:/x"),
        ("IPV4", "1", "::1"),
        ("SOURCE", "::1", "127.0.0.1"),
        ("FAIL_IF", "tls>1s", "host"),
        ("FAIL_IF", "forward.p99>1ms,connect>1s", "udp://host"),
    ],
)
def test_a_variable_that_means_nothing_for_the_target_is_left_out(
    variable: str, value: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = ask(target)
    monkeypatch.setenv(f"NETECHO_PROBE_{variable}", value)
    assert ask(target) == without


def test_several_targets_have_a_run_each_with_what_applies_to_it(tmp_path: Path) -> None:
    (tmp_path / "ca").touch()
    ca = str(tmp_path / "ca")
    criteria = "loss>1%,tls>1s,forward.p99>1ms"
    runs = ask("a", "tls://b", "stamp://c", "--ca", ca, "--ssid", "7", "--fail-if", criteria, "-c", "3").runs
    assert [run.job.target for run in runs] == [
        Target("tcp", "a", 7007),
        Target("tls", "b", 7443),
        Target("stamp", "c", 862),
    ]
    assert [run.job.tls_options.ca for run in runs] == [None, ca, None]
    assert [run.job.stamp_options.ssid for run in runs] == [None, None, 7]
    assert [run.job.plan.count for run in runs] == [3, 3, 3]
    assert [[str(each) for each in run.criteria] for run in runs] == [
        ["loss>1%"],
        ["loss>1%", "tls>1s"],
        ["loss>1%", "forward.p99>1ms"],
    ]
    assert len({run.job.plan.seed for run in runs}) == 3


def test_of_a_variable_with_several_criteria_those_hold_that_the_target_can_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NETECHO_PROBE_FAIL_IF", "tls>1s,loss>1%")
    assert [str(each) for each in ask("host").runs[0].criteria] == ["loss>1%"]
    assert [str(each) for each in ask("tls://host").runs[0].criteria] == ["tls>1s", "loss>1%"]


def test_every_option_of_the_command_is_a_field_and_the_other_way_round() -> None:
    of_command = {str(param.name) for param in probe.params if param.expose_value}
    assert of_command - {"targets"} == set(Options._fields) - {"given", "target"}


def test_the_settings_are_json_and_say_what_was_asked() -> None:
    run = ask("udp://host", "-s", "64..256:64", "-r", "3", "--source", "[::1]:9", "-t", "1.5s")
    settings = run.runs[0].job.settings
    assert settings == {
        "count": None,
        "duration_ms": 1500.0,
        "interval_ms": 333.333333,
        "schedule": "even",
        "size": "64..256:64",
        "payload": "random",
        "timeout_ms": 2000.0,
        "window": None,
        "warmup": 0,
        "connections": 1,
        "reconnect": False,
        "connect_only": False,
        "stamps": "auto",
        "spin": False,
        "family": 6,
        "source": "[::1]:9",
        "dscp": None,
        "ecn": None,
        "ttl": None,
        "dont_fragment": False,
        "fail_if": [],
    }
