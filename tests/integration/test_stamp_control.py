"""Replies of another length, number and interval, asked of a server in its own process over a link with an MTU.

The rules are tested without a network in tests/stamp/test_reply_control.py; here it is processes, DF and the kernel's
path MTU.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from netecho.stamp.control import NO_COOKIE, Ask, Obedience
from netecho.stamp.control_sender import ControlledReply, ControlSender, least_request
from netecho.stamp.times import ErrorEstimate
from tests.namespace import namespace
from tests.peers import free_port
from tests.server import PATIENCE, Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.namespace import Namespace
    from tests.program import Netecho

SECOND = 1_000_000_000
UNSURE = ErrorEstimate.of(SECOND, synchronised=False)
LEAST = least_request()

CONTROL = """
import json, socket, sys
from netecho.net.client.reflected_control import ReflectedControl
from netecho.net.client.resolve import Address
from netecho.net.reactor.runner import run
host, port, *asks = sys.argv[1:]
async def main(reactor, _):
    six = ":" in host
    sockaddr = (host, int(port), 0, 0) if six else (host, int(port))
    control = ReflectedControl(reactor, Address(socket.AF_INET6 if six else socket.AF_INET, sockaddr))
    found = []
    for ask in asks:
        asked = await control.ask(*json.loads(ask), timeout=500_000_000)
        found.append({
            "obedience": asked.obedience,
            "replies": [[reply.number, reply.length, reply.after] for reply in asked.replies],
            "errors": [[error.loss.reason, error.mtu, error.local] for error in asked.errors],
        })
    control.close()
    return found
