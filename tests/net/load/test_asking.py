"""What is asked of the far end before there is load: redirects that are followed, and those that are not; TLS."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from netecho.errors import UnreachableError
from netecho.net.client.job import TlsOptions
from netecho.net.load.asking import REDIRECTS, find, get
from tests.certificates import issue
from tests.net.load.https import Said, answering

if TYPE_CHECKING:
    from pathlib import Path

NO_TLS = TlsOptions()
AUTHORITY = issue("an authority", authority=True)


def test_a_redirect_is_followed_and_it_is_known_where_to() -> None:
    with answering({"/a": Said(status=302, location="/b"), "/b": Said(b"12345")}) as far:
        found = get(f"{far.url}/a", NO_TLS, most=3)
    assert (found.status, found.length, found.content) == (200, 5, b"123")
    assert (found.resource.path, found.resource.address, found.resource.port) == ("/b", "127.0.0.1", far.port)
    assert [path for path, _ in far.asked] == ["/a", "/b"]


def test_redirects_without_an_end_are_given_up() -> None:
    with (
        answering({"/a": Said(status=301, location="/a")}) as far,
        pytest.raises(ValueError, match=f"it redirects more than {REDIRECTS} times, at last to http://127.0.0.1:"),
    ):
        get(f"{far.url}/a", NO_TLS, most=1)
    assert len(far.asked) == REDIRECTS + 1


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://127.0.0.1:1/", "out of TLS: that is not followed"),
        ("ftp://127.0.0.1/", "out of TLS: that is not followed"),
        ("https://localhost:1/", "the token is not for another host"),
    ],
)
def test_a_redirect_that_gives_something_away_is_not_followed(location: str, why: str, tmp_path: Path) -> None:
    with (
        answering({"/": Said(status=307, location=location)}, issue("far", AUTHORITY), tmp_path) as far,
        pytest.raises(ValueError, match=why),
    ):
        get(f"{far.url}/", TlsOptions(insecure=True), most=1, token="secret")
    assert far.asked == [("/", "Bearer secret")]


def test_a_redirect_to_what_is_no_web_address_is_said() -> None:
    with (
        answering({"/": Said(status=302, location="ftp://127.0.0.1/")}) as far,
        pytest.raises(ValueError, match="ftp:// is not supported for load: http:// or https://"),
    ):
        get(f"{far.url}/", NO_TLS, most=1)


def test_tls_by_an_authority_that_is_trusted_and_by_one_that_is_not(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(AUTHORITY.pem)
    with answering({"/": Said(b"n" * 100_000)}, issue("far", AUTHORITY), tmp_path) as far:
        found = get(f"{far.url}/", TlsOptions(ca=str(ca)), most=1 << 20)
        assert found.content == b"n" * 100_000
        assert found.resource.secure
        with pytest.raises(UnreachableError) as refused:
            get(f"{far.url}/", TlsOptions(), most=1)
    assert refused.value.sentence == (
        "TLS: the certificate of 127.0.0.1 is signed by CN=an authority, which is not trusted"
    )


def test_a_port_without_tls() -> None:
    with answering({}) as far, pytest.raises(UnreachableError, match="TLS failed with 127"):
        get(far.url.replace("http:", "https:"), NO_TLS, most=1)


def test_a_name_in_any_script_is_asked_for_as_idna_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*asked: object, **_: object) -> list[object]:
        assert asked == ("xn--bcher-kva.example", 80)
        return [(None, None, None, "", ("192.0.2.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    found = find("http://b\xfccher.example/l")
    assert (found.host, found.name, found.address) == ("xn--bcher-kva.example", "xn--bcher-kva.example", "192.0.2.1")


@pytest.mark.parametrize("url", ["http://a b/", "http://[::1/", "http://a:99999/", "http://a..b/", "http://\x00/"])
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        find(url)


def test_an_address_without_a_host() -> None:
    with pytest.raises(ValueError, match="it names no host"):
        find("http:///x")
