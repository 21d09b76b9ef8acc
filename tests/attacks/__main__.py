"""`python -m tests.attacks [NAME]... [--seconds N]`: each attack, and how a client that behaves fared beside it.

`hostile_servers`: the probe against servers that do it harm; all of 200.
`--soak TIME`: all of them at once for that long, the figures of every minute, and a verdict.
"""

from __future__ import annotations

import argparse

from netecho.units import SECOND, parse_time
from tests.attacks import soak
from tests.attacks.hostile import hostile_servers
from tests.attacks.play import play
from tests.attacks.table import MIB, ROWS

HOSTILE_SERVERS = 200


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all of them without")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each (default: 5)")
    parser.add_argument("--soak", type=parse_time, metavar="TIME", help="all at once for so long, such as 1h")
    asked = parser.parse_args()
    if asked.soak is not None:
        print(soak.HEAD, flush=True)
        for sample in soak.soak(asked.soak / SECOND):
            print(sample, flush=True)
        print("as it has to be")
        return
    if asked.names == [hostile_servers.__name__]:
        hostile_servers(HOSTILE_SERVERS)
        return
    rows = [row for row in ROWS if not asked.names or row.attack.__name__ in asked.names]
    if not rows:
        parser.error(f"no such attack; there are {', '.join(dict.fromkeys(row.attack.__name__ for row in ROWS))}")
    print(f"{'attack':<28}{'server':<22}{'answered':>9}{'lost':>6}{'p99 ms':>9}{'MiB':>7}{'fds left':>9}{'stop s':>8}")
    for row in rows:
        done = play(row, asked.seconds)
        print(
            f"{row.name:<28}{' '.join(row.options)[:20]:<22}{done.answered:>9}{done.lost:>6}{done.p99_ms:>9.1f}"
            f"{done.memory / MIB:>7.1f}{done.descriptors:>9}{done.stopping:>8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
