"""What became of one connection's probes: counted by the recorder, and kept as events until they are drained.

Here is decided what a reply is worth (its round trip and by which clock, late, duplicate, reordered, corrupt) and why
a probe is lost. `session` decides when probes leave, and knows which are outstanding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.measure.drops import Drops
from netecho.measure.events import (
    EchoCorrupted,
    Event,
    OneWayDelays,
    ProbeLost,
    ReplyDuplicated,
    ReplyLate,
    ReplyReceived,
    StrayReceived,
)
from netecho.measure.loss_reason import DROPPED_HERE, STOPPED, TIMED_OUT, Loss
from netecho.measure.settled import ANSWERED, UNSETTLED, Again, SettledProbes, capacity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.measure.plan import Plan
    from netecho.measure.probe import Probe
    from netecho.measure.recording import Recording

# A peer that floods us with unsolicited bytes is shown this often, and always counted.
_STRAYS_SHOWN = 10
_NO_EVENTS: tuple[Event, ...] = ()


class Outcomes:
    """Judges the probes of one connection."""

    def __init__(self, plan: Plan, recorder: Recording, *, connection: int, follows: bool) -> None:
        """Make one; its events have every reply if somebody `follows`, else only what is out of the ordinary."""
        self._recorder = recorder
        self._in_timeline = recorder.timeline.replied
        self._flow = recorder.flow(connection)
        self._follows = follows
        self._connection = connection
        self._warmup = plan.warmup
        self._timeout = plan.timeout
        self._sizes = plan.sizes
        self._start = 0
        self._highest = -1
        self._strays = 0
        self._settled = settled = SettledProbes(capacity(plan))
        self._states, self._times, self._mask = settled.states, settled.times, settled.mask
        self._outages = recorder.outage_tracker(self._settled)
        self._drops = Drops()
        self.unreported: list[Event] = []
        """What `events` will return."""
        self._error, self._error_at = TIMED_OUT, -1
        self._closed_loop = plan.interval == 0
        self.continued_at = 0
        """When this process last went on after a stop."""
        self.merged = False
        """Whether the system merges replies, which then have the time of the last of them."""
        self._told_of = 0
        """The last of these whose time was counted."""

    def opened(self, local: tuple[str, int] | None) -> None:
        """Set the address and port that the probes leave from."""
        self._flow.local = local

    def start(self, now: int) -> None:
        """Count times from `now`."""
        self._start = self._outages.origin = now

    def sent(self, probe: Probe) -> None:
        """Record that a probe has left: each has a higher number than the one before."""
        index, at = probe.index, probe.sent_at
        probe.lag = lag = at - probe.scheduled
        place = index & self._mask  # SettledProbes.sent, inlined
        self._states[place] = UNSETTLED
        self._times[place] = at
        self._settled.newest = index
        if index >= self._warmup:
            self._recorder.sent(lag)

    def answered(
        self,
        probe: Probe,
        now: int,
        rx_timestamp: int | None,
        wrong_at: int | None = None,
        since: int | None = None,
        kept: int = 0,
        delays: OneWayDelays | None = None,
    ) -> None:
        """Record a reply to a probe that was outstanding; what the arguments say is in `Session.answered`."""
        index = probe.index
        began = probe.sent_at if since is None else since
        rtt = now - began
        kernel = False
        tx_timestamp = probe.tx_timestamp
        # Kernel stamps are wall-clock time, which may be stepped between the two: a round trip by them is believed
        # only if it is above 0 and not above the program's own, which encloses it.
        if (
            tx_timestamp is not None
            and rx_timestamp is not None
            and 0 < (by_kernel := rx_timestamp - tx_timestamp) <= rtt
        ):
            rtt = by_kernel
            kernel = True
        if began < self.continued_at and self._lay_here(probe, began + rtt, kernel=kernel):
            return
        if rtt > self._timeout:
            # It lay in the timeout's last moments, or in wait for us: settled as the timeout would have done.
            self.lost(probe, now, TIMED_OUT)
            self.answered_again(index, now)
            return
        self._states[index & self._mask] = ANSWERED  # SettledProbes.answered, inlined
        if self._outages.stretches:
            self._outages.answered(index, probe.sent_at)
        if index < self._warmup:
            return
        response = now - probe.scheduled
        recorder = self._recorder
        rtt -= kept
        recorder.replied(self._flow, index, rtt, kernel, response, probe.size)
        self._in_timeline(probe.scheduled - self._start, rtt)
        if wrong_at is not None:
            recorder.corrupted()
        # RFC 4737 section 3.3: a reply is reordered if one with a larger number came before it.
        if index < self._highest:
            recorder.reordered()
        else:
            self._highest = index
        if wrong_at is None and not self._follows:
            return
        seq, scheduled = index - self._warmup, probe.scheduled - self._start
        reply = ReplyReceived(self._connection, seq, scheduled, probe.lag, rtt, response, probe.size, kernel, delays)
        self.unreported.append(reply if wrong_at is None else EchoCorrupted(*reply[:-1], wrong_at, delays))

    def _lay_here(self, probe: Probe, received: int, *, kernel: bool) -> bool:
        """Return whether a round trip is not known because this process was stopped while the probe was on its way.

        By our own clock the stop would be part of it; so would it on a stream by the kernel's, where a reply was merged
        with one that was received since. In a closed loop, where nothing is due at a given time, the stop
        itself is seen here alone.
        """
        if self._closed_loop and self._told_of < self.continued_at:
            self._told_of = self.continued_at
            self._recorder.not_sent(0, self.continued_at - probe.sent_at)
        if kernel and (received <= self.continued_at or not self.merged):
            return False
        self._settled.answered(probe.index)
        if self._outages.stretches:
            self._outages.answered(probe.index, probe.sent_at)
        if probe.index >= self._warmup:
            self._without_rtt(probe, STOPPED)
        return True

    def timed_out(self, probe: Probe, now: int) -> None:
        """Record that no reply was read in time: the probe is lost, unless this machine dropped the reply."""
        if self._drops.takes(probe.sent_at):
            self._unanswered(probe, now, DROPPED_HERE)
        else:
            self.lost(probe, now, TIMED_OUT)

    def lost(self, probe: Probe, now: int, why: Loss) -> None:
        """Record that a probe is lost; one that has timed out was lost by that, or by an error reported meanwhile."""
        if now - probe.sent_at > self._timeout:
            why = TIMED_OUT  # whatever is learnt of it afterwards
        if why is TIMED_OUT and self._error_at >= probe.sent_at:
            why = self._error
        self._unanswered(probe, now, why)

    def _unanswered(self, probe: Probe, now: int, why: Loss) -> None:
        self._settled.lost(probe.index)
        if probe.index < self._warmup:
            return
        self._outages.lost(probe.index, probe.sent_at, now, why)
        self._without_rtt(probe, why)

    def _without_rtt(self, probe: Probe, why: Loss) -> None:
        seq, scheduled = probe.index - self._warmup, probe.scheduled - self._start
        self._recorder.lost(probe.size, why, self._flow, scheduled)
        self.unreported.append(ProbeLost(self._connection, seq, scheduled, probe.lag, probe.size, *why))

    def answered_again(self, index: int, now: int) -> None:
        """Record a reply to a probe that is settled: late if it was lost, else a duplicate."""
        again = self._settled.answered_again(index)
        if again is Again.UNKNOWN:
            self.stray(b"", self._sizes[index % len(self._sizes)])
            return
        if index < self._warmup:
            return
        if again is Again.LATE:
            self._recorder.late()
            rtt = now - self._settled.sent_at(index)
            self.unreported.append(ReplyLate(self._connection, index - self._warmup, rtt))
        else:
            self._recorder.duplicated()
            self.unreported.append(ReplyDuplicated(self._connection, index - self._warmup))

    def dropped_here(self, count: int, now: int) -> None:
        """Take in datagrams that this machine's receive buffer had no room for, noticed at `now`."""
        self._drops.noticed(count, now)

    def error_reported(self, why: Loss, now: int) -> None:
        """Keep why the network says that something was lost: the reason of probes outstanding now that time out."""
        self._error, self._error_at = why, now

    def stray(self, data: bytes, size: int | None = None) -> None:
        """Record bytes that answer no probe; `size` where the bytes are not known."""
        self._recorder.stray(len(data) if size is None else size)
        self._strays += 1
        if self._strays <= _STRAYS_SHOWN:
            self.unreported.append(StrayReceived(self._connection, data, size))

    def events(self) -> Sequence[Event]:
        """Return what happened since this was last asked, each event once."""
        if not self.unreported:
            return _NO_EVENTS
        events, self.unreported = self.unreported, []
        return events
