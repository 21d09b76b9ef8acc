"""Targets of a monitor in each state, as what prints them sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.measure.loss_reason import TIMED_OUT, Loss, LossReason
from netecho.monitor.buckets import Buckets
from netecho.monitor.keys import parse_rule
from netecho.monitor.monitored import MonitoredTarget
from netecho.monitor.settings import ProbeSettings, TargetSettings
from netecho.target import parse_target
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.monitor.state import Change


def watched(name: str, pattern: str, *, seconds: int = 200, rtt: int = MILLISECOND) -> tuple[MonitoredTarget, Change]:
    """A target that is probed each second, as often as asked; of each a letter: `.` answered, `x` lost, `r` refused.

    The pattern is gone through again and again. Returned with its last change of state.
    """
    rules = (parse_rule("loss>10%", 10 * SECOND),)
    probing = ProbeSettings(rules=rules, labels=(("site", "ams"),))
    settings = TargetSettings(name=name, target=parse_target("udp://echo.example"), group="core", probing=probing)
    target = MonitoredTarget(settings, 0, Buckets())
    recorder = target.recorder
    flow, last = recorder.flow(), None
    for second in range(seconds):
        recorder.sent(1000)
        fate = pattern[second % len(pattern)]
        if fate == ".":
            recorder.replied(flow, second, rtt + second, True, rtt + second + 1000, 64)
        else:
            recorder.lost(64, Loss(LossReason.REFUSED) if fate == "r" else TIMED_OUT)
        last = target.advance((second + 1) * SECOND) or last
    target.address = "192.0.2.1"
    assert last is not None
    return target, last


def stamped(name: str = "stamped") -> MonitoredTarget:
    """A STAMP target that lost two probes on the way there and one on the way back."""
    settings = TargetSettings(name=name, target=parse_target("stamp://echo.example"))
    target = MonitoredTarget(settings, 0, Buckets())
    recorder = target.recorder
    numbers = recorder.one_way("auto", 0).flow().directions
    reply = 0
    for number, fate in enumerate(".>.<.>."):
        recorder.sent(1000)
        if fate == ".":
            recorder.replied(recorder.flow(), number, 5 * MILLISECOND, True, 6 * MILLISECOND, 64)
            numbers.replied(number, reply)
        else:
            recorder.lost(64)
        reply += fate != ">"
        target.advance((number + 1) * SECOND)
    assert recorder.by_direction is not None
    recorder.by_direction.replied(2 * MILLISECOND, 3 * MILLISECOND, "synced")
    return target


STAMPED = stamped()
UP = watched("fra", ".")
DEGRADED = watched("lon", "...x")
DOWN = watched("nyc", "x")
UNREACHABLE = watched("syd", "r")
EVERY = [each[0] for each in (UP, DEGRADED, DOWN, UNREACHABLE)]
