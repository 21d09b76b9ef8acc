"""From the options of `netecho probe` to what is to be done: read the files, check what conflicts, build."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from netecho.cli.job import conflicts
from netecho.cli.job.inputs import read_inputs
from netecho.measure.plan import Plan
from netecho.net.client.job import IpOptions, Job, StampOptions, TlsOptions
from netecho.report.document.settings import settings_section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.cli.job.inputs import Inputs
    from netecho.cli.job.options import Options
    from netecho.measure.criteria import Criterion
    from netecho.report.formats import Format

_PLAN = Plan()


class OutputOptions(NamedTuple):
    """What is to be seen of a run, and where else it goes."""

    format: Format = "text"
    quiet: int = 0
    color: bool = True
    live: bool | None = None
    """None: where standard error is a terminal, standard output no pipe, and the format is text."""
    report_every: int | None = None
    """Nanoseconds from one line of interim figures on standard error to the next; None: only when a signal asks."""
    histogram: bool | None = None
    """None: where there is room."""
    hdr: str | None = None
    save: str | None = None


class PlannedRun(NamedTuple):
    """What is to be measured of one target, and what it is held to."""

    job: Job
    criteria: tuple[Criterion, ...] = ()


class Invocation(NamedTuple):
    """All that was asked for: a run for each target, in the order they were given."""

    runs: tuple[PlannedRun, ...]
    output_options: OutputOptions


def build(several: Sequence[Options], seed: int = 0) -> Invocation:
    """Say what the options for each target mean together. Raises UsageError that names what does not."""
    inputs = [read_inputs(options) for options in several]
    for options, known in zip(several, inputs, strict=True):
        conflicts.check(options, known)
    if len(several) > 1:
        conflicts.check_several(several[0])
    return Invocation(
        runs=tuple(
            PlannedRun(job=_job(options, known, seed + n), criteria=options.criteria)
            for n, (options, known) in enumerate(zip(several, inputs, strict=True))
        ),
        output_options=_output_options(several[0]),
    )


def _job(options: Options, inputs: Inputs, seed: int) -> Job:
    plan = _plan(options, inputs, seed)
    ip_options = IpOptions(
        family=conflicts.family_of(options),
        source=options.source,
        dscp=options.dscp,
        ecn=options.ecn,
        ttl=options.ttl,
        dont_fragment=options.dont_fragment,
    )
    stamp_options = StampOptions(
        key=inputs.stamp_key,
        ssid=options.ssid,
        clock=options.clock,
        timestamp_format=options.timestamp_format,
        reply_size=options.reply_size,
    )
    settings = settings_section(
        plan,
        family=ip_options.family,
        source=ip_options.source,
        dscp=ip_options.dscp,
        ecn=ip_options.ecn,
        ttl=ip_options.ttl,
        dont_fragment=ip_options.dont_fragment,
        fail_if=options.criteria,
    )
    if options.target.traits.is_stamp:
        settings |= {
            "authenticated": stamp_options.key is not None,
            "ssid": stamp_options.ssid,
            "clock": stamp_options.clock,
            "timestamp_format": stamp_options.timestamp_format,
            "reply_size": stamp_options.reply_size,
        }
    return Job(
        target=options.target,
        plan=plan,
        ip_options=ip_options,
        tls_options=TlsOptions(
            ca=options.ca,
            insecure=options.insecure,
            server_name=options.server_name,
            alpn=options.alpn,
            cert=options.cert,
            key=options.key,
            pins=options.pin,
        ),
        settings=settings,
        label=options.label,
        stamp_options=stamp_options,
    )


def _plan(options: Options, inputs: Inputs, seed: int) -> Plan:
    interval = options.rate if options.rate is not None else options.interval
    return Plan(
        count=_count(options, inputs),
        duration=options.duration,
        interval=_PLAN.interval if interval is None else Fraction(interval),
        schedule=options.schedule,
        sizes=inputs.sizes,
        pattern=options.pattern,
        payload=inputs.payload,
        timeout=options.timeout,
        window=options.window,
        warmup=options.warmup,
        connections=options.connections,
        reconnect=options.reconnect,
        connect_only=options.connect_only,
        stamps=options.stamps,
        spin=options.spin,
        seed=seed,
    )


def _count(options: Options, inputs: Inputs) -> int | None:
    """Return how many probes are sent in all; of a sweep, the count is of each size. None: no limit."""
    each = options.count
    if each is None and options.duration is None:
        each = _PLAN.count
    return each * len(inputs.sizes) if each else None


def _output_options(options: Options) -> OutputOptions:
    return OutputOptions(
        format="json" if options.json else options.format or "text",
        quiet=options.quiet,
        color=not options.no_color,
        live=options.live,
        report_every=options.report_every,
        histogram=options.histogram or None,
        hdr=options.hdr,
        save=options.save,
    )
