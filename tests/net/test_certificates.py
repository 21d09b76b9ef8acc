"""Certificates and keys: every way in which a file can be wrong has its sentence."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from netecho.errors import UsageError
from netecho.net.certificates import load_identity, make_identity, pin_of, read_certificates, read_identity
from tests.certificates import DAY, issue

if TYPE_CHECKING:
    from pathlib import Path


def test_a_certificate_and_its_key(tmp_path: Path) -> None:
    issued = issue("one")
    cert, key = issued.write(tmp_path, "one")
    chain, _ = read_identity(cert, key)
    assert chain == [issued.certificate]


def test_both_in_one_file_with_the_chain(tmp_path: Path) -> None:
    authority = issue("authority", authority=True)
    issued = issue("one", authority)
    (tmp_path / "all.pem").write_bytes(issued.key_pem() + issued.pem + authority.pem)
    chain, _ = read_identity(str(tmp_path / "all.pem"), None)
    assert chain == [issued.certificate, authority.certificate]


def wrong(cert: str, key: str | None, sentence: str) -> str | None:
    """Read them, and see that this is what is said; the hint."""
    with pytest.raises(UsageError) as raised:
        read_identity(cert, key)
    assert raised.value.sentence == sentence
    return raised.value.hint


def test_a_key_that_does_not_fit(tmp_path: Path) -> None:
    cert, _ = issue("one").write(tmp_path, "one")
    _, key = issue("other").write(tmp_path, "other")
    wrong(cert, key, f"--key {key}: not the key of the certificate in {cert}")


def test_an_expired_certificate(tmp_path: Path) -> None:
    issued = issue("one", begins=-2 * DAY, ends=-DAY)
    cert, key = issued.write(tmp_path, "one")
    date = f"{issued.certificate.not_valid_after_utc:%Y-%m-%d}"
    hint = wrong(cert, key, f"--cert {cert}: the certificate expired on {date}")
    assert (hint or "").startswith("openssl req")


def test_a_certificate_of_the_future(tmp_path: Path) -> None:
    issued = issue("one", begins=DAY, ends=2 * DAY)
    cert, key = issued.write(tmp_path, "one")
    date = f"{issued.certificate.not_valid_before_utc:%Y-%m-%d}"
    wrong(cert, key, f"--cert {cert}: the certificate is valid from {date} on only")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    cert, _ = issue("one").write(tmp_path, "one")
    wrong("/none.pem", None, "--cert /none.pem: no such file or directory")
    wrong(cert, "/none.pem", "--key /none.pem: no such file or directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_a_file_without_permission(tmp_path: Path) -> None:
    cert, key = issue("one").write(tmp_path, "one")
    (tmp_path / "one-key.pem").chmod(0)
    wrong(cert, key, f"--key {key}: permission denied")


def test_a_folder(tmp_path: Path) -> None:
    wrong(str(tmp_path), None, f"--cert {tmp_path}: is a directory")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00\xff" * 100, b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_with_something_else(tmp_path: Path, content: bytes) -> None:
    cert, _ = issue("one").write(tmp_path, "one")
    other = tmp_path / "other.pem"
    other.write_bytes(content)
    wrong(str(other), None, f"--cert {other}: no certificate in PEM form")
    wrong(cert, str(other), f"--key {other}: no private key in PEM form")


def test_a_certificate_without_its_key(tmp_path: Path) -> None:
    cert, _ = issue("one").write(tmp_path, "one")
    hint = wrong(cert, None, f"--cert {cert}: no private key in PEM form")
    assert hint == "a PEM file that has both, or the key in a file of its own: --key"


def test_a_locked_key(tmp_path: Path) -> None:
    issued = issue("one")
    cert, key = issued.write(tmp_path, "one")
    (tmp_path / "one-key.pem").write_bytes(issued.key_pem(b"secret"))
    hint = wrong(cert, key, f"--key {key}: the key is locked with a passphrase")
    assert hint == "without one: openssl pkey -in KEY -out UNLOCKED"


def test_the_option_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")
    with pytest.raises(UsageError, match=r"--client-ca .*: no certificate in PEM form"):
        read_certificates(str(tmp_path / "ca.pem"), "--client-ca")


def test_what_is_made_for_a_run() -> None:
    chain, key = load_identity(make_identity(["192.0.2.1", "fe80::1%eth0", "example.org", "localhost"]))
    (certificate,) = chain
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "example.org"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = {str(each) for each in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", "::1", "192.0.2.1", "fe80::1"}
    certificate.verify_directly_issued_by(certificate)
    assert key.public_key() == certificate.public_key()


def test_no_two_runs_have_the_same() -> None:
    assert make_identity([]) != make_identity([])


def test_the_pin_is_of_the_public_key_info() -> None:
    certificate = issue("one").certificate
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert pin_of(certificate) == f"sha256:{hashlib.sha256(info).hexdigest()}"
