"""`netecho load`: its options, the run they ask for, and what is shown of it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from netecho.cli import files
from netecho.cli.click_ext.command import command, section
from netecho.cli.click_ext.types import (
    FILE,
    HOST,
    LOAD_CRITERIA,
    LOADED,
    SIZE,
    TEXT,
    TIME,
    Parsed,
    choice,
    form_of,
    integer,
    parse_pin,
)
from netecho.measure.dscp import parse_dscp

if TYPE_CHECKING:
    from netecho.cli.context import CliContext
    from netecho.cli.watch import Watch, WatchReactor
    from netecho.load.progress import LoadProgress
    from netecho.load.run import LoadRun
    from netecho.net.load.far_end import FarEnd
    from netecho.net.load.steps import LoadOptions
    from netecho.net.reactor.runner import Interrupt
    from netecho.report.output import Output

EXAMPLES = (
    ("netecho load host", "netecho serve :7007 stamp://:7862 nq:// runs there"),
    ("netecho load host --direction upload", "idle, then upload"),
    ("netecho load host --dscp EF", "whether what is marked so passes the queue"),
    ("netecho load host --max-bytes 50M", "for a line that is paid by the byte"),
    ("netecho load host --url http://host/large.iso", "the download half, against any HTTP server"),
    ("netecho load host --json --fail-if 'upload.added>100ms'", "for scripts"),
)
MOST_FLOWS = 64

what = section("What to load")
travel = section("How")
tls = section("TLS, for nqs:// and https://")
output = section("Output")
verdict = section("Verdict")


@command(
    "load",
    examples=EXAMPLES,
    epilog="netecho help load explains every figure, the grades and the sentence."
    " Every option is also read from the environment, as NETECHO_LOAD_<OPTION>.",
)
@click.argument("target", metavar="TARGET", type=LOADED)
@what("--direction", type=choice("download", "upload", "both", "all"), shown="all", help="idle, then this load alone")
@what("-t", "--duration", type=TIME, shown="8s", help="time of each phase")
@what("--max-bytes", type=SIZE, shown="512M", help="most bytes of load, of all phases together")
@what("--flows", type=integer(1, MOST_FLOWS), shown="as many as help", help="N connections in each direction")
@what("--url", type=TEXT, help="download this large file (http:// or https://), for servers without nq://")
@what("--token-file", type=FILE, help="show the far end the token in FILE")
@travel("-4", "--ipv4", is_flag=True, help="IPv4 alone, for the probes")
@travel("-6", "--ipv6", is_flag=True, help="IPv6 alone, for the probes")
@travel("-i", "--interval", type=TIME, shown="10ms", help="from one probe to the next")
@travel("--dscp", type=Parsed("VALUE", parse_dscp), help="mark the probes, not the load: 0 to 63, EF, AF41, CS1, LE")
@travel("--auth-key-file", type=FILE, help="STAMP in authenticated mode, with the key in FILE")
@tls("--ca", type=FILE, shown="the system's", help="trust the certificate authorities in FILE (PEM)")
@tls("--insecure", is_flag=True, help="trust any certificate")
@tls("--server-name", type=HOST, shown="the host", help="the name to ask for and to check")
@tls("--cert", type=FILE, help="our certificate (PEM)")
@tls("--key", type=FILE, shown="in --cert", help="its key (PEM)")
@tls(
    "--pin",
    type=Parsed("sha256:HEX", parse_pin),
    multiple=True,
    help="trust this public key, whoever signed it; may be repeated",
)
@output("--format", type=choice("text", "json"), shown="text", help="what goes to standard output: text, json")
@output("--json", is_flag=True, help="short for --format json")
@output("-q", "--quiet", count=True, help="no progress; twice: nothing, the exit code speaks")
@output("--save", type=FILE, help="also write the document, for netecho report")
@output("--label", type=TEXT, help="kept with the run")
@output("--no-color", is_flag=True, help="no colour, as NO_COLOR=1 in the environment")
@verdict(
    "--fail-if", type=LOAD_CRITERIA, multiple=True, help="exit 1 if that came true: upload.added>100ms; may be repeated"
)
@click.pass_context
def load(ctx: click.Context, /, **values: Any) -> int:
    """Load the line, and say what that does to delays: in which direction a queue is, and how long.

    TARGET is [nq://]HOST[:PORT], where netecho serve nq:// runs (port 7080), or nqs:// (7081); or self, for what this
    machine can do.
    Idle, download, upload and both at once follow one another, with probes beside them on flows of their own: by STAMP
    where the far end has it, which tells the directions apart, else by an echo over UDP or TCP, else by connecting.
    Without the service the rest is measured, and the exit code is 3.
    """
    from netecho.cli.job.loading import options_of
    from netecho.report.output import Output

    context: CliContext = ctx.obj
    form = form_of(values)
    if values["save"] is not None:
        files.check_writable(values["save"], "--save")
    options = options_of(values)
    context.output = shown = Output(quiet=values["quiet"], color=not values["no_color"])
    if values["quiet"] < 2:
        files.warn_of_shared_keys(shown, values["auth_key_file"], values["token_file"])
    return _show(_run(options, shown), form, values, shown)


def _run(options: LoadOptions, shown: Output) -> LoadRun:
    from netecho.net import descriptors
    from netecho.net.load.far_end import ask, of_url
    from netecho.net.reactor.lean_imports import import_twisted
    from netecho.report.humanize import size, span
    from netecho.units import MILLISECOND

    descriptors.require()
    if not shown.quiet:
        each = f"{span(options.duration / MILLISECOND)} for each of {', '.join(options.phases)}"
        shown.say(f"netecho: up to {size(options.max_bytes)} of load, {each}")
    import_twisted()
    with ExitStack() as entered:
        reachable = _reachable(options, entered)
        trusted = reachable.tls_options
        far_end: FarEnd = (
            ask(reachable.target, trusted) if options.url is None else of_url(options.url, trusted, options.token)
        )
        from netecho.load.progress import LoadProgress
        from netecho.net.linux import realtime
        from netecho.net.reactor.runner import run as run_reactor

        progress = LoadProgress()

        async def loaded(reactor: Any, interrupt: Interrupt) -> LoadRun:
            from netecho.net.load.steps import load as play

            with realtime.preferred(), _watch(reactor, shown, progress, reachable):
                return await play(reactor, interrupt, reachable, far_end, progress)

        return run_reactor(loaded)


def _watch(reactor: WatchReactor, shown: Output, progress: LoadProgress, options: LoadOptions) -> Watch:
    """Show how it goes, where somebody watches."""
    from netecho.cli.watch import Watch
    from netecho.net.linux import run_clock
    from netecho.report.terminal.load_view import LoadView, words

    moves = shown.stderr_moves and not shown.quiet
    view = LoadView(shown, progress, options.url or options.target.url, run_clock.now) if moves else None
    return Watch(reactor, shown, view, lambda: shown.say(words(progress)))


def _reachable(options: LoadOptions, entered: ExitStack) -> LoadOptions:
    """Return options whose target is there: for `self`, with a server that is stopped at the end."""
    if not options.target.is_self:
        return options
    from dataclasses import replace

    from netecho.net.self_server import identity_for, serving
    from netecho.target import SELF, Target

    targets = [options.target, Target("stamp", SELF)]
    identity, pins = identity_for(options.target, options.ip_options.family)
    served = serving(targets, family=options.ip_options.family, key=options.stamp_options.key, identity=identity)
    target, probe = entered.enter_context(served)
    return replace(options, target=target, probe=probe, tls_options=options.tls_options._replace(pins=pins))


def _show(run: LoadRun, form: str, values: dict[str, Any], shown: Output) -> int:
    from netecho.cli.publish import publish
    from netecho.load.criteria import judge
    from netecho.load.phases import summarise
    from netecho.load.verdict import error_of
    from netecho.report.document.load import document
    from netecho.report.terminal.load import show

    phases = summarise(run)
    failed = judge((each for given in values["fail_if"] for each in given), phases) if run.error is None else ()
    shaped = document(run, phases, failed)
    publish(shaped, form, show, shown, values["save"])
    for failure in failed:
        shown.say(f"netecho: failed: {failure}")
    if (error := error_of(run)) is not None:
        raise error
    code: int = shaped["verdict"]["exit_code"]
    return code
