"""`netecho trace --reverse` in a real network: the way back is the one that replies take, whoever runs both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.topology import refusal
from tests.integration.test_trace import UNPRIVILEGED, path, traced
from tests.program import command_line
from tests.trace.networks import SERVER, SERVER6, detour

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.topology import Network

REFUSAL = refusal()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))

BACK = ("--reverse", "-c", "2", "-i", "100ms", "-W", "10s", "-n")
OPEN = (
    f"stamp://{SERVER}:7862",
    ["10.0.1.2", "10.0.4.2", SERVER],
    ["10.0.5.1", "10.0.4.1", "10.0.2.1", "10.0.1.1"],
)
# Of IPv6 a router takes the address of the side that a packet came in by, wherever its answer leaves.
KEYED = (
    f"stamp://[{SERVER6}]:7863",
    ["2001:db8:1::2", "2001:db8:2::2", SERVER6],
    ["2001:db8:5::1", "2001:db8:4::1", "2001:db8:3::1", "2001:db8:1::1"],
)


@pytest.fixture(scope="module")
def longer_back() -> Iterator[Network]:
    """A network with one more router on the way back."""
    with detour() as network:
        yield network


def serve(network: Network, *arguments: str, ready: str) -> None:
    network.start("server", *UNPRIVILEGED, *command_line(), "serve", *arguments, ready=ready)


def judged(network: Network, target: str, there: list[str], back: list[str], *options: str) -> None:
    """Trace both ways as anybody, and find these."""
    document = traced(network, target, *BACK, *options, prefix=UNPRIVILEGED)
    reverse = document["reverse"]
    assert (path(document), path(reverse)) == (there, back)
    assert [hop["kind"] for hop in reverse["hops"]] == ["router"] * 3 + ["target"]
    assert [hop["lost"] for hop in reverse["hops"]] == [0] * 4
    assert (reverse["state"], reverse["refused"], reverse["reached"]) == ("traced", 0, True)
    (finding,) = [each for each in document["findings"] if each["direction"] == "backward"]
    assert finding["sentence"].endswith(" differ: 3 hops there, 4 back")
    assert document["ignored"] == {"forged": 0, "late": 0, "short": 0}


def test_a_way_back_that_is_longer_is_shown_hop_by_hop_and_said(longer_back: Network) -> None:
    serve(longer_back, "stamp://:7862", ready="7862")
    judged(longer_back, *OPEN)


def test_it_is_in_authenticated_mode_and_of_each_flow(longer_back: Network, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("a key of more than sixteen octets")
    file.chmod(0o600)
    key = ("--auth-key-file", str(file))
    serve(longer_back, "stamp://:7863", *key, ready="7863")
    judged(longer_back, *KEYED, *key, "--flows", "2")
