"""nginx with static files as the far end of a load: the download half, with TLS, a redirect and a page."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import TYPE_CHECKING

import jsonschema
import pytest

from netecho.net.client.job import TlsOptions
from netecho.net.load.far_end import of_url
from netecho.report.document import schema
from tests.certificates import issue
from tests.peers import LOOPBACK, free_port, needed, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho

LARGE = 1 << 30
SHORT = ("-t", "1s", "--max-bytes", "40M", "--json", "-q")

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr;
{user}
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen {host}:{port};
    listen {host}:{secure} ssl;
    ssl_certificate {cert};
    ssl_certificate_key {key};
    root {folder}/www;
    location = /moved {{ return 302 /large; }}
    location = /out {{ return 302 http://{host}:{port}/large; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """It runs; its roots without TLS and with it, and the authority of its certificate."""
    program, folder = needed("nginx"), tmp_path_factory.mktemp("nginx")
    (folder / "www").mkdir()
    with (folder / "www" / "large").open("wb") as large:
        large.truncate(LARGE)
    (folder / "www" / "small").write_bytes(b"n")
    authority = issue("an authority", authority=True)
    ca, _ = authority.write(folder, "ca")
    cert, key = issue("far", authority).write(folder, "far")
    port, secure = free_port(), free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    text = CONFIGURATION.format(folder=folder, host=LOOPBACK, port=port, secure=secure, cert=cert, key=key, user=user)
    (folder / "nginx.conf").write_text(text)
    with running([program, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", "stderr"]) as peer:
        peer.wait_until(lambda: _accepts(LOOPBACK, port))
        yield f"http://{LOOPBACK}:{port}", f"https://{LOOPBACK}:{secure}", ca


def _accepts(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def test_the_download_half_over_tls_and_probes_by_connecting(nginx: tuple[str, str, str], netecho: Netecho) -> None:
    _, secure, ca = nginx
    target = secure.removeprefix("https://")
    ended = netecho("load", target, "--url", f"{secure}/large", "--ca", ca, *SHORT)
    jsonschema.Draft202012Validator(json.loads(schema.text())).validate(ended.document)
    assert ended.document["download"]["download"]["bytes"] > 1 << 20
    assert ended.document["upload"] is None
    assert ended.document["probed"] == f"tcp://{target}"


def test_a_redirect_is_followed_but_none_out_of_tls(nginx: tuple[str, str, str]) -> None:
    plain, secure, ca = nginx
    moved = of_url(f"{plain}/moved").download
    assert moved is not None
    assert moved.path == "/large"
    out = of_url(f"{secure}/out", TlsOptions(ca=ca))
    assert out.missing[0].reason == (
        f"--url {secure}/out: it redirects to {plain}/large, out of TLS: that is not followed"
    )


def test_what_is_no_load_is_said(nginx: tuple[str, str, str]) -> None:
    plain, secure, _ = nginx
    reasons = [of_url(url).missing[0].reason for url in (f"{plain}/small", f"{plain}/no", f"{secure}/large")]
    assert reasons == [
        f"--url {plain}/small: the large resource has 1 bytes: that is a page, and no load",
        f"--url {plain}/no: the server answers 404",
        f"--url {secure}/large: TLS: the certificate of {LOOPBACK} is signed by CN=an authority, which is not trusted"
        " (--ca FILE trusts another authority; to trust this very key: --pin " + reasons[2].partition("--pin ")[2],
    ]
