"""A program that uses every public name, for type checkers and as a test: `python -m tests.api.sample_program`."""

from __future__ import annotations

import asyncio

import netecho
from netecho import (
    Endpoint,
    Event,
    Losses,
    NetechoError,
    ProbeOptions,
    ProbeResult,
    Probes,
    RunningServer,
    ServeOptions,
    Setup,
    Time,
    Times,
    UnreachableError,
    UsageError,
    Variation,
    events,
    probe,
    probe_sync,
    serve,
)


def described(result: ProbeResult) -> str:
    """A result in words, each part under its type."""
    rtt: Times = result.rtt
    probes: Probes = result.probes
    variation: Variation = result.variation
    setup: Setup = result.setup
    target: Endpoint = result.target
    slowest: Time | None = rtt.max
    loss: float | None = probes.loss_percent
    jitter: Time | None = variation.jitter_rfc3550
    return (
        f"{target.url}: {probes.received}/{probes.sent}, loss {loss}, max {slowest}, jitter {jitter},"
        f" connected in {setup.connect}, {'ok' if result.ok else result.failed}"
    )


async def measured(server: RunningServer) -> list[str]:
    options: ProbeOptions = {"count": 3, "interval": "1ms", "fail_if": ["rtt.p99>5s"]}
    lines: list[str] = []
    for url in server.urls:
        result: ProbeResult = await probe(url, **options)
        lines.append(described(result))
        lost: list[Losses] = [*result.losses]
        lines += [f"{each.lost} {each.reason}, {each.detail}, from {each.first} to {each.last}" for each in lost]
    event: Event
    async for event in events(server.urls[0], count=2, interval=0.001):
        rtt: Time | None = event.rtt
        lines.append(f"{event.kind} {event.seq} {rtt}")
    return lines


async def main() -> None:
    options: ServeOptions = {"max_connections": 10, "idle_timeout": "1s"}
    async with serve("tcp://127.0.0.1:0", "udp://127.0.0.1:0", **options) as server:
        for line in await measured(server):
            print(line)
        refused: int = server.totals.refused
        print(refused, "refused")


def without_a_loop() -> NetechoError:
    """What is wrong comes as an error with a sentence."""
    try:
        probe_sync("tcp://127.0.0.1", count=0, interval="1 parsec")
    except UnreachableError as error:
        return error
    except UsageError as error:
        return error
    raise AssertionError("no error")


if __name__ == "__main__":
    asyncio.run(main())
    print(without_a_loop().sentence, netecho.__version__)
