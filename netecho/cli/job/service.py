"""From the options of `netecho serve` to the settings of a server: what has no meaning together is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netecho.cli.files import stamp_key, token
from netecho.echo.limits import Limits
from netecho.echo.load_budget import LoadLimits
from netecho.echo.text import DEFAULT_REPLY, TextMode
from netecho.errors import UsageError
from netecho.net.server.settings import Credentials, LoadSettings, ReflectorSettings, ServerSettings
from netecho.target import default_listen

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from netecho.target import Target

_TLS = (lambda target: target.is_secure, "tls or nqs", "add tls://:7443")
_STAMP = (lambda target: target.traits.is_stamp, "stamp", "add stamp://")
_LOAD = (lambda target: not target.traits.is_echo, "nq or nqs", "add nq://")
_FOR: Mapping[str, tuple[Callable[[Target], bool], str, str]] = {
    **dict.fromkeys(("cert", "key", "client_ca", "alpn"), _TLS),
    **dict.fromkeys(("stateful", "auth_key_file", "symmetrical", "whole_base"), _STAMP),
    **dict.fromkeys(("load_bytes", "load_time", "allow", "token_file"), _LOAD),
    "banner": (lambda target: target.traits.is_stream and target.traits.is_echo, "stream", "add tcp://:7007"),
    "socket_mode": (lambda target: target.path is not None, "unix", "add unix:/run/netecho.sock"),
}
"""Which addresses an option is for: what they must be, in a word, and one to add."""


def applicable(values: Mapping[str, Any], targets: Sequence[Target], typed: Collection[str]) -> dict[str, Any]:
    """Return the options without those that are for other addresses than `targets`, or for the other mode.

    The environment's are left out; one that was `typed` raises UsageError.
    """
    kept = dict(values)
    for option, (fits, kind, hint) in _FOR.items():
        # With no address at all there are TCP, UDP and STAMP, or systemd's sockets.
        if not targets or any(fits(target) for target in targets):
            continue
        if option in typed:
            raise UsageError(f"--{option.replace('_', '-')} is for {kind} addresses, and there is none", hint)
        if option not in ("load_bytes", "load_time", "socket_mode"):
            kept[option] = _none_of(values[option])
    if values["mode"] != "text":
        kept |= {option: None for option in ("reply", "reply_error", "logoff") if option not in typed}
    return kept


def _none_of(value: Any) -> Any:
    return False if isinstance(value, bool) else () if isinstance(value, tuple) else None


def service_of(values: dict[str, Any], targets: Sequence[Target]) -> ServerSettings:
    """Make the settings of the options. Raises UsageError for options that mean nothing together."""
    is_text = values["mode"] == "text"
    for option in ("reply", "reply_error", "logoff"):
        if values[option] is not None and not is_text:
            raise UsageError(f"--{option.replace('_', '-')} is for --mode text", "add --mode text")
    if values["key"] is not None and values["cert"] is None:
        raise UsageError("--key without --cert", "name the certificate too: --cert cert.pem")
    given = [option for option in ("cert", "client_ca", "alpn") if values[option]]
    # With no address at all the sockets may be systemd's.
    if given and targets and not any(target.is_secure for target in targets):
        raise UsageError(
            f"--{given[0].replace('_', '-')} is for tls or nqs addresses, and there is none", "add tls://:7443"
        )
    reflector_settings = _reflecting(values, targets)
    text_mode = TextMode(
        reply=DEFAULT_REPLY if values["reply"] is None else values["reply"],
        error=values["reply_error"],
        logoff=values["logoff"],
    )
    return ServerSettings(
        text_mode=text_mode if is_text else None,
        banner=values["banner"],
        credentials=Credentials(
            cert=values["cert"], key=values["key"], client_ca=values["client_ca"], alpn=values["alpn"]
        ),
        limits=Limits(
            connections=values["max_connections"] or None,
            per_client=values["max_per_client"] or None,
            idle=values["idle_timeout"] or None,
            rate=values["max_rate"] or None,
        ),
        reflector_settings=reflector_settings,
        load_settings=_loading(values, targets),
        duration=values["for"],
    )


def _reflecting(values: dict[str, Any], targets: Sequence[Target]) -> ReflectorSettings:
    given = [option for option in ("stateful", "auth_key_file", "symmetrical", "whole_base") if values[option]]
    # With no address at all there is STAMP, or systemd's sockets.
    if given and targets and not any(target.traits.is_stamp for target in targets):
        raise UsageError(f"--{given[0].replace('_', '-')} is for stamp addresses, and there is none", "add stamp://")
    path = values["auth_key_file"]
    if path is not None and values["whole_base"]:
        raise UsageError(
            "--whole-base and --auth-key-file exclude each other: TWAMP-Light has no packets with this HMAC",
            "leave out --whole-base",
        )
    key = None if path is None else stamp_key(path, "--auth-key-file").hex()
    by_default = tuple(targets) in ((), default_listen())
    return ReflectorSettings(
        stateful=values["stateful"] or by_default,
        key=key,
        symmetrical=values["symmetrical"],
        whole_base=values["whole_base"],
    )


def _loading(values: dict[str, Any], targets: Sequence[Target]) -> LoadSettings | None:
    loading = next((target.scheme for target in targets if not target.traits.is_echo), None)
    if loading is None:
        given = [option for option in ("allow", "token_file") if values[option]]
        if given:
            called = given[0].replace("_", "-")
            raise UsageError(f"--{called} is for nq or nqs addresses, and there is none", "add nq://")
        return None
    if values["workers"] > 1:
        raise UsageError(
            f"--workers is not for {loading} addresses: one process has the budgets of all clients",
            f"serve {loading}:// by a command of its own",
        )
    path = values["token_file"]
    return LoadSettings(
        token=None if path is None else token(path, "--token-file").encode(),
        networks=values["allow"],
        limits=LoadLimits(bytes=values["load_bytes"], time=values["load_time"]),
    )
