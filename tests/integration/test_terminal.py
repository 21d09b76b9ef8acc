"""netecho on a terminal: what a person sees while a run goes on, and what is left on the screen."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import re
import select
import signal
import socket
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

import pytest

from tests.program import COMMAND, PATIENCE, environment, forked
from tests.report.screen import Terminal
from tests.rogues import echo, streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.preloaded import Started
    from tests.program import Netecho


class OnTerminal:
    """A command whose standard streams are a terminal that it controls."""

    def __init__(
        self,
        *arguments: str,
        columns: int,
        lines: int = 24,
        results: int | None = None,
        anew: bool = False,
        **env: str,
    ) -> None:
        self._leader, follower = os.openpty()
        self.size(columns, lines)
        _keep_output_on_ctrl_c(follower)
        self.terminal = Terminal()
        self.written = ""
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        given = environment(**{"TERM": "xterm-256color", **env})
        out = follower if results is None else results
        process = None if anew else forked(arguments, stdin=follower, stdout=out, stderr=follower, environ=given)
        # What is typed there, Ctrl-C above all, is for the command: it is given the terminal as its own.
        command = ["setsid", "--ctty", *COMMAND, *arguments]
        self.process = process or subprocess.Popen(command, stdin=follower, stdout=out, stderr=follower, env=given)
        os.close(follower)

    def size(self, columns: int, lines: int = 24) -> None:
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self._leader, keys)

    @property
    def reads_lines(self) -> bool:
        """Whether the terminal hands over whole lines, as it does unless a program asks for single keys."""
        return bool(termios.tcgetattr(self._leader)[3] & termios.ICANON)

    def until(self, seen: Callable[[str], object]) -> None:
        """Wait for something to have been written since the last time."""
        text = ""
        while not seen(text):
            more = self._read()
            assert more is not None, f"the command ended first; the screen: {self.terminal.screen}"
            text += more

    def until_shown(self, shown: Callable[[list[str]], object]) -> list[str]:
        """Wait until the screen is as wanted, whatever was written when; return it."""
        while not shown(screen := self.terminal.screen):
            assert self._read() is not None, f"the command ended first; the screen: {screen}"
        return screen

    def read_on(self) -> None:
        """Read what was written until now."""
        while select.select([self._leader], [], [], 0)[0] and self._read() is not None:
            pass

    def end(self) -> list[str]:
        """Wait for the end of the command; return what is left on the screen."""
        while self._read() is not None:
            pass
        self.process.wait(PATIENCE)
        return self.terminal.screen

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._leader)

    def _read(self) -> str | None:
        ready, _, _ = select.select([self._leader], [], [], PATIENCE)
        assert ready, "the command hangs"
        try:
            text = self._decode(os.read(self._leader, 65536))
        except OSError:  # how Linux says that nobody has the other end any more
            return None
        self.written += text
        self.terminal.write(text)
        return text


def _keep_output_on_ctrl_c(terminal: int) -> None:
    """Else Ctrl-C discards what was written and not read yet, and what a screen is left with depends on the moment."""
    attributes = termios.tcgetattr(terminal)
    attributes[3] |= termios.NOFLSH
    # Nor write ^C into the middle of a character, or of an escape sequence, of which half was taken yet.
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


@contextlib.contextmanager
def on_terminal(
    *arguments: str,
    columns: int = 80,
    lines: int = 24,
    results: int | None = None,
    anew: bool = False,
    **env: str,
) -> Iterator[OnTerminal]:
    """`anew`: it is our child, and we may wait until it is stopped."""
    command = OnTerminal(*arguments, columns=columns, lines=lines, results=results, anew=anew, **env)
    try:
        yield command
    finally:
        command.kill()


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_short_run_is_lines_and_a_summary(columns: int) -> None:
    with streams(echo) as server:
        target = f"127.0.0.1:{server.port}"
        with on_terminal("probe", target, "-c", "5", "-i", "20ms", columns=columns) as command:
            screen = command.end()
    assert command.process.returncode == 0
    assert all(len(line) <= columns for line in screen)
    assert screen[0] == f"tcp://{target}: 64 bytes every 20 ms"
    assert [line.split()[:2] for line in screen[1:6]] == [["seq", str(seq)] for seq in range(5)]
    assert screen[6] == ""
    assert screen[7].startswith(f"tcp://{target}  127.0.0.1:")
    assert "5 received, 0 lost (0%)" in screen
    assert command.terminal.at_rest


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_long_run_is_watched_and_leaves_a_clean_screen(columns: int) -> None:
    with (
        streams(echo) as server,
        on_terminal("probe", f"127.0.0.1:{server.port}", "-c", "0", "-i", "5ms", columns=columns) as command,
    ):
        watched = command.until_shown(lambda screen: any(line.endswith(" received, 0 lost") for line in screen))
        command.size(columns + 20)
        command.until(lambda text: re.search(r"response +\d", text))
        command.type(b"\x03")
        screen = command.end()
    assert watched[0].startswith(f"tcp://127.0.0.1:{server.port}: 64 bytes every 5 ms")
    assert any(line.endswith("s, Ctrl-C ends it") for line in watched)
    assert all(len(line) < columns for line in watched)
    assert command.process.returncode == 0
    assert screen[0].startswith(f"tcp://127.0.0.1:{server.port}  127.0.0.1:")
    assert screen[1].endswith("(interrupted)")
    assert not any("Ctrl-C" in line or "^C" in line for line in screen)
    assert command.terminal.at_rest


def test_results_to_a_file_are_watched_on_the_terminal(tmp_path: Path) -> None:
    with streams(echo) as server, (tmp_path / "results").open("w") as results:
        target = f"127.0.0.1:{server.port}"
        with on_terminal("probe", target, "-t", "1s", "-i", "20ms", results=results.fileno()) as command:
            screen = command.end()
    text = (tmp_path / "results").read_text()
    assert "sent, " in command.written
    assert screen == [""]
    assert command.terminal.at_rest
    assert "\x1b" not in text
    assert text.startswith(f"tcp://{target}: ")


def test_results_in_a_pipe_are_not_watched_where_its_reader_may_have_the_same_terminal() -> None:
    reader, writer = os.pipe()
    with streams(echo) as server, os.fdopen(reader, "rb") as results:
        target = f"127.0.0.1:{server.port}"
        with on_terminal("probe", target, "-t", "300ms", "-i", "20ms", results=writer) as command:
            os.close(writer)
            command.end()
            assert results.read().startswith(b"tcp://")
    assert command.written == ""


def test_stopped_with_ctrl_z_the_shell_has_its_screen_and_the_view_comes_back() -> None:
    with (
        streams(echo) as server,
        on_terminal("probe", f"127.0.0.1:{server.port}", "-c", "0", "-i", "20ms") as command,
    ):
        command.until(lambda text: re.search(r"response +\d", text))
        command.process.send_signal(signal.SIGTSTP)
        # In a session of its own there is no shell to continue it, and so the system does not stop it: it goes on.
        command.until(lambda text: "\x1b[?1049l" in text)
        command.until(lambda text: re.search(r"response +\d", text))
        command.type(b"\x03")
        command.end()
    assert command.process.returncode == 0
    assert command.terminal.at_rest


def _stopped(process: subprocess.Popen[bytes] | Started) -> None:
    """Stop a process with a signal that it cannot catch, and wait until it stands."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


