"""`python -m tests.fuzz [NAME...] --seconds N`: fuzz the parsers one after the other, each for so long.

With atheris (`pip install atheris`) the mutations are guided by coverage; without it they are hypothesis's. A finding
is kept in the corpus, ends the run of its target and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time

from tests.fuzz.corpus import FOLDER, inputs
from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Fuzz, print a line a target, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"of {', '.join(TARGETS)} (all)")
    parser.add_argument("--seconds", type=float, default=600, help="for each target (600)")
    parsed = parser.parse_args()
    unknown = [name for name in parsed.names if name not in TARGETS]
    if unknown:
        parser.error(f"no target {unknown[0]!r}: there are {', '.join(TARGETS)}")
    guided = importlib.util.find_spec("atheris") is not None
    print(f"mutations by {'atheris, guided by coverage' if guided else 'hypothesis'}")
    failed = 0
    for name in parsed.names or TARGETS:
        began = time.monotonic()
        command = [sys.executable, "-m", "tests.fuzz.guided", name, str(parsed.seconds)]
        code = subprocess.run(command, check=False).returncode if guided else _plain(name, parsed.seconds)
        failed += code != 0
        print(f"{name:<20} {'FOUND' if code else 'nothing'} in {time.monotonic() - began:.0f} s", flush=True)
    return int(failed > 0)


def _plain(name: str, seconds: float) -> int:
    from hypothesis import HealthCheck, given, settings, strategies as st
    from hypothesis.errors import HypothesisException

    end = time.monotonic() + seconds
    target = TARGETS[name]

    @settings(max_examples=1000, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutated(list(inputs(name))) | st.binary(max_size=4096))
    def play(data: bytes) -> None:
        try:
            target(data)
        except HypothesisException:
            raise
        except Exception:
            found.append(data)
            raise

    found: list[bytes] = []
    while time.monotonic() < end:
        try:
            play()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            print(f"{name}: {type(error).__name__}: {error}")
            (FOLDER / name).mkdir(parents=True, exist_ok=True)
            (FOLDER / name / f"found-{abs(hash(found[-1])):x}").write_bytes(found[-1])
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
