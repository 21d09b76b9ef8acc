"""Every error a person can cause with the command line, together: what is said of it, and what to try.

All of these end with exit code 2, before a name is looked up or anything is sent.
"""

from __future__ import annotations

import shlex
import socket
from typing import TYPE_CHECKING

import pytest

from netecho.cli.context import CliContext
from netecho.cli.front_page import COMMANDS
from netecho.cli.group import invoke
from netecho.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.program import Netecho

MISTAKES = [
    ("prob host", "there is no command 'prob'", "did you mean 'probe'?"),
    ("localhost:7", "there is no command 'localhost:7'", "to probe it: netecho probe localhost:7"),
    (
        "host",
        "there is no command 'host'",
        f"there are {', '.join(COMMANDS)}",
    ),
    ("-c 5 probe host", "there is no option -c before the command", "options follow it: netecho probe localhost -c 5"),
    ("--vers", "there is no option --vers", "did you mean --version?"),
    (
        "frobnicate",
        "there is no command 'frobnicate'",
        f"there are {', '.join(COMMANDS)}",
    ),
    ("probe", "netecho probe was given no TARGET", "for example: netecho probe self"),
    (
        "probe a udp://b --reconnect",
        "--reconnect is for streams: udp:// has no connections",
        "over TCP: tcp://b:7007",
    ),
    (
        "probe a udp://b --insecure",
        "--insecure is for tls:// targets, and tcp://a:7007 is not one",
        "over TLS: tls://a:7007",
    ),
    ("probe host --cuont 5", "there is no option --cuont", "did you mean --count?"),
    ("probe host --bogus", "there is no option --bogus", "netecho probe --help lists what there is"),
    ("probe host -Z", "there is no option -Z", "netecho probe --help lists what there is"),
    ("probe host -c", "-c needs a value", "after it: -c N"),
    ("probe host -i 5 ms", "'ms' stands apart from its number in -i 5 ms", "-i 5ms"),
    ("probe -i 5 ms host", "'ms' stands apart from its number in -i 5 ms", "-i 5ms"),
    ("probe host -W.5 s", "'s' stands apart from its number in -W.5 s", "-W.5s"),
    ("probe host --timeout=1.5 s", "'s' stands apart from its number in --timeout=1.5 s", "--timeout=1.5s"),
    ("probe host -s 4 k", "'k' stands apart from its number in -s 4 k", "-s 4k"),
    ("serve --idle-timeout 5 m", "'m' stands apart from its number in --idle-timeout 5 m", "--idle-timeout 5m"),
    ("probe host --spin=yes", "--spin takes no value", "give it alone: --spin"),
    ("probe host -c x", "--count: 'x' is not a whole number", "a whole number from 0"),
    ("probe host -c -1", "--count: '-1' is below 0", "a whole number from 0"),
    ("probe host -c 1.5", "--count: '1.5' is not a whole number", "a whole number from 0"),
    (
        "probe host -c 99999999999999999999",
        "--count: '99999999999999999999' is not a whole number",
        "a whole number from 0",
    ),
    (
        "probe http://host",
        "scheme 'http' in 'http://host' is not one of tcp, udp, tls, unix, stamp, nq, nqs",
        "for an echo over TCP: tcp://host",
    ),
    (
        "probe host:99999",
        "port 99999 in 'host:99999' is above 65535",
        "a port is a number up to 65535: tcp://host:7007",
    ),
    ("probe :7", "no host in ':7'", "name one: tcp://localhost:7"),
    ('probe ""', "no host in ''", "name one: tcp://localhost"),
    (
        "probe host -t 5x",
        "--duration: 'x' in '5x' is not a unit of time",
        "a number with ns, us, ms, s, m or h, in seconds without one: 200ms",
    ),
    ("probe host -t 0", "--duration 0 leaves no time to send", "give a time: -t 10s"),
    (
        "probe host -i -5ms",
        "--interval: '-5ms' is below 0",
        "a number with ns, us, ms, s, m or h, in seconds without one: 200ms",
    ),
    (
        "probe host -i 500ns",
        "--interval asks for more than a million probes a second",
        "for the next as soon as a reply is in: -i 0",
    ),
    ("probe host -r 0", "--rate: a rate of 0 sends nothing", "a number of probes per second: 50"),
    (
        "probe host -r 2000000",
        "--rate asks for more than a million probes a second",
        "for the next as soon as a reply is in: -i 0",
    ),
    ("probe host -r 10/s", "--rate: '/s' in '10/s': a rate is a bare number", "a number of probes per second: 50"),
    (
        "probe host -i 1 -r 2",
        "--interval and --rate exclude each other: they say the same thing",
        "a rate of 50 is an interval of 20ms",
    ),
    ("probe host --schedule random", "--schedule: 'random' is not one of even, poisson", "for example even"),
    ("probe host --schedule evne", "--schedule: 'evne' is not one of even, poisson", "did you mean even?"),
    (
        "probe host -i 0 --schedule poisson",
        "--schedule poisson and --interval 0 exclude each other: its gaps have no mean",
        "give a time: -i 10ms",
    ),
    (
        "probe host -i 0 --spin",
        "--interval and --spin exclude each other: without a schedule there is nothing to wait for",
        "give a time: -i 10ms",
    ),
    (
        "probe host --reconnect --connect-only",
        "--connect-only and --reconnect exclude each other: one sends a probe on each connection, the other sends none",
        "leave out --connect-only, or --reconnect: it connects each time too",
    ),
    *(
        (f"{command} --report-every 0", "--report-every: '0' is less than 10ms, more often than is of use", "10s")
        for command in ("probe host", "serve")
    ),
    ("probe host -w 0", "--window: '0' is below 1", "a whole number from 1"),
    ("probe host --warmup -1", "--warmup: '-1' is below 0", "a whole number from 0"),
    ("probe host -s big", "--size: 'big' is not a size", "a number of bytes, with k or M for powers of 1024: 64"),
    ("probe host -s 1..9", "--size: no step in the sweep '1..9'", "after a colon: 1..9:1"),
    (
        "probe host -s 1..9999:1",
        "--size: the sweep '1..9999:1' has 9999 sizes, more than 100",
        "a wider step: 1..9999:101",
    ),
    (
        "probe host -s 0",
        "--size of 0 bytes: a stream carries no empty probe",
        "give at least 1, or probe over udp://, where a datagram may be empty",
    ),
    ("probe host -s 17M", "--size of over 16M is more than the 16M of the largest probe", "give less: -s 1M"),
    (
        "probe host -s 0..64:32",
        "--size of 0 bytes: a stream carries no empty probe",
        "give at least 1, or probe over udp://, where a datagram may be empty",
    ),
    (
        "probe udp://host -s 64k",
        "--size of 65536 bytes is more than the 65507 of the largest datagram",
        "give less, or probe over tcp://",
    ),
    ("probe stamp://host -s 40", "--size of 40 bytes is less than the 44 of a STAMP packet", "give at least 44"),
    (
        "probe host --payload ''",
        "--payload of 0 bytes: a stream carries no empty probe",
        "give at least 1, or probe over udp://, where a datagram may be empty",
    ),
    (
        "probe host --payload a --payload-hex 00",
        "--payload and --payload-hex exclude each other: each says what is sent",
        "give one of them",
    ),
    (
        "probe host --payload a --pattern zeros",
        "--payload and --pattern exclude each other: each says what is sent",
        "give one of them",
    ),
    (
        "probe host --payload a -s 5",
        "--payload and --size exclude each other: a payload has a size of its own",
        "leave out --size",
    ),
    ("probe host --payload-hex 0", "--payload-hex: '0' has half a byte", "two hexadecimal digits a byte: 00ff10"),
    (
        "probe host --payload-hex xy",
        "--payload-hex: 'x' in 'xy' is not a hexadecimal digit",
        "two hexadecimal digits a byte: 00ff10",
    ),
    (
        "probe host --payload-file /nonexistent",
        "--payload-file '/nonexistent' cannot be read: No such file or directory",
        "check the path and its permissions",
    ),
    (
        "probe host --payload-file /",
        "--payload-file '/' cannot be read: Is a directory",
        "check the path and its permissions",
    ),
    (
        "probe udp://host --payload-file /dev/zero",
        "--payload-file of over 16M is more than the 65507 of the largest datagram",
        "give less, or probe over tcp://",
    ),
    ("probe host --payload-file ''", "--payload-file: '' is not the name of a file", "a path: ./file"),
    ("probe host --pattern ones", "--pattern: 'ones' is not one of random, zeros, counter", "for example random"),
    (
        "probe stamp://host --payload a",
        "--payload means nothing for stamp://: its packets have a set form",
        "leave it out",
    ),
    (
        "probe stamp://host -s 45",
        "--size of 45 bytes: what follows the 44 of a STAMP packet has 4 or more",
        "give 44, or 48 and more",
    ),
    (
        "probe stamp://host -s 100 --auth-key-file /etc/os-release",
        "--size of 100 bytes is less than the 112 of an authenticated STAMP packet",
        "give at least 112",
    ),
    (
        "probe stamp://host --auth-key-file /dev/null",
        "--auth-key-file '/dev/null' is not a key file: there is no key in it",
        "the key as it stands, or hex: and its octets in hexadecimal digits",
    ),
    (
        "probe host --clock synced",
        "--clock is for stamp:// targets, and tcp://host:7007 is not one",
        "with STAMP: stamp://host:862",
    ),
    ("probe self --ssid 7", "--ssid is for stamp:// targets, and tcp://self is not one", "with STAMP: stamp://self"),
    ("probe stamp://host --clock gps", "--clock: 'gps' is not one of auto, synced, estimated", "for example auto"),
    ("probe stamp://host --ssid 65536", "--ssid: '65536' is above 65535", "a whole number from 0 to 65535"),
    (
        "probe self --reply-size 9",
        "--reply-size is for stamp:// targets, and tcp://self is not one",
        "with STAMP: stamp://self",
    ),
    (
        "probe stamp://host --reply-size 65508",
        "--reply-size of 65508 bytes is more than the 65507 of the largest datagram",
        "give less: a netecho server sends 9216 at most",
    ),
    (
        "probe stamp://host -s 64 --reply-size 9",
        "--size of 64 bytes is less than the 92 of a STAMP packet that asks for --reply-size",
        "give at least 92",
    ),
    (
        "probe stamp://host -s 94 --reply-size 9",
        "--size of 94 bytes: what follows the 92 of a STAMP packet that asks for --reply-size has 4 or more",
        "give 92, or 96 and more",
    ),
    (
        "serve tcp://:7 --symmetrical",
        "--symmetrical is for stamp addresses, and there is none",
        "add stamp://",
    ),
    *(
        (f"serve udp://:7 {option}", f"{option.split()[0]} is for {kind} addresses, and there is none", hint)
        for option, kind, hint in [
            ("--banner x", "stream", "add tcp://:7007"),
            ("--socket-mode 600", "unix", "add unix:/run/netecho.sock"),
            ("--load-time 1s", "nq or nqs", "add nq://"),
            ("--load-bytes 1k", "nq or nqs", "add nq://"),
            ("--alpn x", "tls or nqs", "add tls://:7443"),
        ]
    ),
    ("serve :0 --stateful", "--stateful is for stamp addresses, and there is none", "add stamp://"),
    (
        "serve stamp:// --whole-base --auth-key-file /etc/os-release",
        "--whole-base and --auth-key-file exclude each other: TWAMP-Light has no packets with this HMAC",
        "leave out --whole-base",
    ),
    (
        "serve stamp:// --auth-key-file /nowhere",
        "--auth-key-file '/nowhere' cannot be read: No such file or directory",
        "check the path and its permissions",
    ),
    ("probe host -W 0", "--timeout 0s is not above 0 and up to 1h", "give a time: -W 2s"),
    ("probe host -W 2h", "--timeout 7200s is not above 0 and up to 1h", "give a time: -W 2s"),
    ("probe host --connections 0", "--connections: '0' is below 1", "a whole number from 1 to 50000"),
    ("probe host --connections 99999", "--connections: '99999' is above 50000", "a whole number from 1 to 50000"),
    (
        "probe udp://host --reconnect",
        "--reconnect is for streams: udp:// has no connections",
        "over TCP: tcp://host:7007",
    ),
    (
        "probe stamp://host --connect-only",
        "--connect-only is for streams: stamp:// has no connections",
        "over TCP: tcp://host:862",
    ),
    (
        "probe host --connect-only -s 5",
        "--connect-only and --size exclude each other: nothing is sent",
        "leave out --size",
    ),
    (
        "probe host --connect-only --payload a",
        "--connect-only and --payload exclude each other: nothing is sent",
        "leave out --payload",
    ),
    (
        "probe host --connect-only --stamps kernel",
        "--connect-only and --stamps exclude each other: the kernel stamps what is sent",
        "leave out --stamps",
    ),
    ("probe host --stamps hardware", "--stamps: 'hardware' is not one of auto, kernel, user", "for example auto"),
    (
        "probe host -4 -6",
        "--ipv4 and --ipv6 exclude each other: each excludes the other's addresses",
        "give one of them, or none",
    ),
    ("probe ::1 -4", "--ipv4 is IPv4, and the target ::1 is IPv6", "one run is of one family"),
    ("probe 127.0.0.1 -6", "--ipv6 is IPv6, and the target 127.0.0.1 is IPv4", "one run is of one family"),
    ("probe host --source 127.0.0.1 -6", "--ipv6 is IPv6, and --source 127.0.0.1 is IPv4", "one run is of one family"),
    (
        "probe ::1 --source 127.0.0.1",
        "--source 127.0.0.1 is IPv4, and the target ::1 is IPv6",
        "one run is of one family",
    ),
    (
        "probe host --source nohost",
        "--source: 'nohost' is not an address",
        "an address of this machine, and a port where it matters: 192.0.2.1:4000 or [2001:db8::1]:4000",
    ),
    (
        "probe host --source 127.0.0.1:x",
        "--source: port 'x' in '127.0.0.1:x' is not a number up to 65535",
        "an address of this machine, and a port where it matters: 192.0.2.1:4000 or [2001:db8::1]:4000",
    ),
    (
        "probe host --source 127.0.0.1:99999",
        "--source: port '99999' in '127.0.0.1:99999' is not a number up to 65535",
        "an address of this machine, and a port where it matters: 192.0.2.1:4000 or [2001:db8::1]:4000",
    ),
    (
        "probe host --source ''",
        "--source: '' names neither an address nor a port",
        "an address of this machine, and a port where it matters: 192.0.2.1:4000 or [2001:db8::1]:4000",
    ),
    (
        "probe host --source [::1",
        "--source: no closing bracket in '[::1'",
        "an address of this machine, and a port where it matters: 192.0.2.1:4000 or [2001:db8::1]:4000",
    ),
    (
        "probe host --source 127.0.0.1:4000 --connections 2",
        "--connections and port 4000 of --source exclude each other: a port serves one connection at a time",
        "give the address alone, and the system picks ports",
    ),
    (
        "probe host --source :4000 --reconnect",
        "--reconnect and port 4000 of --source exclude each other: a port serves one connection at a time",
        "give the address alone, and the system picks ports",
    ),
    (
        "probe host --source :4000 --connect-only",
        "--connect-only and port 4000 of --source exclude each other: a port serves one connection at a time",
        "give the address alone, and the system picks ports",
    ),
    (
        "probe host --dscp 64",
        "--dscp: '64' is above 63, the largest DSCP",
        "a number up to 63, or a name such as EF, AF41, CS1 or LE",
    ),
    ("probe host --dscp FE", "--dscp: 'FE' is not a DSCP", "a number up to 63, or a name such as EF, AF41, CS1 or LE"),
    ("probe host --dscp -1", "--dscp: '-1' is not a DSCP", "a number up to 63, or a name such as EF, AF41, CS1 or LE"),
    (
        "probe host --ecn ect0",
        "--ecn is for datagrams: tcp://host:7007 is a stream, whose congestion control marks its packets",
        "over UDP: udp://host:7007",
    ),
    (
        "probe unix:/x --ecn ect0",
        "--ecn is for datagrams: unix:/x is a stream, whose congestion control marks its packets",
        "over UDP: udp://localhost:7007",
    ),
    ("probe host --ttl 0", "--ttl: '0' is below 1", "a whole number from 1 to 255"),
    ("probe host --ttl 256", "--ttl: '256' is above 255", "a whole number from 1 to 255"),
    ("probe unix:/x --ttl 3", "--ttl means nothing for unix:/x: its bytes travel in no packets", "leave it out"),
    ("probe unix:/x -4", "--ipv4 means nothing for unix:/x: its bytes travel in no packets", "leave it out"),
    ("probe host --ca /x", "--ca is for tls:// targets, and tcp://host:7007 is not one", "over TLS: tls://host:7007"),
    (
        "probe udp://host --insecure",
        "--insecure is for tls:// targets, and udp://host:7007 is not one",
        "over TLS: tls://host:7007",
    ),
    (
        "probe self --pin sha256:00",
        "--pin: '00' in 'sha256:00' is not 64 hexadecimal digits",
        "sha256: and the 64 hexadecimal digits that netecho serve prints",
    ),
    (
        "probe tls://self --insecure",
        "--insecure means nothing for tls://self, which trusts what it made",
        "leave it out",
    ),
    (
        "probe tls://host --insecure --ca /etc/passwd",
        "--insecure and --ca exclude each other: one checks, the other does not",
        "leave out --insecure",
    ),
    (
        "probe tls://host --ca /nonexistent",
        "--ca '/nonexistent' cannot be read: No such file or directory",
        "check the path and its permissions",
    ),
    (
        "probe tls://host --cert /nonexistent",
        "--cert '/nonexistent' cannot be read: No such file or directory",
        "check the path and its permissions",
    ),
    ("probe tls://host --key /etc/passwd", "--key needs --cert", "the certificate it is the key of: --cert FILE"),
    (
        "probe tls://host --pin md5:00",
        "--pin: 'md5:00' is not a pin",
        "sha256: and the 64 hexadecimal digits that netecho serve prints",
    ),
    (
        "probe tls://host --pin sha256:00",
        "--pin: '00' in 'sha256:00' is not 64 hexadecimal digits",
        "sha256: and the 64 hexadecimal digits that netecho serve prints",
    ),
    ("probe tls://host --alpn ''", "--alpn: '' is not the name of a protocol", "one of IANA's ALPN IDs: h2"),
    (
        "probe tls://host --server-name 'a b'",
        "--server-name: 'a b' is not part of a host name",
        "write a name or an address: tls://localhost:7443",
    ),
    ("probe tls://host --server-name ''", "--server-name: the name is empty", "write a name: echo.example"),
    (
        "probe host --format xml",
        "--format: 'xml' is not one of text, json, ndjson, csv, junit, github, openmetrics",
        "for example text",
    ),
    (
        "probe host --json --format csv",
        "--json and --format exclude each other: --json is short for --format json, not csv",
        "leave out --json",
    ),
    ("probe host --histogram --json", "--histogram is drawn in text, not in json", "--hdr FILE keeps it for machines"),
    (
        "probe host --histogram --format csv",
        "--histogram is drawn in text, not in csv",
        "--hdr FILE keeps it for machines",
    ),
    ("probe host --live -q", "--live and --quiet exclude each other: a live view is not quiet", "leave out --quiet"),
    (
        "probe host --histogram -qq",
        "--histogram and --quiet exclude each other: given twice it prints nothing",
        "give -q once",
    ),
    ("probe host --save /", "--save '/' cannot be written: Is a directory", "check the path and its permissions"),
    (
        "probe host --save /nonexistent/x",
        "--save '/nonexistent/x' cannot be written: there is no directory '/nonexistent'",
        "check the path and its permissions",
    ),
    (
        "probe host --save -",
        "--save '-' cannot be written: it is a file or nothing",
        "for standard output: --format ndjson",
    ),
    (
        "probe host --hdr /nonexistent/x",
        "--hdr '/nonexistent/x' cannot be written: there is no directory '/nonexistent'",
        "check the path and its permissions",
    ),
    (
        "probe host --save /tmp/no-such-run --hdr /tmp/../tmp/no-such-run",
        "--save and --hdr name the same file '/tmp/no-such-run'",
        "give two",
    ),
    (
        "probe host --fail-if ''",
        "--fail-if: an empty criterion in ''",
        "a metric, a comparison and a value: rtt.p99>20ms",
    ),
    (
        "probe host --fail-if 'speed>1'",
        "--fail-if: 'speed' in 'speed>1' is not a metric",
        (
            "sent, received, loss, loss_forward, loss_backward, late, duplicate, reordered, corrupt, unavailable, gone,"
            " ipdv, pdv, jitter, resolve, connect, tls; or rtt, response, lag, forward, backward, processing with one"
            " of .min .mean .stddev .p50 .p90 .p95 .p99 .p99_9 .max"
        ),
    ),
    ("probe host --fail-if 'p99>1ms'", "--fail-if: 'p99' in 'p99>1ms' is not a metric", "perhaps rtt.p99>1ms"),
    ("probe host --fail-if 'rtt.p99'", "--fail-if: no comparison in 'rtt.p99'", "one of > >= < <=: rtt.p99>20ms"),
    (
        "probe host --fail-if 'rtt.p99=20ms'",
        "--fail-if: '=' in 'rtt.p99=20ms' is not a comparison",
        "one of > >= < <=: rtt.p99>20ms",
    ),
    ("probe host --fail-if 'rtt.p99>'", "--fail-if: no value in 'rtt.p99>'", "rtt.p99>20ms"),
    ("probe host --fail-if 'rtt.p99>1%'", "--fail-if: '1%' does not fit rtt.p99, which is a time", "rtt.p99>20ms"),
    ("probe host --fail-if 'rtt.p99>20'", "--fail-if: '20' has no unit, and rtt.p99 is a time", "rtt.p99>20ms"),
    ("probe host --fail-if 'pdv>=1.5'", "--fail-if: '1.5' has no unit, and pdv is a time", "pdv>=1.5ms"),
    (
        "probe host --fail-if 'loss>1%,tls>1s'",
        "--fail-if: tls in 'tls>1s' can have no value for tcp://host:7007, which has no TLS handshake",
        "leave it out",
    ),
    (
        "probe udp://host --fail-if 'connect>1s'",
        "--fail-if: connect in 'connect>1s' can have no value for udp://host:7007, which has no connections",
        "leave it out",
    ),
    (
        "probe udp://host --fail-if 'forward.p99>1ms'",
        (
            "--fail-if: forward.p99 in 'forward.p99>1ms' can have no value for udp://host:7007,"
            " whose far end puts no timestamps in"
        ),
        "leave it out",
    ),
    (
        "probe unix:/x --fail-if 'resolve>1s'",
        "--fail-if: resolve in 'resolve>1s' can have no value for unix:/x, which has no name to resolve",
        "leave it out",
    ),
    *(
        (
            f"probe {host} --fail-if 'resolve>1s'",
            f"--fail-if: resolve in 'resolve>1s' can have no value for {shown}, which has no name to resolve",
            "leave it out",
        )
        for host, shown in [
            ("192.0.2.1", "tcp://192.0.2.1:7007"),
            ("udp://[fe80::1%lo]", "udp://[fe80::1%lo]:7007"),
            ("self", "tcp://self"),
        ]
    ),
    ("compare a b --fail-if 'rtt.p99>+2'", "--fail-if: '2' has no unit, and rtt.p99 is a time", "rtt.p99>+2ms"),
    ("probe host --fail-if 'loss>x'", "--fail-if: 'x' does not fit loss, which is a count or a percentage", "loss>1%"),
    (
        "probe host --fail-if 'rtt.p99>+10%'",
        "--fail-if: '+10%' in 'rtt.p99>+10%' compares two runs",
        "rtt.p99>20ms; or netecho compare",
    ),
    (
        "probe host --auth-key-file k",
        "--auth-key-file is for stamp:// targets, and tcp://host:7007 is not one",
        "with STAMP: stamp://host:862",
    ),
    (
        "probe host --clock synced",
        "--clock is for stamp:// targets, and tcp://host:7007 is not one",
        "with STAMP: stamp://host:862",
    ),
    (
        "probe host --ssid 5",
        "--ssid is for stamp:// targets, and tcp://host:7007 is not one",
        "with STAMP: stamp://host:862",
    ),
    ("probe stamp://host --clock wrong", "--clock: 'wrong' is not one of auto, synced, estimated", "for example auto"),
    ("probe stamp://host --ssid 65536", "--ssid: '65536' is above 65535", "a whole number from 0 to 65535"),
    (
        "probe stamp://host --auth-key-file /nonexistent",
        "--auth-key-file '/nonexistent' cannot be read: No such file or directory",
        "check the path and its permissions",
    ),
    (
        "probe stamp://host --auth-key-file /dev/null",
        "--auth-key-file '/dev/null' is not a key file: there is no key in it",
        "the key as it stands, or hex: and its octets in hexadecimal digits",
    ),
    (
        "probe stamp://host -s 46",
        "--size of 46 bytes: what follows the 44 of a STAMP packet has 4 or more",
        "give 44, or 48 and more",
    ),
    ("report", "netecho report was given no FILE", "for example: netecho report run.ndjson"),
    (
        "report /nonexistent",
        "'/nonexistent' cannot be read: No such file or directory",
        "a run that was saved with netecho probe --save FILE",
    ),
    ("report /", "'/' cannot be read: Is a directory", "a run that was saved with netecho probe --save FILE"),
    (
        "report /etc/passwd",
        "'/etc/passwd', line 1: it is not JSON",
        "a run that was saved with netecho probe --save FILE",
    ),
    ("report /dev/null", "'/dev/null': it is empty", "a run that was saved with netecho probe --save FILE"),
    (
        "report x --format yaml",
        "--format: 'yaml' is not one of text, json, ndjson, csv, junit, github, openmetrics",
        "for example text",
    ),
    (
        "report x --json --format csv",
        "--json and --format exclude each other: --json is short for --format json, not csv",
        "leave out --json",
    ),
    ("report x --histogram --json", "--histogram is drawn in text, not in json", "leave it out"),
    ("report - -", "standard input is read once", "give - once"),
    ("report a b --hdr h", "--hdr is of one run", "one command for each"),
    ("report x --hdr /", "--hdr '/' cannot be written: Is a directory", "check the path and its permissions"),
    ("compare - -", "both runs are read from standard input, which has one", "give one of them as a file"),
    ("compare", "netecho compare was given no BEFORE", "for example: netecho compare before.ndjson after.ndjson"),
    ("compare a", "netecho compare was given no AFTER", "for example: netecho compare before.ndjson after.ndjson"),
    ("compare a b c", "'c' is one argument too many", "usage: netecho compare [OPTIONS] BEFORE AFTER"),
    (
        "compare /nonexistent /nonexistent",
        "'/nonexistent' cannot be read: No such file or directory",
        "a run that was saved with netecho probe --save FILE",
    ),
    (
        "compare /dev/null /dev/null --format csv",
        "--format: 'csv' is not one of text, json, junit, github",
        "for example text",
    ),
    ("compare a b --fail-if 'rtt.p99>'", "--fail-if: no value in 'rtt.p99>'", "rtt.p99>20ms"),
    ("schema x", "'x' is one argument too many", "usage: netecho schema [OPTIONS]"),
    ("schema --json", "there is no option --json", "netecho schema --help lists what there is"),
    ("completions", "netecho completions was given no SHELL", 'for example: eval "$(netecho completions bash)"'),
    ("completions tcsh", "'tcsh' is not one of bash, zsh, fish", "for example bash"),
    ("completions bashh", "'bashh' is not one of bash, zsh, fish", "did you mean bash?"),
    ("completions bash zsh", "'zsh' is one argument too many", "usage: netecho completions [OPTIONS] SHELL"),
    ("serve 7007", "'7007' is not an address", "for that port on every address: :7007"),
    (
        "serve self",
        "'self' in 'self' is for probes: it is the server they start themselves",
        "to listen on loopback: tcp://localhost:7007",
    ),
    (
        "serve tcp://:99999",
        "port 99999 in 'tcp://:99999' is above 65535",
        "a port is a number up to 65535: tcp://localhost:7007",
    ),
    (
        "serve tcp://*:7",
        "'*' in 'tcp://*:7' is not part of a host name",
        "write a name or an address: tcp://localhost:7007",
    ),
    (
        "serve http://:80",
        "scheme 'http' in 'http://:80' is not one of tcp, udp, tls, unix, stamp, nq, nqs",
        "for an echo over TCP: tcp://:80",
    ),
    ("serve ''", "the address to listen on is empty", "for TCP and UDP on every address: :7007"),
    ("serve --mode texts", "--mode: 'texts' is not one of raw, text", "did you mean text?"),
    ("serve --reply x", "--reply is for --mode text", "add --mode text"),
    ("serve --max-connections -1", "--max-connections: '-1' is below 0", "a whole number from 0"),
    ("serve --for x", "--for: 'x' is not a time", "a number with ns, us, ms, s, m or h, in seconds without one: 200ms"),
    ("serve --key k", "--key without --cert", "name the certificate too: --cert cert.pem"),
    ("serve :7007 --cert c", "--cert is for tls or nqs addresses, and there is none", "add tls://:7443"),
    ("serve --workers 0", "--workers: '0' is below 1", "a whole number from 1 to 256"),
    ("serve --socket-mode 999", "--socket-mode: '999' is not a file's permissions", "three octal digits: 660"),
    ("serve --stateful tcp://:0", "--stateful is for stamp addresses, and there is none", "add stamp://"),
    ("serve :7007 --allow 192.0.2.0/24", "--allow is for nq or nqs addresses, and there is none", "add nq://"),
    (
        "serve nq:// --allow 192.0.2.1/24",
        "--allow: '192.0.2.1/24' is not a network",
        "an address, or one with a prefix: 192.0.2.0/24",
    ),
    (
        "serve nq:// --workers 2",
        "--workers is not for nq addresses: one process has the budgets of all clients",
        "serve nq:// by a command of its own",
    ),
    ("probe nq://host", "'nq://host' is no echo: it gives and takes load", "netecho load host"),
    ("diagnose nq://host", "'nq://host' is no echo: it gives and takes load", "netecho load host"),
    (
        "load host --ca c",
        "--ca is for nqs:// and https://: here there is no TLS",
        "netecho load nqs://host",
    ),
    (
        "load nqs://host --ca c --insecure",
        "--insecure and --ca exclude each other: one checks, the other does not",
        "leave out --insecure",
    ),
    ("load nqs://host --key k", "--key needs --cert", "the certificate it is the key of: --cert FILE"),
    ("load tcp://host", "'tcp://host' is an echo, and gives no load", "name the host alone: netecho load host"),
    ("load host -t 10ms", "--duration is below 1 s: a load does not begin so fast", "8s"),
    ("load host -i 10us", "--interval is below 1 ms: the probes would be the load", "10ms"),
    ("load host -4 -6", "--ipv4 and --ipv6 exclude each other", "leave one out, or both for either"),
    (
        "load host --fail-if upload.added>5",
        "--fail-if: '5' does not fit upload.added",
        "upload.added>100ms",
    ),
    ("serve --quite", "there is no option --quite", "did you mean --quiet?"),
]


