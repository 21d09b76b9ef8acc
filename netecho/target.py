"""The address grammar that both sides share: `[scheme://]host[:port]`, parsed and printed.

`probe` names the one to reach, `serve` those to listen on, written the same way. This module knows how an address is
written and what its parts default to. It must not resolve a name or touch a socket: whether a host exists is found
out when it is connected to.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Literal, NamedTuple, get_args

from netecho.errors import UsageError

Scheme = Literal["tcp", "udp", "tls", "unix", "stamp", "nq", "nqs"]

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)


class Traits(NamedTuple):
    """What a scheme means, whatever speaks it."""

    is_stream: bool
    """Whether bytes arrive in order but without boundaries, and not as datagrams."""
    default_port: int | None = None
    """None: it has no ports."""
    is_secure: bool = False
    """Whether a TLS handshake comes first."""
    is_ip: bool = True
    """Whether bytes travel in IP packets, which have a source, a time to live and a DSCP."""
    is_stamp: bool = False
    """Whether packets have the form of RFC 8762, in which the far end puts its own timestamps."""
    is_echo: bool = True
    """Whether what is sent comes back, so that it can be probed."""


TRAITS: dict[Scheme, Traits] = {
    "tcp": Traits(is_stream=True, default_port=7007),
    "udp": Traits(is_stream=False, default_port=7007),
    "tls": Traits(is_stream=True, default_port=7443, is_secure=True),
    "unix": Traits(is_stream=True, is_ip=False),
    "stamp": Traits(is_stream=False, default_port=862, is_stamp=True),
    "nq": Traits(is_stream=True, default_port=7080, is_echo=False),
    "nqs": Traits(is_stream=True, default_port=7081, is_secure=True, is_echo=False),
}
ECHOES: tuple[Scheme, ...] = tuple(scheme for scheme, traits in TRAITS.items() if traits.is_echo)
"""Those that can be probed."""
DEFAULT_PORTS: dict[Scheme, int] = {
    scheme: traits.default_port for scheme, traits in TRAITS.items() if traits.default_port is not None
}
UNPRIVILEGED_STAMP_PORT = 7862
"""Where `netecho serve` answers STAMP if no address is named: for its own port, 862, not everybody has the right."""
SELF = "self"

_SCHEME = re.compile(r"([^/:\[\]@]*)://(.*)", re.DOTALL)
_DIGITS = re.compile(r"[0-9]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_LONGEST_NAME = 253  # RFC 1035 section 2.3.4: 255 octets on the wire, less the first length and the root
_LONGEST_LABEL = 63
_LONGEST_PATH = 107  # sun_path of unix(7) is 108 bytes with its NUL
_LARGEST_PORT = 65535


class Target(NamedTuple):
    """Where to probe or to listen, with every default filled in."""

    scheme: Scheme
    host: str = ""
    """A name (internationalised ones in their ASCII form), an IP literal without brackets, `self`, or empty for
    every address of this machine."""
    port: int | None = None
    """None for `unix` and for `self`, which have none."""
    path: str | None = None
    """Of the socket; only where the scheme is `unix`."""

    @property
    def url(self) -> str:
        """The one canonical way to write this target; it parses to an equal one."""
        if self.path is not None:
            # Two slashes after the colon would begin an (empty) host: such a path needs the long form.
            return f"unix:{'//' if self.path.startswith('//') else ''}{self.path}"
        return f"{self.scheme}://{format_endpoint(self.host, self.port)}"

    @property
    def traits(self) -> Traits:
        """What its scheme means."""
        return TRAITS[self.scheme]

    @property
    def is_self(self) -> bool:
        """Whether the probe is to start its own server."""
        return self.host == SELF

    @property
    def is_stream(self) -> bool:
        """Whether bytes arrive in order but without boundaries (TCP, TLS, Unix), and not as datagrams."""
        return TRAITS[self.scheme].is_stream

    @property
    def is_secure(self) -> bool:
        """Whether a TLS handshake comes first."""
        return TRAITS[self.scheme].is_secure

    def __str__(self) -> str:
        return self.url


def format_endpoint(host: str, port: int | None) -> str:
    """Write a host (IPv6 without brackets) and a port, if there is one, as in a target: `[::1]:7007`."""
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port is None else f"{bracketed}:{port}"


def parse_target(text: str) -> Target:
    """Read what `netecho probe` is to reach; no scheme means TCP. Raises UsageError naming the wrong part."""
    scheme, rest = _split_scheme(text)
    if scheme == "unix":
        return Target("unix", path=_path(text, rest))
    scheme = scheme or "tcp"
    if not TRAITS[scheme].is_echo:
        host, _ = _split_port(text, scheme, rest)
        raise UsageError(f"{text!r} is no echo: it gives and takes load", f"netecho load {host or 'host'}")
    return _parse_reached(text, scheme, rest)


def parse_load_target(text: str) -> Target:
    """Read whom `netecho load` is to put load on; no scheme means nq. Raises UsageError naming the wrong part."""
    scheme, rest = _split_scheme(text)
    scheme = scheme or "nq"
    if TRAITS[scheme].is_echo:
        raise UsageError(f"{text!r} is an echo, and gives no load", "name the host alone: netecho load host")
    return _parse_reached(text, scheme, rest)


def _parse_reached(text: str, scheme: Scheme, rest: str) -> Target:
    host, port = _split_port(text, scheme, rest)
    if not host:
        raise UsageError(f"no host in {text!r}", f"name one: {Target(scheme, 'localhost', port).url}")
    if host == SELF:
        if port is not None:
            raise UsageError(f"'self' takes no port: {text!r}", f"netecho picks a free one: {Target(scheme, SELF).url}")
        return Target(scheme, SELF)
    if port == 0:
        raise UsageError(f"port 0 in {text!r} cannot be probed", f"name the real one: {_right(scheme, host)}")
    return Target(scheme, host, DEFAULT_PORTS[scheme] if port is None else port)


def parse_listen(text: str) -> tuple[Target, ...]:
    """Read where one argument of `netecho serve` listens; no scheme means TCP and UDP.

    An empty host is every address, port 0 a free port. Raises UsageError naming the wrong part.
    """
    scheme, rest = _split_scheme(text)
    if scheme == "unix":
        return (Target("unix", path=_path(text, rest)),)
    if not text:
        raise UsageError("the address to listen on is empty", "for TCP and UDP on every address: :7007")
    if _DIGITS.fullmatch(text):
        raise UsageError(f"{text!r} is not an address", f"for that port on every address: :{text}")
    host, port = _split_port(text, scheme or "tcp", rest)
    if host == SELF:
        raise UsageError(
            f"'self' in {text!r} is for probes: it is the server they start themselves",
            f"to listen on loopback: {_right(scheme or 'tcp', 'localhost')}",
        )
    schemes: tuple[Scheme, ...] = (scheme,) if scheme else ("tcp", "udp")
    return tuple(Target(each, host, DEFAULT_PORTS[each] if port is None else port) for each in schemes)


def default_listen() -> tuple[Target, ...]:
    """Return where `netecho serve` listens if no address is named: all that a probe of any kind needs, without root."""
    return (*parse_listen(":7007"), *parse_listen(f"stamp://:{UNPRIVILEGED_STAMP_PORT}"))


def check_host(text: str) -> str:
    """Check a name or an IP literal (IPv6 without brackets) that stands alone; return its canonical form."""
    try:
        return _ipv6(text)
    except ValueError:
        if not text:
            raise UsageError("the name is empty", "write a name: echo.example") from None
        return _name(text, "tls", text)


def _in(text: str, part: str) -> str:
    return repr(part) if part == text else f"{part!r} in {text!r}"


def _right(scheme: Scheme, host: str) -> str:
    return Target(scheme, host, DEFAULT_PORTS[scheme]).url


def _split_scheme(text: str) -> tuple[Scheme | None, str]:
    if text[:5].lower() == "unix:":
        return "unix", text[5:]
    match = _SCHEME.match(text)
    if match is None:
        return None, text
    name, rest = match.groups()
    for scheme in SCHEMES:
        if name.lower() == scheme:
            return scheme, rest
    raise UsageError(
        f"scheme {name!r} in {text!r} is not one of {', '.join(SCHEMES)}",
        f"for an echo over TCP: tcp://{rest.partition('/')[0] or 'localhost:7007'}",
    )


def _path(text: str, rest: str) -> str:
    right = "write unix:/path or unix:///path: unix:/run/netecho.sock"
    path = rest
    if rest.startswith("//"):
        path = rest[2:]
        if path and not path.startswith("/"):
            raise UsageError(f"host {path.partition('/')[0]!r} in {text!r}: a Unix socket has none", right)
    if not path:
        raise UsageError(f"no path in {text!r}", right)
    if not path.startswith("/"):
        raise UsageError(f"path {_in(text, path)} is not absolute", right)
    if path.endswith("/"):
        raise UsageError(f"path {path!r} in {text!r} is a directory's", right)
    if "\0" in path:
        raise UsageError(f"path {path!r} has a NUL in it", right)
    if len(path.encode(errors="surrogateescape")) > _LONGEST_PATH:
        raise UsageError(f"path {path!r} is longer than the {_LONGEST_PATH} bytes of a Unix socket's", right)
    return path


def _split_port(text: str, scheme: Scheme, rest: str) -> tuple[str, int | None]:
    """Part the host, checked and canonical ("" if there is none), from the port (None if there is none)."""
    for mark, what in (("/", "path"), ("?", "query"), ("#", "fragment")):
        if mark in rest:
            host, _, tail = rest.partition(mark)
            raise UsageError(
                f"{what} {mark + tail!r} in {text!r}: a target ends with its port",
                f"leave it out: {scheme}://{host or 'localhost:7007'}",
            )
    if "@" in rest:
        user, _, host = rest.rpartition("@")
        raise UsageError(f"user {user!r} in {text!r}: a target has none", f"leave it out: {scheme}://{host}")
    if rest.startswith("["):
        return _split_brackets(text, scheme, rest)
    if rest.count(":") > 1:
        try:
            return _ipv6(rest), None
        except ValueError:
            right = f"an IPv6 address with a port stands in brackets: {scheme}://[::1]:{DEFAULT_PORTS[scheme]}"
            raise UsageError(f"{rest!r} is neither host:port nor an IPv6 address", right) from None
    name, colon, port = rest.partition(":")
    host = _name(text, scheme, name) if name else ""
    return host, _port(text, scheme, host, port) if colon else None


def _split_brackets(text: str, scheme: Scheme, rest: str) -> tuple[str, int | None]:
    right = f"write it like {scheme}://[::1]:{DEFAULT_PORTS[scheme]}"
    literal, bracket, tail = rest[1:].partition("]")
    if not bracket:
        raise UsageError(f"no closing bracket in {text!r}", right)
    try:
        host = _ipv6(literal)
    except ValueError:
        raise UsageError(f"{_in(text, literal)} is not an IPv6 address", right) from None
    if tail and not tail.startswith(":"):
        raise UsageError(f"{tail!r} in {text!r} is not a port", right)
    return host, _port(text, scheme, host, tail[1:]) if tail else None


def _ipv6(literal: str) -> str:
    address = ipaddress.IPv6Address(literal)
    zone = address.scope_id
    if zone is not None and not all("!" <= letter <= "~" and letter not in "/[]" for letter in zone):
        raise ValueError(zone)
    return str(address)


def _port(text: str, scheme: Scheme, host: str, port: str) -> int:
    right = f"a port is a number up to {_LARGEST_PORT}: {_right(scheme, host or 'localhost')}"
    if not port:
        raise UsageError(f"no port after the colon in {text!r}", right)
    if not _DIGITS.fullmatch(port):
        raise UsageError(f"port {port!r} in {text!r} is not a number", right)
    significant = port.lstrip("0") or "0"
    if len(significant) > len(str(_LARGEST_PORT)) or int(significant) > _LARGEST_PORT:
        raise UsageError(f"port {port} in {text!r} is above {_LARGEST_PORT}", right)
    return int(significant)


def _name(text: str, scheme: Scheme, name: str) -> str:
    """Check a host name or IPv4 literal and return its canonical ASCII form."""
    right = f"write a name or an address: {_right(scheme, 'localhost')}"
    ascii_name = _to_ascii(text, name, right).lower()
    bare = ascii_name.removesuffix(".")
    labels = bare.split(".")
    # A name whose last label is a number would be read as an IPv4 address by some resolvers and not by others.
    if _DIGITS.fullmatch(labels[-1]):
        if len(labels) == 1:
            raise UsageError(f"{name!r} is not a host", f"for a port of this machine: localhost:{name}")
        return _ipv4(text, scheme, name)
    if len(bare) > _LONGEST_NAME:
        raise UsageError(f"host {name!r} is longer than {_LONGEST_NAME} characters", right)
    for label in labels:
        if not label:
            raise UsageError(f"host {name!r} has an empty label", right)
        if len(label) > _LONGEST_LABEL:
            raise UsageError(f"{label!r} in host {name!r} is longer than {_LONGEST_LABEL} characters", right)
        if not _LABEL.fullmatch(label):
            raise UsageError(f"{_in(text, label)} is not part of a host name", right)
    return ascii_name


def _to_ascii(text: str, name: str, right: str) -> str:
    if name.isascii():
        return name
    import idna  # its tables are large; only internationalised names need them

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise UsageError(f"host {_in(text, name)} is not a name that IDNA allows", right) from None


def _ipv4(text: str, scheme: Scheme, name: str) -> str:
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        right = f"four numbers from 0 to 255: {_right(scheme, '127.0.0.1')}"
        raise UsageError(f"{_in(text, name)} is not an IPv4 address", right) from None
