"""Inputs that are nearly right: a kept one with a few bytes changed, cut out, doubled or put in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_RUN = 64


@st.composite
def mutated(draw: st.DrawFn, kept: Sequence[bytes]) -> bytes:
    """Return one of `kept` with up to four changes."""
    data = bytearray(draw(st.sampled_from(kept)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        run = draw(st.integers(1, _LONGEST_RUN))
        match draw(st.sampled_from(("change", "cut", "double", "insert", "truncate"))):
            case "change":
                data[at : at + run] = draw(st.binary(min_size=run, max_size=run))[: len(data) - at]
            case "cut":
                del data[at : at + run]
            case "double":
                data[at:at] = data[at : at + run]
            case "insert":
                data[at:at] = draw(st.binary(max_size=run))
            case _:
                del data[at:]
    return bytes(data)
