"""Every parser on the kept inputs and on a hundred mutations of them; at length it is `python -m tests.fuzz`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.fuzz.corpus import SEEDS, inputs
from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS


def test_every_target_has_seeds() -> None:
    assert SEEDS.keys() == TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_once_stays_mended(name: str) -> None:
    for data in inputs(name):
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_what_others_write_breaks_no_parser(name: str) -> None:
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(mutated(list(inputs(name))) | st.binary(max_size=512))
    def play(data: bytes) -> None:
        TARGETS[name](data)

    play()
