"""Twisted without what netecho does not use: each case in a process of its own, as imports happen once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.program import COMMAND, environment

UNUSED = ("OpenSSL", "cryptography", "service_identity", "asyncio", "http.client", "email")


def printed(script: str, **env: str) -> str:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment(**env))
    return done.stdout.strip()


LEAN = "import sys; from netecho.net.reactor.lean_imports import import_twisted; import_twisted(); "
OTHER_COMMANDS = ("netecho.diagnose", "netecho.load", "netecho.monitor", "netecho.history", "netecho.trace")
LOADED = f"print(*[name for name in {UNUSED} if name in sys.modules])"


def test_what_is_not_used_is_not_imported() -> None:
    assert printed(LEAN + LOADED) == ""


def test_where_the_fast_paths_are_off_twisted_is_imported_as_it_wants() -> None:
    assert printed(LEAN + "print('twisted' in sys.modules)", NETECHO_PORTABLE="1") == "False"


def test_where_twisted_is_there_already_it_stays_as_it_is() -> None:
    script = "import twisted.internet.tcp as before; " + LEAN + "print(sys.modules['twisted.internet.tcp'] is before)"
    assert printed(script) == "True"


def test_what_was_left_out_can_be_imported_afterwards() -> None:
    script = LEAN + (
        "import asyncio, http.cookiejar, pickle, netecho.net.client.tls, netecho.net.server.tls, twisted.internet.ssl; "
        "print(asyncio.Future.__module__, len(pickle.dumps(1)) > 1, http.cookiejar.CookieJar.__name__)"
    )
    assert printed(script) == "_asyncio True CookieJar"


def test_deferreds_take_coroutines() -> None:
    script = LEAN + (
        "from twisted.internet.defer import Deferred\n"
        "async def answer(): return 42\n"
        "Deferred.fromCoroutine(answer()).addCallback(print)"
    )
    assert printed(script) == "42"


def test_a_twisted_that_needs_more_is_imported_whole() -> None:
    script = (
        "import sys, types; from netecho.net.reactor import lean_imports; "
        "lean_imports._asyncio = lambda: types.ModuleType('asyncio'); lean_imports.import_twisted(); "
        "import twisted.internet.posixbase, twisted.internet.tcp as tcp; "
        "print(hasattr(tcp.Connection, 'startTLS'), 'OpenSSL' in sys.modules)"
    )
    assert printed(script) == "True True"


@pytest.mark.parametrize("target", ["self", "udp://self"])
def test_a_run_imports_neither_tls_nor_codecs_nor_other_commands(target: str) -> None:
    command = [sys.executable, "-X", "importtime", *COMMAND[1:], "probe", "-c", "1", target]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "twisted.internet.tcp" in imported
    assert imported.isdisjoint((*UNUSED, "encodings.idna"))
    assert not [name for name in imported if name.startswith(OTHER_COMMANDS)]
