"""What became of an echo that did not come back, by what the system says of it."""

from __future__ import annotations

import pytest

from netecho.measure.loss_reason import LossReason
from netecho.net.diagnose.sizes import fate_of_echo

ICMP = "ICMP fragmentation needed from 192.0.2.1, path MTU 1400"


@pytest.mark.parametrize(
    ("size", "reason", "detail", "interface_mtu", "fate"),
    [
        (1401, LossReason.TOO_LARGE, ICMP, 1500, "refused"),
        # The system remembers what it was told, and refuses by itself.
        (1401, LossReason.TOO_LARGE, "message too long", 1500, "refused"),
        (1500, LossReason.TOO_LARGE, "message too long", 1500, "refused"),
        (1501, LossReason.TOO_LARGE, "message too long", 1500, "local"),
        (1401, LossReason.TOO_LARGE, "message too long", None, "local"),
        (1401, LossReason.TIMEOUT, "", 1500, "vanished"),
    ],
)
def test_whether_a_router_or_this_hosts_interface_refuses_a_size_is_told_apart(
    size: int, reason: LossReason, detail: str, interface_mtu: int | None, fate: str
) -> None:
    assert fate_of_echo(size, reason, detail, interface_mtu).fate == fate
