"""A monitor's configuration: what it means, and where each mistake is said to be."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.monitor.config import MOST_TARGETS, parse
from netecho.monitor.keys import KEYS, MOST_LABELS
from netecho.monitor.positions import Positions
from netecho.target import Target
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.monitor.settings import MonitorSettings

WHOLE = """\
[defaults]
interval = "500ms"
labels = { site = "ams", tier = "edge" }
criteria = [{ when = "loss>1%", for = "1m" }]

[groups.core]
timeout = 1
dscp = "EF"
labels.tier = "core"

[[targets]]
name = "fra"
target = "udp://fra.example"
group = "core"
criteria = ["rtt.p99>20ms", { when = "loss>5%", for = "0s" }]

[[targets]]
target = "tls://web.example:443"
connect_only = true
ca = "ca.pem"
interval = "10s"
"""


def right(text: str) -> MonitorSettings:
    settings, mistakes = parse(text)
    assert mistakes == ()
    return settings


def wrong(text: str) -> str:
    mistakes = parse(text).mistakes
    return "\n".join(str(each) for each in mistakes)


def test_what_a_target_does_not_say_its_group_says_then_the_defaults() -> None:
    fra, web = right(WHOLE).targets
    assert (fra.name, fra.target) == ("fra", Target("udp", "fra.example", 7007))
    assert (fra.probing.interval, fra.probing.timeout, fra.probing.dscp) == (500 * MILLISECOND, SECOND, 46)
    assert fra.probing.labels == (("site", "ams"), ("tier", "core"))
    assert [(rule.criterion.text, rule.duration) for rule in fra.probing.rules] == [
        ("rtt.p99>20ms", 30 * SECOND),
        ("loss>5%", 0),
    ]
    assert (web.name, web.group, web.probing.dscp) == ("tls://web.example:443", None, None)
    assert (web.probing.interval, web.probing.connect_only) == (10 * SECOND, True)
    assert web.probing.tls_settings.ca == "ca.pem"
    assert web.probing.labels == (("site", "ams"), ("tier", "edge"))


@pytest.mark.parametrize(
    ("listen", "urls"),
    [
        ('"stamp://:7862"', ["stamp://:7862"]),
        ('["stamp://[::1]:7862", ":7"]', ["stamp://[::1]:7862", "tcp://:7", "udp://:7"]),
        ("[]", []),
    ],
)
def test_where_it_answers_is_written_as_for_netecho_serve(listen: str, urls: list[str]) -> None:
    settings = right(f'[serve]\nlisten = {listen}\n[[targets]]\ntarget = "udp://a"')
    assert [target.url for target in settings.listen] == urls


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        ("listen = 7", "2:10: 7 is not an address to listen on"),
        ('listen = [":7", "nq://"]', "2:17: 'nq://' is for netecho serve: other nodes probe none there"),
        ('listen = "unix:/run/echo"', "2:10: 'unix:/run/echo' is for netecho serve: other nodes probe none there"),
        ('lisen = ":7"', "2:1: there is no key 'lisen' here"),
    ],
)
def test_where_it_cannot_answer(serve: str, said: str) -> None:
    assert wrong(f'[serve]\n{serve}\n[[targets]]\ntarget = "udp://a"') == said


def test_what_is_inherited_and_means_nothing_for_a_target_is_left_out() -> None:
    text = '[defaults]\nca = "ca.pem"\ndscp = 46\n[[targets]]\ntarget = "unix:/run/echo"'
    (target,) = right(text).targets
    assert (target.probing.tls_settings.ca, target.probing.dscp) == (None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[targets]]\ntarget = 'udp://a'\nintervall = '1s'", "3:1: there is no key 'intervall' here"),
        ("[[targets]]\ntarget = 'udp://a'\ninterval = '1x'", "3:12: 'x' in '1x' is not a unit of time"),
        ("[[targets]]\ntarget = 'udp://a'\n  size =  '1q'", "3:11: 'q' in '1q' is not a unit of size"),
        ("[[targets]]\ntarget = 'udp://a:0'", "2:10: port 0 in 'udp://a:0' cannot be probed"),
        ("[[targets]]\nname = 'x'", "1:1: this target has no address"),
        ("[[targets]]\ntarget = 'self'", "2:10: self has a server only for a target of the command line"),
        (
            "[[targets]]\ntarget = 'a'\nname = 'x'\n[[targets]]\ntarget = 'b'\nname = 'x'",
            "6:1: the name 'x' is that of the target in line 3",
        ),
        (
            "[[targets]]\ntarget = 'a'\n[[targets]]\ntarget = 'a'",
            "3:1: the name 'tcp://a:7007' is that of the target in line 1",
        ),
        ("[[targets]]\ntarget = 'a'\ngroup = 'core'", "3:9: there is no group 'core'"),
        ("[group.a]", "1:1: there is no key 'group' here"),
        ("groups = 3\n[[targets]]\ntarget = 'a'", "1:10: groups is not a table"),
        ("targets = 3", "1:11: targets is not an array of tables"),
        ("", "1:1: there is no target in it"),
        ("[[targets]\n", "1:10: this is not TOML: expected ']]' at the end of an array declaration"),
        ("a = ", "1:5: this is not TOML: invalid value"),
        (
            "[[targets]]\ntarget = 'a'\ncriteria = ['loss>1%', { when = 'lost>1' }]",
            "3:24: 'lost' in 'lost>1' is not a metric",
        ),
        (
            "[[targets]]\ntarget = 'a'\ncriteria = ['lag.p99>1ms']",
            "3:13: lag.p99 in 'lag.p99>1ms' is not measured here",
        ),
        ("[[targets]]\ntarget = 'a'\nlabels = { 'a-b' = 'c' }", "3:20: 'a-b' cannot be a label"),
        ("[[targets]]\ntarget = 'a'\n[targets.labels]\nle = 'c'", "4:6: 'le' cannot be a label"),
        (
            "[[targets]]\ntarget = 'udp://a'\nconnect_only = true",
            "3:16: connect_only means nothing for udp://a:7007, which",
        ),
        ("[[targets]]\ntarget = 'a'\ninterval = 0", "3:12: an interval of 0 is below 10ms"),
        ("[[targets]]\ntarget = 'a'\ntimeout = true", "3:11: True is not a time"),
        ("[[targets]]\ntarget = 'a'\ninterval = 1e300", "3:12: 1e+300 is not a time"),
        ("[[targets]]\ntarget = 'a'\ninterval = nan", "3:12: nan is not a time"),
        ("[[targets]]\ntarget = 'a'\nsize = 99999999999999999999", "3:8: 1e+20 is not a size"),
        ("[[targets]]\ntarget = 'a'\nfall = 0", "3:8: 0 is not a number of probes"),
        ("[[targets]]\ntarget = 'a'\nip = 5", "3:6: ip = 5 is no version of IP"),
        ("[[targets]]\ntarget = 'a'\ndscp = 64", "3:8: '64' is above 63, the largest DSCP"),
        ("x = " + "[" * 5000, "1:1: it is nested too deeply"),
    ],
)
def test_each_mistake_is_a_sentence_with_its_place(text: str, said: str) -> None:
    assert wrong(text).startswith(said)


def test_all_mistakes_are_found_in_the_order_of_their_lines() -> None:
    text = "[[targets]]\nsizes = 3\ntarget = 'a b'\n[defaults]\ndscp = 'FE'"
    assert [line.partition(": ")[0] for line in wrong(text).splitlines()] == ["2:1", "3:10", "5:8"]


def test_labels_and_targets_are_bounded() -> None:
    labels = ", ".join(f"l{n} = 'x'" for n in range(10_000))
    assert f"more than {MOST_LABELS}" in wrong(f"[[targets]]\ntarget = 'a'\nlabels = {{ {labels} }}")
    inherited = "".join(f"d{n} = 'x'\n" for n in range(MOST_LABELS))
    more = wrong(f"[defaults.labels]\n{inherited}[[targets]]\ntarget = 'a'\nlabels = {{ l = 'x' }}")
    assert more == f"{MOST_LABELS + 4}:10: with those of its group and the defaults it has 33 labels, more than 32"
    tables = "targets = [" + "{}," * (MOST_TARGETS + 1) + "]"
    assert wrong(tables) == f"1:11: there are {MOST_TARGETS + 1} targets, more than {MOST_TARGETS}"


def test_a_misspelt_key_is_told_the_right_one() -> None:
    (mistake,) = parse("[[targets]]\ntarget = 'a'\nconnect-only = true").mistakes
    assert mistake.hint == "did you mean connect_only?"


VALUES = st.recursive(
    st.integers() | st.booleans() | st.text(max_size=5) | st.floats(allow_nan=False) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["when", "for", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from([*KEYS, "target", "name", "group", "other"]), VALUES)
def test_whatever_stands_in_a_file_is_settings_or_mistakes(key: str, value: object) -> None:
    """Python's literals that are TOML too, with the rest thrown away."""
    text = f"[[targets]]\n{key} = {toml(value)}\n"
    settings, mistakes = parse(text)
    assert settings.targets or mistakes
    assert all(mistake.line in (1, 2) and mistake.column >= 1 for mistake in mistakes)


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(letter):08x}" if letter.isprintable() else "" for letter in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
    return str(value)


@given(VALUES, VALUES)
def test_every_value_has_the_place_where_it_stands(first: object, second: object) -> None:
    text = f"a.b = {toml(first)} # [x]\n[[t]]\n[[t]]\n\"q\".'r' = {toml(second)}\nlast = 1\n"
    document = tomllib.loads(text)
    positions, lines = Positions(text), text.splitlines()
    assert positions.value(("a", "b")) == (1, 7)
    assert positions.value(("t", 1, "q", "r")) == (4, 11)
    assert positions.key(("t", 1, "last")) == (5, 1)
    assert positions.key(("t", 0)) == (2, 1)
    assert Positions("[[t]]\na = 1\n[[t.new]]\n").key(("t", 0, "new")) == (3, 1)
    for path, value in leaves(document):
        line, column = positions.value(path)
        written = lines[line - 1][column - 1 :]
        assert written.startswith(toml(value))


def leaves(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], object]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for n, inner in enumerate(value) for leaf in leaves(inner, (*path, n))]
    return [(path, value)]
