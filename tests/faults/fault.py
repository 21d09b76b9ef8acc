"""What a fault is, as data, and how it comes into a network."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tests.faults.topology import SERVER, network
from tests.program import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.topology import Network

Hook = Literal["forward", "output", "track", "dstnat", "srcnat"]

HOOKS: dict[Hook, str] = {
    "forward": "type filter hook forward priority filter",
    "output": "type filter hook output priority filter",
    "track": "type filter hook prerouting priority filter",  # behind conntrack
    "dstnat": "type nat hook prerouting priority dstnat",
    "srcnat": "type nat hook postrouting priority srcnat",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """nftables rules of one chain of a router."""

    at: str = "near"
    hook: Hook = "forward"
    declared: str = ""
    """Objects of the table that the rules name: a helper, a timeout."""
    lines: tuple[str, ...]

    def table(self, name: str) -> str:
        """The table that holds them, as `nft -f` reads it."""
        chain = "\n".join([f"{HOOKS[self.hook]};", *self.lines])
        return f"table ip {name} {{\n{self.declared}\nchain {self.hook} {{\n{chain}\n}}\n}}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A Python module that runs on a host as long as the network, and prints a line when it is ready."""

    at: str = "near"
    module: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with a path: of the kernel's parts, and a program where it has none."""

    name: str
    sentence: str
    programs: tuple[Program, ...] = ()
    """They run first: a relay makes its device."""
    commands: str = ""
    """Shell commands, each of which names its host."""
    rules: tuple[Rules, ...] = ()
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Names that the hosts know, and their addresses."""
    target: str = SERVER
    """What a client is told to reach."""
    listens: tuple[str, ...] = ()
    """Where the server listens beside what `netecho serve` alone does."""
    options: tuple[str, ...] = ()
    """What a diagnosis is to be given so that it looks for this at all."""
    alone: bool = False
    """It takes so much of this machine that nothing else may be measured meanwhile."""

    def enter(self, made: Network) -> None:
        """Bring it into a network."""
        for program in self.programs:
            made.start(program.at, sys.executable, "-m", program.module, *program.arguments)
        if self.commands:
            made.shell(self.commands)
        for number, rules in enumerate(self.rules):
            made.run(rules.at, "nft", "-f", "-", given=rules.table(f"{self.name}-{number}"))


@contextlib.contextmanager
def faulty_network(faults: tuple[Fault, ...]) -> Iterator[Network]:
    """Make a network with those faults and no server in it."""
    with network({name: addresses for fault in faults for name, addresses in fault.names}) as made:
        for fault in faults:
            fault.enter(made)
        yield made


def serve(made: Network, faults: tuple[Fault, ...]) -> None:
    """Start `netecho serve` on the server, as it is alone, and what else the faults ask for."""
    more = [address for fault in faults for address in fault.listens]
    addresses = [":7007", *more, "stamp://:7862"] if more else []
    # Addresses are told in this order, IPv6 last.
    made.start("server", *command_line(), "serve", "-q", "--format", "ndjson", *addresses, ready='"stamp://[::]:7862"')
