"""2,000 TLS handshakes at a byte a second: all are ended within 12 s, and others are let in all the while."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING

from tests.attacks.attack import Deadline
from tests.attacks.handshake_drip import drip
from tests.server import LOOPBACK, PATIENCE, exactly, serving

if TYPE_CHECKING:
    from tests.program import Netecho

COUNT = 2000
WITHIN = 12.0
INTERVAL = 0.1


def test_handshakes_that_drip_are_ended_and_others_are_let_in(netecho: Netecho) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    stop = threading.Event()
    served: list[bool] = []

    def behave(port: int) -> None:
        while not stop.wait(INTERVAL):
            done = False
            with (
                contextlib.suppress(OSError),
                socket.create_connection((LOOPBACK, port), timeout=PATIENCE) as plain,
                context.wrap_socket(plain) as client,
            ):
                client.sendall(b"x")
                done = exactly(client, 1) == b"x"
            served.append(done)

    with serving(netecho, "tls://127.0.0.1:0", "-q") as server:
        port = server.port["tls"]
        others = threading.Thread(target=behave, args=(port,))
        others.start()
        try:
            took = drip(port, COUNT, Deadline(60))
        finally:
            stop.set()
            others.join()
    assert len(took) == COUNT
    assert max(took) <= WITHIN
    assert len(served) > 10
    assert all(served)
