"""Asking Prometheus: what is read of its answers, and that whatever else answers is a sentence, within bounds."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from netecho.errors import UnreachableError, UsageError
from netecho.net import prometheus as module
from netecho.net.prometheus import Prometheus, Series, Server, parse_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VECTOR = {"resultType": "vector", "result": []}


class Answers:
    """A server that reads one request and answers with these bytes; what it was asked, once it was."""

    def __init__(self, listening: socket.socket, write: Callable[[socket.socket], None]) -> None:
        self.request = b""
        self._listening, self._write = listening, write

    def run(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            while b"\r\n\r\n" not in self.request:
                self.request += connection.recv(65536)
            try:
                self._write(connection)
            except OSError:
                return  # the client has had enough

    @property
    def asked(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.request.split(b" ")[1].decode()).query)


@contextmanager
def server(write: Callable[[socket.socket], None]) -> Iterator[tuple[Server, Answers]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answers = Answers(listening, write)
        thread = threading.Thread(target=answers.run)
        thread.start()
        try:
            yield parse_server(f"http://127.0.0.1:{listening.getsockname()[1]}/prom/"), answers
        finally:
            thread.join()


def http(body: bytes, status: str = "200 OK", *headers: str) -> Callable[[socket.socket], None]:
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""))
    return lambda connection: connection.sendall(head.encode() + body)


def success(data: Any) -> Callable[[socket.socket], None]:
    return http(json.dumps({"status": "success", "data": data}).encode())


def test_a_vector_is_read_and_what_is_no_finite_number_is_left_out() -> None:
    result = [
        {"metric": {"node": "a"}, "value": [1.5, "0.25"]},
        {"metric": {}, "value": [1, "NaN"]},
        {"metric": {}, "value": [1, "+Inf"]},
        {"metric": {}, "histogram": [1, {}]},
    ]
    with server(success({**VECTOR, "result": result})) as (where, answers):
        found = Prometheus(where, 10, token="t" * 16).query('up{a="b&c"}')
    assert found == [Series({"node": "a"}, 0.25)]
    assert answers.asked == {"query": ['up{a="b&c"}']}
    assert answers.request.startswith(b"GET /prom/api/v1/query?")
    assert b"\r\nAuthorization: Bearer tttttttttttttttt\r\n" in answers.request


def never(connection: socket.socket) -> None:
    """Say nothing until the client is gone."""
    connection.recv(1)


def dribble(connection: socket.socket) -> None:
    """Go on for ever, but slowly; the socket's buffer is what stops it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b" ")


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (http(b'{"status":"error","error":"bad \\u001b[31m query"}', "400 Bad"), r"refuses to answer: 'bad \x1b[31m"),
        (http(b"<html>", "404 Not Found"), "answers 404"),
        (http(b"", "302 Found", "Location: http://elsewhere/"), "answers 302"),
        (http(b"<html>"), "answers with what is not Prometheus's"),
        (http(b"[" * 100_000), "answers with what is not Prometheus's"),
        (http(b'{"status":"success"}'), "answers with what is not Prometheus's"),
        (http(b'"status"'), "answers with what is not Prometheus's"),
        (success({"resultType": "matrix", "result": []}), "answers with what is not Prometheus's"),
        (success({**VECTOR, "result": [{"metric": {"a": 1}, "value": [1, "2"]}]}), "answers with what is not"),
        (success({**VECTOR, "result": [{"metric": {}, "value": [1]}]}), "answers with what is not"),
        (success({**VECTOR, "result": [7]}), "answers with what is not"),
        (http(b" " * (module._CHUNK * 3)), "answers with more than 0 MiB"),
        (dribble, "answers with more than 0 MiB"),
        (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9\r\n"), "does not speak HTTP"),
        (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000), "does not speak HTTP"),
        (lambda _: None, "does not speak HTTP"),
        (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"), "answers with what"),
        (never, "does not answer within 0.2 s"),
    ],
)
def test_whatever_answers_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[socket.socket], None], said: str
) -> None:
    monkeypatch.setattr(module, "LARGEST", 2 * module._CHUNK)
    with server(write) as (where, _), pytest.raises(UnreachableError) as raised:
        Prometheus(where, 0.2 if write is never else 60).query("up")
    assert raised.value.sentence.startswith(f"{where.url} {said}")
    assert raised.value.sentence.isprintable()


def test_the_time_is_for_all_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    asking = Prometheus(parse_server("http://127.0.0.1:9"), 10)
    now[0] += 10
    with pytest.raises(UnreachableError, match="does not answer within 10 s"):
        asking.query("up")


def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        where = parse_server(f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(UnreachableError, match="cannot be reached: Connection refused"):
            Prometheus(where, 10).query("up")


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("http://host:9090", Server("http", "host", 9090, "")),
        ("https://host/prometheus/", Server("https", "host", 443, "/prometheus")),
        ("http://[2001:db8::1]:9090", Server("http", "2001:db8::1", 9090, "")),
    ],
)
def test_an_address(text: str, server: Server) -> None:
    assert parse_server(text) == server


@pytest.mark.parametrize(
    "text",
    [
        "host:9090",
        "ftp://host",
        "http://",
        "http://host:x",
        "http://[::1",
        "http://u:p@host",
        "http://h/?q",
        "http://h/a b",
    ],
)
def test_what_is_no_address_of_prometheus(text: str) -> None:
    with pytest.raises(UsageError):
        parse_server(text)
