"""A program that measures from Python: `python -m tests.benchmarks.api_program LOOP URL COUNT INTERVAL`.

LOOP is `asyncio` or `twisted`. It prints the round trip and the lag of each probe by its number, in microseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys

import netecho


async def measured(url: str, count: str, interval: str) -> dict[int, tuple[float, float]]:
    return {
        event.seq: (event.rtt * 1e6, event.lag * 1e6)
        async for event in netecho.events(url, count=count, interval=interval)
        if event.kind == "reply" and event.seq is not None and event.rtt is not None and event.lag is not None
    }


async def main(arguments: list[str]) -> None:
    print(json.dumps(await measured(*arguments)))


if __name__ == "__main__":
    if sys.argv[1] == "asyncio":
        asyncio.run(main(sys.argv[2:]))
    else:
        from twisted.internet.defer import ensureDeferred
        from twisted.internet.task import react

        react(lambda _: ensureDeferred(main(sys.argv[2:])))
