"""`netecho diagnose`: its options, the battery they ask for, and what is shown of it."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from netecho.cli import files
from netecho.cli.click_ext.check_names import CHECKS_LIST
from netecho.cli.click_ext.command import command, section
from netecho.cli.click_ext.types import (
    FILE,
    SIZE,
    TEXT,
    TIME,
    Address,
    Parsed,
    choice,
    form_of,
    parse_pin,
    parse_source,
)
from netecho.diagnose.finding import CHECKS, SEVERITIES
from netecho.diagnose.services import parse_services
from netecho.errors import UsageError

if TYPE_CHECKING:
    from netecho.cli.context import CliContext
    from netecho.diagnose.finding import Check, Diagnosis
    from netecho.diagnose.services import Services
    from netecho.net.diagnose.battery import DiagnoseOptions
    from netecho.net.reactor.runner import Interrupt
    from netecho.report.output import Output

EXAMPLES = (
    ("netecho diagnose host", "all that can be tested in half a minute; netecho serve runs there"),
    ("netecho diagnose host --only size,marking", "two checks alone"),
    ("netecho diagnose host --deep", "idle timeouts and rate limits as well"),
    ("netecho diagnose udp://host:5060", "one service, and what else the host has to tell"),
    ("netecho diagnose host --json | jq '.findings[].sentence'", "for scripts; exit 1 where something is wrong"),
)

what = section("What to test")
travel = section("How the packets travel")
tls = section("TLS, for tls:// targets")
output = section("Output")
verdict = section("Verdict")


@command(
    "diagnose",
    examples=EXAMPLES,
    epilog=f"The checks are {', '.join(CHECKS)}; netecho help diagnose explains them and every finding."
    " Every option is also read from the environment, as NETECHO_DIAGNOSE_<OPTION>.",
)
@click.argument("target", metavar="TARGET", type=Address("TARGET", parse_services))
@what("--only", type=CHECKS_LIST, multiple=True, help="these checks alone, joined by commas; may be repeated")
@what("--skip", type=CHECKS_LIST, multiple=True, help="all but these checks")
@what("--deep", is_flag=True, help="also the checks that take minutes, or many bytes: timeouts, rate")
@what("-t", "--duration", type=TIME, shown="30s, 5m with --deep", help="the time that the whole may take")
@what("--max-bytes", type=SIZE, shown="10M, 100M with --deep", help="most bytes there and back")
@travel("-4", "--ipv4", is_flag=True, help="IPv4 alone")
@travel("-6", "--ipv6", is_flag=True, help="IPv6 alone")
@travel("--source", type=Parsed("ADDR", parse_source), help="send from this address")
@travel("--auth-key-file", type=FILE, help="STAMP in authenticated mode, with the key in FILE")
@tls("--ca", type=FILE, shown="the system's", help="trust the certificate authorities in FILE (PEM)")
@tls("--insecure", is_flag=True, help="trust any certificate")
@tls("--pin", type=Parsed("sha256:HEX", parse_pin), multiple=True, help="trust this public key; may be repeated")
@output("--format", type=choice("text", "json"), shown="text", help="what goes to standard output: text, json")
@output("--json", is_flag=True, help="short for --format json")
@output("-q", "--quiet", count=True, help="no progress; twice: nothing, the exit code speaks")
@output("--save", type=FILE, help="also write the document, for netecho report")
@output("--label", type=TEXT, help="kept with the diagnosis")
@output("--no-color", is_flag=True, help="no colour, as NO_COLOR=1 in the environment")
@verdict(
    "--fail-if-severity",
    type=choice(*SEVERITIES),
    shown="warning",
    help="exit 1 for a finding of this severity, or worse",
)
@click.pass_context
def diagnose(ctx: click.Context, /, **values: Any) -> int:
    """Find what is wrong with the path to a host, and say it with its proof: a battery of checks, the far end's help.

    TARGET is a host, for all that netecho serve has there (TCP and UDP on port 7007, STAMP on 7862); HOST:PORT, for
    an echo over TCP and UDP on that port; or SCHEME://HOST[:PORT], for that alone; or self. What else answers there is
    made use of. Against any other server the checks that can run do, and the others say why not.
    """
    from netecho.report.output import Output

    began = time.monotonic_ns()
    context: CliContext = ctx.obj
    form = form_of(values)
    if values["save"] is not None:
        files.check_writable(values["save"], "--save")
    options = _options(values)
    context.output = shown = Output(quiet=values["quiet"], color=not values["no_color"])
    if values["quiet"] < 2:
        files.warn_of_shared_keys(shown, values["auth_key_file"])
    found = _run(options, shown, began)
    return _show(found, form, values, shown)


def _options(values: dict[str, Any]) -> DiagnoseOptions:
    """Return what is to be tested. Raises UsageError for options that contradict each other."""
    import os

    from netecho.net.client.job import IpOptions, StampOptions, TlsOptions
    from netecho.net.diagnose.battery import DiagnoseOptions
    from netecho.units import SECOND

    if values["ipv4"] and values["ipv6"]:
        raise UsageError("--ipv4 and --ipv6 exclude each other", "leave one out, or both for either")
    if values["only"] and values["skip"]:
        raise UsageError("--only and --skip exclude each other", "--only alone names what is tested")
    if values["insecure"] and (values["ca"] or values["pin"]):
        raise UsageError("--insecure trusts any certificate: --ca and --pin would mean nothing", "leave one out")
    if values["ca"] is not None:
        files.check_readable(values["ca"], "--ca")
    deep, key = values["deep"], values["auth_key_file"]
    family: Any = 4 if values["ipv4"] else 6 if values["ipv6"] else None
    return DiagnoseOptions(
        services=values["target"],
        checks=_checks(values),
        deep=deep,
        time=(300 if deep else 30) * SECOND if values["duration"] is None else values["duration"],
        bytes=(100 if deep else 10) << 20 if values["max_bytes"] is None else values["max_bytes"],
        ip_options=IpOptions(family=family, source=values["source"]),
        tls_options=TlsOptions(ca=values["ca"], insecure=values["insecure"], pins=values["pin"]),
        stamp_options=StampOptions(key=None if key is None else files.stamp_key(key, "--auth-key-file")),
        label=values["label"],
        seed=int.from_bytes(os.urandom(6)),
    )


def _checks(values: dict[str, Any]) -> frozenset[Check]:
    only = frozenset(check for each in values["only"] for check in each)
    skipped = frozenset(check for each in values["skip"] for check in each)
    if skipped >= frozenset(CHECKS):
        raise UsageError("--skip leaves no check", "--only names those that are wanted")
    return (only or frozenset(CHECKS)) - skipped


def _run(options: DiagnoseOptions, shown: Output, began: int) -> Diagnosis:
    from netecho.net import descriptors
    from netecho.net.reactor.lean_imports import import_twisted

    descriptors.require()
    import_twisted()
    from netecho.net.reactor.runner import run as run_reactor
    from netecho.report.terminal.steps import Steps

    with ExitStack() as entered:
        services = _reachable(options.services, options, entered)
        steps = entered.enter_context(Steps(shown))

        async def diagnosed(reactor: Any, interrupt: Interrupt) -> Diagnosis:
            from dataclasses import replace

            from netecho.net.diagnose.steps import diagnose as play

            return await play(reactor, interrupt, replace(options, services=services), steps.begin, began=began)

        return run_reactor(diagnosed)


def _reachable(services: Services, options: DiagnoseOptions, entered: ExitStack) -> Services:
    """Return services that are there: for `self`, with a server that is stopped at the end."""
    targets = [service.target for service in services.every]
    if not targets[0].is_self:
        return services
    if "twisted.internet.reactor" in sys.modules:
        raise AssertionError("a reactor cannot be shared by two processes")
    from netecho.net.self_server import serving

    ip_options, key = options.ip_options, options.stamp_options.key
    return services.at(entered.enter_context(serving(targets, family=ip_options.family, key=key)))


def _show(found: Diagnosis, form: str, values: dict[str, Any], shown: Output) -> int:
    from netecho.cli.publish import publish
    from netecho.report.document.diagnosis import document
    from netecho.report.terminal.diagnosis import show

    shaped = document(found, values["fail_if_severity"] or "warning")
    publish(shaped, form, show, shown, values["save"])
    if found.error is not None:
        raise found.error
    code: int = shaped["verdict"]["exit_code"]
    return code
