"""Keyword arguments mean what the command's options mean, and are refused with the same sentences."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from netecho.api.options import ProbeOptions, planned, server_settings
from netecho.cli.commands.probe import probe as command
from netecho.cli.job.options import Options
from netecho.echo.limits import Limits
from netecho.errors import UsageError
from netecho.units import MILLISECOND, SECOND

OF_THE_OUTPUT = {"format", "json", "quiet", "live", "histogram", "hdr", "save", "no_color", "report_every"}


def plan(**options: Any) -> Any:
    return planned("udp://127.0.0.1:7", options).job.plan  # type: ignore[arg-type]


@pytest.mark.parametrize("interval", ["10ms", 0.01, timedelta(milliseconds=10), "0.01"])
def test_a_time_may_be_text_seconds_or_a_timedelta(interval: object) -> None:
    assert plan(interval=interval).interval == Fraction(10 * MILLISECOND)


class OtherFloat(float):
    """As NumPy's `float64` is one."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)})"


def test_a_float_of_another_library_is_seconds_too() -> None:
    assert plan(interval=OtherFloat(0.01)).interval == Fraction(10 * MILLISECOND)


def test_a_tiny_number_of_seconds() -> None:
    assert plan(timeout=1e-05).timeout == 10_000


def test_everything_else() -> None:
    asked = plan(count=0, duration=3, rate=1000, schedule="poisson", size="64..128:64", window=3, warmup=2, spin=True)
    assert (asked.count, asked.duration, asked.interval, asked.schedule) == (None, 3 * SECOND, MILLISECOND, "poisson")
    assert (asked.sizes, asked.window, asked.warmup, asked.spin) == ((64, 128), 3, 2, True)
    assert plan(payload=b"\x00\xff").payload == b"\x00\xff"
    assert plan(payload="ping").payload == b"ping"


def test_what_may_be_repeated_is_a_list_or_one() -> None:
    several = planned("udp://127.0.0.1:7", {"fail_if": ["loss>1%", "rtt.p99>20ms,late>0"]}).criteria
    assert [str(each) for each in several] == ["loss>1%", "rtt.p99>20ms", "late>0"]
    assert len(planned("udp://127.0.0.1:7", {"fail_if": "loss>1%"}).criteria) == 1


def test_the_environment_is_the_commands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETECHO_PROBE_COUNT", "77")
    assert plan().count == 10


def test_no_value_is_the_default() -> None:
    assert plan(interval=None) == plan() or plan(interval=None).interval == plan().interval


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"interval": "10xs"}, r"--interval: 'xs' in '10xs' is not a unit of time"),
        ({"count": -1}, r"--count: '-1' is below 0"),
        ({"interval": 1, "rate": 3}, r"--interval .*--rate|--rate .*--interval"),
        ({"fail_if": "rtt.p98>1ms"}, r"--fail-if: 'rtt.p98' in 'rtt.p98>1ms' is not a metric"),
        ({"ca": "x.pem"}, r"--ca is for tls:// targets"),
        ({"schedule": "odd"}, r"--schedule: 'odd' is not one of even, poisson"),
    ],
)
def test_wrong_values_raise_the_commands_sentences(options: ProbeOptions, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        planned("udp://127.0.0.1:7", options)


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="probe\\(\\) got an unexpected keyword argument 'intervall'"):
        plan(intervall=1)
    with pytest.raises(TypeError, match="serve\\(\\) got an unexpected"):
        server_settings([":0"], {"workers": 3})  # type: ignore[typeddict-unknown-key]


def test_self_is_the_commands() -> None:
    with pytest.raises(UsageError, match="'self' is the command's"):
        planned("self", {})


def test_every_option_of_the_command_is_there_but_for_its_output() -> None:
    names = {each.name for each in command.params} - {"target", "targets", "payload_hex", "payload_file", "help"}
    assert names - OF_THE_OUTPUT == ProbeOptions.__annotations__.keys()
    assert ProbeOptions.__annotations__.keys() <= {*Options._fields}


def test_a_server_is_set_as_the_command_sets_it() -> None:
    targets, settings, mode = server_settings(["tcp://127.0.0.1:0"], {"mode": "text", "banner": "hi", "max_rate": 0})
    assert [str(each) for each in targets] == ["tcp://127.0.0.1:0"]
    assert settings.text_mode is not None
    assert settings.banner == "hi"
    assert settings.limits == Limits(rate=None)
    assert mode == 0o660
    with pytest.raises(UsageError, match="--reply is for --mode text"):
        server_settings([":0"], {"reply": "x"})
