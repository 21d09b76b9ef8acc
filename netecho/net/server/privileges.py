"""Dropping root: a port below 1024 or a key that only root may read needs it at the start, serving does not."""

from __future__ import annotations

import os
import pwd
from typing import NamedTuple

from netecho.errors import UnreachableError, UsageError


class User(NamedTuple):
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def find_user(name: str) -> User:
    """Look a user up. Raises UsageError for one that does not exist, or that is root."""
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise UsageError(f"there is no user {name!r}", "`getent passwd` shows those there are: nobody") from None
    if entry.pw_uid == 0:
        raise UsageError(f"user {name!r} is root itself", "name another: nobody")
    if os.geteuid() != 0:
        raise UsageError("only root can become another user", "leave it out, or start as root")
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def become(user: User) -> None:
    """Become this user, with the groups of that user and no others; this cannot be undone.

    Processes that are started afterwards are theirs too. Raises UnreachableError if the system refuses.
    """
    try:
        # In this order: the last takes away the right to do the others (setuid(2), credentials(7)).
        os.initgroups(user.name, user.gid)
        os.setgid(user.gid)
        os.setuid(user.uid)
    except OSError as error:
        raise UnreachableError(
            f"cannot become user {user.name!r}: {error.strerror or error}", "start as root, with its capabilities"
        ) from error


def warning(user: User | None) -> str | None:
    """Return a warning where a server runs as root without need; None: it does not."""
    if user is not None or os.geteuid() != 0:
        return None
    return "this server runs as root, which it needs for no more than to listen below port 1024: see --user"
