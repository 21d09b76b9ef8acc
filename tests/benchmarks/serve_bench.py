"""How fast the server is, and how bounded, side by side with others in one run.

    python tests/benchmarks/serve_bench.py [--rounds N] [--seconds S] [--only CASE,...] [--against DIR] [--json FILE]

Each server is pinned to the first core this process may use and the load generator to the second. The servers of a
case take turns, round after round, so that whatever else the machine is doing hits all of them alike; the figure is
the median of the rounds. `per cpu` is echoes (bytes) for each second of processor time that the server took, which is
what is left to compare when others use the cores too. With --against, the netecho of another checkout (installed in
its .venv) takes its turn as well, as `before`.

Needs a C compiler, and socat for `bulk`. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # it is run as a program, by its path
from tests.benchmarks.tools import command_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
MIB = 1 << 20
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
TCP, UDP = "tcp://127.0.0.1:0", "udp://127.0.0.1:0"
UNLIMITED = ["--max-rate", "0", "--max-connections", "0", "--max-per-client", "0"]

Result = dict[str, Any]


class Tools:
    """The C programs, compiled for this run."""

    def __init__(self, folder: str) -> None:
        for name in ("c_echo_server", "c_echo_load"):
            compiler = os.environ.get("CC", "cc")
            subprocess.run([compiler, "-O2", "-o", f"{folder}/{name}", str(HERE / f"{name}.c")], check=True)
        self.server = f"{folder}/c_echo_server"
        self._load = f"{folder}/c_echo_load"

    def load(self, *words: object, looked_at: Callable[[], Result] | None = None) -> Result:
        """Run a load to its end; `looked_at` is asked while its connections are still open."""
        command = ["taskset", "-c", str(LOAD_CORE), self._load, *map(str, words)]
        pipe = subprocess.PIPE
        with subprocess.Popen([*command, "-w"], stdin=pipe, stdout=pipe, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            said: Result = json.loads(process.stdout.readline())
            if looked_at is not None:
                said |= looked_at()
            process.stdin.write("\n")
        return said


@dataclass
class Server:
    """A server under test."""

    name: str
    pid: int
    port: int
    has_children: bool = False
    """Whether others do the work, so that its own processor time says nothing."""
    figures: list[Result] = field(default_factory=list)

    def cpu(self) -> float:
        """Seconds of processor time used so far by the process itself."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int:
        """Bytes of memory resident now."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * 4096

    def measured(self, load: Callable[[int], Result]) -> None:
        """Take one round's figures."""
        before = self.cpu()
        said = load(self.port)
        used = self.cpu() - before
        said["cpu_seconds"] = round(used, 3)
        said["per_cpu_second"] = round(said["echoes"] / used) if used and not self.has_children else None
        self.figures.append(said)

    def median(self, figure: str) -> float | None:
        values = [each[figure] for each in self.figures if each[figure] is not None]
        return statistics.median(values) if values else None


