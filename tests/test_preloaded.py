"""A command that is forked from a process with its modules is what one is that Python was started for."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import preloaded
from tests.preloaded import Started
from tests.server import serving

if TYPE_CHECKING:
    from tests.program import Netecho

pytestmark = pytest.mark.skipif(not preloaded.is_possible(), reason="every command is started anew here")


def process(netecho: Netecho, *, anew: bool) -> dict[str, Any]:
    """What Linux knows of a server that listens."""
    netecho.anew = anew
    with serving(netecho, "tcp://127.0.0.1:0") as server:
        assert isinstance(server.program.process, Started) is not anew
        proc = Path(f"/proc/{server.pid}")
        status = dict(line.split(":\t") for line in (proc / "status").read_text().splitlines())
        kept = ("Umask", "Threads", "SigBlk", "SigIgn", "SigCgt", "Uid", "Seccomp")
        return {
            "descriptors": sorted(kind(descriptor) for descriptor in (proc / "fd").iterdir()),
            "directory": (proc / "cwd").readlink(),
            "leads its session": os.getsid(server.pid) == server.pid,
            **{name: status[name] for name in kept},
        }


def kind(descriptor: Path) -> tuple[str, str]:
    return descriptor.name, str(descriptor.readlink()).partition(":")[0].partition("/tmp/")[0]


def test_it_has_what_the_other_has_and_no_more(
    netecho: Netecho, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    forked = process(netecho, anew=False)
    assert forked == process(netecho, anew=True)
    assert forked["directory"] == tmp_path


@pytest.mark.parametrize("anew", [False, True])
def test_how_it_ended_is_known(netecho: Netecho, anew: bool) -> None:
    netecho.anew = anew
    assert netecho("probe", "--nonsense").code == 2
    program = netecho.start("serve", "tcp://127.0.0.1:0", "--format", "ndjson")
    program.event_named("listening")
    assert program.process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        program.process.wait(0)
    program.process.kill()
    assert program.end().code == -signal.SIGKILL
    program.process.terminate()  # which changes nothing any more
    assert program.process.poll() == -signal.SIGKILL


@pytest.mark.parametrize("anew", [False, True])
def test_its_environment_is_its_own(netecho: Netecho, anew: bool) -> None:
    netecho.anew = anew
    for count in ("1", "2"):
        assert netecho("probe", "self", "--json", NETECHO_PROBE_COUNT=count).document["probes"]["sent"] == int(count)
    assert netecho("probe", "self", "--json", "-i", "1ms").document["probes"]["sent"] == 10


def test_what_python_reads_when_it_starts_is_never_that_of_another(netecho: Netecho) -> None:
    forked, anew = netecho.start("--version"), netecho.start("--version", PYTHONUTF8="1")
    assert (isinstance(forked.process, Started), isinstance(anew.process, Started)) == (True, False)
    assert forked.end().out == anew.end().out
