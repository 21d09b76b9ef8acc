"""The network of every scenario: two hosts, two routers between them, and two links between the routers.

                 192.0.2.0/24           10.1.0.0/24               198.51.100.0/24
        client ----------------- near =============== far ------------------------- server
             .2               .1        10.2.0.0/24                             .1   .2

What is sent from the client to the server goes forward. An interface is named for the neighbour behind it: `near` has
`client`, `far` and `far2`. Without a fault the second link is idle. IPv6 is there from the client to `near`.

Everything lives in one process ID namespace and one mount namespace, the first process of which reads from a pipe of
ours: when we end, however that comes, the kernel ends every process of the network, and the network with them.
No name of it is seen outside, so that several can be played side by side.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tests.peers import permitted
from tests.place import set_namespace
from tests.program import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOSTS = ("client", "near", "far", "server")
CLIENT = "192.0.2.2"
SERVER = "198.51.100.2"
BETWEEN = "10.1.0.1"
"""Of `near`, on the first link between the routers: who the client is behind a translation."""

PROGRAMS = ("ip", "tc", "nft", "conntrack", "sysctl", "unshare", "nsenter", "getent")
UNSHARE = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
ROOT = Path(__file__).parents[2]

# `ip netns` keeps its names in /run/netns: a /run of our own keeps them to ourselves. The first field of
# /proc/self/stat is this process as it is known outside, as long as /proc is still the one of outside.
HOLD = """
read -r pid rest </proc/self/stat
mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs run /run && echo "$pid" && exec cat
"""


def arranged(commands: str) -> str:
    """Return commands that make a network by what they are for, those for one host in the hands of one `ip`.

    First the namespaces, then what is set in them, the links, and what each host does with its own. (Most of the time
    that an `ip` takes is its start: with one for each command a network took twice as long.)
    """
    script = ""
    for (step, host), lines in groupby(sorted(filter(None, commands.splitlines()), key=_step), _step):
        if step == "1 set":
            script += "".join(f"{line}\n" for line in lines)
            continue
        before = f"ip -n {host} " if host else "ip "
        given = "".join(f"{line.removeprefix(before)}\n" for line in lines)
        script += f"{before}-batch - <<'END'\n{given}END\n"
    return script


def _step(command: str) -> tuple[str, str]:
    match command.split():
        case ["ip", "netns", "add", _]:
            return "0 namespaces", ""
        case ["ip", "-n", host, "link", "add", *_]:
            return "2 links", host
        case ["ip", "-n", host, *_]:
            return "3 addresses and routes", host
    return "1 set", ""


def _address(host: str, device: str, address: str) -> str:
    # One segment a packet: what a router drops by its length is what would be on a wire, not what the kernel joined.
    return f"ip -n {host} address add {address} dev {device}\nip -n {host} link set {device} up gso_max_segs 1\n"


LINKS = arranged(
    "".join(f"ip netns add {host}\nip -n {host} link set lo up\n" for host in HOSTS)
    + "".join(
        f"ip netns exec {router} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
        "net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0\n"
        for router in ("near", "far")
    )
    + """
ip -n client link add near type veth peer name client netns near
ip -n near link add far type veth peer name near netns far
ip -n near link add far2 type veth peer name near2 netns far
ip -n far link add server type veth peer name far netns server
"""
    + _address("client", "near", "192.0.2.2/24")
    + _address("near", "client", "192.0.2.1/24")
    + _address("near", "far", "10.1.0.1/24")
    + _address("far", "near", "10.1.0.2/24")
    + _address("near", "far2", "10.2.0.1/24")
    + _address("far", "near2", "10.2.0.2/24")
    + _address("far", "server", "198.51.100.1/24")
    + _address("server", "far", "198.51.100.2/24")
    + """
ip -n client address add 2001:db8:1::2/64 dev near nodad
ip -n near address add 2001:db8:1::1/64 dev client nodad
ip -n client route add default via 192.0.2.1
ip -n client route add default via 2001:db8:1::1
ip -n near route add 198.51.100.0/24 via 10.1.0.2
ip -n far route add 192.0.2.0/24 via 10.1.0.1
ip -n server route add default via 198.51.100.1
"""
)


def refusal() -> str | None:
    """Why there can be no such network here; None where there can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)}: not installed"
    if os.geteuid() != 0:
        return "networks with faults need root"
    if not permitted(*UNSHARE, "nft", "list", "ruleset"):
        return "network namespaces with nftables are not permitted here"
    return None


