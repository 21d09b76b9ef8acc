"""TCP: connections that end, segments sent again, options stripped, windows that limit, delayed acknowledgements."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.words import many, percent, rate, time
from netecho.measure.loss_reason import LossReason
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.diagnose.finding import Direction, Outcome
    from netecho.diagnose.run import Run
    from netecho.measure.facts.tcp import TcpFacts

NARROW = 32 * 1024
"""Bytes of a window that has carried much, below which it is what limits: 64 KiB is what TCP has without scaling."""
WORTH_A_WARNING = 0.01
"""A share of segments sent again, from which on TCP is slowed down."""
FEWEST = 3
"""Echoes that are lost with their connections, below which that may have been a server that was started again."""
DELAYED = (35 * MILLISECOND, 60 * MILLISECOND)
"""What an acknowledgement is delayed by on Linux (40 ms) and the like, RFC 1122 section 4.2.3.2."""

_ENDED = {LossReason.RESET: "reset", LossReason.CLOSED: "closed"}


@dataclass(frozen=True, slots=True)
class Observed:
    """Small echoes one after the other, and large ones, over one connection each; None where that was not to be had."""

    small: Run | None
    large: Run | None
    usual: int | None
    """The median round trip of datagrams, nanoseconds; None where none were answered."""
    why_not: str = ""


def judge(observed: Observed) -> Outcome:
    """Say what TCP met on the way."""
    runs = [run for run in (observed.small, observed.large) if run is not None]
    facts = [run.result.facts.tcp for run in runs if run.result.facts.tcp is not None]
    if not runs:
        return (NotTested("tcp", observed.why_not or "no TCP service answered"),)
    ended = _ended(runs)
    found = (*ended, *_options(facts), *_again(facts), *_windows(observed), *_delayed(observed))
    if not facts and not ended:
        return (*found, NotTested("tcp", "this system does not say what its TCP did"))
    return found or (Fine("tcp", _healthy(facts)),)


def _ended(runs: list[Run]) -> Outcome:
    """Say whether connections were reset or closed while echoes were waited for."""
    sent = [fate for run in runs for fate in run.of_the_network]
    lost = Counter(fate.reason for fate in sent if fate.reason in _ENDED)
    if not lost:
        return ()
    number, how = lost.total(), " or ".join(_ENDED[reason] for reason in _ENDED if lost[reason])
    return (
        Finding(
            check="tcp",
            code="connections-ended",
            severity="info" if number < FEWEST else "warning",
            confidence="possible" if number < FEWEST else "certain",
            sentence=f"TCP connections are {how} while they are in use: {number:,} of {many(len(sent), 'probe')}"
            f" {'was' if number == 1 else 'were'} lost by that.",
            evidence=(
                Figure("sent", len(sent)),
                Figure("reset", lost[LossReason.RESET]),
                Figure("closed", lost[LossReason.CLOSED]),
            ),
            otherwise="A firewall or a proxy that ends what it does not like; or the far end, by a limit of its own.",
            command=_again_with(max(runs, key=lambda run: sum(fate.reason in _ENDED for fate in run.fates))),
        ),
    )


def _healthy(facts: list[TcpFacts]) -> str:
    segments = sum(each.segments_sent or 0 for each in facts)
    words = f"{many(segments, 'segment')} sent, none again" if segments else "nothing was sent again"
    return f"{words}; window scale and selective acknowledgements are there"


def _options(facts: list[TcpFacts]) -> Outcome:
    named = (("window_scale", "window scaling (RFC 7323)"), ("sack", "selective acknowledgements (RFC 2018)"))
    missing = [words for name, words in named if any(getattr(each, name) is False for each in facts)]
    if not missing:
        return ()
    return (
        Finding(
            check="tcp",
            code="options-stripped",
            severity="warning",
            confidence="likely",
            sentence=f"TCP connections have no {' and no '.join(missing)}: without, long or lossy paths are slow.",
            evidence=tuple(
                Figure(name, "yes" if any(getattr(each, name) for each in facts) else "no", "text") for name, _ in named
            ),
            otherwise="The far end may not offer them; a middlebox that strips options looks the same.",
            command="tcpdump -n 'tcp[tcpflags] & tcp-syn != 0'",
        ),
    )


def _again(facts: list[TcpFacts]) -> Outcome:
    # What was sent again for nothing, as the acknowledgement was late, says something of this machine or the far one.
    again = sum(max(0, (each.retransmits or 0) - (each.retransmits_needless or 0)) for each in facts)
    segments = sum(each.segments_sent or 0 for each in facts)
    if again < 3 or again < WORTH_A_WARNING * segments:
        return ()
    return (
        Finding(
            check="tcp",
            code="retransmissions",
            severity="warning",
            direction="forward",
            confidence="likely",
            sentence=f"{percent(again / segments)} of TCP's {segments:,} segments had to be sent again."
            if segments
            else f"{again:,} of TCP's segments had to be sent again.",
            evidence=(Figure("segments_sent", segments), Figure("retransmits", again)),
            otherwise="Segments whose acknowledgements were lost or late are sent again, too.",
            command="ss -ti",
        ),
    )


def _windows(observed: Observed) -> Outcome:
    """Say which end's receive window limits, after echoes of many bytes each."""
    facts = None if observed.large is None else observed.large.result.facts.tcp
    if facts is None or observed.large is None or not observed.large.result.summary.received:
        return ()
    here, there = (_widest(observed, name) for name in ("receive_window", "send_window"))
    narrow: tuple[Direction, int, str] | None = None
    if here is not None and here < NARROW:
        narrow = ("backward", here, "this machine takes")
    elif there is not None and there < NARROW and facts.send_window_limited:
        narrow = ("forward", there, "the far end takes")
    if narrow is None:
        return ()
    way, window, who = narrow
    least = facts.min_rtt
    most = "" if not least else f": {rate(8 * window * SECOND / least)} at most, at this round trip"
    return (
        Finding(
            check="tcp",
            code="receive-window",
            severity="warning",
            direction=way,
            confidence="certain",
            sentence=f"Of a TCP connection {who} no more than {window:,} bytes at a time{most}.",
            evidence=(Figure("window", window, "bytes"), Figure("rtt_min", least, "time")),
            otherwise="A program that is slow to read makes its window narrow, too.",
            command="sysctl net.ipv4.tcp_rmem" if way == "backward" else _again_with(observed.large),
        ),
    )


