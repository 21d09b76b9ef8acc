"""A load process, in this one: what it reports of a server that is good, bad or silent."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

from netecho.net.client.job import TlsOptions
from netecho.net.linux import tcp_memory
from netecho.net.load.http_flow import LEAST
from netecho.net.load.loading import Loading
from netecho.net.load.orders import Order
from tests.certificates import issue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def served(answer: Callable[[socket.socket], None]) -> tuple[int, threading.Thread]:
    """A server for one client, and its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listening, listening.accept()[0] as client, contextlib.suppress(ConnectionError):  # given up: it is over
            answer(client)

    thread = threading.Thread(target=serve)
    thread.start()
    return listening.getsockname()[1], thread


def load(
    answer: Callable[[socket.socket], None],
    ending: int,
    kind: Any = "download",
    most: int = 1 << 40,
    tls: TlsOptions | None = None,
) -> list[Any]:
    """What is reported; the last has how it ended."""
    port, thread = served(answer)
    reports: list[bytes] = []
    order = Order(
        kind=kind,
        address="127.0.0.1",
        port=port,
        host="far",
        path="/x",
        tls=tls,
        name="far",
        flows=1,
        max_bytes=most,
        token="t",
    )
    Loading(order, reports.append).run(ending)
    thread.join()
    return [json.loads(each) for each in reports]


def saying(text: bytes) -> Callable[[socket.socket], None]:
    def answer(client: socket.socket) -> None:
        request = client.recv(4096)
        assert b"Authorization: Bearer t\r\n" in request
        client.sendall(text)

    return answer


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"HTTP/1.1 429 Too Many\r\n\r\nnetecho: spent\n", "the far end answered 429 Too Many: spent"),
        (b"HTTP/1.1 302 Found\r\nLocation: /y\r\n\r\n", "the far end redirects a load (302): that is not followed"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "the far end does not say how long the large resource is"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "the large resource has 5 bytes: that is a page, and no load",
        ),
        (b"220 smtp\r\n\r\n", "the far end's answer is not HTTP"),
        (b"x" * 20_000, "the far end's answer is not HTTP"),
        (b"", "the far end closed a connection in the middle of its load"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nn" % LEAST,
            "the far end closed a connection in the middle of its load: it may allow no more bytes, or no more time",
        ),
    ],
)
def test_what_is_no_load_is_a_reason(text: bytes, reason: str, pipe: tuple[int, int]) -> None:
    assert load(saying(text), pipe[0])[-1]["ended"] == reason


def test_whether_tcp_was_short_of_memory_is_reported(monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int]) -> None:
    monkeypatch.setattr(tcp_memory, "is_short", lambda: True)
    assert load(saying(b""), pipe[0])[-1]["short_of_memory"] is True


def test_a_refused_connection_is_a_reason(pipe: tuple[int, int]) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        reports: list[bytes] = []
        port = unheard.getsockname()[1]
        order = Order(kind="upload", address="127.0.0.1", port=port, host="far", path="/x", flows=1, max_bytes=1 << 30)
        Loading(order, reports.append).run(pipe[0])
    assert json.loads(reports[-1])["ended"] == "Connection refused"


def test_a_download_that_is_over_is_asked_for_again_until_the_bytes_are_moved(pipe: tuple[int, int]) -> None:
    asked = []

    def answer(client: socket.socket) -> None:
        with contextlib.suppress(ConnectionResetError):  # that is how a load ends
            while request := client.recv(4096):
                asked.append(request)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LEAST + bytes(LEAST))

    reports = load(answer, pipe[0], most=3 * LEAST)
    assert reports[-1]["ended"] == "the bytes that were allowed are moved (--max-bytes)"
    assert reports[-2]["bytes"] == 3 * LEAST
    assert len(asked) >= 3


def test_a_server_that_stops_in_the_middle_is_given_up(pipe: tuple[int, int]) -> None:
    over = threading.Event()

    def answer(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LEAST + bytes(1000))
        over.wait()

    port, thread = served(answer)
    reports: list[bytes] = []
    order = Order(kind="download", address="127.0.0.1", port=port, host="far", path="/x", flows=1, max_bytes=1 << 30)
    # Each look at the clock takes 100 ms.
    Loading(order, reports.append, clock=itertools.count(step=100_000_000).__next__).run(pipe[0])
    over.set()
    thread.join()
    assert json.loads(reports[-1])["ended"] == "nothing moved for 5 s"


