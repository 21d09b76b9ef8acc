"""What the README and the help texts show is generated: pictures and outputs from saved runs, the help of commands.

    python -m tests.pictures              writes them anew after a change to the output
    python -m tests.pictures --measure    takes new runs first (Linux, where namespaces are permitted)

The runs are real. They lie beside their pictures, so that a test can tell a picture that no longer shows what
netecho prints.
"""

from __future__ import annotations

import fcntl
import html
import io
import os
import re
import shlex
import struct
import subprocess
import sys
import termios
import textwrap
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.text import Text

from netecho.cli.manpage import ENDINGS
from netecho.help import manpages
from netecho.measure.metrics import METRICS
from tests.namespace import namespace
from tests.program import COMMAND, environment
from tests.readme import README, ROOT, TOPIC_FILES

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 80, 50


class Picture(NamedTuple):
    """A command and the saved run that shows what it prints."""

    name: str
    command: str

    @property
    def saved(self) -> Path:
        return FOLDER / f"{self.name}.ndjson"

    @property
    def svg(self) -> Path:
        return FOLDER / f"{self.name}.svg"


# Between two hosts, as the README says: an own network in which the name leads to the relay, and that to the server.
PROBE = Picture("probe", "netecho probe udp://server.example.net -c 1000 -i 5ms")
PICTURES = [PROBE]
RELAY = ["--delay-ms", "11", "--queue-ms", "1.5", "--drop", "0.004", "--seed", "7"]


def on_a_terminal(arguments: list[str]) -> str:
    """What netecho prints on a terminal of that size, escapes and all."""
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    with os.fdopen(leader, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=environment(TERM="xterm-256color", TZ="UTC"),
        )
        os.close(follower)
        shown = bytearray()
        # A terminal whose other end is closed says EIO where a pipe would say its end.
        with suppress(OSError):
            while some := terminal.read(65536):
                shown += some
    assert process.wait() == 0, shown.decode()
    return shown.decode().replace("\r\n", "\n")


def screen(picture: Picture) -> Text:
    """The prompt, the command, and what it prints."""
    shown = on_a_terminal(["report", str(picture.saved.relative_to(ROOT))])
    return Text.assemble(("$ ", "bright_black"), (picture.command, "bold"), "\n", Text.from_ansi(shown.rstrip("\n")))


def drawn(picture: Picture) -> str:
    """The picture as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="256")
    console.print(screen(picture))
    svg = console.export_svg(title="netecho", unique_id="netecho")
    # The reader's own monospaced font will do: nothing is to be fetched to look at a picture.
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def words(svg: str) -> str:
    """The text of a picture without its spaces: what does not change with Rich's way of drawing."""
    texts = re.findall(r"<text [^>]*>(.*?)</text>", svg, flags=re.DOTALL)
    return "".join("".join(html.unescape(each).split()) for each in texts)


_BLOCK = re.compile(r"(<!-- (?P<kind>help|output|metrics)(?:: (?P<of>[^\n]+))? -->\n```text\n).*?(```\n)", re.DOTALL)
_EXIT_CODES = re.compile(r"(<!-- exit codes -->\n).*?(?=\n\n)", re.DOTALL)


def filled(text: str) -> str:
    """The README, or a help text, with what is generated in it as it is today."""
    text = _BLOCK.sub(lambda found: f"{found[1]}{_GENERATED[found['kind']](found['of'])}{found[4]}", text)
    return _EXIT_CODES.sub(lambda found: f"{found[1]}{_exit_codes()}", text)


def _output(command: str) -> str:
    words = shlex.split(command)[1:]
    return subprocess.run(
        [*COMMAND, *words], check=True, capture_output=True, text=True, cwd=ROOT, env=environment(TZ="UTC")
    ).stdout


def _help(command: str) -> str:
    return _output(f"{command} --help")


def _metrics(_: str) -> str:
    """The metrics that are no figure of a distribution."""
    names = ", ".join(name for name in METRICS if "." not in name)
    return textwrap.fill(names, 76, break_on_hyphens=False) + "\n"


_GENERATED: dict[str, Callable[[str], str]] = {"help": _help, "output": _output, "metrics": _metrics}


def _exit_codes() -> str:
    rows = (f"| {int(code)} | {text[0].lower()}{text[1:].rstrip('.')} |" for code, text in ENDINGS.items())
    return "\n".join(("| code | meaning |", "| --- | --- |", *rows))


def measure() -> None:
    """Take the runs of the pictures anew."""
    with namespace({"server.example.net": "127.0.0.1"}) as network, ExitStack() as running:

        def start(*command: str) -> None:
            process = subprocess.Popen([*network.prefix, *command], stdout=subprocess.PIPE, env=environment())
            running.callback(process.communicate)
            running.callback(process.terminate)
            assert process.stdout is not None
            assert process.stdout.readline()

        start(*COMMAND, "serve", "udp://127.0.0.1:7008")
        relay = [sys.executable, "-m", "tests.relay", "udp", "127.0.0.1:7008", "--listen", "127.0.0.1:7007"]
        start(*relay, *RELAY)
        for picture in PICTURES:
            arguments = [*picture.command.split()[1:], "-qq", "--save", str(picture.saved)]
            subprocess.run([*network.prefix, *COMMAND, *arguments], check=True, env=environment())
            # The summary alone gives the same picture; a thousand replies are not worth keeping.
            picture.saved.write_text(picture.saved.read_text().splitlines(keepends=True)[-1])


def main() -> None:
    if sys.argv[1:] == ["--measure"]:
        FOLDER.mkdir(exist_ok=True)
        measure()
    for picture in PICTURES:
        picture.svg.write_text(drawn(picture), encoding="utf-8")
    for document in (README, *TOPIC_FILES):
        document.write_text(filled(document.read_text(encoding="utf-8")), encoding="utf-8")
    manpages.main()


if __name__ == "__main__":
    main()
