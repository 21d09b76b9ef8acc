"""HTTP servers of one thread, with TLS or without, that answer each path as a test says."""

from __future__ import annotations

import http.server
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.certificates import Issued


class Said(NamedTuple):
    """An answer; `location` is for a redirect."""

    content: bytes = b""
    status: int = 200
    location: str | None = None
    length: int | None = None
    """What it says of its length, if that is another."""


class Far(NamedTuple):
    """A server that runs."""

    port: int
    url: str
    asked: list[tuple[str, str | None]]
    """The paths it was asked for, and the token that was shown."""


@contextmanager
def answering(
    answers: Mapping[str, Said], certificate: Issued | None = None, folder: Path | None = None
) -> Iterator[Far]:
    """Answer these paths, others by 404; with TLS where there is a certificate, which is written to `folder`."""
    asked: list[tuple[str, str | None]] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("authorization")))
            said = answers.get(self.path, Said(status=404))
            self.send_response(said.status)
            if said.location is not None:
                self.send_header("Location", said.location)
            self.send_header("Content-Length", str(len(said.content) if said.length is None else said.length))
            self.end_headers()
            self.wfile.write(said.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing: clients that do not like the certificate are part of it."""

    with Server(("127.0.0.1", 0), Answer) as server:
        if certificate is not None:
            assert folder is not None
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate.write(folder, "far"))
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Far(server.server_port, url, asked)
        finally:
            server.shutdown()
            thread.join()
