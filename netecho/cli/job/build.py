"""From the options of `netecho probe` to what is to be done: a pure function, but for the files it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from netecho.cli import files
from netecho.cli.job import conflicts
from netecho.measure.plan import Plan
from netecho.net.client.job import IpOptions, Job, StampOptions, TlsOptions
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from netecho.cli.job.options import Format, Options
    from netecho.measure.criteria import Criterion
    from netecho.target import Target

PROBES_PER_SIZE = 10
INTERVAL = Fraction(200 * MILLISECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
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
class Invocation:
    """A run as it was asked for."""

    job: Job
    output_options: OutputOptions
    criteria: tuple[Criterion, ...] = ()


def build(options: Options, seed: int = 0) -> Invocation:
    """Say what `options` mean together. Raises UsageError that names what does not go together."""
    target = options.target
    conflicts.check(options, target)
    stamp_options = _stamping(options)
    plan = _plan(options, target, seed, stamp_options)
    ip_options = IpOptions(
        family=conflicts.family_of(options),
        source=options.source,
        dscp=options.dscp,
        ttl=options.ttl,
        dont_fragment=options.dont_fragment,
    )
    tls_options = TlsOptions(
        ca=_readable(options, options.ca, "ca"),
        insecure=options.insecure,
        server_name=options.server_name,
        alpn=options.alpn,
        cert=_readable(options, options.cert, "cert"),
        key=_readable(options, options.key, "key"),
        pins=options.pin,
    )
    output_options = OutputOptions(
        format="json" if options.json else options.format or "text",
        quiet=options.quiet,
        color=not options.no_color,
        live=options.live,
        histogram=options.histogram or None,
        hdr=_writable(options, options.hdr, "hdr"),
        save=_writable(options, options.save, "save"),
    )
    settings = _settings(options, plan, ip_options) | (
        _stamp_settings(stamp_options) if target.scheme == "stamp" else {}
    )
    job = Job(
        target=target,
        plan=plan,
        ip_options=ip_options,
        tls_options=tls_options,
        settings=settings,
        label=options.label,
        stamp_options=stamp_options,
    )
    return Invocation(
        job=job,
        output_options=output_options,
        criteria=tuple(criterion for each in options.fail_if for criterion in each),
    )


def _stamping(options: Options) -> StampOptions:
    path = options.auth_key_file
    key = None if path is None else files.stamp_key(path, options.called("auth_key_file"))
    return StampOptions(key=key, ssid=options.ssid, clock=options.clock)


def _stamp_settings(stamp_options: StampOptions) -> dict[str, object]:
    return {"authenticated": stamp_options.key is not None, "ssid": stamp_options.ssid, "clock": stamp_options.clock}


def _sizes(options: Options, target: Target, payload: bytes | None, stamp_options: StampOptions) -> tuple[int, ...]:
    if payload is not None:
        return (len(payload),)
    if target.scheme != "stamp":
        return options.size
    from netecho.stamp.session_sender import full_size

    return options.size if "size" in options.given else (full_size(stamp_options.key),)


def _plan(options: Options, target: Target, seed: int, stamp_options: StampOptions) -> Plan:
    payload = _payload(options)
    sizes = _sizes(options, target, payload, stamp_options)
    conflicts.check_sizes(options, target, sizes)
    if target.scheme == "stamp":
        conflicts.check_stamp_sizes(options, sizes, stamp_options.key)
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


def _settings(options: Options, plan: Plan, ip_options: IpOptions) -> dict[str, object]:
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
        "family": ip_options.family,
        "source": None if ip_options.source is None else _written(*ip_options.source),
        "dscp": ip_options.dscp,
        "ttl": ip_options.ttl,
        "dont_fragment": ip_options.dont_fragment,
        "fail_if": [str(criterion) for criteria in options.fail_if for criterion in criteria],
    }


def _written(address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{port}" if port else address