class BrokenError(Exception):
    """A part of the network could not be made, or a command in it failed: what it said."""


class Network:
    """The namespaces, for as long as `network()` holds them."""

    def __init__(self, holder: int) -> None:
        self.holder = holder
        self.programs: list[subprocess.Popen[bytes]] = []

    def command(self, host: str, *arguments: str) -> list[str]:
        """A command line as it is run on that host."""
        inside = ["nsenter", f"--target={self.holder}", "--mount", "--pid", f"--wd={ROOT}"]
        return [*inside, "ip", "netns", "exec", host, *arguments]

    def run(self, host: str, *arguments: str, given: str = "") -> str:
        """Run a command on a host to its end and return what it printed."""
        done = subprocess.run(
            self.command(host, *arguments), input=given, capture_output=True, text=True, check=False, env=environment()
        )
        if done.returncode != 0:
            raise BrokenError(f"{' '.join(arguments)} on {host}: {done.stderr or done.stdout}")
        return done.stdout

    def start(self, host: str, *arguments: str, ready: str = "") -> None:
        """Start a program that runs as long as the network, and wait for the first line with `ready` in it."""
        program = subprocess.Popen(
            self.command(host, *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment()
        )
        self.programs.append(program)
        assert program.stdout is not None
        if not any(ready in line.decode() for line in program.stdout):
            raise BrokenError(f"{' '.join(arguments)} on {host} ended with {program.wait()}")

    def shell(self, script: str) -> None:
        """Run commands that name the host they are for: `ip -n near ...`, `ip netns exec near ...`."""
        inside = ["nsenter", f"--target={self.holder}", "--mount", "--pid", "sh", "-e"]
        done = subprocess.run(inside, input=script, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise BrokenError(f"{script}: {done.stderr}")

    def socket(self, host: str, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        """A socket of this process, in that host's namespace: a socket stays where it was made."""
        with self._inside(host):
            return socket.socket(family, kind)

    def octets(self) -> int:
        """What the client's interface has sent and received until now."""
        folder = "/sys/class/net/near/statistics"
        return sum(int(line) for line in self.run("client", "cat", f"{folder}/rx_bytes", f"{folder}/tx_bytes").split())

    @contextlib.contextmanager
    def _inside(self, host: str) -> Iterator[None]:
        """Bring this thread, and none other, into the namespace of that host."""
        with (
            Path("/proc/thread-self/ns/net").open("rb") as ours,
            Path(f"/proc/{self.holder}/root/run/netns/{host}").open("rb") as theirs,
        ):
            set_namespace(theirs.fileno())
            try:
                yield
            finally:
                set_namespace(ours.fileno())


@contextlib.contextmanager
def network(names: Mapping[str, tuple[str, ...]] | None = None, links: str = LINKS) -> Iterator[Network]:
    """Make the network without any fault, or another by `links`; in it, the names of `names` have those addresses."""
    process = subprocess.Popen([*UNSHARE, "sh", "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    made = None
    try:
        holder = process.stdout.readline()
        if not holder:
            raise BrokenError("the namespaces could not be made")
        made = Network(int(holder))
        made.shell(_hosts(names or {}) + links)
        yield made
    finally:
        process.communicate()  # closes what the first process reads, which ends it and all the others
        for program in made.programs if made else ():
            program.communicate()


def _hosts(names: Mapping[str, tuple[str, ...]]) -> str:
    """Commands after which those names, and localhost, are all that is known inside."""
    known = {"localhost": ("127.0.0.1",), **names}
    lines = "\n".join(f"{address} {name}" for name, addresses in known.items() for address in addresses)
    return f"""
cat >/run/hosts <<'END'
{lines}
END
touch /run/resolv.conf
mount --bind /run/hosts /etc/hosts
mount --bind /run/resolv.conf /etc/resolv.conf
"""
