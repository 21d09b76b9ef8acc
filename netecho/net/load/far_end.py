"""What the far end has for load: what `/.well-known/nq` says, or the one resource of `--url`. And what it has not."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from netecho.errors import UnreachableError
from netecho.load.run import NotTested
from netecho.net.client.job import TlsOptions
from netecho.net.load.asking import Resource, find, get
from netecho.net.load.http_flow import FlowError, check_length
from netecho.target import TRAITS, format_endpoint

if TYPE_CHECKING:
    from netecho.target import Target

NO_TLS = TlsOptions()
"""The system's authorities are trusted, and nothing else is asked for."""
_LARGEST = 65_536
_KEYS = {
    "small": ("small_download_url", "small_https_download_url"),
    "download": ("large_download_url", "large_https_download_url"),
    "upload": ("upload_url", "https_upload_url"),
}
"""Under which names the configuration has each: since draft 03, and before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """What it has; None: it has not, and `missing` says why."""

    address: str | None = None
    small: Resource | None = None
    download: Resource | None = None
    upload: Resource | None = None
    missing: tuple[NotTested, ...] = ()


def ask(target: Target, tls_options: TlsOptions = NO_TLS) -> FarEnd:
    """Ask a target for its configuration, and wait for it.

    Whatever goes wrong is a reason, and no error; but UsageError where a file of `tls_options` cannot be used.
    """
    port = target.port or TRAITS[target.scheme].default_port
    where, scheme = f"port {port} there", "https" if target.is_secure else "http"
    url = f"{scheme}://{format_endpoint(target.host, port)}/.well-known/nq"
    try:
        answer = get(url, tls_options, most=_LARGEST)
    except OSError as error:
        return _nothing(f"no load service on {where} (netecho serve {target.scheme}://): {_said(error)}")
    except UnreachableError as error:
        return _nothing(_sentence(error))
    except http.client.HTTPException:
        return _nothing(f"/.well-known/nq on {where} is not what the draft has there")
    except ValueError as error:
        return _nothing(f"/.well-known/nq on {where}: {error}")
    if answer.status != http.client.OK:
        why = f"/.well-known/nq on {where} answers {answer.status}: no load service"
        return _nothing(why, answer.resource.address)
    try:
        return _read(json.loads(answer.content)["urls"], answer.resource)
    except (ValueError, KeyError, TypeError, AttributeError):
        return _nothing(f"/.well-known/nq on {where} is not what the draft has there", answer.resource.address)


def of_url(url: str, tls_options: TlsOptions = NO_TLS, token: str | None = None) -> FarEnd:
    """Take one large resource of any HTTP server for the download half; it is asked for, and none of it read.

    Raises UsageError where a file of `tls_options` cannot be used.
    """
    try:
        answer = get(url, tls_options, most=0, token=token)
    except UnreachableError as error:
        return _nothing(f"--url {url}: {_sentence(error)}")
    except http.client.HTTPException:
        return _nothing(f"--url {url}: what answers there is no HTTP server")
    except (OSError, ValueError) as error:
        return _nothing(f"--url {url}: {_said(error)}")
    address = answer.resource.address
    if answer.status != http.client.OK:
        return _nothing(f"--url {url}: the server answers {answer.status}", address)
    try:
        check_length(answer.length)
    except FlowError as error:
        return _nothing(f"--url {url}: {error}", address)
    missing = NotTested(what="upload", reason="--url names a download alone")
    both = NotTested(what="both", reason="--url names a download alone")
    return FarEnd(address=address, download=answer.resource, missing=(missing, both))


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _sentence(error: UnreachableError) -> str:
    return error.sentence if error.hint is None else f"{error.sentence} ({error.hint})"


def _nothing(why: str, address: str | None = None) -> FarEnd:
    return FarEnd(
        address=address, missing=tuple(NotTested(what=each, reason=why) for each in ("download", "upload", "both"))
    )


def _read(urls: dict[str, Any], by: Resource) -> FarEnd:
    """Return what a configuration names; `by` is where it was: names of the same host are at the same address."""
    found: dict[str, Resource] = {}
    missing = []
    for name, keys in _KEYS.items():
        try:
            resource = find(str(next((urls[key] for key in keys if key in urls), "")))
            found[name] = replace(resource, address=by.address) if resource.name == by.name else resource
        except (OSError, ValueError) as error:
            missing.append(NotTested(what=name if name != "small" else "responsiveness", reason=str(error)))
    lacking = [each for each in missing if each.what in ("download", "upload")]
    if lacking:
        missing.append(NotTested(what="both", reason=lacking[0].reason))
    return FarEnd(
        address=by.address,
        small=found.get("small"),
        download=found.get("download"),
        upload=found.get("upload"),
        missing=tuple(missing),
    )
