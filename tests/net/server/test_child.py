"""A server of our own in a child process, where the system starts no more processes."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from netecho.errors import UnreachableError
from netecho.net.server.child import fork


def test_what_the_system_refuses_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.delitem(sys.modules, "twisted.internet.reactor", raising=False)
    monkeypatch.setattr(os, "fork", full)
    with pytest.raises(UnreachableError, match="resource temporarily unavailable") as caught:
        fork(lambda: None)
    assert caught.value.hint is not None
    assert "ulimit -u" in caught.value.hint
