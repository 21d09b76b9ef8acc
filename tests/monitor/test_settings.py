"""Targets as they are asked for, and as they can be probed."""

from __future__ import annotations

import pytest

from netecho.monitor.settings import ProbeSettings, TargetSettings
from netecho.target import parse_target


@pytest.mark.parametrize(
    ("url", "key", "asked", "sent"),
    [
        ("udp://h", None, 10, 10),
        ("stamp://h", None, 64, 64),
        ("stamp://h", None, 10, 44),
        ("stamp://h", None, 46, 48),
        ("stamp://h", "key", 64, 112),
        ("stamp://h", "key", 1000, 1000),
        ("udp://h", "key", 64, 64),
    ],
)
def test_a_stamp_packet_is_as_small_as_there_is_one_where_less_is_asked_for(
    url: str, key: str | None, asked: int, sent: int
) -> None:
    settings = TargetSettings(name="a", target=parse_target(url), probing=ProbeSettings(size=asked, auth_key_file=key))
    assert settings.probing == ProbeSettings(size=sent, auth_key_file=key)
    assert settings == TargetSettings(name="a", target=parse_target(url), probing=settings.probing)
