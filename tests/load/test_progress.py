"""How far a run of load is, and what it has come to, as it goes."""

from __future__ import annotations

from netecho.load.progress import LoadProgress, SoFar
from netecho.load.run import Reading, Sample
from netecho.units import MILLISECOND, SECOND


def test_before_anything_is_planned() -> None:
    progress = LoadProgress()
    assert (progress.place(), progress.share(5), progress.so_far()) == ((0, 0), (0.0, 0), None)


def test_a_phase_after_the_other() -> None:
    samples: list[Sample] = []
    progress = LoadProgress()
    progress.samples = samples
    progress.plan({"idle": 2 * SECOND, "upload": 8 * SECOND})
    progress.begin("idle", 0)
    samples += [Sample(0, 0, 3 * MILLISECOND), Sample(1, 0, None)]
    assert progress.place() == (1, 2)
    assert progress.share(SECOND) == (0.1, 9 * SECOND)
    progress.end()
    assert progress.before == [SoFar("idle", {}, 3 * MILLISECOND, 3 * MILLISECOND, 2, 1)]
    assert progress.so_far() is None
    assert progress.share(50 * SECOND) == (0.2, 8 * SECOND)
    progress.begin("upload", 3 * SECOND)
    assert progress.so_far() == SoFar("upload", {}, None, None, 0, 0)
    assert progress.share(7 * SECOND) == (0.6, 4 * SECOND)
    assert progress.share(70 * SECOND) == (1.0, 0)


def test_the_goodput_is_that_of_the_last_second() -> None:
    progress = LoadProgress()
    progress.plan({"both": SECOND})
    progress.begin("both", 0)
    for tenth in range(31):
        progress.arrived("upload", Reading(tenth * SECOND // 10, 1000 * tenth * tenth, 1))
    progress.arrived("download", Reading(0, 0, 1))
    so_far = progress.so_far()
    assert so_far is not None
    assert so_far.goodputs == {"upload": 8 * (900_000 - 400_000)}
