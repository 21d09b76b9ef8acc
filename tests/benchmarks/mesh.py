"""Five nodes as a mesh around one switch, scraped by real Prometheus: one is cut off and mended, by `netecho matrix`.

Each node has the same file, probes the others each 100 ms over STAMP and answers them. It is seen how long it takes
until the matrix says that a node is down, and that it is back; and whether loss that is made in one direction of one
path is in that cell, and in no other.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure
from tests.faults.topology import BrokenError, network, refusal
from tests.program import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.bench import Scale
    from tests.faults.topology import Network

NODES = ("ams", "fra", "lon", "nyc", "syd")
CUT, LOSSY = "fra", ("lon", "fra")
SWITCH, PROMETHEUS = "switch", "http://10.77.0.254:9090"
EVERY = 2
"""Seconds from one scrape to the next."""
PATIENCE = 120
STAR = f"""
ip netns add {SWITCH}; ip -n {SWITCH} link set lo up
ip -n {SWITCH} link add br0 type bridge; ip -n {SWITCH} link set br0 up; ip -n {SWITCH} addr add 10.77.0.254/24 dev br0
""" + "".join(
    f"""
ip netns add {node}; ip -n {node} link set lo up
ip link add {node} netns {SWITCH} type veth peer name eth0 netns {node}
ip -n {SWITCH} link set {node} master br0 up
ip -n {node} addr add 10.77.0.{n}/24 dev eth0; ip -n {node} link set eth0 up
"""
    for n, node in enumerate(NODES, 1)
)
CONFIG = '[serve]\nlisten = ["stamp://:7862"]\n[defaults]\ninterval = "100ms"\n' + "".join(
    f'[[targets]]\nname = "{node}"\ntarget = "stamp://10.77.0.{n}:7862"\n' for n, node in enumerate(NODES, 1)
)
SCRAPES = json.dumps(
    {
        "global": {"scrape_interval": f"{EVERY}s", "scrape_timeout": f"{EVERY}s"},
        "scrape_configs": [
            {
                "job_name": "netecho",
                "authorization": {"credentials": "0123456789abcdef"},
                "static_configs": [{"targets": [f"10.77.0.{n}:9862" for n in range(1, len(NODES) + 1)]}],
            }
        ],
    }
)
DROPS = """
table inet lossy {
  chain input { type filter hook input priority 0; ip saddr 10.77.0.3 udp dport 7862 numgen random mod 5 0 drop; }
}
"""


def start(made: Network, folder: Path) -> None:
    """Start the nodes, and Prometheus at the switch."""
    (folder / "mesh.toml").write_text(CONFIG)
    (folder / "token").write_text("0123456789abcdef")
    (folder / "token").chmod(0o600)
    (folder / "prometheus.json").write_text(SCRAPES)
    for node in NODES:
        made.start(
            node,
            *(*COMMAND, "monitor", "--config", str(folder / "mesh.toml"), "--node", node, "--serve"),
            *("--listen", "0.0.0.0:9862", "--allow-remote", "--token-file", str(folder / "token")),
            ready="answering",
        )
    storage = f"--storage.tsdb.path={folder / 'data'}"
    made.start(
        SWITCH,
        *("sh", "-c", 'exec "$0" "$@" 2>&1', "prometheus", f"--config.file={folder / 'prometheus.json'}", storage),
        *("--web.listen-address=10.77.0.254:9090", "--enable-feature=native-histograms"),
        ready="ready to receive",
    )


def cells(made: Network) -> dict[tuple[str, str], dict[str, Any]]:
    """What the matrix says now."""
    found = json.loads(made.run(SWITCH, *COMMAND, "matrix", "--prometheus", PROMETHEUS, "--window", "20s", "--json"))
    return {(each["node"], each["target"]): each for each in found["cells"]}


def until(made: Network, came: Callable[[dict[tuple[str, str], dict[str, Any]]], bool]) -> float:
    """Ask for the matrix until it is so, and return how long that took."""
    began = time.monotonic()
    while True:
        try:
            found = cells(made)
        except BrokenError:  # there is no figure of any node yet
            found = {}
        if came(found):
            return time.monotonic() - began
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError(f"it was not so within {PATIENCE} s: {found}")


def all_work(found: dict[tuple[str, str], dict[str, Any]]) -> bool:
    pairs = [(here, there) for here in NODES for there in NODES if here != there]
    return all(pair in found and found[pair]["state"] == "up" and found[pair]["p99_ms"] for pair in pairs)


def _round(scale: Scale) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name, network(links=STAR) as made:
        start(made, Path(name))
        until(made, all_work)
        others = [node for node in NODES if node != CUT]
        made.shell(f"ip -n {SWITCH} link set {CUT} down\n")
        down = until(made, lambda found: all(found[node, CUT]["state"] not in (None, "up") for node in others))
        made.shell(f"ip -n {SWITCH} link set {CUT} up\n")
        back = until(made, all_work)
        made.run(CUT, "nft", "-f", "-", given=DROPS)
        time.sleep(scale.of(40, 30))  # the window, and what was lost before is not in it
        ways = {pair: cell["one_way"]["loss_percent"] or 0.0 for pair, cell in cells(made).items()}
        return {"down": down, "back": back, "lossy way": ways.pop(LOSSY), "other ways": max(ways.values())}


def _missing() -> str | None:
    return refusal() or tools.need("prometheus")()


BENCHMARKS = (
    Benchmark(
        "mesh",
        "five nodes, one cut off and mended, 20% lost on one way of one path",
        (
            Figure("down", "s until the matrix says so", ("<=", 15)),
            Figure("back", "s until the matrix says so", ("<=", 30)),
            Figure("lossy way", "%"),
            Figure("other ways", "%", ("<=", 0)),
        ),
        _round,
        _missing,
    ),
)
