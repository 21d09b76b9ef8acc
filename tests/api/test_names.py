"""What `netecho` exports is what is promised, and it costs nothing until it is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import netecho
from netecho import api
from netecho.help.topics import source


def test_the_public_names() -> None:
    assert sorted(netecho.__all__) == [
        "Endpoint",
        "Event",
        "Losses",
        "NetechoError",
        "ProbeOptions",
        "ProbeResult",
        "Probes",
        "RunningServer",
        "ServeOptions",
        "Setup",
        "Time",
        "Times",
        "UnreachableError",
        "UsageError",
        "Variation",
        "__version__",
        "events",
        "probe",
        "probe_sync",
        "serve",
    ]
    assert {*api.__all__} == {*netecho.__all__} - {"__version__"}
    assert all(getattr(netecho, name) is getattr(api, name) for name in api.__all__)


def test_every_public_name_is_in_the_help_topic() -> None:
    rows = [line.split("|")[1] for line in source("python").splitlines() if line.startswith("| ")]
    assert [name for name in api.__all__ if not any(re.search(rf"\b{name}\b", row) for row in rows)] == []


def test_every_public_name_says_what_it_is() -> None:
    assert all(getattr(api, name).__doc__ for name in api.__all__)


def test_another_name_is_none() -> None:
    with pytest.raises(AttributeError, match="module 'netecho' has no attribute 'prob'"):
        netecho.prob  # noqa: B018


def test_import_alone_imports_nothing_of_weight() -> None:
    code = "import sys, netecho; sys.exit(any(name in sys.modules for name in ('twisted', 'click', 'asyncio', 'rich')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_program_that_uses_every_name() -> None:
    program = Path(__file__).with_name("sample_program.py")
    assert [name for name in netecho.__all__ if name not in program.read_text(encoding="utf-8")] == []
    done = subprocess.run([sys.executable, program], check=True, capture_output=True, text=True, timeout=60)
    assert "parsec" in done.stdout.splitlines()[-1]
    assert "reply 1" in done.stdout
    assert done.stderr == ""
