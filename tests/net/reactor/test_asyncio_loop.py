"""The reactor over a caller's event loop: its calls are the loop's, and with the last of them nothing holds it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.error import AlreadyCalled, AlreadyCancelled

from netecho.net.reactor.asyncio_loop import LoopReactor

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

LONG = 3600


def on_a_loop(main: Callable[[LoopReactor], Coroutine[Any, Any, None]]) -> None:
    async def with_reactor() -> None:
        await main(LoopReactor(asyncio.get_running_loop()))

    asyncio.run(asyncio.wait_for(with_reactor(), 30))


def test_calls_come_in_the_order_of_their_times() -> None:
    async def main(reactor: LoopReactor) -> None:
        seen: list[str] = []
        ended = asyncio.Event()

        def note(name: str) -> None:
            seen.append(name)
            ended.set()

        reactor.callLater(0.02, note, "last")
        first = reactor.callLater(0, seen.append, "first")
        assert first.active()
        await ended.wait()
        assert seen == ["first", "last"]
        assert not first.active()
        with pytest.raises(AlreadyCalled):
            first.cancel()

    on_a_loop(main)


def test_a_call_that_was_called_off_holds_nothing() -> None:
    async def main() -> None:
        reactor = LoopReactor(asyncio.get_running_loop())
        call = reactor.callLater(LONG, print)
        call.cancel()
        with pytest.raises(AlreadyCancelled):
            call.cancel()
        held = weakref.ref(reactor)
        del reactor, call
        gc.collect()
        assert held() is None

    asyncio.run(main())


def test_a_call_may_be_brought_forward_or_put_off() -> None:
    async def main(reactor: LoopReactor) -> None:
        seen: list[str] = []
        ended = asyncio.Event()

        def note(name: str) -> None:
            seen.append(name)
            ended.set()

        sooner = reactor.callLater(LONG, note, "sooner")
        later = reactor.callLater(0, seen.append, "later")
        later.reset(LONG)
        sooner.reset(0.02)
        await ended.wait()
        assert seen == ["sooner"]
        assert later.active()
        later.delay(-LONG)
        while later.active():
            await asyncio.sleep(0.001)
        assert seen == ["sooner", "later"]

    on_a_loop(main)


def test_what_a_call_raises_is_the_loops_to_report() -> None:
    async def main(reactor: LoopReactor) -> None:
        reported = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.set_result(context["exception"]))
        wrong = reactor.callLater(0, int, "x")
        assert isinstance(await reported, ValueError)
        assert not wrong.active()

    on_a_loop(main)


def test_a_thread_calls_into_the_loop() -> None:
    async def main(reactor: LoopReactor) -> None:
        called = asyncio.get_running_loop().create_future()
        await asyncio.to_thread(reactor.callFromThread, called.set_result, "here")
        assert await called == "here"

    on_a_loop(main)


def test_a_thread_that_outlives_the_loop_has_nobody_to_call() -> None:
    async def main() -> LoopReactor:
        return LoopReactor(asyncio.get_running_loop())

    asyncio.run(main()).callFromThread(pytest.fail, "no loop is left to call this")
