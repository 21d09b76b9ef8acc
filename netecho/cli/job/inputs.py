"""The files that the options of `netecho probe` name: read, or seen to be there, before anything else is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.cli import files

if TYPE_CHECKING:
    from netecho.cli.job.options import Options

LARGEST_PROBE = 16 * 1024 * 1024
"""Bytes."""


class Inputs(NamedTuple):
    """What is known once the files are read."""

    payload: bytes | None
    """What is sent, where it was given; up to a byte more than can be sent."""
    stamp_key: bytes | None
    sizes: tuple[int, ...]
    """Of the probes, in bytes: of the payload, as they were given, or what the transport takes."""


def read_inputs(options: Options) -> Inputs:
    """Read the files, and see that the others can be read and written. Raises UsageError that names the option."""
    for name, path in (("ca", options.ca), ("cert", options.cert), ("key", options.key)):
        if path is not None:
            files.check_readable(path, options.called(name))
    for name, path in (("hdr", options.hdr), ("save", options.save)):
        if path is not None:
            files.check_writable(path, options.called(name))
    payload, key = _payload(options), None
    if options.auth_key_file is not None:
        key = files.stamp_key(options.auth_key_file, options.called("auth_key_file"))
    return Inputs(payload=payload, stamp_key=key, sizes=_sizes(options, payload, key))


def _payload(options: Options) -> bytes | None:
    if options.payload is not None:
        return options.payload.encode(errors="surrogateescape")
    if options.payload_file is None:
        return options.payload_hex
    # One byte more than can be sent: enough to see that it is too much.
    return files.read(options.payload_file, options.called("payload_file"), LARGEST_PROBE + 1)


def _sizes(options: Options, payload: bytes | None, key: bytes | None) -> tuple[int, ...]:
    if options.connect_only:
        return (0,)  # nothing is sent
    if payload is not None:
        return (len(payload),)
    if "size" in options.given or not options.target.traits.is_stamp:
        return options.size
    from netecho.stamp.session_sender import full_size

    return (full_size(key, control=options.reply_size is not None),)
