"""TLS against OpenSSL's own server and client: certificates it refuses, ALPN, and a refusal after the handshake."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.peers import LOOPBACK, Peer, free_port, needed
from tests.server import PATIENCE, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.program import Ended, Netecho

P256 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
SERVER = ("-addext", f"subjectAltName=DNS:localhost,IP:{LOOPBACK}")

REFUSED = {
    "RSA-1024": (("-newkey", "rsa:1024"), "ee key too small"),
    "P-192": (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime192v1"), "ee key too small"),
    "RSA-PSS": (("-newkey", "rsa-pss"), "a key for RSA-PSS alone"),
}


def made(folder: Path, *options: str) -> tuple[str, str]:
    """Have OpenSSL make a certificate that is signed by itself; the paths of it and its key."""
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(
        [
            *(needed("openssl"), "req", "-x509", "-nodes", "-keyout", key, "-out", cert),
            *("-subj", "/CN=localhost", "-days", "30", *options),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@contextlib.contextmanager
def s_server(
    folder: Path,
    *options: str,
    certificate: tuple[str, ...] = (*P256, *SERVER),
    signed_by: tuple[str, str, str] | None = None,
) -> Iterator[str]:
    """OpenSSL's server, which reads; the target to reach it by. `signed_by`: an authority, its key, and the digest."""
    cert, key = made(folder, *certificate)
    if signed_by is not None:
        authority, authority_key, digest = signed_by
        subprocess.run(
            [
                *(needed("openssl"), "x509", "-in", cert, "-out", f"{cert}.signed", "-clrext"),
                *("-CA", authority, "-CAkey", authority_key, "-CAcreateserial", "-days", "30", f"-{digest}"),
            ],
            check=True,
            capture_output=True,
        )
        cert += ".signed"
    port = free_port()
    peer = Peer(
        [
            *(needed("openssl"), "s_server", "-accept", f"{LOOPBACK}:{port}"),
            *("-cert", cert, "-key", key, "-quiet", "-rev", *options),
        ]
    )

    def listening() -> bool:
        with socket.socket() as client:
            return client.connect_ex((LOOPBACK, port)) == 0

    try:
        peer.wait_until(listening)
        yield f"tls://{LOOPBACK}:{port}"
    finally:
        peer.stop()


def s_client(port: int, *options: str) -> str:
    """All that OpenSSL's client prints of one handshake."""
    ended = subprocess.run(
        [needed("openssl"), "s_client", "-connect", f"{LOOPBACK}:{port}", *options],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
    )
    return ended.stdout.decode(errors="replace")


def assert_refused(ended: Ended, why: str) -> None:
    """The whole first line says of the server's certificate that it is refused, and why; and not that of a stranger."""
    assert ended.code == 3
    sentence, hint = ended.err.splitlines()
    assert sentence == f"netecho: TLS: the certificate of {LOOPBACK} is refused: {why}"
    assert hint.startswith("  to trust this very key: --pin sha256:")


class TestCertificates:
    @pytest.mark.parametrize("kind", REFUSED)
    @pytest.mark.parametrize("command", ["serve tls://127.0.0.1:0", "probe tls://127.0.0.1:9"])
    def test_one_that_openssl_refuses_is_a_wrong_option(
        self, netecho: Netecho, tmp_path: Path, kind: str, command: str
    ) -> None:
        options, reason = REFUSED[kind]
        cert, key = made(tmp_path, *options)
        ended = netecho(*command.split(), "--cert", cert, "--key", key)
        assert ended.code == 2
        assert f"--cert {cert}: OpenSSL refuses it: {reason}\n" in ended.err

    def test_one_that_openssl_refuses_at_hangup_leaves_the_one_before_in_use(
        self, netecho: Netecho, tmp_path: Path
    ) -> None:
        cert, key = made(tmp_path, *P256)
        with serving(netecho, "tls://127.0.0.1:0", "--cert", cert, "--key", key) as server:
            made(tmp_path, *REFUSED["RSA-1024"][0])
            server.program.process.send_signal(signal.SIGHUP)
            noticed = server.program.event_named("not_reloaded")
            assert "OpenSSL refuses it: ee key too small; what was read before stays in use" in noticed["text"]
            assert "CONNECTED" in s_client(server.port["tls"])

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            (
                ("-addext", "extendedKeyUsage=clientAuth", *P256),
                "its purpose is another than to be a server's (extended key usage)",
            ),
            (("-newkey", "rsa:1024"), "its key is too weak"),
        ],
    )
    def test_what_is_refused_of_a_trusted_one_is_said(
        self, netecho: Netecho, tmp_path: Path, options: tuple[str, ...], why: str
    ) -> None:
        weak = ("-cipher", "DEFAULT:@SECLEVEL=0")
        with s_server(tmp_path, *weak, certificate=(*options, *SERVER)) as target:
            ended = netecho("probe", target, "-c", "1", "--connect-only", "--ca", str(tmp_path / "cert.pem"))
        assert_refused(ended, why)

    def test_a_weak_digest_is_told_from_an_authority_that_is_not_trusted(
        self, netecho: Netecho, tmp_path: Path
    ) -> None:
        folder = tmp_path / "authority"
        folder.mkdir()
        authority, key = made(folder, *P256, "-subj", "/CN=authority")
        with s_server(tmp_path, "-cipher", "DEFAULT:@SECLEVEL=0", signed_by=(authority, key, "sha1")) as target:
            ended = netecho("probe", target, "-c", "1", "--connect-only", "--ca", authority)
            elsewhere = netecho("probe", target, "-c", "1", "--connect-only")
        assert_refused(ended, "it is signed with a digest that is too weak")
        assert elsewhere.code == 3
        assert "is signed by CN=authority, which is not trusted" in elsewhere.err