def test_after_a_stop_without_warning_the_view_is_drawn_anew_whole() -> None:
    with (
        streams(echo) as server,
        on_terminal("probe", f"127.0.0.1:{server.port}", "-c", "0", "-i", "20ms", anew=True) as command,
    ):
        command.until_shown(lambda screen: any(line.startswith("response ") for line in screen))
        _stopped(command.process)
        command.read_on()  # or the shell's words would be amid one of the view's
        command.terminal.write("\r\n$ fg" * 30)
        command.process.send_signal(signal.SIGCONT)
        command.until(lambda text: re.search(r"\[\?1049h.*response +\d", text, re.DOTALL))
        assert not any("fg" in line for line in command.terminal.screen)
        command.type(b"\x03")
        command.end()
    assert command.process.returncode == 0
    assert command.terminal.at_rest


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGUSR1])
def test_a_signal_asks_for_interim_figures(number: signal.Signals) -> None:
    with streams(echo) as server, on_terminal("probe", f"127.0.0.1:{server.port}", "-c", "0", "-i", "5ms") as command:
        command.until(lambda text: re.search(r"response +\d", text))
        command.process.send_signal(number)
        command.until(lambda text: "netecho: after " in text)
        command.type(b"\x03")
        screen = command.end()
    assert command.process.returncode == 0
    # Below the view they are to be read when it is gone.
    assert re.match(r"netecho: after .* sent, .* 0 lost \(0%\); rtt min ", screen[0])
    assert any(line.endswith("(interrupted)") for line in screen)


def test_a_dumb_terminal_gets_a_line_now_and_then() -> None:
    with streams(echo) as server:
        target = f"127.0.0.1:{server.port}"
        with on_terminal("probe", target, "-t", "1s", "-i", "10ms", "--report-every", "200ms", TERM="dumb") as command:
            command.end()
    assert "\x1b" not in command.written
    assert command.written.count("netecho: after ") >= 2


@pytest.mark.parametrize("arguments", [["--no-live"], ["-q"], ["--json"]])
def test_no_view_where_it_is_not_wanted(arguments: list[str]) -> None:
    with streams(echo) as server:
        target = f"127.0.0.1:{server.port}"
        with on_terminal("probe", target, "-t", "300ms", "-i", "10ms", *arguments, NO_COLOR="1") as command:
            command.end()
    assert "\x1b" not in command.written


