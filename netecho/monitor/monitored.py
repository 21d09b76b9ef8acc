"""One target as it is watched: its settings, counts, windows and state, without a clock and without a socket."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from netecho.measure.result import Setup
from netecho.monitor.course import Course, Point
from netecho.monitor.recorder import TargetRecorder
from netecho.monitor.state import Alert, TargetState
from netecho.monitor.windows import MINUTES, SLOT, SLOTS, Windows, summary

if TYPE_CHECKING:
    from netecho.measure.summary import Summary
    from netecho.monitor.buckets import Buckets
    from netecho.monitor.settings import TargetSettings
    from netecho.monitor.state import Change
    from netecho.monitor.windows import Slot

_NO_SETUP = Setup()


class MonitoredTarget:
    """A target, and all that is known of it."""

    __slots__ = (
        "_slot_ends",
        "_slots",
        "address",
        "course",
        "minute",
        "minutes",
        "recorder",
        "settings",
        "state",
        "windows",
    )

    def __init__(self, settings: TargetSettings, now: int, lag: Buckets) -> None:
        """Begin at `now`; `lag` is where the lateness of all targets is counted."""
        probing = settings.probing
        alerts = tuple(Alert(rule.criterion.text, rule.duration) for rule in probing.rules)
        self.settings = settings
        self.state = TargetState(now, fall=probing.fall, rise=probing.rise, alerts=alerts)
        self.windows = Windows()
        self.recorder = TargetRecorder(self.state, lag, self.last_minute)
        self.course = Course()
        """The last minutes, slot by slot."""
        self.minutes: deque[int] = deque(maxlen=MINUTES)
        """Of each of `windows.minutes` its number, counted from the clock's zero: where it stands in time."""
        self.address: str | None = None
        """Where its packets go; None while that is not known."""
        self.minute: Slot | None = None
        """The minute that `advance` found to be over, if it did."""
        self._slots = now // SLOT
        self._slot_ends = (self._slots + 1) * SLOT

    def advance(self, now: int) -> Change | None:
        """Go on to `now`: close the slot that is over, and return the change of state that is due.

        To be called once a second. Slots end at multiples of their length, minutes at whole ones.
        """
        self.minute = None
        if now >= self._slot_ends:
            # Where none was closed for a while (a stop, a busy machine), what was counted since is in one slot.
            ended = now // SLOT
            minute = ended // SLOTS != self._slots // SLOTS
            self.recorder.settle_directions(slot_ended=True)
            slot = self.recorder.take_slot()
            self.course.add(Point.of(ended - 1, slot))
            self.minute = self.windows.add(slot, ends_minute=minute)
            if minute:
                self.minutes.append(ended // SLOTS - 1)
            self._slots, self._slot_ends = ended, (ended + 1) * SLOT
            self._observe(now)
        else:
            self.recorder.settle_directions()
        return self.state.judge(now)

    def last_minute(self) -> Summary:
        """Return the figures of the last minute, up to now."""
        return summary(self.windows.minute(self.recorder.slot))

    def last_hour(self) -> Summary:
        """Return the figures of the last hour, up to now."""
        return summary(self.windows.hour(self.recorder.slot))

    def _observe(self, now: int) -> None:
        """Judge the criteria by the last minute; without a reply in it, none can be."""
        rules = self.settings.probing.rules
        if not rules:
            return
        minute = self.last_minute()
        for rule, alert in zip(rules, self.state.alerts, strict=True):
            value = rule.criterion.measured(minute, _NO_SETUP) if minute.received else None
            alert.observe(now, None if value is None else rule.criterion.fails(value))
