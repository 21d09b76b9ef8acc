"""What a server shows while it serves."""

from __future__ import annotations

import pytest

from netecho.echo.snapshot import ClientCounts, ServerSnapshot, TransportCounts
from netecho.report.output import Output
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.server_view import ServerView
from netecho.units import SECOND
from tests.report.screen import Terminal

XTERM = {"TERM": "xterm", "NO_COLOR": "1"}


class Served:
    """A server as a view sees it: a snapshot, a clock and a terminal."""

    def __init__(self, *, glyphs: bool = True) -> None:
        self.now = 0
        self.snapshots = 0
        self.current = ServerSnapshot(transports={"tcp": TransportCounts(), "udp": TransportCounts()})
        self.terminal = Terminal()
        output = Output(self.terminal, self.terminal, environ=XTERM)
        output.glyphs = glyphs
        self.view = ServerView(output, self._snapshot, clock=lambda: self.now)

    def _snapshot(self) -> ServerSnapshot:
        self.snapshots += 1
        return self.current

    def after(self, seconds: float, **echoes: int) -> None:
        """Let time pass, in which so many echoes of 100 bytes were sent back."""
        transports = dict(self.current.transports)
        for name, count in echoes.items():
            transports[name] += TransportCounts(
                open=0, connections=1, echoes=count, bytes_received=100 * count, bytes_sent=100 * count
            )
        self.current = ServerSnapshot(
            transports=transports, clients=self.current.clients, refusals=self.current.refusals
        )
        self.now += int(seconds * SECOND)
        self.view.draw()


def test_a_server_that_nobody_has_found_yet() -> None:
    served = Served()
    served.view.draw()
    assert served.terminal.screen == [
        "up 0.00 s, 0 open connections",
        "     open  echoes/s  in/s  out/s  echoes  last minute",
        "tcp               0   0 B    0 B       0",
        "udp               0   0 B    0 B       0",
    ]


def test_rates_are_of_the_last_second_and_the_last_minute_is_a_sparkline() -> None:
    served = Served()
    served.view.draw()
    served.after(1, udp=1000)
    served.after(2, udp=4000, tcp=10)
    served.after(1)
    served.after(1, udp=250)
    assert served.terminal.screen[2:] == [
        "tcp     0         0       0 B       0 B      10   █",
        "udp     0       250  24.4 KiB  24.4 KiB    5.2k  ▄█ ▁",
    ]


def test_no_more_than_a_snapshot_a_second_is_taken() -> None:
    served = Served()
    for _ in range(9):
        served.after(0.25)
    assert served.snapshots == 3


def test_clients_and_refusals() -> None:
    served = Served()
    served.current = ServerSnapshot(
        transports={"tcp": TransportCounts(open=3, connections=7)},
        clients=(
            ClientCounts(client="192.0.2.1", open=2, bytes_received=12_345_678, bytes_sent=12_345_678),
            ClientCounts(client="2001:db8::/64", open=1, bytes_received=10, bytes_sent=10),
        ),
        refusals={"too many": 3, "above its rate": 1200},
    )
    served.view.draw()
    assert served.terminal.screen == [
        "up 0.00 s, 3 open connections",
        "     open  echoes/s  in/s  out/s  echoes  last minute",
        "tcp     3         0   0 B    0 B       0",
        "client         open        in       out",
        "192.0.2.1         2  11.8 MiB  11.8 MiB",
        "2001:db8::/64     1      10 B      10 B",
        "refused 1,200: above its rate",
        "refused 3: too many",
    ]


def test_it_leaves_a_clean_screen() -> None:
    served = Served()
    served.view.draw()
    served.view.close()
    assert served.terminal.screen == [""]
    assert served.terminal.at_rest


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("height", [5, 10, 40])
@pytest.mark.parametrize("glyphs", [False, True])
def test_it_fits_the_terminal(width: int, height: int, glyphs: bool) -> None:
    served = Served(glyphs=glyphs)
    served.current = ServerSnapshot(
        transports={name: TransportCounts(open=10**6, connections=1, echoes=10**12) for name in ("tcp", "udp")},
        clients=tuple(ClientCounts(client=f"2001:db8:{n}::/64") for n in range(20)),
        refusals={f"a reason that is long, and number {n} of them": n for n in range(20)},
    )
    served.view.draw()
    for _ in range(12):
        served.after(5.5, tcp=10, udp=10**9)
    shown = rendered(served.view.frame(width, height), width=width, color=False).splitlines()
    assert all(len(line) <= width for line in shown)
    assert len(shown) <= height
    if not glyphs and width >= 80:
        assert all(line.isascii() for line in shown)
