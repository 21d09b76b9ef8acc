"""`netecho.serve`: an echo server inside a program, for as long as a block runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netecho.api.options import ServeOptions, server_settings

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Unpack

    from netecho.api.world import World
    from netecho.echo.totals import Totals


class RunningServer:
    """A server that serves: where it listens, and what it has done so far."""

    def __init__(self, bound: Any, server: Any, world: World) -> None:
        self.urls: tuple[str, ...] = tuple(each.url for each in bound)
        """Where to reach it, as `netecho.probe` takes them: with the real ports."""
        self.port: int | None = bound[0].port
        """Of the first address; None for a Unix socket."""
        self._server = server
        self._world = world

    @property
    def totals(self) -> Totals:
        """What was done so far: connections, datagrams, bytes, refusals."""
        return self._server.totals  # type: ignore[no-any-return]

    async def _stop(self) -> None:
        from twisted.internet.defer import Deferred

        await self._world.wait(Deferred.fromCoroutine(self._server.stop()))


class serve:  # noqa: N801 - it reads as a verb: async with netecho.serve(...) as server
    """Serve on `addresses`, written as for `netecho serve`, while a block runs.

    Without any it is TCP and UDP on port 7007, and STAMP on 7862. The options are the command's. Raises UsageError for
    what is wrong with the arguments, UnreachableError for an address that cannot be listened on. At the end no
    connection is accepted any more, and those that are open have up to 5 seconds to be drained.
    """

    def __init__(self, *addresses: str, **options: Unpack[ServeOptions]) -> None:
        self._addresses = addresses
        self._options = options
        self._server: RunningServer

    async def __aenter__(self) -> RunningServer:
        """Listen and serve."""
        from twisted.internet.defer import Deferred

        from netecho.api.world import world
        from netecho.net.server.process import Server
        from netecho.net.server.sockets import bind_all, close_all
        from netecho.net.server.tls import tls_for

        targets, settings, mode = server_settings(self._addresses, self._options)
        where = world()
        bound = bind_all(targets, mode=mode)
        try:
            server = Server(where.reactor, settings, bound, tls_for(settings, bound), lambda _: None)
            await where.wait(Deferred.fromCoroutine(server.start()))
        except BaseException:
            close_all(bound)
            raise
        self._server = RunningServer(bound, server, where)
        return self._server

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        await self._server._stop()  # noqa: SLF001 - the block's end is its other half
