"""`netecho trace`: its options, the trace they ask for, and what is shown of it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netecho.cli import files
from netecho.cli.click_ext.command import command, section
from netecho.cli.click_ext.types import (
    FILE,
    SIZE,
    TEXT,
    TIME,
    TRACE_CRITERIA,
    TRACED,
    Parsed,
    choice,
    form_of,
    integer,
    parse_source,
)
from netecho.errors import ExitCode, UsageError
from netecho.measure.dscp import parse_dscp
from netecho.target import UNPRIVILEGED_STAMP_PORT, format_endpoint

if TYPE_CHECKING:
    from netecho.cli.context import CliContext
    from netecho.net.reactor.runner import Interrupt
    from netecho.net.trace.options import TraceOptions
    from netecho.report.document.model import Document
    from netecho.report.output import Output
    from netecho.target import Target
    from netecho.trace.as_numbers import AsTable
    from netecho.trace.run import Traced

EXAMPLES = (
    ("netecho trace host", "the routers on the way, ten times each"),
    ("netecho trace host -c 0", "until Ctrl-C, as a table that goes on"),
    ("netecho trace host --flows 16 -c 100 -i 100ms", "16 source ports: which ways there are, and which one loses"),
    ("netecho trace stamp://host --dscp EF", "the way of STAMP packets marked EF, and where the mark is lost"),
    ("netecho trace stamp://host:7862 --reverse", "the way back too, from the netecho that serves there"),
    ("netecho trace tcp://host", "the way of a TCP connection, by segments that say nothing; as root"),
    ("netecho trace host --size 1472", "packets of 1500 bytes over IPv4: which router passes on only shorter ones"),
    ("netecho trace host --save trace.json", "for netecho report trace.json, which prints it again"),
    ("netecho trace host --json --fail-if 'loss>1%'", "for scripts"),
)
LEAST_OF_TCP = 600_000_000
"""Nanoseconds from one round to the next; net.ipv4.tcp_invalid_ratelimit is 500 ms."""
LEAST_SIZE, LARGEST_SIZE = 12, 65507
"""Bytes of UDP payload: what tells one packet from another, and what fits into one (RFC 768)."""
MOST_HOPS = 64
MOST_FLOWS = 64
FORMATS = ("text", "json", "ndjson", "csv")

what = section("What to send")
travel = section("How the packets travel")
output = section("Output")
verdict = section("Verdict")


@command(
    "trace",
    examples=EXAMPLES,
    epilog="netecho help trace explains what a hop shows and what is said of a path."
    " Every option is also read from the environment, as NETECHO_TRACE_<OPTION>.",
)
@click.argument("target", metavar="TARGET", type=TRACED)
@what("-c", "--count", type=integer(0, 10**9), shown="10", help="rounds: each asks every hop once; 0: until stopped")
@what("-t", "--duration", type=TIME, help="begin no round after TIME; alone it lifts the default count")
@what("-i", "--interval", type=TIME, shown="1s", help="from one round to the next; many routers answer once a second")
@what("-W", "--timeout", type=TIME, shown="2s", help="how long an answer is waited for")
@what("-m", "--max-hops", type=integer(1, MOST_HOPS), shown="30", help="go no further than N hops")
@what("-s", "--size", type=SIZE, shown="64", help="bytes of UDP payload; with it no router may fragment them")
@what("--flows", type=integer(1, MOST_FLOWS), shown="1", help="N source ports at once, which may go different ways")
@what("--reverse", is_flag=True, help="the way back as well, by a netecho at the far end: stamp://HOST:7862")
@what("--auth-key-file", type=FILE, help="STAMP in authenticated mode, with the key in FILE")
@travel("-4", "--ipv4", is_flag=True, help="IPv4 alone")
@travel("-6", "--ipv6", is_flag=True, help="IPv6 alone")
@travel("--source", type=Parsed("ADDR[:PORT]", parse_source), help="send from this address, and from this port on")
@travel("--dscp", type=Parsed("VALUE", parse_dscp), shown="0", help="mark packets: a number up to 63, EF, AF41")
@output("-n", "--numeric", is_flag=True, help="do not look up names")
@output("--as-table", type=FILE, help="show whose addresses are: FILE has a prefix and an AS number a line")
@output("--format", type=choice(*FORMATS), shown="text", help=f"what goes to standard output: {', '.join(FORMATS)}")
@output("--json", is_flag=True, help="short for --format json")
@output("-q", "--quiet", count=True, help="no live table; twice: nothing, the exit code speaks")
@output("--live/--no-live", default=None, help="the table while it goes on, on standard error")
@output("--save", type=FILE, help="also write the document, for netecho report")
@output("--label", type=TEXT, help="kept with the trace")
@output("--no-color", is_flag=True, help="no colour, as NO_COLOR=1 in the environment")
@verdict("--fail-if", type=TRACE_CRITERIA, multiple=True, help="exit 1 if that came true: loss>1%; may be repeated")
@click.pass_context
def trace(ctx: click.Context, /, **values: Any) -> int:
    """Show the path of a flow: each router on it, and where on it packets are lost.

    TARGET is [SCHEME://]HOST[:PORT], with udp (the default), stamp, tcp or tls as scheme; or self. The packets of a
    flow have the same addresses, ports and DSCP, so that the network treats them alike. Any host will do; with netecho
    serve there, the loss on all of the path is known too. No privileges are needed but for TCP and TLS; with them more
    is seen.
    """
    from netecho.report.output import Output

    context: CliContext = ctx.obj
    form = form_of(values)
    if values["save"] is not None:
        files.check_writable(values["save"], "--save")
    options = _options(values)
    context.output = shown = Output(quiet=values["quiet"], color=not values["no_color"])
    if values["quiet"] < 2:
        files.warn_of_shared_keys(shown, values["auth_key_file"])
    observer = _observer(form, values, shown)
    try:
        traced = _run(options, observer)
    finally:
        if hasattr(observer, "close"):
            observer.close()
    return _show(traced, form, observer, values, shown)


def _options(values: dict[str, Any]) -> TraceOptions:
    """Return what is to be traced. Raises UsageError for options that contradict each other."""
    from netecho.net.client.job import IpOptions, StampOptions
    from netecho.net.trace.options import TraceOptions
    from netecho.report.document.values import milliseconds
    from netecho.trace.plan import Plan

    target: Target = values["target"]
    if values["ipv4"] and values["ipv6"]:
        raise UsageError("--ipv4 and --ipv6 exclude each other", "leave one out, or both for either")
    key = values["auth_key_file"]
    if key is not None and not target.traits.is_stamp:
        raise UsageError("--auth-key-file is for STAMP", f"stamp://{target.host}")
    if values["reverse"] and not target.traits.is_stamp:
        at = "self" if target.is_self else format_endpoint(target.host, UNPRIVILEGED_STAMP_PORT)
        raise UsageError("--reverse asks the far end by STAMP", f"netecho trace stamp://{at} --reverse")
    names = ("interval", "timeout", "max_hops", "flows", "dscp")
    given = {name: values[name] for name in names if values[name] is not None}
    count = values["count"]
    rounds = count if count is not None else 0 if values["duration"] is not None else Plan().rounds
    plan = Plan(rounds=rounds, duration=values["duration"], one_at_a_time=target.is_stream, **given)
    if target.is_stream and plan.interval < LEAST_OF_TCP:
        raise UsageError("--interval is below 600 ms", "Linux acknowledges an empty segment twice a second: 1s")
    if plan.interval < 10_000_000:
        raise UsageError("--interval is below 10 ms", "routers answer so many packets by none: 100ms, 1s")
    size = values["size"]
    if size is not None and (target.scheme != "udp" or not LEAST_SIZE <= size <= LARGEST_SIZE):
        raise UsageError(
            f"--size is of UDP, and {LEAST_SIZE} to {LARGEST_SIZE}", f"netecho trace udp://{target.host} --size 1472"
        )
    source = values["source"]
    if source is not None and source[1] and source[1] + plan.flows > 1 << 16:
        raise UsageError(f"--source: {plan.flows} ports from {source[1]} on end above 65535", "a lower port")
    family: Any = 4 if values["ipv4"] else 6 if values["ipv6"] else None
    return TraceOptions(
        target=target,
        plan=plan,
        ip_options=IpOptions(family=family, source=source, dscp=plan.dscp or None),
        stamp_options=StampOptions(key=None if key is None else files.stamp_key(key, "--auth-key-file")),
        names=not values["numeric"],
        label=values["label"],
        size=size,
        reverse=values["reverse"],
        as_table=_as_table(values["as_table"]),
        settings={
            "count": plan.rounds,
            "duration_ms": milliseconds(plan.duration),
            "interval_ms": milliseconds(plan.interval),
            "timeout_ms": milliseconds(plan.timeout),
            "max_hops": plan.max_hops,
            "flows": plan.flows,
            "dscp": plan.dscp,
            "size": size,
            "names": not values["numeric"],
            "reverse": values["reverse"],
        },
    )


def _as_table(path: str | None) -> AsTable | None:
    """Return the table in a file. Raises UsageError where it cannot be read, or a line is none."""
    if path is None:
        return None
    from netecho.trace.as_numbers import AsTable

    files.check_readable(path, "--as-table")
    with Path(path).open(encoding="utf-8", errors="surrogateescape") as lines:
        try:
            return AsTable(lines)
        except UsageError as error:
            raise UsageError(f"--as-table {path!r}: {error.sentence}", error.hint) from None


def _observer(form: str, values: dict[str, Any], shown: Output) -> Any:
    if form in ("ndjson", "csv"):
        from netecho.report.formats.trace_rows import CsvTrace, NdjsonTrace

        return (NdjsonTrace if form == "ndjson" else CsvTrace)(shown)
    from netecho.report.terminal.trace import LiveTrace

    wanted = values["live"] is not False and (form == "text" or values["live"] is True)
    return LiveTrace(shown, live=wanted and shown.stderr_moves and not shown.quiet)


def _run(options: TraceOptions, observer: Any) -> Traced:
    from netecho.net import descriptors
    from netecho.net.linux.sockopts import LINUX
    from netecho.net.reactor.lean_imports import import_twisted

    if not LINUX:
        raise UsageError("netecho trace needs the error queue of Linux's sockets", "traceroute, on this system")
    descriptors.require()
    import_twisted()
    from netecho.net.reactor.runner import run as run_reactor

    with ExitStack() as entered:
        reachable = _reachable(options, entered)

        async def traced(reactor: Any, interrupt: Interrupt) -> Traced:
            from netecho.net.trace.tracer import trace as play

            return await play(reactor, interrupt, reachable, observer)

        return run_reactor(traced)


def _reachable(options: TraceOptions, entered: ExitStack) -> TraceOptions:
    """Return options whose target is there: for `self`, with a server that is stopped at the end."""
    if not options.target.is_self:
        return options
    if "twisted.internet.reactor" in sys.modules:
        raise AssertionError("a reactor cannot be shared by two processes")
    from dataclasses import replace

    from netecho.net.self_server import identity_for, serving

    family, key = options.ip_options.family, options.stamp_options.key
    identity, _ = identity_for(options.target, family)
    (target,) = entered.enter_context(serving([options.target], family=family, key=key, identity=identity))
    return replace(options, target=target)


def _show(traced: Traced, form: str, observer: Any, values: dict[str, Any], shown: Output) -> int:
    from netecho.cli.publish import publish
    from netecho.report.document.trace import document
    from netecho.trace.verdict import judge

    failed = judge((each for given in values["fail_if"] for each in given), traced.trace)
    code = ExitCode.FAILED if failed else ExitCode.OK
    shaped = document(traced, int(code), failed)
    publish(shaped, form, lambda *what: _page(form, observer, *what), shown, values["save"])
    for failure in failed:
        shown.say(f"netecho: failed: {failure}")
    return int(code)


def _page(form: str, observer: Any, shaped: Document, shown: Output) -> None:
    """Print what there is to print at the end, in a form that is not JSON."""
    if form == "text":
        from netecho.report.terminal.trace import show

        show(shaped, shown)
    else:
        observer.finished(shaped)
        shown.finish()
