"""Addresses that mean nothing without their link: served, answered and named with it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.namespace import namespace
from tests.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.namespace import Namespace
    from tests.program import Netecho

SERVER, CLIENT = "fe80::1", "fe80::2"

ASK = """
import socket, sys
kind, port = sys.argv[1], int(sys.argv[2])
client = socket.socket(socket.AF_INET6, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
client.settimeout(20)
client.bind(("fe80::2", 0, 0, socket.if_nametoindex("near")))
client.connect(("fe80::1", port, 0, socket.if_nametoindex("near")))
client.send(b"are you there?")
assert client.recv(100) == b"are you there?"
"""


@pytest.fixture
def link() -> Iterator[Namespace]:
    """Two ends of a link, in one network."""
    with namespace() as inside:
        inside.run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far")
        for name, address in (("near", CLIENT), ("far", SERVER)):
            inside.run("ip", "link", "set", name, "up")
            inside.run("ip", "address", "add", f"{address}/64", "dev", name, "nodad")
        yield inside


@pytest.mark.parametrize("options", [(), ("-vv",)], ids=["fast", "one by one"])
@pytest.mark.parametrize("address", ["[fe80::1%far]:7100", ":7100"])
@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_it_is_served(netecho: Netecho, link: Namespace, kind: str, address: str, options: tuple[str, ...]) -> None:
    netecho.prefix = link.prefix
    program = netecho.start("serve", f"{kind}://{address}", "--format", "ndjson", *options)
    server = Server(program, 1 if address.startswith("[") else 2)
    if address.startswith("["):
        assert server.listening[0]["url"] == f"{kind}://{address}"
    command = [*link.prefix, sys.executable, "-c", ASK, kind, "7100"]
    asked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    if kind == "tcp":
        assert program.event_named("connected")["peer"].startswith("[fe80::2%far]:")
    elif options:
        assert program.event_named("received")["peer"].startswith("[fe80::2%far]:")
    server.stop()


@pytest.mark.parametrize("kind", ["tcp", "udp", "stamp"])
def test_and_probed(netecho: Netecho, link: Namespace, kind: str) -> None:
    netecho.prefix = link.prefix
    server = Server(netecho.start("serve", f"{kind}://[fe80::1%far]:7100", "--format", "ndjson"), 1)
    ended = netecho("probe", f"{kind}://[fe80::1%near]:7100", "-c", "5", "-i", "5ms", "--json")
    assert ended.code == 0, ended
    assert ended.document["probes"]["received"] == 5
    server.stop()