def test_a_server_that_stops_reading_is_given_up(pipe: tuple[int, int]) -> None:
    over = threading.Event()

    def answer(client: socket.socket) -> None:
        client.recv(4096)
        over.wait()

    port, thread = served(answer)
    reports: list[bytes] = []
    order = Order(kind="upload", address="127.0.0.1", port=port, host="far", path="/x", flows=1, max_bytes=1 << 40)
    Loading(order, reports.append, clock=itertools.count(step=100_000_000).__next__).run(pipe[0])
    over.set()
    thread.join()
    assert json.loads(reports[-1])["ended"] == "nothing moved for 5 s"


def test_what_stood_still_at_the_end_of_a_phase_is_said(pipe: tuple[int, int]) -> None:
    def answer(client: socket.socket) -> None:
        client.recv(1)

    os.write(pipe[1], b"x")
    port, thread = served(answer)
    reports: list[bytes] = []
    order = Order(kind="download", address="127.0.0.1", port=port, host="far", path="/x", flows=1, max_bytes=1 << 30)
    # Each look at the clock takes 1.5 s: it is looked at when the load begins, then to wait, and at the end.
    Loading(order, reports.append, clock=itertools.count(step=1_500_000_000).__next__).run(pipe[0])
    thread.join()
    assert json.loads(reports[-1])["ended"] == "nothing moved for 3 s"


def test_an_upload_counts_what_has_arrived_and_ends_when_it_is_told(pipe: tuple[int, int]) -> None:
    received = 0

    def answer(client: socket.socket) -> None:
        nonlocal received
        while received < 8 << 20:
            received += len(client.recv(1 << 20))
        os.write(pipe[1], b"x")
        while True:
            try:
                data = client.recv(1 << 20)
            except ConnectionResetError:
                return
            received += len(data)
            if not data:
                return

    reports = load(answer, pipe[0], kind="upload")
    assert reports[-1]["ended"] is None
    assert 7 << 20 < reports[-2]["bytes"] <= received + (8 << 20)
    assert [each["at"] for each in reports[:-1]] == sorted(each["at"] for each in reports[:-1])


def secure(answer: Callable[[ssl.SSLSocket], None], folder: Path) -> Callable[[socket.socket], None]:
    """The same inside TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*issue("far").write(folder, "far"))

    def answer_in_tls(client: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(client, server_side=True) as wrapped:
            answer(wrapped)

    return answer_in_tls


@pytest.mark.parametrize("kind", ["download", "upload"])
def test_inside_tls_bytes_are_those_of_the_content(kind: Any, tmp_path: Path, pipe: tuple[int, int]) -> None:
    def answer(client: ssl.SSLSocket) -> None:
        with contextlib.suppress(ConnectionError):  # that is how a load ends
            while client.recv(1 << 16):
                if kind == "download":
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LEAST + bytes(LEAST))

    reports = load(secure(answer, tmp_path), pipe[0], kind, most=2 * LEAST, tls=TlsOptions(insecure=True))
    assert reports[-1]["ended"] == "the bytes that were allowed are moved (--max-bytes)"
    assert 0 < reports[-2]["bytes"] < 3 * LEAST
    if kind == "download":
        assert reports[-2]["bytes"] >= 2 * LEAST


def test_a_certificate_that_is_not_trusted_ends_a_load_in_a_sentence(tmp_path: Path, pipe: tuple[int, int]) -> None:
    reports = load(secure(saying(b""), tmp_path), pipe[0], tls=TlsOptions())
    assert reports[-1]["ended"] == "TLS: the certificate of far is signed by itself, and not trusted"


def test_what_is_asked_for_in_tls_ends_as_without(tmp_path: Path, pipe: tuple[int, int]) -> None:
    reports = load(secure(saying(b""), tmp_path), pipe[0], tls=TlsOptions(insecure=True))
    assert reports[-1]["ended"] == "the far end closed a connection in the middle of its load"