def test_an_unreachable_target_leaves_the_error_alone() -> None:
    with streams(echo) as server:
        port = server.port
    with on_terminal("probe", f"127.0.0.1:{port}") as command:
        screen = command.end()
    assert command.process.returncode == 3
    assert screen[0].startswith("netecho: ")
    assert command.terminal.at_rest


def test_several_targets_are_watched_in_a_table_and_leave_a_clean_screen() -> None:
    with streams(echo) as gone:
        port = gone.port
    with streams(echo) as one, streams(echo) as other:
        targets = [f"127.0.0.1:{each}" for each in (one.port, other.port, port)]
        with on_terminal("probe", *targets, "-c", "0", "-i", "20ms", columns=100) as command:
            watched = command.until_shown(lambda screen: "not reached" in screen[-1] and " 0% " in screen[-2])
            command.type(b"\x03")
            screen = command.end()
    assert [line.split()[0] for line in watched[-3:]] == [f"tcp://{target}" for target in targets]
    assert screen[0].split() == ["rtt,", "ms", "sent", "received", "lost", "min", "mean", "p50", "p99", "max"]
    assert not any("Ctrl-C" in line or "over time" in line for line in screen)
    assert command.process.returncode == 3
    assert command.terminal.at_rest


def _serving_and_watched(screen: list[str]) -> bool:
    """Whether the log says that both transports are served, and below it the view's rows are whole."""
    served = sum(line.startswith("listening on ") for line in screen)
    return served == 2 and [line.split()[:1] for line in screen[-3:]] == [["open"], ["tcp"], ["udp"]]


def test_a_server_is_watched_below_its_log_and_leaves_a_clean_screen() -> None:
    with on_terminal("serve", "127.0.0.1:0", "-v", columns=100, lines=30) as command:
        watched = command.until_shown(_serving_and_watched)
        listening = next(line for line in watched if line.startswith("listening on tcp://"))
        with socket.create_connection(("127.0.0.1", int(listening.rpartition(":")[2]))) as client:
            client.sendall(b"hello")
            assert client.recv(5) == b"hello"
            # In the log, which scrolls by above the view.
            command.until(lambda text: "connected (#1)" in text)
            command.process.send_signal(signal.SIGUSR1)
            command.until(lambda text: "statistics: tcp 1 echo, 1 connection (1 open)" in text)
        command.type(b"\x03")
        screen = command.end()
    assert command.process.returncode == 0
    assert watched[-3].split()[1] == "echoes/s"
    assert any("disconnected (#1)" in line for line in screen)
    assert any("stopped (signal)" in line for line in screen)
    assert not any("echoes/s" in line for line in screen)
    assert command.terminal.at_rest


def test_a_server_that_was_stopped_without_warning_is_watched_below_what_others_wrote() -> None:
    with on_terminal("serve", "127.0.0.1:0", columns=100, lines=30, anew=True) as command:
        command.until_shown(_serving_and_watched)
        _stopped(command.process)
        command.terminal.write("\r\n[1]+  Stopped\r\n$ jobs\r\n$ fg\r\n")
        command.process.send_signal(signal.SIGCONT)
        screen = command.until_shown(lambda screen: screen[-1].startswith("udp") and "echoes/s" in screen[-3])
        assert [line for line in screen if line.startswith(("[", "$"))] == ["[1]+  Stopped", "$ jobs", "$ fg"]
        command.type(b"\x03")
        command.end()
    assert command.process.returncode == 0
    assert command.terminal.at_rest


def test_a_server_whose_log_is_elsewhere_is_not_watched_unless_that_is_asked_for(netecho: Netecho) -> None:
    server = netecho.start("serve", "tcp://127.0.0.1:0", "--report-every", "50ms")
    assert server.line().startswith("listening on ")
    assert "statistics: tcp 0 echoes" in server.line()
    server.process.send_signal(signal.SIGUSR1)
    server.terminate()
    ended = server.end()
    assert ended.code == 0
    assert "\x1b" not in ended.out + ended.err


@pytest.mark.parametrize("end", [b"q", None])
def test_a_monitors_keys_open_a_target_and_whatever_ends_it_the_terminal_is_as_before(end: bytes | None) -> None:
    with on_terminal("monitor", "self", "udp://self", "-i", "50ms", columns=100) as command:
        command.until_shown(lambda screen: screen[-1].startswith("q quit") and "2 up" in "".join(screen))
        assert not command.reads_lines
        command.type(b"sssj\r")
        command.until_shown(lambda screen: any(line.startswith("rtt, hour") for line in screen))
        command.type(b"\x1b")
        command.until_shown(lambda screen: screen[-1].startswith("q quit  s by name"))
        if end is None:
            command.process.terminate()
        else:
            command.type(end)
        screen = command.end()
        assert command.process.returncode == 0
        assert command.reads_lines
        assert command.terminal.at_rest
        assert "stopped after" in "".join(screen)
