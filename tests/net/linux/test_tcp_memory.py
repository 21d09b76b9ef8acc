"""Whether TCP is short of memory, as the kernel's table says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netecho.net.linux.tcp_memory import is_short

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh
UDP-Lite   1088      0       0   NI       0   yes  kernel      y  y  y  n  y  y  y  n
TCP        2304   1510  439361   {}     192   yes  kernel      y  y  y  y  y  y  y  y
"""


@pytest.mark.parametrize(
    ("table", "short"),
    [(TABLE.format("yes"), True), (TABLE.format("no"), False), (TABLE.format("NI"), None), ("", None), ("TCP 1", None)],
)
def test_the_table(table: str, short: bool | None, tmp_path: Path) -> None:
    file = tmp_path / "protocols"
    file.write_text(table)
    assert is_short(file) is short


def test_a_system_without_it(tmp_path: Path) -> None:
    assert is_short(tmp_path / "nothing") is None
