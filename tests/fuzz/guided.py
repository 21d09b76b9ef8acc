"""One target under atheris, in a process of its own: `python -m tests.fuzz.guided NAME SECONDS`.

atheris has to see netecho's modules as they are imported, and its fuzzer never returns.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["netecho"]):
    from tests.fuzz.corpus import FOLDER, LARGEST, inputs
    from tests.fuzz.targets import TARGETS


def main(name: str, seconds: str) -> None:
    """Fuzz until the time is over or something is found, which is kept in the corpus."""
    with tempfile.TemporaryDirectory() as seeds:
        for number, data in enumerate(inputs(name)):
            (Path(seeds) / str(number)).write_bytes(data)
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
        options = [
            f"-max_total_time={max(1, round(float(seconds)))}",
            f"-max_len={LARGEST}",
            f"-artifact_prefix={FOLDER / name}/",
            "-timeout=60",
            "-rss_limit_mb=1024",
            "-verbosity=0",
        ]
        atheris.Setup([sys.argv[0], *options, seeds], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
