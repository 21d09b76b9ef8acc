"""`netecho probe`: its options, and the run they ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from netecho.cli.click_ext.command import command, named, section
from netecho.cli.click_ext.types import (
    CRITERIA,
    FILE,
    HOST,
    PERIOD,
    RATE,
    SIZES,
    TARGET,
    TEXT,
    TIME,
    Parsed,
    choice,
    integer,
    parse_alpn,
    parse_hex,
    parse_pin,
    parse_source,
)
from netecho.measure.dscp import parse_dscp
from netecho.measure.plan import Plan
from netecho.net.client.job import StampOptions
from netecho.report.formats import FORMATS
from netecho.units import parse_size, spell_time

if TYPE_CHECKING:
    from netecho.cli.context import CliContext
    from netecho.cli.job.options import Options

EXAMPLES = (
    ("netecho probe self", "the floor: what this machine itself costs"),
    ("netecho probe host", "ten probes over TCP to the server at host, port 7007"),
    ("netecho probe udp://host:7007 -c 100 -i 10ms", "a hundred over UDP, ten milliseconds apart"),
    ("netecho probe host -r 1000 -t 1s -q", "a thousand a second for a second; the summary alone"),
    ("netecho probe host -s 64..1400:334", "sizes from 64 to 1400 bytes, ten of each"),
    ("netecho probe host --json --fail-if 'rtt.p99>20ms,loss>1%'", "for scripts: JSON, and an exit code"),
    ("netecho probe host udp://host stamp://router", "several targets side by side: a table"),
    ("netecho probe host --connect-only", "the time to connect alone, to any TCP service"),
    ("netecho probe stamp://router -c 100 --dscp EF", "each direction by itself, and what becomes of the DSCP"),
)

_PLAN = Plan()
"""Where the defaults stand."""

when = section("When to send")
what = section("What to send")
how = section("Connections and replies")
travel = section("How the packets travel")
tls = section("TLS, for tls:// targets")
stamp = section("STAMP, for stamp:// targets")
output = section("Output")
verdict = section("Verdict")


@command(
    "probe",
    examples=EXAMPLES,
    epilog="TIME takes ns, us, ms, s, m or h (1.5s, 200us), in seconds without; BYTES takes k and M, powers of 1024."
    " Every option is also read from the environment, as NETECHO_PROBE_<OPTION>.",
)
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True, type=TARGET)
@when("-c", "--count", type=integer(0), shown=str(_PLAN.count), help="probes to send, of each size; 0: until stopped")
@when("-t", "--duration", type=TIME, help="stop sending after TIME; alone it lifts the default count")
@when(
    "-i",
    "--interval",
    type=TIME,
    shown=spell_time(int(_PLAN.interval)),
    help="time between sends; 0: the next as soon as the reply is in",
)
@when("-r", "--rate", type=RATE, help="the same as a number per second, instead of -i")
@when(
    "--schedule",
    type=choice("even", "poisson"),
    shown=_PLAN.schedule,
    help="fixed spacing, or exponential gaps (RFC 2330)",
)
@when("-w", "--window", type=integer(1), shown="no limit", help="most probes outstanding at once; waits are counted")
@when("--warmup", type=integer(0), shown=str(_PLAN.warmup), help="first N probes are sent, not counted")
@when("--spin", is_flag=True, help="busy-wait for each send: exact to the microsecond, at the price of a core")
@what("-s", "--size", type=SIZES, shown=str(*_PLAN.sizes), help="payload size; FROM..TO:STEP sweeps, up to 100 sizes")
@what("--payload", type=TEXT, help="send this text")
@what("--payload-hex", type=Parsed("HEX", parse_hex), help="send these bytes")
@what("--payload-file", type=FILE, help="send what is in this file")
@what(
    "--pattern", type=choice("random", "zeros", "counter"), shown=_PLAN.pattern, help="what the payload is filled with"
)
@how(
    "-W",
    "--timeout",
    type=TIME,
    shown=spell_time(_PLAN.timeout),
    help="how long a reply, a connection or a name is waited for",
)
@how(
    "--connections",
    type=integer(1, 50_000),
    shown=str(_PLAN.connections),
    help="parallel connections (over UDP, source ports), each with the whole schedule, and figures of its own",
)
@how("--reconnect", is_flag=True, help="a new connection for each probe")
@how("--connect-only", is_flag=True, help="measure connecting (and the TLS handshake) alone: nothing is sent")
@how(
    "--stamps",
    type=choice("auto", "kernel", "user"),
    shown=_PLAN.stamps,
    help="whose clock rtt is by: the kernel's where it can be had, or by all means (else exit 3), or this program's",
)
@travel("-4", "--ipv4", is_flag=True, help="IPv4 alone")
@travel("-6", "--ipv6", is_flag=True, help="IPv6 alone")
@travel("--source", type=Parsed("ADDR[:PORT]", parse_source), help="send from this address and port")
@travel("--dscp", type=Parsed("VALUE", parse_dscp), help="0 to 63, or a name: EF, AF41, CS1, LE")
@travel(
    "--ecn",
    type=choice("not-ect", "ect0", "ect1", "ce"),
    help="mark datagrams with this ECN codepoint, and count what arrives at each end",
)
@travel("--ttl", type=integer(1, 255), help="time to live, or hop limit")
@travel("--dont-fragment", is_flag=True, help="have packets that are too long refused, not cut")
@tls("--ca", type=FILE, shown="the system's", help="trust the certificate authorities in FILE (PEM)")
@tls("--insecure", is_flag=True, help="trust any certificate")
@tls("--server-name", type=HOST, shown="the target's host", help="the name to ask for and to check")
@tls(
    "--alpn",
    type=Parsed("NAME", parse_alpn),
    multiple=True,
    help="offer this application protocol; may be repeated",
)
@tls("--cert", type=FILE, help="our certificate (PEM)")
@tls("--key", type=FILE, shown="in --cert", help="its key (PEM)")
@tls(
    "--pin",
    type=Parsed("sha256:HEX", parse_pin),
    multiple=True,
    help="trust this public key, whoever signed it; may be repeated",
)
@stamp("--auth-key-file", type=FILE, help="authenticated mode, with the key in FILE: as it stands, or hex:DIGITS")
@stamp(
    "--clock",
    type=choice("auto", "synced", "estimated"),
    shown=StampOptions().clock,
    help="one-way delays as stamped, or corrected by the estimated offset of the clocks, or by what both ends claim",
)
@stamp(
    "--reply-size",
    type=Parsed("BYTES", parse_size),
    shown="as long as what was sent",
    help="ask for replies of this length (RFC 10052), to try sizes in one direction",
)
@stamp("--ssid", type=integer(0, 65535), shown="one at random", help="session identifier (RFC 8972); 0: none")
@stamp(
    "--timestamp-format",
    type=choice("ntp", "ptp"),
    shown="ntp",
    help="of the timestamps in the packets, there and back (RFC 8186)",
)
@output(
    "--format",
    type=choice(*FORMATS),
    metavar="FORMAT",
    shown="text",
    help=f"what goes to standard output: {', '.join(FORMATS)}",
)
@output("--json", is_flag=True, help="short for --format json")
@output("-q", "--quiet", count=True, help="the summary alone; twice: nothing, the exit code speaks")
@output(
    "--live/--no-live",
    default=None,
    shown="on terminals, in text",
    help="show on standard error how the run goes; of several targets, a row for each",
)
@output("--report-every", type=PERIOD, help="print interim figures on standard error each TIME, as SIGUSR1 does once")
@output(
    "--histogram",
    is_flag=True,
    shown="where there is room",
    help="draw the round trips by their size; those of each of several targets only if given",
)
@output("--hdr", type=FILE, help="also write them in HdrHistogram's log format")
@output("--save", type=FILE, help="also write the run as NDJSON, for netecho report and compare")
@output("--label", type=TEXT, help="kept with the run")
@output("--no-color", is_flag=True, help="no colour, as NO_COLOR=1 in the environment")
@verdict(
    "--fail-if",
    type=CRITERIA,
    multiple=True,
    help="exit 1 if this came true: rtt.p99>20ms, loss>1%, ...; may be repeated, or joined by commas",
)
@click.pass_context
def probe(ctx: click.Context, /, **values: Any) -> int:
    """Measure round trips to an echo server: any RFC 862 server, or netecho's own.

    TARGET is [SCHEME://]HOST[:PORT], where SCHEME is tcp (the default), udp, tls or stamp; or unix:/PATH; or self,
    for a server that is started on this machine for the run. Several are measured side by side: a table, JSON as a
    list, the worst exit code; --save run.ndjson then writes run-1.ndjson, run-2.ndjson, in the order of the targets.
    """
    from netecho.cli.files import warn_of_shared_keys
    from netecho.cli.job.build import build
    from netecho.cli.run import run

    context: CliContext = ctx.obj
    invocation = build(options_of(ctx, values), _seed())
    if values["quiet"] < 2:
        warn_of_shared_keys(context.output, values["key"] or values["cert"], values["auth_key_file"])
    return run(invocation, context)


def options_of(ctx: click.Context, values: dict[str, Any]) -> tuple[Options, ...]:
    """Return the options that were given, with what each was called: for each target, what applies to it."""
    from netecho.cli.job.options import options_from

    default = (None, click.core.ParameterSource.DEFAULT)
    given = {
        param.name: named(ctx, param)
        for param in ctx.command.params
        if isinstance(param, click.Option) and ctx.get_parameter_source(param.name) not in default
    }
    return options_from(values, given, values["targets"])


def _seed() -> int:
    import os

    return int.from_bytes(os.urandom(8))
