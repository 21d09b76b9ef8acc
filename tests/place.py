"""Where a process runs: its namespaces, limits and rights, as Linux tells them; and how another comes to run there."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTERED = ("ipc", "uts", "net", "mnt")
"""Namespaces that a process may enter itself; that of the files last, behind which the others would not be found."""
RIGHTS = ("Uid", "Gid", "Groups", "CapAmb", "NoNewPrivs", "Seccomp")
CAPABILITIES = ("CapEff", "CapPrm", "CapInh", "CapBnd")
PR_CAPBSET_DROP = 24
_LINUX_CAPABILITY_VERSION_3 = 0x20080522
LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


@dataclass(frozen=True, slots=True)
class Place:
    """Of the process with this ID. Raises OSError where it is gone, or not ours to look at."""

    pid: int
    namespaces: dict[str, str]
    rights: tuple[str, ...]
    """Who it is, and what it may do: what one process does not give another."""
    capabilities: tuple[int, ...]
    """As in CAPABILITIES, a bit for each: what one may give up, and not get."""
    umask: int
    limits: dict[int, tuple[int, int]]

    @classmethod
    def of(cls, pid: int) -> Place:
        """Look at a process; 0 is this one, as it may not be known by its own ID in the /proc that is here."""
        proc = Path(f"/proc/{pid or 'self'}")
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
        namespaces = {each: str((proc / "ns" / each).readlink()) for each in ("user", "pid", *ENTERED)}
        rights = (namespaces["user"], *(status[name] for name in RIGHTS))
        capabilities = tuple(int(status[name], 16) for name in CAPABILITIES)
        limits = {which: resource.prlimit(pid, which) for which in LIMITS}
        return cls(pid, namespaces, rights, capabilities, int(status["Umask"], 8), limits)

    def is_within_reach(self) -> bool:
        """Return whether a child of this process can come to run there."""
        ours = _ours()
        fewer = all(not theirs & ~mine for theirs, mine in zip(self.capabilities, ours.capabilities, strict=True))
        return self.rights == ours.rights and fewer

    def fork(self) -> int:
        """Fork into its namespace of process IDs; return what os.fork does."""
        ours = _ours()
        if ours.namespaces["pid"] == self.namespaces["pid"]:
            return os.fork()
        with self._namespace("pid") as theirs, ours._namespace("pid") as back:
            set_namespace(theirs)  # which is for children to come
            try:
                pid = os.fork()
            except OSError:
                set_namespace(back)
                raise
            if pid:
                set_namespace(back)
            return pid

    def enter(self) -> None:
        """Bring this process into its namespaces."""
        ours = _ours()
        with contextlib.ExitStack() as opened:
            others = [each for each in ENTERED if ours.namespaces[each] != self.namespaces[each]]
            for theirs in [opened.enter_context(self._namespace(each)) for each in others]:
                set_namespace(theirs)

    def keep_to_limits(self) -> None:
        """Give this process its limits, and no more capabilities than it has."""
        if self.capabilities != _ours().capabilities:
            _give_up_capabilities(*self.capabilities)
        os.umask(self.umask)
        for which, limits in self.limits.items():
            if limits != resource.getrlimit(which):
                resource.setrlimit(which, limits)

    @contextlib.contextmanager
    def _namespace(self, name: str) -> Iterator[int]:
        descriptor = os.open(f"/proc/{self.pid or 'self'}/ns/{name}", os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@cache
def _ours() -> Place:
    """That of the process which forks: it stays where it is, and a child is there as well until it goes elsewhere."""
    return Place.of(0)


def set_namespace(descriptor: int) -> None:
    """Enter a namespace. (os.setns comes with Python 3.12.)"""
    _checked("setns", descriptor, 0)


def _give_up_capabilities(effective: int, permitted: int, inheritable: int, bounding: int) -> None:
    """Have no others from now on; capabilities(7)."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for number in range(last + 1):
        if not bounding >> number & 1:
            _checked("prctl", PR_CAPBSET_DROP, number, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    sets = (effective, permitted, inheritable)
    data = (ctypes.c_uint32 * 6)(*(each & 0xFFFFFFFF for each in sets), *(each >> 32 for each in sets))
    _checked("capset", header, data)


def _checked(function: str, *arguments: object) -> None:
    """Call a function of the C library that returns 0. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
