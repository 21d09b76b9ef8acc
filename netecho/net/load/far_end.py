"""What the far end has for load: what `/.well-known/nq` says, or the one resource of `--url`. And what it has not."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from netecho.load.run import NotTested
from netecho.target import TRAITS, format_endpoint

if TYPE_CHECKING:
    from netecho.target import Target

TIMEOUT = 5.0
"""Seconds for each step of asking."""
_LARGEST = 65_536
_KEYS = {
    "small": ("small_download_url", "small_https_download_url"),
    "download": ("large_download_url", "large_https_download_url"),
    "upload": ("upload_url", "https_upload_url"),
}
"""Under which names the configuration has each: since draft 03, and before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Where one of them is."""

    address: str
    port: int
    host: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """What it has; None: it has not, and `missing` says why."""

    address: str | None = None
    small: Resource | None = None
    download: Resource | None = None
    upload: Resource | None = None
    missing: tuple[NotTested, ...] = ()


def ask(target: Target) -> FarEnd:
    """Ask a target for its configuration, and wait for it. Whatever goes wrong is a reason, and no error."""
    port = target.port or TRAITS["nq"].default_port
    connection = http.client.HTTPConnection(target.host, port, timeout=TIMEOUT)
    where = f"port {port} there"
    try:
        connection.request("GET", "/.well-known/nq", headers={"User-Agent": "netecho"})
        address = str(connection.sock.getpeername()[0])
        answer = connection.getresponse()
        content = answer.read(_LARGEST)
        if answer.status != http.client.OK:
            return _nothing(f"/.well-known/nq on {where} answers {answer.status}: no load service", address)
        return _read(json.loads(content)["urls"], address)
    except OSError as error:
        return _nothing(f"no load service on {where} (netecho serve nq://): {error.strerror or error}")
    except (http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return _nothing(f"/.well-known/nq on {where} is not what the draft has there")
    finally:
        connection.close()


def of_url(url: str) -> FarEnd:
    """Take one large resource of any HTTP server for the download half."""
    try:
        found = _resource(url)
    except (OSError, ValueError) as error:
        return _nothing(f"--url {url}: {error}")
    missing = NotTested(what="upload", reason="--url names a download alone")
    both = NotTested(what="both", reason="--url names a download alone")
    return FarEnd(address=found.address, download=found, missing=(missing, both))


def _nothing(why: str, address: str | None = None) -> FarEnd:
    return FarEnd(
        address=address, missing=tuple(NotTested(what=each, reason=why) for each in ("download", "upload", "both"))
    )


def _read(urls: dict[str, Any], address: str) -> FarEnd:
    found: dict[str, Resource] = {}
    missing = []
    for name, keys in _KEYS.items():
        try:
            found[name] = _resource(str(next((urls[key] for key in keys if key in urls), "")))
        except (OSError, ValueError) as error:
            missing.append(NotTested(what=name if name != "small" else "responsiveness", reason=str(error)))
    lacking = [each for each in missing if each.what in ("download", "upload")]
    if lacking:
        missing.append(NotTested(what="both", reason=lacking[0].reason))
    return FarEnd(
        address=address,
        small=found.get("small"),
        download=found.get("download"),
        upload=found.get("upload"),
        missing=tuple(missing),
    )


def _resource(url: str) -> Resource:
    """Read where a resource is. Raises ValueError, OSError."""
    split = urlsplit(url)
    if split.scheme != "http":
        raise ValueError(f"{split.scheme or 'no'}:// is not supported for load: http://")
    if not split.hostname:
        raise ValueError("it names no host")
    port = split.port or 80
    found = socket.getaddrinfo(split.hostname, port, type=socket.SOCK_STREAM)
    address = str(found[0][4][0])
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError("its path has characters that no request has")
    host = format_endpoint(split.hostname, None if port == 80 else port)
    return Resource(address=address, port=port, host=host, path=path)
