"""`netecho load` names the direction that has the queue. How long it is, is for `python -m tests.benchmarks load`."""

from __future__ import annotations

import pytest

from tests.benchmarks.load import SLOW, TRUTHS, directions, run
from tests.faults.topology import refusal

REFUSAL = refusal()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))


def test_the_queue_of_the_upload_is_found_there_and_nowhere_else() -> None:
    # A good many flows: a machine that is short of memory gives each a window of four segments.
    found = run(TRUTHS["upload"], "-t", "2s", "--max-bytes", "60M", "--flows", "16")
    assert directions(found) == {"upload"}, found["sentence"]
    (queue,) = found["queues"]
    assert queue["by"] == "one-way delay"
    assert found["probed"].startswith("stamp://")
    assert found["upload"]["added_backward_ms"] < found["upload"]["added_forward_ms"]
    # More than what one can carry does not get through it.
    assert found["upload"]["upload"]["bytes"] * 8 < SLOW.rate * 60
