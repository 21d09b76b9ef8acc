"""Each attack, briefly: a client that behaves loses nothing, and the server is afterwards as it was before."""

from __future__ import annotations

import pytest

from tests.attacks.play import play
from tests.attacks.table import ROWS, Row

SECONDS = 1.0


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name} {' '.join(row.options[:2])}")
def test_a_client_that_behaves_does_not_suffer(row: Row) -> None:
    done = play(row, SECONDS)
    assert done.answered > 0
    assert done.lost == 0
    assert done.memory <= row.memory
    assert done.descriptors <= 0
    assert (done.code, done.err) == (0, "")
