"""What `netecho` exports is what is promised, and it costs nothing until it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import netecho
from netecho import api


def test_the_public_names() -> None:
    assert sorted(netecho.__all__) == [
        "Endpoint",
        "Event",
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


def test_every_public_name_says_what_it_is() -> None:
    assert all(getattr(api, name).__doc__ for name in api.__all__)


def test_another_name_is_none() -> None:
    with pytest.raises(AttributeError, match="module 'netecho' has no attribute 'prob'"):
        netecho.prob  # noqa: B018


def test_import_alone_imports_nothing_of_weight() -> None:
    code = "import sys, netecho; sys.exit(any(name in sys.modules for name in ('twisted', 'click', 'asyncio', 'rich')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
