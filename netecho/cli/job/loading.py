"""From the options of `netecho load` to what is to be measured: what has no meaning together is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netecho.cli import files
from netecho.errors import UsageError
from netecho.load.run import PHASES
from netecho.net.client.job import IpOptions, StampOptions, TlsOptions
from netecho.net.load.steps import LoadOptions
from netecho.target import format_endpoint

if TYPE_CHECKING:
    from netecho.load.run import Phase

SHORTEST = 1_000_000_000
"""Nanoseconds of a phase, at least."""


def options_of(values: dict[str, Any]) -> LoadOptions:
    """Return what is to be measured. Raises UsageError."""
    if values["ipv4"] and values["ipv6"]:
        raise UsageError("--ipv4 and --ipv6 exclude each other", "leave one out, or both for either")
    if values["duration"] is not None and values["duration"] < SHORTEST:
        raise UsageError("--duration is below 1 s: a load does not begin so fast", "8s")
    if values["interval"] is not None and values["interval"] < 1_000_000:
        raise UsageError("--interval is below 1 ms: the probes would be the load", "10ms")
    direction: Any = values["direction"]
    phases: tuple[Phase, ...] = PHASES if direction in (None, "all") else ("idle", direction)
    names = ("duration", "max_bytes", "flows", "interval")
    given = {name: values[name] for name in names if values[name] is not None}
    key, token = values["auth_key_file"], values["token_file"]
    family: Any = 4 if values["ipv4"] else 6 if values["ipv6"] else None
    return LoadOptions(
        target=values["target"],
        phases=phases,
        url=values["url"],
        token=None if token is None else files.token(token, "--token-file"),
        label=values["label"],
        ip_options=IpOptions(family=family, dscp=values["dscp"]),
        stamp_options=StampOptions(
            key=None if key is None else files.stamp_key(key, "--auth-key-file"), clock="estimated"
        ),
        tls_options=_trusting(values),
        **given,
    )


def _trusting(values: dict[str, Any]) -> TlsOptions:
    given = [name for name in ("ca", "insecure", "server_name", "cert", "key", "pin") if values[name]]
    target, url = values["target"], values["url"]
    if given and not (target.is_secure if url is None else url.startswith("https://")):
        called = given[0].replace("_", "-")
        raise UsageError(
            f"--{called} is for nqs:// and https://: here there is no TLS",
            f"netecho load nqs://{format_endpoint(target.host, None)}",
        )
    for name in ("ca", "pin"):
        if values["insecure"] and values[name]:
            raise UsageError(
                f"--insecure and --{name} exclude each other: one checks, the other does not", "leave out --insecure"
            )
    if values["key"] is not None and values["cert"] is None:
        raise UsageError("--key needs --cert", "the certificate it is the key of: --cert FILE")
    return TlsOptions(
        ca=values["ca"],
        insecure=values["insecure"],
        server_name=values["server_name"],
        cert=values["cert"],
        key=values["key"],
        pins=values["pin"],
    )
