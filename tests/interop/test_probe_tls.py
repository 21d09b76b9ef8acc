"""TLS against OpenSSL's own, as socat has it: who is trusted, what is told of it, and every way to be refused."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from netecho.net.certificates import pin_of
from tests.peers import LOOPBACK, Peer, answers, free_port, needed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


class Pem(NamedTuple):
    """A certificate and its key, in files."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    cert_file: str
    key_file: str


def issued(
    folder: Path, name: str, *, by: Pem | None = None, start: datetime.datetime = NOW - DAY, days: int = 30
) -> Pem:
    """Issue a certificate for `name` and 127.0.0.1, signed by `by` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(LOOPBACK))])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + days * DAY)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )
    certificate = builder.sign(by.key if by else key, hashes.SHA256())
    cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Pem(certificate, key, str(cert_file), str(key_file))


class Server(NamedTuple):
    """A TLS echo server and what it shows."""

    target: str
    pem: Pem


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture(scope="module")
def authority(folder: Path) -> Pem:
    return issued(folder, "authority")


def serving(pem: Pem, *options: str) -> Iterator[Server]:
    port = free_port()
    extra = "".join(f",{option}" for option in options)
    listen = f"OPENSSL-LISTEN:{port},bind={LOOPBACK},reuseaddr,fork,cert={pem.cert_file},key={pem.key_file}{extra}"
    peer = Peer([needed("socat"), listen, "PIPE"])

    def listening() -> bool:
        with socket.socket() as client:
            return client.connect_ex((LOOPBACK, port)) == 0

    try:
        peer.wait_until(listening)
        yield Server(f"tls://localhost:{port}", pem)
    finally:
        peer.stop()


@pytest.fixture(scope="module")
def server(folder: Path, authority: Pem) -> Iterator[Server]:
    yield from serving(issued(folder, "localhost", by=authority), "verify=0")


@pytest.fixture(scope="module")
def demanding(folder: Path, authority: Pem) -> Iterator[Server]:
    yield from serving(
        issued(folder, "demanding", by=authority),
        "verify=1",
        f"cafile={authority.cert_file}",
        "openssl-min-proto-version=TLS1.2",
    )


FEW = ("-c", "3", "-i", "1ms", "-4")


def test_a_trusted_server_is_probed_and_what_was_agreed_on_is_told(
    netecho: Netecho, server: Server, authority: Pem
) -> None:
    ended = netecho("probe", server.target, *FEW, "--ca", authority.cert_file, "--json")
    assert ended.code == 0
    document = ended.document
    assert document["probes"]["received"] == 3
    assert document["rtt"]["stamps"] == "user"
    assert document["setup"]["connect_ms"] > 0
    assert document["setup"]["tls_ms"] > 0
    tls = document["tls"]
    assert tls["protocol"] == "TLSv1.3"
    assert tls["verified"] is True
    assert tls["subject"] == "CN=localhost"
    assert tls["issuer"] == "CN=authority"
    assert tls["not_after"] == server.pem.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert tls["pin"] == pin_of(server.pem.certificate)


def test_an_address_is_verified_as_an_address(netecho: Netecho, server: Server, authority: Pem) -> None:
    target = server.target.replace("localhost", LOOPBACK)
    assert netecho("probe", target, *FEW, "--ca", authority.cert_file, "-qq").code == 0


@pytest.mark.parametrize(
    "options",
    [["--insecure"], ["--pin", "PIN"], ["--pin", "sha256:" + "0" * 64, "--pin", "PIN"], ["--ca", "CA", "--pin", "PIN"]],
    ids=" ".join,
)
def test_other_ways_to_trust(netecho: Netecho, server: Server, authority: Pem, options: list[str]) -> None:
    given = [o.replace("PIN", pin_of(server.pem.certificate) or "").replace("CA", authority.cert_file) for o in options]
    assert netecho("probe", server.target, *FEW, *given, "-qq").code == 0


def refused(netecho: Netecho, *arguments: str) -> str:
    ended = netecho("probe", *arguments, *FEW, "-W", "1s")
    assert ended.code == 3, ended
    assert ended.out == ""
    assert "Traceback" not in ended.err
    return ended.err


def test_a_server_that_nobody_vouches_for_is_refused_with_its_pin(netecho: Netecho, server: Server) -> None:
    said = refused(netecho, server.target)
    assert "signed by CN=authority, which is not trusted" in said
    assert f"--pin {pin_of(server.pem.certificate)}" in said


def test_another_name_is_refused_with_the_names_it_has(netecho: Netecho, server: Server, authority: Pem) -> None:
    said = refused(netecho, server.target, "--ca", authority.cert_file, "--server-name", "example.org")
    assert "the certificate of example.org is for other names: localhost, 127.0.0.1" in said


def test_another_key_is_refused_with_the_pin_it_has(netecho: Netecho, server: Server) -> None:
    said = refused(netecho, server.target, "--pin", "sha256:" + "0" * 64)
    assert f"it is {pin_of(server.pem.certificate)}" in said


def test_an_expired_certificate_is_refused_with_its_date(netecho: Netecho, folder: Path, authority: Pem) -> None:
    for server in serving(issued(folder, "localhost", by=authority, start=NOW - 9 * DAY, days=2), "verify=0"):
        said = refused(netecho, server.target, "--ca", authority.cert_file)
        assert f"expired on {(NOW - 7 * DAY):%Y-%m-%d}" in said


def test_a_client_certificate_is_shown_where_it_is_asked_for(
    netecho: Netecho, demanding: Server, authority: Pem, folder: Path
) -> None:
    ours = issued(folder, "client", by=authority)
    trusted = ("--ca", authority.cert_file, "--server-name", "demanding")
    shown = ("--cert", ours.cert_file, "--key", ours.key_file)
    assert netecho("probe", demanding.target, *FEW, *trusted, *shown, "-qq").code == 0


def test_without_the_certificate_that_is_asked_for_nothing_comes_back(
    netecho: Netecho, demanding: Server, authority: Pem
) -> None:
    """TLS 1.3 lets the client finish before the server has looked: the refusal is the end of the connection."""
    ended = netecho("probe", demanding.target, *FEW, "--ca", authority.cert_file, "--server-name", "demanding", "-q")
    assert ended.code in (1, 3)
    assert "Traceback" not in ended.err


def test_a_key_of_another_certificate_is_a_wrong_option(netecho: Netecho, server: Server, authority: Pem) -> None:
    ended = netecho("probe", server.target, "--cert", server.pem.cert_file, "--key", authority.key_file)
    assert ended.code == 2
    assert "not the key of the certificate in" in ended.err


@pytest.mark.parametrize("option", ["--ca", "--cert"])
def test_a_file_that_is_no_certificate_is_a_wrong_option(netecho: Netecho, server: Server, option: str) -> None:
    ended = netecho("probe", server.target, option, __file__)
    assert ended.code == 2
    assert f"{option} {__file__}: no certificate in PEM form" in ended.err


def test_a_plain_service_is_told_to_be_one(netecho: Netecho) -> None:
    port = free_port()
    peer = Peer([needed("socat"), f"TCP-LISTEN:{port},bind={LOOPBACK},reuseaddr,fork", "PIPE"])
    try:
        peer.wait_until(lambda: answers(socket.SOCK_STREAM, (LOOPBACK, port)))
        assert "the port does not speak TLS; without it: tcp://" in refused(netecho, f"tls://localhost:{port}")
    finally:
        peer.stop()


def test_a_port_that_says_nothing_is_given_up_in_time(netecho: Netecho) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        said = refused(netecho, f"tls://localhost:{silent.getsockname()[1]}")
        assert "TLS was not agreed on with localhost within 1 s" in said


@pytest.mark.parametrize("mode", ["--connect-only", "--reconnect"])
def test_a_connection_for_each_probe_tells_both_phases(
    netecho: Netecho, server: Server, authority: Pem, mode: str
) -> None:
    ended = netecho("probe", server.target, *FEW, "--ca", authority.cert_file, mode, "--json")
    assert ended.code == 0, ended
    document = ended.document
    assert document["probes"]["received"] == 3
    assert document["connections"]["connect"]["count"] == 3
    assert document["connections"]["tls"]["count"] == 3
    assert document["connections"]["tls"]["min_ms"] > 0
