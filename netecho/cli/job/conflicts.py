"""Which options of `netecho probe` do not go together, for one target: each is named, none is ignored.

Pure functions over the options as they were given and what their files hold. A rule is here when no reading of the
two makes sense; what only the system can refuse (an address that is not this machine's, a timestamp it has not) is
found out by `net`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from netecho.cli.job.applies import PAYLOADS, family_of as family_of_literal
from netecho.cli.job.inputs import LARGEST_PROBE
from netecho.errors import UsageError
from netecho.units import SECOND, spell_time

if TYPE_CHECKING:
    from netecho.cli.job.inputs import Inputs
    from netecho.cli.job.options import Options

LARGEST_DATAGRAM = 65507
LONGEST_TIMEOUT = 3600 * SECOND
SHORTEST_INTERVAL = 1000

_WHAT = ("size", *PAYLOADS, "pattern")


def check(options: Options, inputs: Inputs) -> None:
    """Refuse what does not go together. Raises UsageError naming both parts."""
    for rule in (_check_times, _check_packets, _check_connections, _check_trust, _check_output, _check_family):
        rule(options)
    _check_sizes(options, inputs.sizes)
    if options.target.traits.is_stamp:
        _check_stamp_sizes(options, inputs)


def check_several(options: Options) -> None:
    """Refuse what is of one target, where there are several. Raises UsageError naming the option."""
    if options.source is not None and options.source[1]:
        raise UsageError(
            f"port {options.source[1]} of {options.called('source')} is for one target",
            "give the address alone, and the system picks ports",
        )


def _exclude(options: Options, one: str, other: str, why: str, hint: str) -> None:
    """Refuse two options together, each of which is there."""
    if one in options.given and other in options.given:
        raise UsageError(f"{options.called(one)} and {options.called(other)} exclude each other: {why}", hint)


def _check_times(options: Options) -> None:
    _exclude(options, "interval", "rate", "they say the same thing", "a rate of 50 is an interval of 20ms")
    interval, timeout = options.interval, options.timeout
    if interval == 0:
        hint = "give a time: -i 10ms"
        if options.schedule == "poisson":
            raise UsageError(
                f"{options.called('schedule')} poisson and {options.called('interval')} 0 exclude each other:"
                " its gaps have no mean",
                hint,
            )
        _exclude(options, "interval", "spin", "without a schedule there is nothing to wait for", hint)
    if (interval and interval < SHORTEST_INTERVAL) or (options.rate is not None and options.rate < SHORTEST_INTERVAL):
        name = "rate" if options.rate is not None else "interval"
        raise UsageError(
            f"{options.called(name)} asks for more than a million probes a second",
            "for the next as soon as a reply is in: -i 0",
        )
    if options.duration == 0:
        raise UsageError(f"{options.called('duration')} 0 leaves no time to send", "give a time: -t 10s")
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise UsageError(
            f"{options.called('timeout')} {spell_time(timeout)} is not above 0 and up to 1h", "give a time: -W 2s"
        )


def _check_packets(options: Options) -> None:
    for n, one in enumerate(PAYLOADS):
        for other in (*PAYLOADS[n + 1 :], "pattern"):
            _exclude(options, one, other, "each says what is sent", "give one of them")
        _exclude(options, one, "size", "a payload has a size of its own", f"leave out {options.called('size')}")
    for name in _WHAT:
        _exclude(options, "connect_only", name, "nothing is sent", f"leave out {options.called(name)}")
    if options.connect_only and options.stamps == "kernel":
        _exclude(options, "connect_only", "stamps", "the kernel stamps what is sent", "leave out --stamps")


def _check_connections(options: Options) -> None:
    _exclude(options, "ipv4", "ipv6", "each excludes the other's addresses", "give one of them, or none")
    hint = f"leave out {options.called('connect_only')}, or {options.called('reconnect')}: it connects each time too"
    _exclude(options, "connect_only", "reconnect", "one sends a probe on each connection, the other sends none", hint)
    if options.source is not None and options.source[1]:
        for name, several in (
            ("connections", options.connections > 1),
            ("reconnect", options.reconnect),
            ("connect_only", options.connect_only),
        ):
            if several:
                raise UsageError(
                    f"{options.called(name)} and port {options.source[1]} of {options.called('source')} exclude"
                    " each other: a port serves one connection at a time",
                    "give the address alone, and the system picks ports",
                )


def _check_trust(options: Options) -> None:
    for name in ("ca", "pin"):
        _exclude(options, "insecure", name, "one checks, the other does not", "leave out --insecure")
    if options.key is not None and options.cert is None:
        raise UsageError(f"{options.called('key')} needs --cert", "the certificate it is the key of: --cert FILE")


def _check_output(options: Options) -> None:
    form = options.format
    if options.json and form not in (None, "json"):
        why = f"--json is short for --format json, not {form}"
        _exclude(options, "json", "format", why, f"leave out {options.called('json')}")
    form = "json" if options.json else form or "text"
    if options.histogram and form != "text":
        raise UsageError(
            f"{options.called('histogram')} is drawn in text, not in {form}", "--hdr FILE keeps it for machines"
        )
    if options.live and options.quiet:
        _exclude(options, "live", "quiet", "a live view is not quiet", f"leave out {options.called('quiet')}")
    if options.histogram and options.quiet > 1:
        _exclude(options, "histogram", "quiet", "given twice it prints nothing", "give -q once")
    if (
        options.save is not None
        and options.hdr is not None
        and Path(options.save).resolve() == Path(options.hdr).resolve()
    ):
        raise UsageError(
            f"{options.called('save')} and {options.called('hdr')} name the same file {options.save!r}",
            "give two",
        )


def _check_family(options: Options) -> None:
    """Refuse addresses of one family together with another's."""
    wanted = [(4, options.called("ipv4"))] if options.ipv4 else [(6, options.called("ipv6"))] if options.ipv6 else []
    if options.source is not None and (version := family_of_literal(options.source[0])):
        wanted.append((version, f"{options.called('source')} {options.source[0]}"))
    if version := family_of_literal(options.target.host):
        wanted.append((version, f"the target {options.target.host}"))
    for version, what in wanted[1:]:
        first, said = wanted[0]
        if version != first:
            raise UsageError(f"{said} is IPv{first}, and {what} is IPv{version}", "one run is of one family")


