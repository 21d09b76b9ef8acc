"""TLS as clients meet it: who the server is, whom it lets in, and new certificates without a pause."""

from __future__ import annotations

import hashlib
import signal
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.certificates import DAY, Issued, issue
from tests.server import Server, everything, exactly, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.program import Netecho


class Client:
    """What a client believes and offers."""

    def __init__(self, ca: Issued | None = None) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if ca is None:
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE
        else:
            self.context.load_verify_locations(cadata=ca.pem.decode())

    def connect(self, server: Server) -> ssl.SSLSocket:
        return self.context.wrap_socket(server.client("tls"), server_hostname="localhost")

    def pin(self, server: Server) -> str:
        """Of the certificate that the server shows."""
        with self.connect(server) as connected:
            der = connected.getpeercert(binary_form=True)
            assert der is not None
            return pin_of(x509.load_der_x509_certificate(der))


def pin_of(certificate: x509.Certificate) -> str:
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(info).hexdigest()}"


def assert_echoes(client: ssl.SSLSocket, data: bytes = b"echo?") -> None:
    client.sendall(data)
    assert exactly(client, len(data)) == data


def test_a_certificate_made_for_the_run_has_the_pin_that_is_told(netecho: Netecho) -> None:
    with serving(netecho, "tls://127.0.0.1:0") as server:
        assert Client().pin(server) == server.pins["tls"]


def test_and_in_text_too(netecho: Netecho) -> None:
    program = netecho.start("serve", "tls://127.0.0.1:0", "--for", "0s")
    url, _, pin = program.line().removeprefix("listening on ").strip().partition(" with pin ")
    assert url.startswith("tls://127.0.0.1:")
    assert len(pin) == len("sha256:") + 64


def test_certificates_from_files(netecho: Netecho, tmp_path: Path) -> None:
    authority = issue("authority", authority=True)
    cert, key = issue("server", authority).write(tmp_path, "server")
    with (
        serving(netecho, "tls://127.0.0.1:0", "--cert", cert, "--key", key) as server,
        Client(authority).connect(server) as client,
    ):
        assert_echoes(client, b"x" * 300_000)


def test_a_chain_is_shown_whole(netecho: Netecho, tmp_path: Path) -> None:
    root = issue("root", authority=True)
    between = issue("between", root, authority=True)
    leaf = issue("server", between)
    (tmp_path / "all.pem").write_bytes(leaf.pem + between.pem + leaf.key_pem())
    (tmp_path / "all.pem").chmod(0o600)
    with (
        serving(netecho, "tls://127.0.0.1:0", "--cert", f"{tmp_path}/all.pem") as server,
        Client(root).connect(server) as client,
    ):
        assert_echoes(client)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_these_versions(netecho: Netecho, version: ssl.TLSVersion) -> None:
    offers = Client()
    offers.context.minimum_version = offers.context.maximum_version = version
    with serving(netecho, "tls://127.0.0.1:0") as server, offers.connect(server) as client:
        assert_echoes(client)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_and_no_older_one(netecho: Netecho) -> None:
    offers = Client()
    offers.context.set_ciphers("ALL:@SECLEVEL=0")
    offers.context.minimum_version = offers.context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(netecho, "tls://127.0.0.1:0") as server:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            offers.connect(server)
        assert server.ended_reason().startswith("TLS: ")


def test_the_application_protocol(netecho: Netecho) -> None:
    offers = Client()
    offers.context.set_alpn_protocols(["h2", "echo/1"])
    with (
        serving(netecho, "tls://127.0.0.1:0", "--alpn", "other", "--alpn", "echo/1") as server,
        offers.connect(server) as client,
    ):
        assert client.selected_alpn_protocol() == "echo/1"
        assert_echoes(client)


