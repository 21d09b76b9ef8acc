"""What is asked of Prometheus about a monitor's metrics, from the table of their names.

Histograms are asked for as native ones, and where there are none as classic ones: Prometheus keeps the one kind or the
other, by how it scrapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.report.prometheus.families import (
    BUILD_INFO,
    DIRECTION,
    LOST,
    NODE,
    ONE_WAY,
    RECEIVED,
    RTT,
    STATE,
    TARGET,
    TARGET_STATE,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.report.prometheus.families import Family

_KNOWN = "1d"
"""A node that was there so lately is one: when it is cut off there are no figures of it, and it is looked for."""
PAIR = (NODE, TARGET)
"""What tells one path of a mesh from the others."""


def quantile(share: float, family: Family, window: str, by: Sequence[str] = PAIR, where: str = "") -> str:
    """Return a quantile over a window (`5m`), of all histograms with the same labels `by` together."""
    labels = ", ".join(by)
    native = f"histogram_quantile({share:g}, sum by ({labels}) (rate({family.name}{where}[{window}])))"
    both = ", ".join(("le", *by))
    classic = f"histogram_quantile({share:g}, sum by ({both}) (rate({family.name}_bucket{where}[{window}])))"
    return f"{native} or {classic}"


def loss_ratio(window: str, by: Sequence[str] = PAIR, where: str = "") -> str:
    """Return what share was lost over a window, from 0 to 1, of the probes whose fate is known."""
    labels = ", ".join(by)
    lost, received = (f"sum by ({labels}) (rate({each.name}{where}[{window}]))" for each in (LOST, RECEIVED))
    return f"{lost} / ({lost} + {received})"


def mesh(window: str) -> dict[str, str]:
    """Return what a matrix is made of, by what each is: the nodes, and the rest by `node` and `target`."""
    pair, of_way = ", ".join(PAIR), ", ".join((*PAIR, DIRECTION))
    return {
        "nodes": f"max by ({NODE}) (max_over_time({BUILD_INFO.name}[{_KNOWN}]))",
        "p50": quantile(0.5, RTT, window),
        "p99": quantile(0.99, RTT, window),
        "received": f"sum by ({pair}) (increase({RECEIVED.name}[{window}]))",
        "lost": f"sum by ({of_way}) (increase({LOST.name}[{window}]))",
        "state": f"max by ({pair}, {STATE}) ({TARGET_STATE.name}) == 1",
        "oneway_p50": quantile(0.5, ONE_WAY, window, (*PAIR, DIRECTION)),
        "oneway_p99": quantile(0.99, ONE_WAY, window, (*PAIR, DIRECTION)),
    }
