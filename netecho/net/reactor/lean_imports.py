"""Twisted's reactor without the modules that netecho does not use.

`import twisted.internet.reactor` also imports OpenSSL and cryptography (for `startTLS`, `listenSSL` and
`connectSSL`), asyncio (for `Deferred.asFuture`), and an HTTP client (for names that `twisted.python.compat` passes
on). netecho's TLS asks for none of them: it puts `TLSMemoryBIOProtocol` over a connection itself, and imports that
when a target or an address is `tls`. Without them the reactor's modules were there in 0.56 of the time (0.14 s of
processor time instead of 0.25 s), which is most of what `netecho probe -c 1` takes.

It is for a process that is netecho's own, by its entry points: a program that has imported netecho as a library may
want Twisted whole. NETECHO_PORTABLE=1 imports it whole as well.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netecho.net.linux import portable

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONAL = ("twisted.internet._newtls", "twisted.protocols.tls", "twisted.internet.ssl")
"""Modules whose ImportError Twisted's own reactor takes for "there is no TLS here"."""

LAZY = ("http.cookiejar", "pickle")
"""Modules that Twisted imports whole and uses only in what netecho does not call: loaded at the first use."""


def import_twisted() -> None:
    """Import the modules of Twisted's reactors, unless some are imported already; make no reactor."""
    if portable.REQUESTED or any(name.partition(".")[0] == "twisted" for name in sys.modules):
        return
    for name in LAZY:
        _import_lazily(name)
    try:
        with _hidden():
            importlib.import_module("twisted.internet.posixbase")
    except Exception:  # noqa: BLE001 - a Twisted that needs more than this one is imported whole, as it asks to be
        for name in [each for each in sys.modules if each.partition(".")[0] == "twisted"]:
            del sys.modules[name]


@contextmanager
def _hidden() -> Iterator[None]:
    """Hide the optional modules and asyncio, for as long as the import takes."""
    stand_ins: dict[str, types.ModuleType | None] = dict.fromkeys(OPTIONAL)
    stand_ins["asyncio"] = _asyncio()
    hidden = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type]  # None is the import system's sign for "not to be found"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _asyncio() -> types.ModuleType:
    """Give `twisted.internet.defer` what it takes from asyncio: two names for annotations, a test for coroutines."""

    class Annotation:
        def __class_getitem__(cls, item: object) -> types.GenericAlias:
            return types.GenericAlias(cls, item)

    module = types.ModuleType("asyncio")
    vars(module).update(AbstractEventLoop=Annotation, Future=Annotation, iscoroutine=inspect.iscoroutine)
    return module


def _import_lazily(name: str) -> None:
    """Import a module of the standard library in such a way that it is loaded at its first use."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    package, _, leaf = name.rpartition(".")
    if package:
        setattr(sys.modules[package], leaf, module)
