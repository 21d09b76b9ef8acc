"""A command that is forked from a process with its modules is what one is that Python was started for."""

from __future__ import annotations

import marshal
import os
import select
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import preloaded
from tests.faults.topology import UNSHARE
from tests.peers import permitted
from tests.place import CAPABILITIES
from tests.preloaded import Started
from tests.program import PATIENCE, command_line, environment

if TYPE_CHECKING:
    from tests.program import Netecho

pytestmark = pytest.mark.skipif(not preloaded.is_possible(), reason="every command is started anew here")


NAMESPACES = ("ipc", "mnt", "net", "pid", "user", "uts")
STATUS = ("Umask", "Threads", "SigBlk", "SigIgn", "SigCgt", "Uid", "Groups", "NoNewPrivs", "Seccomp", *CAPABILITIES)
PREFIXES = {
    "none": [],
    "fewer descriptors": ["prlimit", "--nofile=300:400"],
    "fewer rights": ["setpriv", "--inh-caps=-all", "--bounding-set=-all"],
    "signals that are ignored": ["sh", "-c", 'trap "" USR2 && exec "$@"', "sh"],
    "files that others may not read": ["sh", "-c", 'umask 077 && exec "$@"', "sh"],
    "namespaces": list(UNSHARE),
}


def process(netecho: Netecho, where: Path, *, anew: bool) -> dict[str, Any]:
    """What Linux knows of a server that listens."""
    netecho.anew = anew
    program = netecho.start("serve", f"unix:{where}", "--format", "ndjson")
    program.event_named("listening")
    assert isinstance(program.process, Started) is (not anew and not netecho.prefix)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(where))
        program.event_named("connected")
        proc = Path(f"/proc/{preloaded.peer_of(client)}")
        status = dict(line.split(":\t") for line in (proc / "status").read_text().splitlines())
        return {
            "descriptors": sorted(kind(descriptor) for descriptor in (proc / "fd").iterdir()),
            "directory": (proc / "cwd").readlink(),
            "leads its session": os.getsid(int(proc.name)) == int(proc.name),
            "limits": (proc / "limits").read_text(),
            "other namespaces": [each for each in NAMESPACES if (proc / "ns" / each).readlink() != ours(each)],
            **{name: status[name] for name in STATUS},
        }


def listener(where: Path) -> int:
    """The process that listens there, as it is known here."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(where))
        return preloaded.peer_of(client)


def ours(namespace: str) -> Path:
    return Path(f"/proc/self/ns/{namespace}").readlink()


def kind(descriptor: Path) -> tuple[str, str]:
    return descriptor.name, str(descriptor.readlink()).partition(":")[0].partition("/tmp/")[0]


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
def test_it_has_what_the_other_has_and_no_more(
    netecho: Netecho, prefix: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if prefix and not permitted(*prefix, "true"):
        pytest.skip(f"{prefix[0]} is not permitted here")
    monkeypatch.chdir(tmp_path)
    netecho.prefix = prefix
    forked, anew = (process(netecho, tmp_path / f"socket-{each}", anew=each) for each in (False, True))
    if prefix:  # who was started before it leads the session
        assert (forked.pop("leads its session"), anew.pop("leads its session")) == (True, prefix[0] != "unshare")
    assert forked == anew
    assert forked["directory"] == tmp_path


def test_it_ignores_what_who_asks_does_and_not_what_the_process_does_that_is_forked(
    netecho: Netecho, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGALRM, signal.SIGINT, signal.SIGUSR2)}
    made = preloaded.Preloaded(environment())
    for each, handler in before.items():
        signal.signal(each, handler)
    monkeypatch.setattr("tests.program._preloaded", lambda: made)
    try:
        forked, anew = (process(netecho, tmp_path / f"socket-{each}", anew=each) for each in (False, True))
    finally:
        while netecho.running:
            netecho.running.pop().kill()
        made.end()
    assert forked == anew


def test_a_signal_to_its_shadow_is_for_it(netecho: Netecho) -> None:
    netecho.prefix = ["env"]
    program = netecho.start("probe", "self", "-c", "0", "-i", "1ms", "--format", "ndjson")
    program.event_named("reply")
    program.interrupt()
    ended = program.end()
    assert (ended.code, ended.events[-1]["interrupted"]) == (0, True)


def test_who_goes_away_at_once_harms_nobody(netecho: Netecho) -> None:
    assert netecho("--version").code == 0
    path = command_line()[-1]
    order = marshal.dumps((["serve", "127.0.0.1:0"], environment(), str(Path.cwd()), []))
    for message, until_told in [(b"", False), (order, False), (order, True)] * 10:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
            asking.connect(path)
            if message:
                socket.send_fds(asking, [message], [0, 1, 2])
            if until_told:
                select.select([asking], [], [], PATIENCE)
    assert netecho("--version").code == 0
    assert isinstance(netecho.running[-1].process, Started)


def test_it_ends_with_its_shadow_and_its_shadow_with_it(netecho: Netecho, tmp_path: Path) -> None:
    netecho.prefix = ["env"]
    for victim, code in (("shadow", -signal.SIGKILL), ("command", -signal.SIGKILL)):
        where = tmp_path / victim
        program = netecho.start("serve", f"unix:{where}", "--format", "ndjson")
        program.event_named("listening")
        pid = listener(where)
        assert pid != program.process.pid
        ended = os.pidfd_open(pid)
        os.kill(pid if victim == "command" else program.process.pid, signal.SIGKILL)
        assert select.select([ended], [], [], PATIENCE)[0]
        os.close(ended)
        assert program.end().code == code


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
