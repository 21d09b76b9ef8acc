"""`python -m tests.benchmarks`."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

import tests.benchmarks
from tests.benchmarks import bench, tools


def found() -> list[bench.Benchmark]:
    """Every benchmark of the package, by module and in the module's order."""
    names = sorted(info.name for info in pkgutil.iter_modules(tests.benchmarks.__path__) if info.name != "__main__")
    modules = [importlib.import_module(f"tests.benchmarks.{name}") for name in names]
    return [each for module in modules for each in getattr(module, "BENCHMARKS", ())]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=tests.benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only benchmarks whose name begins so")
    parser.add_argument("--rounds", type=int, default=5, help="rounds whose median is taken (5)")
    parser.add_argument("--quick", action="store_true", help="one short round of each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures of every round there")
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="measure this checkout too, in the same rounds: before and after"
    )
    parser.add_argument("--list", action="store_true", help="say what there is, and measure nothing")
    arguments = parser.parse_args()
    chosen = [b for b in found() if not arguments.names or b.name.startswith(tuple(arguments.names))]
    if not chosen:
        parser.error("no benchmark's name begins so; see --list")
    if arguments.list:
        print(bench.listing(chosen))
        return 0
    scale = bench.Scale(quick=arguments.quick)
    before = None if arguments.against is None else tools.command_of(arguments.against)
    results = bench.measure(chosen, 1 if arguments.quick else arguments.rounds, scale, _progress, before)
    print(bench.table(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(bench.document(results, scale), indent=1) + "\n")
    return 0


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
