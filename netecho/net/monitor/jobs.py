"""From a target's settings to the job of a probe without an end."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from netecho.errors import UsageError
from netecho.measure.plan import Plan
from netecho.net.client.job import IpOptions, Job, StampOptions, TlsOptions
from netecho.stamp.auth import parse_key

if TYPE_CHECKING:
    from netecho.monitor.settings import TargetSettings

_LONGEST_KEY = 4096


def job_of(settings: TargetSettings, seed: int = 0) -> Job:
    """Return the job of a target. Raises UsageError where a file that it names cannot be read."""
    probing = settings.probing
    tls, traits = probing.tls_settings, settings.target.traits
    if tls.ca is not None:
        _read(tls.ca, settings.name)
    return Job(
        target=settings.target,
        plan=Plan(
            count=None,
            interval=Fraction(probing.interval),
            sizes=(probing.size,),
            timeout=probing.timeout,
            connect_only=probing.connect_only,
            seed=seed,
        ),
        ip_options=IpOptions(family=probing.family, dscp=probing.dscp if traits.is_ip else None),
        tls_options=TlsOptions(ca=tls.ca, insecure=tls.insecure, server_name=tls.server_name),
        stamp_options=StampOptions(key=_key(probing.auth_key_file, settings.name)),
        settings={},
        label=settings.name,
    )


def _key(path: str | None, name: str) -> bytes | None:
    if path is None:
        return None
    try:
        return parse_key(_read(path, name))
    except ValueError as error:
        raise UsageError(
            f"{path!r}, the auth_key_file of {name}, is no key: {error}", "the key as it stands, or hex: and digits"
        ) from None


def _read(path: str, name: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_LONGEST_KEY)
    except OSError as error:
        raise UsageError(f"{path!r}, a file of {name}, cannot be read: {error.strerror}", "check the path") from None
