"""From the options of `netecho probe` to what is to be done: a pure function, but for the files it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from netecho.cli import files
from netecho.cli.job import conflicts
from netecho.measure.plan import MILLISECOND, Plan
from netecho.net.client.job import Job, Stamping, Travel, Trust

if TYPE_CHECKING:
    from netecho.cli.job.options import Format, Options
    from netecho.measure.criteria import Criterion
    from netecho.target import Target

PROBES_PER_SIZE = 10
INTERVAL = Fraction(200 * MILLISECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What is to be seen of a run, and where else it goes."""

    format: Format = "text"
    quiet: int = 0
    color: bool = True
    live: bool | None = None
    """None: where standard error is a terminal and the format is text."""
    histogram: bool | None = None
    """None: where there is room."""
    hdr: str | None = None
    save: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A run as it was asked for."""

    job: Job
    showing: Showing
    criteria: tuple[Criterion, ...] = ()


def asked(options: Options, seed: int = 0) -> Asked:
    """Say what `options` mean together. Raises UsageError that names what does not go together."""
    target = options.target
    conflicts.check(options, target)
    stamping = _stamping(options)
    plan = _plan(options, target, seed, stamping)
    travel = Travel(
        family=conflicts.family_of(options),
        source=options.source,
        dscp=options.dscp,
        ttl=options.ttl,
        dont_fragment=options.dont_fragment,
    )
    trust = Trust(
        ca=_readable(options, options.ca, "ca"),
        insecure=options.insecure,
        server_name=options.server_name,
        alpn=options.alpn,
        cert=_readable(options, options.cert, "cert"),
        key=_readable(options, options.key, "key"),
        pins=options.pin,
    )
    showing = Showing(
        format="json" if options.json else options.format or "text",
        quiet=options.quiet,
        color=not options.no_color,
        live=options.live,
        histogram=options.histogram or None,
        hdr=_writable(options, options.hdr, "hdr"),
        save=_writable(options, options.save, "save"),
    )
    settings = _settings(options, plan, travel) | (_stamp_settings(stamping) if target.scheme == "stamp" else {})
    job = Job(
        target=target,
        plan=plan,
        travel=travel,
        trust=trust,
        settings=settings,
        label=options.label,
        stamping=stamping,
    )
    return Asked(job=job, showing=showing, criteria=tuple(criterion for each in options.fail_if for criterion in each))


def _stamping(options: Options) -> Stamping:
    path = options.auth_key_file
    key = None if path is None else files.stamp_key(path, options.called("auth_key_file"))
    return Stamping(key=key, ssid=options.ssid, clock=options.clock)


def _stamp_settings(stamping: Stamping) -> dict[str, object]:
    return {"authenticated": stamping.key is not None, "ssid": stamping.ssid, "clock": stamping.clock}


def _sizes(options: Options, target: Target, payload: bytes | None, stamping: Stamping) -> tuple[int, ...]:
    if payload is not None:
        return (len(payload),)
    if target.scheme != "stamp":
        return options.size
    from netecho.stamp.session_sender import full_size

    return options.size if "size" in options.given else (full_size(stamping.key),)


def _plan(options: Options, target: Target, seed: int, stamping: Stamping) -> Plan:
    payload = _payload(options)
    sizes = _sizes(options, target, payload, stamping)
    conflicts.check_sizes(options, target, sizes)
    if target.scheme == "stamp":
        conflicts.check_stamp_sizes(options, sizes, stamping.key)
    count = options.count
    if count is None and options.duration is None:
        count = PROBES_PER_SIZE * len(sizes)
    interval = options.rate if options.rate is not None else options.interval
    return Plan(
        count=count or None,
        duration=options.duration,
        interval=INTERVAL if interval is None else Fraction(interval),
        schedule=options.schedule,
        sizes=sizes,
        pattern=options.pattern,
        payload=payload,
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


def _payload(options: Options) -> bytes | None:
    if options.payload is not None:
        return options.payload.encode(errors="surrogateescape")
    if options.payload_file is None:
        return options.payload_hex
    # One byte more than can be sent: enough to see that it is too much.
    return files.read(options.payload_file, options.called("payload_file"), conflicts.LARGEST + 1)


def _readable(options: Options, path: str | None, name: str) -> str | None:
    return None if path is None else files.readable(path, options.called(name))


def _writable(options: Options, path: str | None, name: str) -> str | None:
    return None if path is None else files.writable(path, options.called(name))


def _settings(options: Options, plan: Plan, travel: Travel) -> dict[str, object]:
    """Return what was asked, as the document says it: keys as printed, times in milliseconds."""
    first, last = plan.sizes[0], plan.sizes[-1]
    swept = len(plan.sizes) > 1
    return {
        "count": plan.count,
        "duration_ms": None if plan.duration is None else plan.duration / MILLISECOND,
        "interval_ms": round(float(plan.interval) / MILLISECOND, 6),
        "schedule": plan.schedule,
        "size": f"{first}..{last}:{plan.sizes[1] - first}" if swept else first,
        "payload": "given" if plan.payload is not None else plan.pattern,
        "timeout_ms": plan.timeout / MILLISECOND,
        "window": plan.window,
        "warmup": plan.warmup,
        "connections": plan.connections,
        "reconnect": plan.reconnect,
        "connect_only": plan.connect_only,
        "stamps": plan.stamps,
        "spin": plan.spin,
        "family": travel.family,
        "source": None if travel.source is None else _written(*travel.source),
        "dscp": travel.dscp,
        "ttl": travel.ttl,
        "dont_fragment": travel.dont_fragment,
        "fail_if": [str(criterion) for criteria in options.fail_if for criterion in criteria],
    }


def _written(address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{port}" if port else address