class TestClientCertificates:
    @pytest.fixture
    def authority(self) -> Issued:
        return issue("authority", authority=True)

    @pytest.fixture
    def arguments(self, authority: Issued, tmp_path: Path) -> list[str]:
        ca, _ = authority.write(tmp_path, "authority")
        return ["tls://127.0.0.1:0", "--client-ca", ca]

    def test_who_has_one_is_let_in(
        self, netecho: Netecho, authority: Issued, arguments: list[str], tmp_path: Path
    ) -> None:
        shows = Client()
        shows.context.load_cert_chain(*issue("client", authority).write(tmp_path, "client"))
        with serving(netecho, *arguments) as server, shows.connect(server) as client:
            assert_echoes(client)

    def test_who_has_none_or_anothers_is_not(self, netecho: Netecho, arguments: list[str], tmp_path: Path) -> None:
        stranger = Client()
        stranger.context.load_cert_chain(*issue("stranger").write(tmp_path, "stranger"))
        with serving(netecho, *arguments) as server:
            for client in (Client(), stranger):
                with pytest.raises((ssl.SSLError, ConnectionResetError)):
                    self.talk(client, server)
                assert server.ended_reason().startswith("TLS: ")

    def talk(self, client: Client, server: Server) -> None:
        # With TLS 1.3 the client has done its part of the handshake before it is told.
        with client.connect(server) as connected:
            connected.sendall(b"x")
            everything(connected)


def test_sighup_reads_the_certificate_again_and_nobody_is_cut_off(netecho: Netecho, tmp_path: Path) -> None:
    first, second = issue("first"), issue("second")
    cert, key = first.write(tmp_path, "server")
    with serving(netecho, "tls://127.0.0.1:0", "--cert", cert, "--key", key) as server:
        with Client().connect(server) as before:
            second.write(tmp_path, "server")
            server.program.process.send_signal(signal.SIGHUP)
            assert pin_of(second.certificate) in server.program.event_named("reloaded")["text"]
            assert Client().pin(server) == pin_of(second.certificate)
            assert_echoes(before)

        (tmp_path / "server.pem").write_text("nonsense")
        server.program.process.send_signal(signal.SIGHUP)
        assert "no certificate in PEM form" in server.program.event_named("not_reloaded")["text"]
        assert Client().pin(server) == pin_of(second.certificate)


def test_sighup_with_nothing_to_read(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0") as server:
        server.program.process.send_signal(signal.SIGHUP)
        assert "nothing to read again" in server.program.event_named("reloaded")["text"]
        server.assert_serves()


def test_files_that_are_no_use_are_a_usage_error(netecho: Netecho, tmp_path: Path) -> None:
    cert, _ = issue("one").write(tmp_path, "one")
    _, key = issue("other").write(tmp_path, "other")
    ended = netecho("serve", "tls://127.0.0.1:0", "--cert", cert, "--key", key)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"netecho: --key {key}: not the key of the certificate in {cert}\n")

    cert, key = issue("old", begins=-2 * DAY, ends=-DAY).write(tmp_path, "old")
    ended = netecho("serve", "tls://127.0.0.1:0", "--cert", cert, "--key", key)
    assert ended.code == 2
    assert "expired on" in ended.err


def test_the_banner_and_the_conversation_are_inside(netecho: Netecho) -> None:
    with (
        serving(netecho, "tls://127.0.0.1:0", "--mode", "text", "--banner", "Welcome", "--logoff", "BYE") as server,
        Client().connect(server) as client,
    ):
        assert exactly(client, 8) == b"Welcome\n"
        client.sendall(b"hello\nBYE\n")
        assert everything(client) == b"You sent: hello\n"
        client.close()
        assert server.ended_reason() == "logoff"


def test_a_slow_reader_gets_everything_in_order(netecho: Netecho) -> None:
    data = b"".join(b"%07d\n" % number for number in range(250_000))
    with serving(netecho, "tls://127.0.0.1:0") as server, Client().connect(server) as client:
        client.settimeout(0.2)
        sent = 0
        try:
            while sent < len(data):
                sent += client.send(data[sent : sent + 16_384])
        except (TimeoutError, ssl.SSLWantWriteError):
            pass
        assert sent > 100_000
        client.settimeout(20)
        assert exactly(client, 100_000) == data[:100_000]


def test_pins_differ_from_run_to_run(netecho: Netecho) -> None:
    pins = set()
    for _ in range(2):
        with serving(netecho, "tls://127.0.0.1:0") as server:
            pins.add(server.pins["tls"])
    assert len(pins) == 2


def test_tls_over_every_address_shows_the_same_certificate(netecho: Netecho) -> None:
    with serving(netecho, "tls://127.0.0.1:0", "tls://127.0.0.2:0", listening=2) as server:
        assert len({each["pin"] for each in server.listening}) == 1
        with socket.create_connection(("127.0.0.2", server.listening[1]["port"]), timeout=20) as plain:
            Client().context.wrap_socket(plain).close()
