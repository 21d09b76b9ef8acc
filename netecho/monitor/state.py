"""What state a target is in, with hysteresis; every change has a reason.

    pending      nothing is known yet
    up           it answers
    degraded     it answers, and a criterion has been true for its time
    down         `fall` probes in a row had no answer, and nothing said why
    unreachable  it cannot be reached, and something said why: the name does not resolve, it refuses, a router said so

From down and unreachable a target comes back after `rise` answers in a row; from one to the other after `fall`
failures in a row of the other kind, and from unreachable to down only after `SILENT` without a word: routers say why
now and then. A criterion that was true for its time degrades the target, one that was false
for as long no longer does; while nothing is received it is neither.

The state is judged when `judge` is called, by what stands then. Times are nanoseconds of one clock, given as `now`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence


class State(StrEnum):
    """As printed."""

    PENDING = "pending"
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNREACHABLE = "unreachable"


SILENT = 30 * SECOND
"""So long nothing was said of why there is no answer, until a target that was unreachable is merely down: a router
answers a few requests, then for some seconds none."""
ANSWERS = frozenset({State.UP, State.DEGRADED})


class Change(NamedTuple):
    """A target's state changed."""

    before: State
    after: State
    reason: str
    at: int
    lasted: int
    """How long the state before was held."""


class Alert:
    """Whether one criterion degrades the target."""

    __slots__ = ("_differs_since", "duration", "firing", "text")

    def __init__(self, text: str, duration: int) -> None:
        self.text = text
        self.duration = duration
        self.firing = False
        self._differs_since: int | None = None

    def observe(self, now: int, came_true: bool | None) -> None:
        """Take in whether the criterion is true; None: that cannot be said."""
        if came_true is None or came_true is self.firing:
            self._differs_since = None
            return
        if self._differs_since is None:
            self._differs_since = now
        if now - self._differs_since >= self.duration:
            self.firing, self._differs_since = came_true, None


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a probe had no answer."""

    kind: State
    """DOWN, or UNREACHABLE."""
    reason: str


class TargetState:
    """The state of one target."""

    __slots__ = (
        *("_answers", "_failed", "_failures", "_of_kind", "_said", "_said_at"),
        *("alerts", "fall", "reason", "rise", "since", "state"),
    )

    def __init__(self, now: int, *, fall: int, rise: int, alerts: Sequence[Alert] = ()) -> None:
        self.state = State.PENDING
        self.since = now
        self.reason = ""
        self.fall = fall
        self.rise = rise
        self.alerts = tuple(alerts)
        self._answers = 0
        """In a row, up to now."""
        self._failures = 0
        self._failed: Failed | None = None
        """The last of them."""
        self._of_kind = 0
        """How many of them in a row, up to now, were of its kind."""
        self._said = False
        """Whether something said since the last judgement why there is no answer."""
        self._said_at = now

    def answered(self) -> None:
        """Take in that a probe was answered: on the path of every reply."""
        self._answers += 1
        self._failures = 0

    def failed(self, failed: Failed) -> None:
        """Take in that a probe had no answer."""
        same = self._failures and self._failed is not None and self._failed.kind is failed.kind
        self._of_kind = self._of_kind + 1 if same else 1
        self._said |= failed.kind is State.UNREACHABLE
        self._failed = failed
        self._failures += 1
        self._answers = 0

    def judge(self, now: int) -> Change | None:
        """Return the change of state that is due now."""
        if self._said:
            self._said, self._said_at = False, now
        after, reason = self._due(now)
        if after is self.state:
            return None
        change = Change(self.state, after, reason, now, now - self.since)
        self.state, self.since, self.reason = after, now, reason
        return change

    def _due(self, now: int) -> tuple[State, str]:
        failed = self._failed
        if failed is not None and self._failures:
            enough = self._of_kind if self.state in (State.DOWN, State.UNREACHABLE) else self._failures
            if self.state is State.UNREACHABLE and failed.kind is State.DOWN and now - self._said_at < SILENT:
                return self.state, self.reason
            if enough >= self.fall or (self.state is State.PENDING and failed.kind is State.UNREACHABLE):
                return failed.kind, failed.reason
        if self._answers >= (1 if self.state is State.PENDING else self.rise) or self.state in ANSWERS:
            return self._answering()
        return self.state, self.reason

    def _answering(self) -> tuple[State, str]:
        firing = [alert.text for alert in self.alerts if alert.firing]
        if firing:
            return State.DEGRADED, ", ".join(firing)
        return State.UP, "it answers" if self.state is not State.DEGRADED else "no criterion is true any more"
