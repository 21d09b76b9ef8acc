"""What lies between: names with several addresses, zones of link-local ones, links that are narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.namespace import Namespace, namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho


@pytest.fixture
def network(netecho: Netecho) -> Iterator[Namespace]:
    """A host with two links to itself, `here` and `there`, where commands run inside."""
    with namespace({"two-addresses.test": "192.0.2.1"}) as network:
        network.run("sh", "-c", "echo '127.0.0.1 two-addresses.test' >> /etc/hosts")
        network.run("ip", "link", "add", "name", "here", "type", "veth", "peer", "name", "there")
        network.run("ip", "address", "add", "192.0.2.1/24", "dev", "here")
        network.run("ip", "address", "add", "fe80::1/64", "dev", "here", "nodad")
        for link in ("here", "there"):
            network.run("ip", "link", "set", link, "up")
        netecho.prefix = network.prefix
        yield network


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("option", ["--connect-only", "--reconnect"])
def test_the_address_that_answered_is_the_targets(netecho: Netecho, option: str) -> None:
    server = netecho.start("serve", "tcp://127.0.0.1:7007", "--for", "30s")
    server.line()
    ended = netecho("probe", "tcp://two-addresses.test:7007", option, "-c", "2", "-i", "10ms", "--json")
    assert ended.code == 0, ended
    assert ended.document["target"]["address"] == "127.0.0.1"


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("scheme", ["udp", "tcp", "stamp"])
def test_the_zone_of_a_link_local_address_is_kept(netecho: Netecho, scheme: str) -> None:
    server = netecho.start("serve", f"{scheme}://[fe80::1%here]:7007", "--for", "30s")
    server.line()
    ended = netecho("probe", f"{scheme}://[fe80::1%here]:7007", "-c", "2", "-i", "10ms", "--json")
    assert ended.code == 0, ended
    assert ended.document["target"]["address"] == "fe80::1%here"


def test_what_is_too_large_says_so_with_the_mtu(netecho: Netecho, network: Namespace) -> None:
    network.run("ip", "link", "set", "lo", "mtu", "1400")
    server = netecho.start("serve", "udp://127.0.0.1:7007", "--for", "30s")
    server.line()
    asked = ("probe", "udp://127.0.0.1:7007", "-c", "4", "-i", "10ms", "-s", "64..1464:1400", "--format", "ndjson")
    refused = [event for event in netecho(*asked, "--dont-fragment").events if event["event"] == "lost"]
    assert [(event["size"], event["reason"], event["detail"]) for event in refused] == [
        (1464, "too_large", "path MTU 1400")
    ] * len(refused)
    assert refused
    assert netecho(*asked).events[-1]["probes"]["lost"] == 0


def test_a_literal_address_is_not_resolved_and_so_not_too_late(netecho: Netecho) -> None:
    ended = netecho("probe", "udp://127.0.0.1:9", "-W", "1ms", "-c", "1")
    assert "resolved" not in ended.err
