"""The same results with every fast path off: by request, and on a system that has none of what they are made of."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.program import TAKEN_AWAY
from tests.server import PATIENCE, everything, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.program import Netecho


@pytest.fixture(params=["by request", "for want of them"])
def portable(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The environment in which nothing of what the fast paths use is used, or nothing of it is there."""
    if request.param == "by request":
        return {"NETECHO_PORTABLE": "1"}
    return {"PYTHONPATH": TAKEN_AWAY}


@pytest.mark.parametrize("pace", [("-i", "1ms"), ("-i", "0")], ids=["paced", "closed loop"])
@pytest.mark.parametrize("target", ["self", "udp://self", "unix:", "tls://self", "stamp://self"])
def test_every_transport_is_probed_and_served(
    netecho: Netecho, portable: dict[str, Any], tmp_path: Path, target: str, pace: tuple[str, str]
) -> None:
    if target == "unix:":
        target = f"unix:{tmp_path}/echo"
        server = netecho.start("serve", target, "--format", "ndjson", **portable)
        assert server.event_named("listening")
    ended = netecho("probe", target, "-c", "50", *pace, "--json", **portable)
    document = ended.document
    assert (ended.code, ended.err) == (0, "")
    assert document["probes"] == document["probes"] | {"sent": 50, "received": 50, "lost": 0, "corrupt": 0}
    assert document["rtt"]["stamps"] == "user"


def test_a_server_of_several_workers_holds_many_clients(netecho: Netecho, portable: dict[str, Any]) -> None:
    program = netecho.start("serve", "127.0.0.1:0", "--workers", "2", "--format", "ndjson", **portable)
    port = program.event_named("listening")["port"]
    clients = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(20)]
    for client in clients:
        client.sendall(b"x" * 100_000)
        client.shutdown(socket.SHUT_WR)
    assert [len(everything(client)) for client in clients] == [100_000] * 20
    for client in clients:
        client.close()
    program.terminate()
    ended = program.end()
    assert (ended.code, ended.err) == (0, "")


def test_kernel_timestamps_that_are_asked_for_all_the_same_are_an_error(
    netecho: Netecho, portable: dict[str, Any]
) -> None:
    ended = netecho("probe", "self", "-c", "1", "--stamps", "kernel", **portable)
    assert ended.code == 3
    assert "--stamps kernel: there are no kernel timestamps here" in ended.err


def test_a_switch_that_is_0_is_off(netecho: Netecho) -> None:
    with serving(netecho, "127.0.0.1:0"):
        ended = netecho("probe", "self", "-c", "1", "--json", NETECHO_PORTABLE="0")
    assert ended.document["rtt"]["stamps"] == "kernel"
