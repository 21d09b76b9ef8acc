"""A network of its own, where the default ports are free, names mean what a test wants, and packets can be lost.

Made of Linux namespaces (`unshare`, `nsenter`); where those are not permitted, the test that wants one is skipped.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.peers import needed, permitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Namespace:
    """A network namespace with loopback up; `prefix` before a command runs it inside."""

    def __init__(self, process: subprocess.Popen[bytes], prefix: list[str]) -> None:
        self.process = process
        self.prefix = prefix

    def run(self, *command: str) -> str:
        """Run a command inside to its end and return what it printed."""
        done = subprocess.run([*self.prefix, *command], check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout


def _unshare() -> list[str]:
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *mapped, "--net", "--mount"]


@contextlib.contextmanager
def namespace(hosts: Mapping[str, str] | None = None) -> Iterator[Namespace]:
    """Make a namespace in which the names of `hosts` have those addresses, beside localhost."""
    needed("ip")
    if not permitted(*_unshare(), "true"):
        pytest.skip("network namespaces are not permitted here")
    with tempfile.TemporaryDirectory() as folder:
        named = {"localhost": "127.0.0.1", "ip6-localhost": "::1", **(hosts or {})}
        lines = "".join(f"{address} {name}\n" for name, address in named.items())
        Path(folder, "hosts").write_text(lines)
        script = 'mount --bind "$0/hosts" /etc/hosts && ip link set lo up && echo ready && exec cat'
        process = subprocess.Popen(
            [*_unshare(), "sh", "-c", script, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            joined = [f"--target={process.pid}", "--net", "--mount"]
            if os.geteuid() != 0:
                joined += ["--user", "--preserve-credentials"]
            # The mount namespace brings its root as working directory with it: go back to where we were.
            yield Namespace(process, ["nsenter", *joined, f"--wd={Path.cwd()}"])
        finally:
            process.communicate()
