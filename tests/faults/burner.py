"""Takes a core of this machine until it is killed: `python -m tests.faults.burner`."""

from __future__ import annotations

import itertools


def main() -> None:
    print("burning", flush=True)
    for _ in itertools.count():
        pass


if __name__ == "__main__":
    main()
