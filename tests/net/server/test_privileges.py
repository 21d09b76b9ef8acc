"""Whom a server may become."""

from __future__ import annotations

import os

import pytest

from netecho.errors import UsageError
from netecho.net.server.privileges import User, find_user, warning

NOBODY = User("nobody", 65534, 65534)


def test_a_user_is_found_by_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert find_user("nobody").name == "nobody"


@pytest.mark.parametrize(
    ("uid", "name", "why"),
    [
        (0, "no-such-user", "there is no user 'no-such-user'"),
        (0, "a\0b", "there is no user"),
        (0, "root", "user 'root' is root itself"),
        (1000, "nobody", "only root can become another user"),
    ],
)
def test_others_are_usage_errors(monkeypatch: pytest.MonkeyPatch, uid: int, name: str, why: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    with pytest.raises(UsageError, match=why):
        find_user(name)


@pytest.mark.parametrize(("uid", "user", "warned"), [(0, None, True), (0, NOBODY, False), (1000, None, False)])
def test_root_that_is_not_given_up_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, uid: int, user: User | None, warned: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert (warning(user) is not None) == warned
