"""The probe against servers that do it harm: a few of those that `python -m tests.attacks hostile_servers` plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.attacks.hostile import TRANSPORTS, play

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nothing_is_counted_that_was_not_sent_and_the_end_is_a_good_one(
    transport: str, seed: int, tmp_path: Path
) -> None:
    assert play(seed, transport, tmp_path).faults(in_time=False) == []
