"""A scenario is played to its end, and what the command said is read."""

from __future__ import annotations

import pytest

from tests.faults.play import Finding, play, play_all
from tests.faults.scenarios import BY_NAME, Scenario
from tests.faults.topology import SERVER, refusal
from tests.program import command_line

REFUSAL = refusal()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))

LOSS = """'{"findings": [{"code": "loss", "direction": "forward"}]}'"""


LISTENING = (("tcp", 7007), ("udp", 7007), ("stamp", 7862), ("tcp", 21), ("udp", 5060))


def test_the_findings_of_a_document_are_read_and_the_octets_of_the_run_counted() -> None:
    # The command is followed by `--json TARGET`.
    run = play(Scenario(), ["sh", "-c", f'ping -qc 3 -i 0.01 "$1" >/dev/null && echo {LOSS}; exit 1'])
    assert (run.scenario, run.findings, run.trouble) == ("clean", (Finding("loss", "forward"),), None)
    assert run.octets >= 3 * 2 * (14 + 20 + 8 + 56)


@pytest.mark.parametrize("command", ["exit 3", "echo '{}'", "echo no document"])
def test_a_command_that_tells_nothing_is_trouble(command: str) -> None:
    run = play(Scenario(), ["sh", "-c", command])
    assert run.findings == ()
    assert run.trouble is not None


def test_every_transport_of_the_server_is_there() -> None:
    targets = " ".join(f"{scheme}://{SERVER}:{port}" for scheme, port in LISTENING)
    probe = f"{' '.join(command_line())} probe -q -c 3 -i 1ms {targets} >&2"
    run = play(Scenario(faults=(BY_NAME["ftp-alg"], BY_NAME["sip-alg"])), ["sh", "-c", f"{probe} && echo {LOSS}"])
    assert run.trouble is None


def test_several_are_played_at_once_and_those_that_want_the_machine_alone_last() -> None:
    scenarios = [Scenario(faults=(BY_NAME["busy"],)), Scenario(), Scenario(faults=(BY_NAME["nat"],))]
    runs = list(play_all(scenarios, ["sh", "-c", f"echo {LOSS}"], jobs=2))
    names = [run.scenario for run in runs]
    assert (sorted(names[:2]), names[2]) == (["clean", "nat"], "busy")