@contextlib.contextmanager
def started(name: str, command: list[str], *, pinned: bool = True) -> Iterator[Server]:
    """Start a server that says its port on its first line: `ready PORT`, or netecho's listening line."""
    pin = ["taskset", "-c", str(SERVER_CORE)] if pinned else []
    with subprocess.Popen([*pin, *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            port = json.loads(line)["port"] if line.startswith("{") else int(line.split()[1])
            yield Server(name, process.pid, port, has_children="--workers" in command)
        finally:
            process.terminate()


def plain_twisted() -> contextlib.AbstractContextManager[Server]:
    return started("plain Twisted", [sys.executable, str(HERE / "serve_plain_twisted.py")])


@contextlib.contextmanager
def socat() -> Iterator[Server]:
    """Socat echoing through a pipe; it has to be told a port, and is asked until it answers."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["taskset", "-c", str(SERVER_CORE), "socat", f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr", "PIPE"]
    with subprocess.Popen(command) as process:
        try:
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
            yield Server("socat PIPE", process.pid, port, has_children=True)
        finally:
            process.terminate()


class Bench:
    """One run of the benchmarks."""

    def __init__(self, tools: Tools, rounds: int, seconds: float, datagrams: int, before: list[str] | None) -> None:
        self.tools = tools
        self.rounds = rounds
        self.seconds = seconds
        self.datagrams = datagrams
        self.commands = {"netecho": [sys.executable, "-P", "-m", "netecho"]}
        if before is not None:
            self.commands["before"] = before

    def _netecho(
        self, *arguments: str, name: str = "", pinned: bool = True
    ) -> list[contextlib.AbstractContextManager[Server]]:
        """Our server, and the one before where there is one; `name` is put behind theirs."""
        options = ["--format", "ndjson", "-q", *UNLIMITED]
        return [
            started(f"{whose} {name}".strip(), [*command, "serve", *arguments, *options], pinned=pinned)
            for whose, command in self.commands.items()
        ]

    def _in_turn(
        self, servers: list[contextlib.AbstractContextManager[Server]], load: Callable[[int], Result]
    ) -> list[Server]:
        with contextlib.ExitStack() as stack:
            running = [stack.enter_context(each) for each in servers]
            for server in running:  # once for nothing: imports, caches, buffers
                load(server.port)
            for _ in range(self.rounds):
                for server in running:
                    server.measured(load)
            return running

    def _alone(self, address: str, measure: Callable[[Server], Result]) -> Result:
        """Measure our server alone, then the one before; its figures stand under `before`."""
        said: dict[str, Result] = {}
        for each in self._netecho(address):
            with each as server:
                said[server.name] = measure(server)
        ours = said.pop("netecho")
        return ours | said

    def tcp(self) -> Result:
        """Echoes a second over TCP: 50 connections, 64 bytes, one core."""
        servers = [started("C epoll", [self.tools.server, "tcp", "0"]), *self._netecho(TCP), plain_twisted()]
        running = self._in_turn(servers, lambda port: self.tools.load("tcp", port, 50, 64, self.seconds))
        return _compared(running, "C epoll", at_least=0.65)

    def udp(self) -> Result:
        """Echoes a second over UDP: 64 outstanding, 64 bytes, one core."""
        servers = [started("C", [self.tools.server, "udp", "0"]), *self._netecho(UDP)]
        running = self._in_turn(servers, lambda port: self.tools.load("udp", port, 64, 64, self.seconds))
        return _compared(running, "C", at_least=0.65)

    def bulk(self) -> Result:
        """Bytes a second through one TCP connection."""
        has_socat = shutil.which("socat") is not None
        servers = [*([socat()] if has_socat else []), *self._netecho(TCP), plain_twisted()]
        running = self._in_turn(servers, lambda port: self.tools.load("bulk", port, 1, 65536, 256 * self.seconds))
        against_twisted = _compared(running, "plain Twisted", at_least=1.0)
        if not has_socat:
            return against_twisted
        against_socat = _compared(running, "socat PIPE", at_least=0.5)
        return against_socat | {
            "met": against_socat["met"] and against_twisted["met"],
            "ratio_to_plain_twisted": against_twisted["ratio"],
            "cpu_ratio_to_plain_twisted": against_twisted["cpu_ratio"],
        }

    def workers(self) -> Result:
        """Echoes a second over TCP with two workers; the load shares their cores."""
        servers = [
            *self._netecho(TCP, pinned=False, name="1 worker"),
            *self._netecho(TCP, "--workers", "2", pinned=False, name="2 workers"),
        ]
        running = self._in_turn(servers, lambda port: self.tools.load("tcp", port, 50, 64, self.seconds))
        return {"servers": [_row(each) for each in running]}

    def many(self) -> Result:
        """10,000 connections, each echoing once a second."""

        def measure(server: Server) -> Result:
            said = self.tools.load("many", server.port, 10_000, 64, 10, looked_at=lambda: {"rss": server.resident()})
            return said | {"met": said["lost"] == 0 and said["rss"] <= 150 * MIB}

        return self._alone(TCP, measure)

    def stuck(self) -> Result:
        """1,000 clients that send for ever and never read, and one that behaves."""

        def measure(server: Server) -> Result:
            said = self.tools.load("stuck", server.port, 1_001, 64, 15, looked_at=lambda: {"rss": server.resident()})
            return said | {"met": said["rss"] <= 150 * MIB and said["p99_us"] <= 50_000}

        return self._alone(TCP, measure)

    def memory(self) -> Result:
        """Resident memory before and after ten million datagrams."""

        def measure(server: Server) -> Result:
            self.tools.load("udpcount", server.port, 64, 64, self.datagrams // 100)
            before = server.resident()
            said = self.tools.load("udpcount", server.port, 64, 64, self.datagrams)
            after = server.resident()
            return said | {"rss_before": before, "rss": after, "met": after - before <= MIB}

        return self._alone(UDP, measure)


def _row(server: Server) -> Result:
    figures = ("per_second", "per_cpu_second", "p50_us", "p99_us")
    return {"name": server.name, **{each: server.median(each) for each in figures}, "rounds": server.figures}


def _compared(servers: list[Server], reference: str, *, at_least: float) -> Result:
    """Netecho's figures as a part of the reference's."""
    (ours,) = (each for each in servers if each.name == "netecho")
    (theirs,) = (each for each in servers if each.name == reference)
    ratio = _ratio(ours, theirs)
    before = [_ratio(ours, each) for each in servers if each.name == "before"]
    ours_by_cpu, theirs_by_cpu = ours.median("per_cpu_second"), theirs.median("per_cpu_second")
    return {
        "servers": [_row(each) for each in servers],
        "reference": reference,
        "goal": at_least,
        "ratio": round(ratio, 3),
        "cpu_ratio": round(ours_by_cpu / theirs_by_cpu, 3) if ours_by_cpu and theirs_by_cpu else None,
        "met": ratio >= at_least,
        **({"ratio_to_before": round(before[0], 3)} if before else {}),
    }


def _ratio(ours: Server, theirs: Server) -> float:
    """Echoes a second against the other's, round by round: both of a pair were measured within seconds."""
    pairs = zip(ours.figures, theirs.figures, strict=True)
    return float(statistics.median(one["per_second"] / other["per_second"] for one, other in pairs))


def _shown(case: str, result: Result) -> str:
    lines = [f"{case}: {getattr(Bench, case).__doc__}"]
    for row in result.get("servers", ()):
        by_cpu = f"{row['per_cpu_second']:>14,.0f} per cpu s" if row["per_cpu_second"] else ""
        tail = "" if case == "bulk" else f"  p99 {row['p99_us'] / 1000:.2f} ms"
        lines.append(f"  {row['name']:14}{row['per_second']:>14,.0f}/s{tail}{by_cpu}")
    if "ratio" in result:
        lines.append(_part(result["reference"], result["ratio"], result["cpu_ratio"], result["goal"]))
    if "ratio_to_plain_twisted" in result:
        by_cpu = result["cpu_ratio_to_plain_twisted"]
        lines.append(_part("plain Twisted", result["ratio_to_plain_twisted"], by_cpu, 1.0))
    if "ratio_to_before" in result:
        lines.append(f"  {result['ratio_to_before']:.2f} of before")
    if "rss" in result:
        before = f" (before: {result['rss_before'] / MIB:.1f})" if "rss_before" in result else ""
        lines.append(
            f"  {result['echoes']:,} echoes, {result['lost']} lost, p99 {result['p99_us'] / 1000:.2f} ms, "
            f"resident {result['rss'] / MIB:.1f} MiB{before}"
        )
    if "met" in result:
        lines.append("  met" if result["met"] else "  NOT MET")
    if "before" in result:
        lines += ["  before:", *_shown(case, result["before"]).splitlines()[1:]]
    return "\n".join(lines)


def _part(reference: str, ratio: float, by_cpu: float | None, goal: float) -> str:
    also = f", by processor time {by_cpu:.2f}" if by_cpu else ""
    return f"  {ratio:.2f} of {reference}{also}; goal {goal}"


CASES = ("tcp", "udp", "bulk", "workers", "many", "stuck", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round")
    parser.add_argument("--datagrams", type=int, default=10_000_000, help="of the case memory")
    parser.add_argument("--only", default=",".join(CASES), help="cases, with commas between")
    parser.add_argument("--against", type=Path, metavar="DIR", help="another checkout, measured in the same rounds")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results: Result = {"cores": [SERVER_CORE, LOAD_CORE], "python": sys.version.split()[0]}
    before = None if options.against is None else command_of(options.against)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Tools(folder), options.rounds, options.seconds, options.datagrams, before)
        for case in options.only.split(","):
            load = os.getloadavg()[0]
            results[case] = getattr(bench, case)() | {"load_average": [load, os.getloadavg()[0]]}
            print(_shown(case, results[case]), flush=True)
            print(f"  load average of the machine before and after: {load:.1f}, {os.getloadavg()[0]:.1f}\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