class TestAlpn:
    def test_the_probe_offers_what_it_is_told(self, netecho: Netecho, tmp_path: Path) -> None:
        with s_server(tmp_path, "-alpn", "h3,echo/1") as target:
            options = ("--insecure", "--connect-only", "-c", "1", "--json")
            assert netecho("probe", target, *options, "--alpn", "h2", "--alpn", "echo/1").document["tls"]["alpn"] == (
                "echo/1"
            )
            assert netecho("probe", target, *options).document["tls"]["alpn"] is None

    def test_a_server_that_speaks_none_of_them_is_named(self, netecho: Netecho, tmp_path: Path) -> None:
        with s_server(tmp_path, "-alpn", "h2") as target:
            ended = netecho("probe", target, "--insecure", "--alpn", "echo/1", "-c", "1")
        assert ended.code == 3
        assert "no_application_protocol(120)" in ended.err
        assert "--alpn" in ended.err

    def test_the_server_takes_the_first_of_its_own_that_is_offered(self, netecho: Netecho) -> None:
        with serving(netecho, "tls://127.0.0.1:0", "--alpn", "echo/2", "--alpn", "echo/1") as server:
            port = server.port["tls"]
            assert "ALPN protocol: echo/2" in s_client(port, "-alpn", "h2,echo/1,echo/2")
            assert "No ALPN negotiated" in s_client(port)

    def test_the_server_refuses_a_client_that_offers_none_of_its_own(self, netecho: Netecho) -> None:
        with serving(netecho, "tls://127.0.0.1:0", "--alpn", "echo/1") as server:
            assert "alert number 120" in s_client(server.port["tls"], "-alpn", "h2")
            assert "no_application_protocol(120)" in server.ended_reason()

    def test_a_server_without_it_ignores_what_is_offered(self, netecho: Netecho) -> None:
        with serving(netecho, "tls://127.0.0.1:0") as server:
            assert "No ALPN negotiated" in s_client(server.port["tls"], "-alpn", "h2")


class TestClientCertificates:
    """Under TLS 1.3 the client's handshake has ended before the server has looked at its certificate."""

    DEMANDING = ("-Verify", "1", "-verify_return_error", "-tls1_3")

    def test_a_refusal_makes_connecting_a_failure(self, netecho: Netecho, tmp_path: Path) -> None:
        with s_server(tmp_path, *self.DEMANDING) as target:
            ended = netecho("probe", target, "--insecure", "-c", "2", "-i", "1ms", "-W", "30s", "--connect-only")
        assert ended.code == 3
        assert "the peer sent the alert certificate_required(116)" in ended.err
        assert "--cert FILE" in ended.err

    @pytest.mark.parametrize("options", [[], ["--reconnect"]])
    def test_each_loss_is_a_tls_alert(self, netecho: Netecho, tmp_path: Path, options: list[str]) -> None:
        with s_server(tmp_path, *self.DEMANDING) as target:
            ended = netecho("probe", target, "--insecure", "-c", "2", "-i", "1ms", "--format", "ndjson", *options)
        lost = [event for event in ended.events if event["event"] == "lost"]
        assert [event["reason"] for event in lost] == ["tls_alert"] * 2
        assert "certificate_required(116)" in lost[0]["detail"]
        assert ended.code == 1

    def test_one_that_is_accepted_is_waited_for_no_longer_than_a_moment(self, netecho: Netecho, tmp_path: Path) -> None:
        folder = tmp_path / "client"
        folder.mkdir()
        cert, key = made(folder, *P256)
        with s_server(tmp_path, *self.DEMANDING, "-CAfile", cert) as target:
            options = ("--insecure", "-c", "2", "-i", "1ms", "--connect-only")
            ended = netecho("probe", target, *options, "--cert", cert, "--key", key, "--json")
        assert ended.code == 0
        assert ended.document["probes"]["received"] == 2
