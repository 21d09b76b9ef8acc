"""The attacker, in a process of its own: `python -m tests.attacks.attacker ATTACK PORTS SECONDS [SOURCE]`."""

from __future__ import annotations

import json
import os
import sys

from tests.attacks.attack import LOOPBACK, Deadline, Victim
from tests.attacks.table import ROWS


def main(name: str, ports: str, seconds: str, source: str = LOOPBACK) -> None:
    """Attack what listens on these ports, for so long."""
    attack = next(row.attack for row in ROWS if row.attack.__name__ == name)
    attack(Victim(json.loads(ports), source), Deadline(float(seconds)))
    os._exit(0)  # thousands of sockets need no tidying


if __name__ == "__main__":
    main(*sys.argv[1:])
