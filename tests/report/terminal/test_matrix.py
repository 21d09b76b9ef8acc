"""A mesh on a terminal: every cell is there at any width, and what does not work is said, within bounds."""

from __future__ import annotations

from typing import Any, cast

import pytest
from rich.cells import cell_len

from netecho.monitor.mesh import Cell, Matrix
from netecho.report.document.matrix import document
from netecho.report.terminal.matrix import show
from netecho.units import SECOND


class Paper:
    """What is printed on a terminal so wide."""

    stdout_color = False

    def __init__(self, width: int) -> None:
        self.width = width
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


def printed(nodes: list[str], cells: dict[tuple[str, str], Cell], width: int = 80) -> str:
    paper = Paper(width)
    show(document(Matrix(nodes, cells), 0, 300 * SECOND), cast("Any", paper))
    return paper.text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_mesh_that_is_wider_than_the_terminal_is_cut_between_columns(width: int) -> None:
    nodes = [f"node-{n:02}.example" for n in range(12)]
    cells = {
        (here, there): Cell(state="up", p50=(1000 + 12 * n + m) / 1e6, p99=0.5, received=10, lost=0)
        for n, here in enumerate(nodes)
        for m, there in enumerate(nodes)
        if here != there
    }
    text = printed(nodes, cells, width)
    assert max(map(cell_len, text.splitlines())) <= width
    for cell in cells.values():
        assert cell.p50 is not None
        assert f" {cell.p50 * 1000:.3f}" in text


def test_a_long_name_is_cut_and_a_pair_without_figures_is_in_doubt() -> None:
    text = printed(["a", "b" * 50], {("a", "b" * 50): Cell(state="up", p50=0.001)})
    assert f"{'b' * 23}~" in text
    assert "?" in text
    assert "every path that is measured works" in text


def test_of_many_paths_that_do_not_work_the_first_are_named() -> None:
    nodes = [f"n{n}" for n in range(10)]
    text = printed(nodes, {(a, b): Cell(state="down") for a in nodes for b in nodes if a != b}, 200)
    assert text.count(": down\n") == 20
    assert text.endswith("and 70 more\n")
