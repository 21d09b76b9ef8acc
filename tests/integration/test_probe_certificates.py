"""A server's certificate that is refused: what is wrong with it, told from an authority that is not trusted.

A digest that is too weak is one that only OpenSSL's own program still signs with: `tests/interop/test_tls_openssl.py`.
"""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.certificates import DAY, Issued, issue
from tests.rogues import streams

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.program import Netecho

AUTHORITY = issue("an authority", authority=True)
ANOTHER = issue("another authority", authority=True)
NO_AUTHORITY = issue("no authority", AUTHORITY)


@dataclass(frozen=True)
class Case:
    """A server's certificate, whom the probe trusts, and all that is said after the server's name."""

    made: Callable[[], Issued]
    said: str
    trusted: Issued = AUTHORITY
    chain: tuple[Issued, ...] = ()


CASES = {
    "wrong purpose": Case(
        lambda: issue("localhost", AUTHORITY, purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
        "is refused: its purpose is another than to be a server's (extended key usage)",
    ),
    "wrong purpose, itself trusted": Case(
        lambda: issue("localhost", purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
        "is signed by itself, and not trusted",
    ),
    "another authority": Case(
        lambda: issue("localhost", ANOTHER),
        "is signed by CN=another authority, which is not trusted",
    ),
    "signed by itself": Case(lambda: issue("localhost"), "is signed by itself, and not trusted"),
    "expired": Case(
        lambda: issue("localhost", AUTHORITY, begins=-3 * DAY, ends=-2 * DAY),
        "expired on ",
    ),
    "signed by what is no authority": Case(
        lambda: issue("localhost", NO_AUTHORITY),
        "is refused: it is no authority, and may not sign another (basic constraints)",
        chain=(NO_AUTHORITY,),
    ),
}


@contextlib.contextmanager
def tls_server(folder: Path, certificate: Issued, chain: tuple[Issued, ...]) -> Iterator[str]:
    """A server that shows this certificate, whatever OpenSSL thinks of it; the target to reach it by."""
    cert, key = certificate.write(folder, "server")
    (folder / "server.pem").write_bytes(b"".join(each.pem for each in (certificate, *chain)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(cert, key)

    def shake_hands(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(100)

    with streams(shake_hands) as server:
        yield f"tls://localhost:{server.port}"


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_with_it_is_said_and_nothing_else(netecho: Netecho, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    trusted, _ = case.trusted.write(tmp_path, "trusted")
    with tls_server(tmp_path, case.made(), case.chain) as target:
        ended = netecho("probe", target, "-4", "-c", "1", "--ca", trusted)
    assert ended.code == 3, ended
    sentence, hint = ended.err.splitlines()
    assert sentence.startswith("netecho: TLS: the ")
    assert f" of localhost {case.said}" in sentence, ended
    assert sentence.endswith(case.said) or case.said == "expired on "
    assert ("not trusted" in sentence) is ("not trusted" in case.said)
    assert "--pin" in hint
