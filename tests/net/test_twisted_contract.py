"""Every private name of Twisted that netecho leans on: a new Twisted that changes one fails here, with what it is for.

Public names are not here: mypy and the other tests look after those. A private name that is used anew gets a row.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import NamedTuple

import pytest
from twisted import __version__

from tests.readme import ROOT


class Use(NamedTuple):
    """A private name, as `module:attribute`, where it is used, and what happens if it is not what it was."""

    name: str
    user: str
    breaks: str


USES = (
    Use("twisted.internet.epollreactor:EPollReactor._doReadOrWrite", "reactor/epoll", "events beside plain input"),
    Use("twisted.internet.epollreactor:EPollReactor._disconnectSelectable", "reactor/epoll", "lost connections"),
    Use("twisted.internet.tcp:Connection._dataReceived", "client/stream", "the probe's reading"),
    Use("twisted.protocols.tls:TLSMemoryBIOProtocol._flushSendBIO", "server/tls", "an end within a write"),
    Use(
        "twisted.protocols.tls:TLSMemoryBIOProtocol._tlsShutdownFinished",
        "server/tls",
        "freeing what ended with an error",
    ),
)

MADE_IN_INIT = (
    Use("twisted.internet.epollreactor:EPollReactor._selectables", "reactor/epoll", "the direct dispatch"),
    Use("twisted.internet.epollreactor:EPollReactor._poller", "reactor/epoll", "the direct dispatch"),
    Use("twisted.internet.abstract:FileDescriptor._tempDataBuffer", "reactor/eager", "the end of back-pressure"),
    Use("twisted.internet.abstract:FileDescriptor._writeDisconnected", "reactor/eager", "writes after the FIN"),
    Use("twisted.internet.abstract:FileDescriptor.dataBuffer", "reactor/eager", "the end of back-pressure"),
)
"""Attributes that instances have: their class's source sets them."""

OPTIONAL_MODULES = ("twisted.internet._newtls", "twisted.protocols.tls", "twisted.internet.ssl")


def gone(use: Use) -> str:
    return (
        f"Twisted {__version__} has no {use.name.replace(':', '.')} any more. netecho/net/{use.user}.py uses it, and "
        f"without it breaks: {use.breaks}. Adapt that module, or run with NETECHO_PORTABLE=1 meanwhile."
    )


def owner_of(use: Use) -> tuple[type, str]:
    module, _, path = use.name.partition(":")
    owner, _, attribute = path.partition(".")
    return getattr(import_module(module), owner), attribute


@pytest.mark.parametrize("use", USES, ids=lambda use: use.name)
def test_a_private_method_is_there(use: Use) -> None:
    owner, attribute = owner_of(use)
    assert callable(getattr(owner, attribute, None)), gone(use)


@pytest.mark.parametrize("use", MADE_IN_INIT, ids=lambda use: use.name)
def test_a_private_attribute_is_set(use: Use) -> None:
    owner, attribute = owner_of(use)
    sources = "".join(inspect.getsource(each) for each in owner.__mro__ if each is not object)
    assert hasattr(owner, attribute) or f"self.{attribute}" in sources, gone(use)


def test_a_lost_descriptor_is_disconnected_with_these_arguments() -> None:
    from twisted.internet.posixbase import PosixReactorBase

    parameters = list(inspect.signature(PosixReactorBase._disconnectSelectable).parameters)
    assert parameters[:4] == ["self", "selectable", "why", "isRead"], gone(USES[1])


def test_an_event_is_dispatched_with_these_arguments() -> None:
    from twisted.internet.posixbase import _PollLikeMixin

    parameters = list(inspect.signature(_PollLikeMixin._doReadOrWrite).parameters)
    assert parameters == ["self", "selectable", "fd", "event"], gone(USES[0])


def test_an_error_on_a_socket_that_is_read_is_a_lost_read_side() -> None:
    """`error_queue.ErrorQueueAware` lives by this: EPOLLERR without EPOLLIN leads to readConnectionLost."""
    from twisted.internet.posixbase import PosixReactorBase, _PollLikeMixin

    dispatch = inspect.getsource(_PollLikeMixin._doReadOrWrite)
    assert "CONNECTION_DONE" in dispatch
    assert "readConnectionLost" in inspect.getsource(PosixReactorBase._disconnectSelectable)


def test_tls_that_is_not_buffered_is_a_factory_with_the_plain_protocol() -> None:
    """client/tls and server/tls put this protocol in the place of the one that gathers small writes for a pass."""
    from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

    assert issubclass(TLSMemoryBIOFactory.protocol, TLSMemoryBIOProtocol), (
        f"Twisted {__version__} makes TLS connections by another class: look at net/client/tls and net/server/tls"
    )


@pytest.mark.parametrize("module", OPTIONAL_MODULES)
def test_what_lean_imports_hides_is_still_optional(module: str) -> None:
    from netecho.net.reactor.lean_imports import OPTIONAL

    assert module in OPTIONAL
    users = [import_module(f"twisted.internet.{name}") for name in ("tcp", "posixbase")]
    source = "".join(inspect.getsource(each) for each in users)
    assert "except ImportError" in source
    leaf = module.rpartition(".")[2]
    assert f"import {leaf}" in source or f"from {module} import" in source, (
        f"Twisted {__version__} no longer imports {module} in its reactor: it need not be in lean_imports.OPTIONAL"
    )


def test_every_private_name_has_a_row() -> None:
    """A private name that netecho uses and nowhere defines, and that Twisted's transports and reactors have."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "netecho" / "net").rglob("*.py")]
    ours = "\n".join(sources)
    used = set(re.findall(r"\w\)?\.(_[a-z]\w+)", ours))
    defined = set(re.findall(r"(?:def |self\.|^    )(_\w+)(?=\(| =|: )", ours, re.MULTILINE))
    modules = ("abstract", "tcp", "udp", "posixbase", "epollreactor", "base")
    theirs = "".join(inspect.getsource(import_module(f"twisted.internet.{name}")) for name in modules)
    listed = {use.name.rpartition(".")[2] for use in (*USES, *MADE_IN_INIT)}
    assert used & set(re.findall(r"(?:def |self\.)(_\w+)", theirs)) - defined <= listed
