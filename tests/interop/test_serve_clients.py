"""Clients nobody here wrote: ncat, socat, nc and openssl, each in the way its users use it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import IO, TYPE_CHECKING

import pytest

from tests.certificates import issue
from tests.peers import needed
from tests.server import in_thread, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.program import Netecho

MIB = 1 << 20
DATA = bytes(range(256)) * 4 * 1024
"""One MiB."""


def talk(command: list[str], data: bytes) -> bytes:
    """Give a client something to say, and return what it printed."""
    done = subprocess.run([needed(command[0]), *command[1:]], input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


TCP: list[Callable[[str], list[str]]] = [
    lambda port: ["ncat", "127.0.0.1", port],
    lambda port: ["socat", "-t", "30", "-", f"TCP:127.0.0.1:{port}"],
    lambda port: ["nc", "-N", "127.0.0.1", port],
]


@pytest.mark.parametrize("client", TCP, ids=["ncat", "socat", "nc"])
def test_tcp(netecho: Netecho, client: Callable[[str], list[str]]) -> None:
    with serving(netecho, "tcp://127.0.0.1:0") as server:
        assert talk(client(str(server.port["tcp"])), DATA) == DATA
        assert server.ended_reason() == "closed"


def test_udp_by_socat(netecho: Netecho) -> None:
    with serving(netecho, "udp://127.0.0.1:0") as server:
        command = ["socat", "-t", "2", "-", f"UDP:127.0.0.1:{server.port['udp']}"]
        assert talk(command, b"datagram") == b"datagram"


UNIX: list[Callable[[str], list[str]]] = [
    lambda path: ["ncat", "-U", path],
    lambda path: ["socat", "-t", "30", "-", f"UNIX-CONNECT:{path}"],
    lambda path: ["nc", "-N", "-U", path],
]


@pytest.mark.parametrize("client", UNIX, ids=["ncat", "socat", "nc"])
def test_unix(netecho: Netecho, client: Callable[[str], list[str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.mktemp("u") / "s")
    with serving(netecho, f"unix:{path}"):
        assert talk(client(path), DATA) == DATA


TLS: list[Callable[[str], list[str]]] = [
    lambda port: ["ncat", "--ssl", "127.0.0.1", port],
    lambda port: ["socat", "-t", "30", "-", f"OPENSSL:127.0.0.1:{port},verify=0"],
]


@pytest.mark.parametrize("client", TLS, ids=["ncat", "socat"])
def test_tls(netecho: Netecho, client: Callable[[str], list[str]]) -> None:
    with serving(netecho, "tls://127.0.0.1:0") as server:
        # Neither of them half-closes TLS: what is on its way when they close is lost, so it must be little.
        assert talk(client(str(server.port["tls"])), b"inside\n") == b"inside\n"


def test_openssl_sees_the_pin_and_the_version(netecho: Netecho) -> None:
    with serving(netecho, "tls://127.0.0.1:0") as server:
        address = f"127.0.0.1:{server.port['tls']}"
        said = talk(["openssl", "s_client", "-connect", address], b"Q\n").decode()
        assert "TLSv1.3" in said
        certificate = said[said.index("-----BEGIN") : said.index("-----END CERTIFICATE-----") + 26]
        key = talk(["openssl", "x509", "-pubkey", "-noout"], certificate.encode())
        der = talk(["openssl", "pkey", "-pubin", "-outform", "der"], key)
        assert server.pins["tls"] == f"sha256:{hashlib.sha256(der).hexdigest()}"


def test_a_conversation_in_text_with_nc(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0", "--mode", "text", "--banner", "Hi", "--logoff", "BYE") as server:
        said = talk(["nc", "127.0.0.1", str(server.port["tcp"])], b"one\ntwo\nBYE\nthree\n")
        assert said == b"Hi\nYou sent: one\nYou sent: two\n"


def test_a_gibibyte_through_one_connection_comes_back_byte_for_byte(netecho: Netecho) -> None:
    size = 1024 * len(DATA)
    with serving(netecho, "tcp://127.0.0.1:0") as server:
        command = [needed("ncat"), "127.0.0.1", str(server.port["tcp"])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ncat:
            assert ncat.stdin is not None
            assert ncat.stdout is not None
            feeding = in_thread(_feed, ncat.stdin, size)
            came = 0
            # DATA repeats: any stretch of the stream is a stretch of two of them.
            while piece := ncat.stdout.read(len(DATA)):
                offset = came % len(DATA)
                assert (DATA + DATA)[offset : offset + len(piece)] == piece
                came += len(piece)
            feeding.join()
        assert came == size
        assert server.peak() < 100 * MIB
        totals = server.stop().events[-1]
        assert (totals["bytes_received"], totals["bytes_sent"]) == (size, size)


def _feed(stdin: IO[bytes], size: int) -> None:
    with stdin:
        for _ in range(size // len(DATA)):
            stdin.write(DATA)


class Curl:
    """curl, as a client of one port."""

    def __init__(self, root: str, *options: str) -> None:
        self.root = root
        self._command = [needed("curl"), "--silent", "--http1.1", "--write-out", "%{stderr}%{http_code}"]
        self._command += ["--max-time", "60", *options]

    def __call__(self, path: str, *options: str) -> tuple[str, bytes]:
        """Ask, and return the status code and what came."""
        command = [*self._command, *options, self.root + path]
        done = subprocess.run(command, capture_output=True, timeout=90, check=False)
        return done.stderr.decode(), done.stdout


@pytest.mark.parametrize("scheme", ["nq", "nqs"])
def test_load_by_curl(scheme: str, netecho: Netecho, tmp_path: Path) -> None:
    """The configuration says where the rest is; load without the token, or beyond the budget, is refused."""
    token, body = tmp_path / "token", tmp_path / "body"
    token.write_text("0123456789abcdef\n")
    token.chmod(0o600)
    body.write_bytes(DATA)
    shown = ("--header", "Authorization: Bearer 0123456789abcdef")
    authority = issue("an authority", authority=True)
    ca, _ = authority.write(tmp_path, "ca")
    cert, key = issue("far", authority).write(tmp_path, "far")
    ours = ("--cert", cert, "--key", key) if scheme == "nqs" else ()
    with serving(netecho, f"{scheme}://127.0.0.1:0", "--token-file", str(token), "--load-bytes", "3M", *ours) as server:
        secure = "s" if scheme == "nqs" else ""
        root = f"http{secure}://127.0.0.1:{server.port[scheme]}"
        curl = Curl(root, *(("--cacert", ca) if secure else ()))
        urls = json.loads(curl("/.well-known/nq")[1])["urls"]
        small, large, upload = (
            urls[key].removeprefix(root) for key in ("small_download_url", "large_download_url", "upload_url")
        )
        assert curl(small) == ("200", b"n")
        assert curl(upload, "--data-binary", f"@{body}")[0] == "401"
        assert curl(upload, *shown, "--data-binary", f"@{body}")[0] == "200"
        status, content = curl(large, *shown)
        assert (status, len(content)) == ("200", 3 * MIB - len(DATA))
        assert curl(large, *shown)[0] == "429"
