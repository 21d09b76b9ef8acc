"""`--user`: root binds the address, somebody else serves."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.server import children, serving

if TYPE_CHECKING:
    from tests.program import Netecho

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def ids(pid: int) -> dict[str, set[str]]:
    """Every user and group that a process has, the saved ones and the supplementary ones too."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: set(fields[name].split()) for name in ("Uid", "Gid", "Groups", "CapEff", "CapPrm")}


def assert_is_nobody(pid: int) -> None:
    nobody = pwd.getpwnam("nobody")
    found = ids(pid)
    assert found["Uid"] == {str(nobody.pw_uid)}
    assert found["Gid"] == {str(nobody.pw_gid)}
    assert found["Groups"] <= {str(nobody.pw_gid)}
    assert found["CapEff"] == found["CapPrm"] == {"0" * 16}


def python_is_for_all() -> bool:
    """Whether another user can start the Python that runs the tests, as a worker of theirs has to be."""
    return all(folder.stat().st_mode & 0o001 for folder in Path(sys.executable).resolve().parents)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_of_root_is_served_by_nobody(netecho: Netecho, workers: int) -> None:
    if workers > 1 and not python_is_for_all():
        pytest.skip("only root can start this Python")
    options = ["--user", "nobody", "--workers", str(workers)]
    with serving(netecho, "tcp://127.0.0.1:0", "tls://127.0.0.1:0", *options, listening=2) as server:
        for pid in (server.pid, *children(server.pid), *server.workers()):
            assert_is_nobody(pid)
        assert len(server.workers()) == (workers if workers > 1 else 0)
        server.assert_serves()
