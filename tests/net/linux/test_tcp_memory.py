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
    ("table", "limits", "short"),
    [
        (TABLE.format("yes"), "", True),
        (TABLE.format("no"), "", False),
        (TABLE.format("no"), "439361\t500000\t600000\n", True),
        (TABLE.format("no"), "439362\t500000\t600000\n", False),
        (TABLE.format("NI"), "1 2 3", None),
        ("", "1 2 3", None),
        ("TCP 1", "", None),
    ],
)
def test_the_table_and_the_limits(table: str, limits: str, short: bool | None, tmp_path: Path) -> None:
    protocols, allowed = tmp_path / "protocols", tmp_path / "tcp_mem"
    protocols.write_text(table)
    allowed.write_text(limits)
    assert is_short(protocols, allowed) is short


def test_a_system_without_them(tmp_path: Path) -> None:
    assert is_short(tmp_path / "nothing", tmp_path / "nothing") is None