print(json.dumps(run(main)))
"""


class Link:
    """Two networks of one link: the server's and the client's."""

    def __init__(self, near: Namespace, far: Namespace) -> None:
        self.near, self.far = near, far
        near.run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(far.process.pid))
        for inside, name, number in ((near, "near", 1), (far, "far", 2)):
            inside.run("ip", "link", "set", name, "up")
            inside.run("ip", "address", "add", f"198.51.100.{number}/24", "dev", name)
            inside.run("ip", "address", "add", f"2001:db8::{number}/64", "dev", name, "nodad")

    def asked(self, host: str, *asks: list[int]) -> list[dict[str, Any]]:
        command = [*self.near.prefix, sys.executable, "-c", CONTROL, host, "7862", *map(json.dumps, asks)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


@pytest.fixture
def link(netecho: Netecho) -> Iterator[Link]:
    with namespace() as near, namespace() as far:
        link = Link(near, far)
        netecho.prefix = far.prefix
        server = Server(netecho.start("serve", "stamp://:7862", "--format", "ndjson"), 2)
        yield link
        server.stop()


HOSTS = {"198.51.100.2": 28, "2001:db8::2": 48}


@pytest.mark.parametrize("host", HOSTS)
def test_a_reply_longer_than_the_device_takes_is_as_long_as_that(link: Link, host: str) -> None:
    room = 1500 - HOSTS[host]
    whole, cut, after = link.asked(host, [LEAST, room], [LEAST, 4000, 3, SECOND], [LEAST, room])
    assert (whole["obedience"], [reply[1] for reply in whole["replies"]]) == ("as asked", [room])
    assert (cut["obedience"], [reply[:2] for reply in cut["replies"]]) == ("not as asked", [[0, room]])
    assert after == {**whole, "replies": after["replies"]}


@pytest.mark.parametrize("host", HOSTS)
def test_what_the_kernel_remembers_of_the_path_does_not_shorten_it(link: Link, host: str) -> None:
    room = 1500 - HOSTS[host]
    near = {"198.51.100.2": "198.51.100.1/32", "2001:db8::2": "2001:db8::1/128"}[host]
    link.far.run("ip", "route", "add", near, "dev", "far", "mtu", "1300")
    (asked,) = link.asked(host, [LEAST, room])
    assert (asked["obedience"], [reply[1] for reply in asked["replies"]]) == ("as asked", [room])
    counters = link.near.run("cat", "/proc/net/snmp", "/proc/net/snmp6")
    assert "Ip6ReasmReqds                   \t0\n" in counters
    names, values = (line.split() for line in counters.splitlines() if line.startswith("Ip: "))
    assert values[names.index("ReasmReqds")] == "0"


@pytest.mark.parametrize("host", HOSTS)
def test_a_black_hole_is_seen_in_its_direction_alone(link: Link, host: str) -> None:
    headers = HOSTS[host]
    link.near.run("ip", "link", "set", "near", "mtu", "1400")  # what comes and is longer is dropped in silence
    fits, lost, there, too_long = link.asked(
        host, [LEAST, 1400 - headers], [LEAST, 1500 - headers], [1400 - headers, 0], [1500 - headers, 0]
    )
    assert [reply[1] for reply in fits["replies"]] == [1400 - headers]
    assert lost == {"obedience": None, "replies": [], "errors": []}
    assert [reply[1] for reply in there["replies"]] == [LEAST]
    assert too_long["errors"] == [["too_large", 1400, True]]


def test_a_train_and_a_late_reply(link: Link) -> None:
    train, late = link.asked("198.51.100.2", [LEAST, 1200, 50, 500_000], [LEAST, 0, 2, 300_000_000])
    assert [reply[:2] for reply in train["replies"]] == [[number, 1200] for number in range(50)]
    _, (_, _, after) = late["replies"]
    assert after >= 300_000_000


def test_a_cookie_of_one_worker_is_obeyed_by_every_other(netecho: Netecho) -> None:
    """The kernel gives a flow to one worker, by both its addresses: of sixteen flows each worker has some."""
    hosts = [f"127.0.0.{number}" for number in range(1, 17)]
    port = free_port()
    addresses = [f"stamp://{host}:{port}" for host in hosts]
    with (
        serving(netecho, *addresses, "--workers", "2", listening=len(hosts)),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(PATIENCE)
        client.bind(("127.0.0.1", 0))
        sender = ControlSender(ssid=7)

        def ask(host: str, ask: Ask) -> ControlledReply:
            client.sendto(sender.request(time.time_ns(), LEAST, ask, UNSURE), (host, port))
            reply = sender.read(client.recv(65_535), time.time_ns())
            assert isinstance(reply, ControlledReply)
            return reply

        cookie = ask(hosts[0], Ask(0)).cookie
        assert cookie != NO_COOKIE
        for host in hosts:
            sender.cookie = cookie
            assert ask(host, Ask(1200)).obedience is Obedience.AS_ASKED


@pytest.mark.parametrize("options", [(), ("--symmetrical",)])
def test_an_open_server_sends_nobody_more_than_it_got_without_a_cookie(
    netecho: Netecho, options: tuple[str, ...]
) -> None:
    with (
        serving(netecho, "stamp://127.0.0.1:0", *options, listening=1) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", server.port["stamp"]))
        sender = ControlSender(ssid=7)
        for ask in (Ask(9000), Ask(9000, 100, 1_000_000)):
            sender.cookie = NO_COOKIE
            client.send(sender.request(time.time_ns(), 200, ask, UNSURE))
            assert len(client.recv(65_535)) == 200
        client.settimeout(0)
        with pytest.raises(BlockingIOError):
            client.recv(65_535)


@pytest.mark.parametrize(
    ("options", "key", "asked", "counts"),
    [
        ((), False, "1400", {"as_asked": 5, "refused": 0, "unknown": 0}),
        ((), True, "1400", {"as_asked": 5, "refused": 0, "unknown": 0}),
        ((), False, "0", {"as_asked": 5, "refused": 0, "unknown": 0}),
        ((), False, "20000", {"as_asked": 0, "refused": 5, "unknown": 0}),
        (("--symmetrical",), False, "0", {"as_asked": 0, "refused": 0, "unknown": 5}),
    ],
)
def test_a_probe_asks_for_replies_of_another_length(
    netecho: Netecho, tmp_path: Path, options: tuple[str, ...], key: bool, asked: str, counts: dict[str, int]
) -> None:
    (tmp_path / "key").write_text("an orchestrator gave us this key")
    (tmp_path / "key").chmod(0o600)
    keys = ("--auth-key-file", str(tmp_path / "key")) if key else ()
    with serving(netecho, "stamp://127.0.0.1:0", *options, *keys, listening=1) as server:
        target = f"stamp://127.0.0.1:{server.port['stamp']}"
        ended = netecho("probe", target, *keys, "-c", "5", "-i", "5ms", "--reply-size", asked, "--json")
        assert ended.code == 0, ended
        assert ended.document["settings"]["reply_size"] == int(asked)
        assert ended.document["stamp"]["reply_size"] == {"asked": int(asked), **counts}
        received = {name: ended.document["probes"][name] for name in ("received", "duplicate", "corrupt", "stray")}
        assert received == {"received": 5, "duplicate": 0, "corrupt": 0, "stray": 0}
        assert ended.document["stamp"]["reflector"]["extensions"] is True
