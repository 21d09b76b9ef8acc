"""Too few file descriptors, and keys that are no secret: said in a sentence, before anything is begun."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.certificates import issue
from tests.program import PATIENCE, command_line, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.program import Netecho


@pytest.mark.parametrize("number", [5, 8, 12, 16])
@pytest.mark.parametrize(
    "command",
    ["serve tcp://127.0.0.1:0 --for 1ms", "serve :0 --workers 2 --for 1ms", "probe self -c 1", "probe tls://self -c 1"],
)
def test_too_few_descriptors_are_a_sentence(command: str, number: int) -> None:
    ended = subprocess.run(
        ["/bin/sh", "-c", f'ulimit -n {number}; exec "$@"', "sh", *command_line(), *command.split()],
        check=False,
        capture_output=True,
        env=environment(),
        timeout=PATIENCE,
    )
    assert ended.returncode == 3
    assert ended.stdout == b""
    needed = 52 if "--workers" in command else 32
    assert ended.stderr.decode() == (
        f"netecho: too few file descriptors: this process may have {number}, and this needs {needed}\n"
        "  allow more of them: ulimit -n 1024\n"
    )


@pytest.mark.parametrize("number", [32, 40])
def test_as_many_as_are_asked_for_are_enough(number: int) -> None:
    ended = subprocess.run(
        [
            "/bin/sh",
            "-c",
            f'ulimit -n {number}; exec "$@"',
            "sh",
            *command_line(),
            "probe",
            "tls://self",
            "-c",
            "1",
            "-q",
        ],
        check=False,
        capture_output=True,
        env=environment(),
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def limited(number: int, arguments: tuple[str, ...], which: str = "") -> subprocess.CompletedProcess[str]:
    """Run netecho with so many descriptors; `which`: -S leaves the hard limit as it is."""
    return subprocess.run(
        ["/bin/sh", "-c", f'ulimit {which} -n {number}; exec "$@"', "sh", *command_line(), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=PATIENCE,
    )


@pytest.fixture(params=["tcp", "udp", "stamp", "tls", "unix"])
def server(request: pytest.FixtureRequest, netecho: Netecho, tmp_path: Path) -> str:
    """A server that takes thousands of connections, as a target."""
    scheme = request.param
    address = f"unix:{tmp_path}/socket" if scheme == "unix" else f"{scheme}://127.0.0.1:0"
    many = ("--max-connections", "5000", "--max-per-client", "5000")
    listening = netecho.start("serve", address, *many, "--format", "ndjson").event_named("listening")
    return address if scheme == "unix" else f"{scheme}://127.0.0.1:{listening['port']}"


def test_thousands_of_connections_past_the_limit_are_a_sentence(server: str) -> None:
    insecure = ("--insecure",) if server.startswith("tls") else ()
    ended = limited(200, ("probe", server, *insecure, "--connections", "3000", "-c", "1", "-W", "20s"))
    where = server.removeprefix("unix:").rpartition("//")[2]
    assert ended.returncode == 3, ended
    assert ended.stderr.splitlines() == [
        f"netecho: too many open files: {where}",
        "  each connection takes a file descriptor, and this process may have no more: `ulimit -n` raises that",
    ]


def test_the_soft_limit_is_raised_where_it_may_be(server: str) -> None:
    insecure = ("--insecure",) if server.startswith("tls") else ()
    ended = limited(64, ("probe", server, *insecure, "--connections", "300", "-c", "1", "-W", "20s", "--json"), "-S")
    assert ended.returncode == 0, ended
    assert json.loads(ended.stdout)["probes"]["received"] == 300


class TestKeys:
    @pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True)])
    def test_a_private_key_that_every_user_can_read_is_warned_of(
        self, netecho: Netecho, tmp_path: Path, mode: int, warned: bool
    ) -> None:
        cert, key = issue("localhost").write(tmp_path, "server")
        (tmp_path / "server-key.pem").chmod(mode)
        warning = f"netecho: warning: every user can read the key in {key}: chmod o= {key}\n"
        for command in ("serve tls://127.0.0.1:0 --for 1ms", "probe tls://127.0.0.1:9 -c 1"):
            assert (warning in netecho(*command.split(), "--cert", cert, "--key", key).err) is warned

    def test_a_key_of_stamp_too_and_not_where_silence_is_asked_for(self, netecho: Netecho, tmp_path: Path) -> None:
        key = tmp_path / "hmac.key"
        key.write_text("sixteen octets, or more")
        key.chmod(0o644)
        options = ("--auth-key-file", str(key), "-c", "1")
        assert "every user can read the key" in netecho("probe", "stamp://self", *options).err
        assert netecho("probe", "stamp://self", *options, "-qq").err == ""