def _again_with(run: Run) -> str:
    return f"netecho probe {run.result.start.route.url} -s {max(fate.size for fate in run.fates)} -c 16 -i 50ms"


def _widest(observed: Observed, name: str) -> int | None:
    """Return how wide a window was on either connection: a program that did not run for a moment narrows one, too."""
    facts = [run.result.facts.tcp for run in (observed.small, observed.large) if run is not None]
    return max((window for each in facts if (window := getattr(each, name, None)) is not None), default=None)


def _delayed(observed: Observed) -> Outcome:
    if observed.small is None or observed.usual is None:
        return ()
    middle = observed.small.result.summary.rtt.p50
    if middle is None or not DELAYED[0] <= middle - observed.usual <= DELAYED[1]:
        return ()
    return (
        Finding(
            check="tcp",
            code="delayed-ack",
            severity="warning",
            confidence="likely",
            sentence=f"Small echoes over TCP take {time(middle - observed.usual)} longer than datagrams: a far end that"
            " waits for an acknowledgement (Nagle, RFC 896) which is being delayed.",
            evidence=(Figure("rtt_p50", middle, "time"), Figure("datagrams_rtt_p50", observed.usual, "time")),
            otherwise="A server that is slow to answer looks the same.",
            command=f"netecho probe {observed.small.result.start.route.url} -c 20 -i 25ms",
        ),
    )
