"""Diagnoses to report on."""

from __future__ import annotations

from netecho.diagnose.finding import CHECKS, Diagnosis, Figure, Finding, Fine, NotTested, Outcome
from netecho.errors import UnreachableError
from tests.report.runs import STARTED

MS = 1_000_000

BAD_PATH = Finding(
    check="balancing",
    code="bad-path-loss",
    severity="critical",
    direction="forward",
    confidence="certain",
    sentence="4 of 32 source ports lose 31% of their packets on the way there, the others none: one of about 8 equal"
    " paths is bad.",
    evidence=(
        Figure("flows", 32),
        Figure("bad_flows", 4),
        Figure("bad_loss", 31.25, "percent"),
        Figure("bad_ports", "40002 40011 40029 40031", "text"),
        Figure("other_loss", None, "percent"),
    ),
    otherwise="A limit by flow at the far end or in a firewall looks the same.",
    command="netecho probe stamp://lab.example:7862 --connections 32 -c 50 -i 160ms",
)
PROHIBITED = Finding(
    check="transports",
    code="prohibited",
    severity="warning",
    confidence="certain",
    sentence="UDP port 7007 is forbidden on the way: ICMP \x1b[31mprohibited\x07 from 10.0.0.1.",
    evidence=(Figure("transport", "UDP port 7007", "text"), Figure("detail", "\x1b]0;owned\x07\u202e", "text")),
    command="netecho probe udp://lab.example:7007",
)
LATE = Finding(
    check="host",
    code="late-sends",
    severity="info",
    confidence="certain",
    sentence="This machine sent late, by 7.25 ms at p99, with its processors busy for 95% of the time.",
    evidence=(Figure("lag_p99", 7_250_000, "time"), Figure("busy", 95.04, "percent"), Figure("sent", 1_234_567)),
    otherwise="Round trips are by kernel timestamps where the system has them: they are not longer for it.",
)
REST: Outcome = (
    Fine("transports", "TCP port 7007 answers in 12.3 ms"),
    Fine("transports", "TCP is answered by the far end itself, 3 routers away"),
    Fine("clocks", "offset 0.012 ms, known to within 0.100 ms; one-way delays are as stamped"),
    NotTested("marking", "ECN on the way back: replies are not ECN-capable"),
    NotTested("rate", "takes longer than most want to wait: --deep"),
    NotTested("timeouts", "takes longer than most want to wait: --deep"),
)


def diagnosis(outcome: Outcome = (), **more: object) -> Diagnosis:
    """A diagnosis that came to this."""
    told: dict[str, object] = {
        "id": "0197c0ffee",
        "target": "lab.example",
        "address": "192.0.2.7",
        "started": STARTED,
        "duration": 21_345 * MS,
        "bytes_sent": 4_123_456,
        "outcome": outcome,
    }
    return Diagnosis(**told | more)  # type: ignore[arg-type]


EVERY = diagnosis((LATE, PROHIBITED, *REST, BAD_PATH), label="before the change \x1b[2J")
CLEAN = diagnosis(REST)
CUT = diagnosis((NotTested("loss", "the diagnosis was interrupted"),), interrupted=True, duration=300 * MS)
SILENT = diagnosis(
    (NotTested("transports", "TCP port 7007: no answer"), *(NotTested(each, "nothing answers") for each in CHECKS[2:])),
    address=None,
    bytes_sent=0,
    error=UnreachableError("nothing answers at lab.example: tcp://lab.example:7007 (no answer)", "is it running?"),
)
DIAGNOSES = {"every": EVERY, "clean": CLEAN, "cut": CUT, "silent": SILENT}