def family_of(options: Options) -> Literal[4, 6] | None:
    """Return the version of IP that is asked for, by name or by the address to send from; None: either."""
    version = (
        4 if options.ipv4 else 6 if options.ipv6 else family_of_literal(options.source[0]) if options.source else None
    )
    return 4 if version == 4 else 6 if version == 6 else None


def _check_sizes(options: Options, sizes: tuple[int, ...]) -> None:
    """Refuse sizes that the transport cannot carry, naming the option they came from."""
    source = next((name for name in PAYLOADS if name in options.given), "size")
    # Of a file that is too long nobody has read the rest.
    size = f"{max(sizes)} bytes" if max(sizes) <= LARGEST_PROBE else "over 16M"
    what = f"{options.called(source)} of {size}"
    if options.target.is_stream:
        if min(sizes) == 0 and not options.connect_only:
            raise UsageError(
                f"{options.called(source)} of 0 bytes: a stream carries no empty probe",
                "give at least 1, or probe over udp://, where a datagram may be empty",
            )
        if max(sizes) > LARGEST_PROBE:
            raise UsageError(f"{what} is more than the 16M of the largest probe", "give less: -s 1M")
    elif max(sizes) > LARGEST_DATAGRAM:
        raise UsageError(
            f"{what} is more than the {LARGEST_DATAGRAM} of the largest datagram", "give less, or probe over tcp://"
        )


def _check_stamp_sizes(options: Options, inputs: Inputs) -> None:
    """Refuse sizes that no STAMP packet has."""
    from netecho.stamp.session_sender import fits, least_size

    sizes, key, control = inputs.sizes, inputs.stamp_key, options.reply_size is not None
    base = least_size(key, control=control)
    called = options.called("size")
    packet = "a STAMP packet" if key is None else "an authenticated STAMP packet"
    if control:
        packet += f" that asks for {options.called('reply_size')}"
    if options.reply_size is not None and options.reply_size > LARGEST_DATAGRAM:
        raise UsageError(
            f"{options.called('reply_size')} of {options.reply_size} bytes is more than the {LARGEST_DATAGRAM} of the "
            "largest datagram",
            "give less: a netecho server sends 9216 at most",
        )
    if min(sizes) < base:
        raise UsageError(f"{called} of {min(sizes)} bytes is less than the {base} of {packet}", f"give at least {base}")
    for size in sizes:
        if not fits(size, key, control=control):
            raise UsageError(
                f"{called} of {size} bytes: what follows the {base} of {packet} has 4 or more",
                f"give {base}, or {base + 4} and more",
            )