def mistake(*arguments: str) -> tuple[str, str | None]:
    with pytest.raises(UsageError) as caught:
        invoke(list(arguments), CliContext())
    return caught.value.sentence, caught.value.hint


@pytest.fixture(autouse=True)
def _nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object) -> None:
        pytest.fail("a name was looked up: the mistake was not seen")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(("line", "sentence", "hint"), MISTAKES, ids=[line for line, _, _ in MISTAKES])
def test_a_mistake_is_told_by_its_part_and_shown_a_right_one(line: str, sentence: str, hint: str) -> None:
    assert mistake(*shlex.split(line)) == (sentence, hint)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("NETECHO_PROBE_COUNT", "ten", "NETECHO_PROBE_COUNT: 'ten' is not a whole number"),
        (
            "NETECHO_PROBE_FORMAT",
            "xml",
            "NETECHO_PROBE_FORMAT: 'xml' is not one of text, json, ndjson, csv, junit, github, openmetrics",
        ),
        ("NETECHO_PROBE_IPV4", "perhaps", "NETECHO_PROBE_IPV4: 'perhaps' is neither yes nor no"),
        ("NETECHO_PROBE_QUIET", "very", "NETECHO_PROBE_QUIET: 'very' is not a whole number"),
        ("NETECHO_PROBE_FAIL_IF", "speed>1", "NETECHO_PROBE_FAIL_IF: 'speed' in 'speed>1' is not a metric"),
    ],
)
def test_a_mistake_in_the_environment_is_told_by_its_variable(
    variable: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert mistake("probe", "host")[0] == sentence


def test_of_two_variables_that_exclude_each_other_both_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETECHO_PROBE_RATE", "50")
    monkeypatch.setenv("NETECHO_PROBE_INTERVAL", "1s")
    sentence = "NETECHO_PROBE_INTERVAL and NETECHO_PROBE_RATE exclude each other: they say the same thing"
    assert mistake("probe", "host")[0] == sentence


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netecho.cli.files.os.access", lambda *_: False)
    path = str(tmp_path / "run")
    assert mistake("probe", "host", "--save", path) == (
        f"--save {path!r} cannot be written: Permission denied",
        "check the path and its permissions",
    )


def test_it_is_shown_on_standard_error_with_exit_code_2(netecho: Netecho) -> None:
    ended = netecho("probe", "host:99999")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "netecho: port 99999 in 'host:99999' is above 65535\n"
        "  a port is a number up to 65535: tcp://host:7007\n"
    )  # fmt: skip


def test_nothing_given_shows_the_front_page(netecho: Netecho) -> None:
    ended = netecho()
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("netecho: no command was given\n\nUsage: netecho COMMAND")


def test_escapes_in_what_was_typed_are_not_printed_raw(netecho: Netecho) -> None:
    ended = netecho("probe", "\x1b[2J", "--label", "\x1b")
    assert "\x1b" not in ended.err
    assert r"'\x1b[2J'" in ended.err
