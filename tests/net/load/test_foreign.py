"""Probes on connections of their own, in this process: what is reported of a server's answers."""

from __future__ import annotations

import json
import os
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netecho.net.client.job import TlsOptions
from netecho.net.load import foreign
from netecho.net.load.asking import find
from netecho.net.load.orders import Order
from tests.certificates import issue
from tests.net.load.https import Said, answering

if TYPE_CHECKING:
    from pathlib import Path

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nn"


def reported(answers: list[bytes]) -> list[dict[str, Any]]:
    """What is reported of a server that answers each connection in turn, and then has it ended."""
    ending, end = os.pipe()
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                with listening.accept()[0] as client:
                    asked.append(client.recv(4096))
                    client.sendall(answer)
            # One more begins only when those before it are over, or nearly: what they came to is in by then.
            with listening.accept()[0] as client, listening.accept()[0]:
                client.recv(4096)
                os.write(end, b"x")

        thread = threading.Thread(target=serve)
        thread.start()
        lines: list[bytes] = []
        port = listening.getsockname()[1]
        foreign.run(Order(kind="small", address="127.0.0.1", port=port, host="far", path="/s"), ending, lines.append)
        thread.join()
    os.close(ending)
    os.close(end)
    assert all(each.startswith(b"GET /s HTTP/1.1\r\nHost: far\r\n") for each in asked)
    return [json.loads(each) for each in lines]


def test_an_answer_has_its_two_times() -> None:
    (found,) = reported([GOOD])
    assert found.keys() == {"at", "tcp", "tls", "http"}
    assert found["tcp"] > 0
    assert found["http"] > 0
    assert found["tls"] is None


def test_with_tls_an_answer_has_three(tmp_path: Path) -> None:
    ending, end = os.pipe()
    lines: list[bytes] = []

    def write(line: bytes) -> None:
        lines.append(line)
        os.write(end, b"x")

    with answering({"/s": Said(b"n")}, issue("far"), tmp_path) as far:
        resource = replace(find(f"{far.url}/s"), name="far")
        foreign.run(resource.order("small", None, TlsOptions(insecure=True)), ending, write)
    os.close(ending)
    os.close(end)
    found = json.loads(lines[0])
    assert min(found["tcp"], found["tls"], found["http"]) > 0


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 503 No\r\n\r\n", b"220 smtp\r\n\r\n"])
def test_what_is_no_answer_says_nothing_and_the_next_one_does(answer: bytes) -> None:
    assert len(reported([answer, GOOD])) == 1
