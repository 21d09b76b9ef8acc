import pytest

from netecho.report.terminal.headline import headline, manner, path
from tests.report.runs import START, run

DOCUMENT = run([])
SETTINGS = dict(START.settings)


@pytest.mark.parametrize(
    ("settings", "before", "after"),
    [
        ({}, "64 bytes every 200 ms", "7 probes of 64 bytes every 200 ms"),
        (
            {"size": "64..1400:64"},
            "64 to 1,400 (by 64) bytes every 200 ms",
            "7 probes of 64 to 1,400 (by 64) bytes every 200 ms",
        ),
        ({"interval_ms": 0.0}, "64 bytes one after the other", "7 probes of 64 bytes one after the other"),
        ({"schedule": "poisson"}, "64 bytes about every 200 ms", "7 probes of 64 bytes about every 200 ms"),
        (
            {"connections": 4},
            "64 bytes every 200 ms on each of 4 connections",
            "7 probes of 64 bytes every 200 ms on each of 4 connections",
        ),
        ({"connect_only": True}, "connections every 200 ms", "7 connections every 200 ms"),
        (
            {"reconnect": True},
            "64 bytes every 200 ms, with a connection each",
            "7 probes of 64 bytes every 200 ms, with a connection each",
        ),
    ],
)
def test_how_probes_are_sent(settings: dict[str, object], before: str, after: str) -> None:
    assert manner({**SETTINGS, **settings}) == before
    assert manner({**SETTINGS, **settings}, 7) == after


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ({}, "udp://localhost:7007 (127.0.0.1)"),
        ({"url": "tcp://127.0.0.1:7007", "host": "127.0.0.1"}, "tcp://127.0.0.1:7007"),
        ({"url": "udp://[::1]:7", "host": "::1", "address": "::1"}, "udp://[::1]:7"),
        ({"url": "unix:/run/e", "host": "", "address": "/run/e", "port": None}, "unix:/run/e"),
        ({"url": "tcp://\x1b[2J:7", "address": None}, r"tcp://\x1b[2J:7"),
    ],
)
def test_the_address_where_the_name_does_not_say_it(target: dict[str, object], shown: str) -> None:
    document = {**DOCUMENT, "target": {**DOCUMENT["target"], **target}}
    assert headline(document) == f"{shown}: 64 bytes every 200 ms"


@pytest.mark.parametrize(
    ("target", "local", "shown"),
    [
        ({}, {}, "127.0.0.1:40000 -> 127.0.0.1:7007"),
        ({"address": "::1"}, {"address": "fe80::1%eth0"}, "[fe80::1%eth0]:40000 -> [::1]:7007"),
        ({"address": "/run/e", "port": None}, {"address": None, "port": None}, "/run/e"),
        ({"address": None}, {"address": None}, ""),
    ],
)
def test_both_ends_as_far_as_they_are_known(target: dict[str, object], local: dict[str, object], shown: str) -> None:
    document = {**DOCUMENT, "target": DOCUMENT["target"] | target, "local": DOCUMENT["local"] | local}
    assert path(document) == shown
