"""An application under uvicorn: measured from outside, and measuring by itself inside its event loop."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

import netecho

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request


async def latency(request: Request) -> JSONResponse:
    """What an application would have as its health check: round trips to what it depends on."""
    result = await netecho.probe(request.query_params["target"], count=5, interval="1ms", fail_if="loss>0")
    return JSONResponse({"ok": result.ok, "received": result.probes.received, "p50": float(result.rtt.p50 or 0)})


@asynccontextmanager
async def application() -> AsyncIterator[int]:
    """Serve on a free port; what is given is the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[Route("/latency", latency)])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def get(port: int, path: str) -> tuple[str, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return head.splitlines()[0], json.loads(body)


def test_it_is_measured_and_measures() -> None:
    async def main() -> None:
        async with application() as port, netecho.serve("udp://127.0.0.1:0") as echo:
            result = await netecho.probe(f"tcp://127.0.0.1:{port}", connect_only=True, count=5, interval="1ms")
            assert (result.probes.sent, result.probes.received) == (5, 5)
            answers = await asyncio.gather(*(get(port, f"/latency?target={echo.urls[0]}") for _ in range(3)))
            for status, answer in answers:
                assert status == "HTTP/1.1 200 OK"
                assert (answer["ok"], answer["received"]) == (True, 5)
                assert answer["p50"] > 0

    asyncio.run(asyncio.wait_for(main(), 30))
