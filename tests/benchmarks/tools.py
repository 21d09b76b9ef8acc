"""netecho and its peers as processes: started on free ports of loopback, asked, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Transport = Literal["tcp", "udp"]

NETECHO = [sys.executable, "-P", "-m", "netecho"]
"""The command that is measured; `measuring` puts another checkout's in its place."""
MINIMAL = [sys.executable, str(Path(__file__).with_name("minimal.py"))]
HOST = "127.0.0.1"
PATIENCE = 600


def need(*commands: str, root: bool = False) -> Callable[[], str | None]:
    """What says which of `commands`, all of them needed, is not installed."""

    def missing() -> str | None:
        if root and os.geteuid():
            return "needs root, to capture packets"
        absent = [command for command in commands if not shutil.which(command)]
        return f"needs {', '.join(absent)}" if absent else None

    return missing


def command_of(checkout: Path) -> list[str]:
    """The netecho of another checkout, in which it is installed: `pip install -e .` in its .venv."""
    python = checkout.absolute() / ".venv/bin/python"
    command = [str(python), "-P", "-m", "netecho"]  # -P: not the netecho of the working directory
    where = subprocess.run(
        [python, "-P", "-c", "import netecho; print(netecho.__file__)"], capture_output=True, text=True, check=True
    )
    if not Path(where.stdout.strip()).is_relative_to(checkout.absolute()):
        raise RuntimeError(f"{python} runs {where.stdout.strip()}, which is not of {checkout}")
    return command


@contextlib.contextmanager
def measuring(command: Sequence[str]) -> Iterator[None]:
    """Measure this command for the time being."""
    usual = NETECHO[:]
    NETECHO[:] = command
    try:
        yield
    finally:
        NETECHO[:] = usual


def have(command: str) -> bool:
    return shutil.which(command) is not None


def free_port(transport: Transport = "tcp") -> int:
    """A port that is free now, for peers that cannot say which one they took."""
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: Sequence[str], ready: float = 0.3, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process for the time being; `ready` is how long a peer that does not say so takes to listen, seconds."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **{**quiet, **options})
    try:
        time.sleep(ready)
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended with {process.returncode} at once")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
        process.kill()
        process.wait()


@contextlib.contextmanager
def server(scheme: str, *limits: str) -> Iterator[str]:
    """netecho's own server, with `limits` in place of its own; its URL."""
    command = [*NETECHO, "serve", f"{scheme}://{HOST}:0", "--format", "ndjson", *(limits or UNLIMITED[scheme])]
    with running(command, ready=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith(b"{"):
            raise RuntimeError(line.decode().strip() or "netecho serve said nothing")
        listening = json.loads(line)
        yield f"{scheme}://{HOST}:{listening['port']}"


UNLIMITED: dict[str, list[str]] = {"tcp": [], "udp": ["--max-rate", "0"]}
"""The server's limit on datagrams a second from one source is for the open Internet."""


def output(command: Sequence[str]) -> str:
    """What a command printed; an error if it failed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise RuntimeError(f"{' '.join(command[:4])} ended with {done.returncode}: {' '.join(last)}")
    return done.stdout


def probe(url: str, *options: str) -> dict[str, Any]:
    """A run of netecho as its JSON document."""
    document: dict[str, Any] = json.loads(output([*NETECHO, "probe", url, "--format", "json", *options]))
    return document


def probe_replies(url: str, *options: str) -> dict[int, float]:
    """The rtt of each probe by its number, in microseconds."""
    lines = output([*NETECHO, "probe", url, "--format", "ndjson", *options]).splitlines()
    events = [json.loads(line) for line in lines]
    return {event["seq"]: event["rtt_ms"] * 1000 for event in events if event["event"] == "reply"}


def number(pattern: str, text: str) -> float:
    """The number a peer's output has where `pattern` says."""
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"no {pattern!r} in what it printed")
    return float(found[1].replace(",", ""))
