"""The file of a history: SQLite in WAL mode, with a mark and a version of its own.

Each batch of rows is one transaction that is on the disk when it is committed (`synchronous = FULL`): a kill or a loss
of power costs what was not committed yet. Whoever reads does not hold the writer up, and the other way round.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netecho.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION_ID = 0x6E65_6D68
"""In the file's header, at offset 68: "nemh"."""
VERSION = 3
"""1 had no hours, 2 no directions of losses. Both are read as they are, and brought up when they are written to."""
PATIENCE = 5.0
"""Seconds that another process's lock is waited for."""
CACHE = 256
"""KiB of the file that a writer holds in memory. A minute writes to a page of each target, once: with SQLite's own
2 MiB it takes as long, and a monitor grows by a megabyte in its second hour."""
LARGEST_WAL = 8 << 20
"""Bytes that the write-ahead log has at most once all readers have gone on."""

_TABLES = """
CREATE TABLE targets (id INTEGER PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL, UNIQUE (name, url));
CREATE TABLE minutes (
  target INTEGER NOT NULL, began INTEGER NOT NULL,
  sent INTEGER NOT NULL, received INTEGER NOT NULL, lost INTEGER NOT NULL, dropped_here INTEGER NOT NULL,
  late INTEGER NOT NULL, duplicate INTEGER NOT NULL, reordered INTEGER NOT NULL, corrupt INTEGER NOT NULL,
  rtt_count INTEGER NOT NULL, rtt_total INTEGER NOT NULL, rtt_low INTEGER NOT NULL, rtt_high INTEGER NOT NULL,
  rtt BLOB NOT NULL,
  response_count INTEGER NOT NULL, response_total INTEGER NOT NULL, response_low INTEGER NOT NULL,
  response_high INTEGER NOT NULL, response BLOB NOT NULL,
  lost_forward INTEGER, lost_backward INTEGER,
  PRIMARY KEY (target, began)
) WITHOUT ROWID;
CREATE TABLE outages (
  target INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER, state TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (target, began)
) WITHOUT ROWID;
"""
_HOURS = """
CREATE TABLE hours (
  id INTEGER PRIMARY KEY,
  target INTEGER NOT NULL, began INTEGER NOT NULL, until INTEGER NOT NULL, minutes INTEGER NOT NULL,
  sent INTEGER NOT NULL, received INTEGER NOT NULL, lost INTEGER NOT NULL, dropped_here INTEGER NOT NULL,
  late INTEGER NOT NULL, duplicate INTEGER NOT NULL, reordered INTEGER NOT NULL, corrupt INTEGER NOT NULL,
  rtt_count INTEGER NOT NULL, rtt_total INTEGER NOT NULL, rtt_low INTEGER NOT NULL, rtt_high INTEGER NOT NULL,
  rtt BLOB NOT NULL,
  response_count INTEGER NOT NULL, response_total INTEGER NOT NULL, response_low INTEGER NOT NULL,
  response_high INTEGER NOT NULL, response BLOB NOT NULL,
  rtt_p50 INTEGER, rtt_p99 INTEGER,
  lost_forward INTEGER, lost_backward INTEGER
);
"""
"""`began` is seconds since 1970 in minutes and hours, milliseconds in outages; times are nanoseconds. The blobs are
buckets: of minutes as `monitor.histogram` packs them, of hours as `monitor.dense` lays them out. `lost_forward` and
`lost_backward` are those of `lost` that are known to have been lost there and back; NULL where the far end did not
stamp.

An hour is made of the minutes that began from `began` to before `until`, and can be made again of them. Its `id` has
the hours of a target side by side: `target << 32 | began / 3600`. By that, and not by (target, began), as rows of a
kilobyte in a table without rowid have a page of four kilobytes each."""
_DIRECTIONS = "ALTER TABLE {0} ADD COLUMN lost_forward INTEGER;ALTER TABLE {0} ADD COLUMN lost_backward INTEGER;"
_OF_MINUTES = (
    "target, began, sent, received, lost, dropped_here, late, duplicate, reordered, corrupt, rtt_count, rtt_total,"
    " rtt_low, rtt_high, rtt, response_count, response_total, response_low, response_high, response"
)
_OF_HOURS = f"id, {_OF_MINUTES.replace('began', 'began, until, minutes')}, rtt_p50, rtt_p99"
_WITHOUT = "CREATE TEMP VIEW {0} AS SELECT {1}, NULL AS lost_forward, NULL AS lost_backward FROM main.{0};"
"""An older table, read as if it had what it has not."""


def open_for_writing(path: str) -> sqlite3.Connection:
    """Open a history, or make one. Raises UsageError for a file that is something else, or cannot be had."""
    with _connected(path, "rwc") as database:
        database.execute(f"PRAGMA cache_size = -{CACHE}")
        if _is_new(database, path):
            _make(database)
        if _check(database, path) < VERSION:
            _bring_up(database, path)
    return database


def open_for_reading(path: str, patience: float | None = None) -> sqlite3.Connection:
    """Open a history that is there; a lock is waited for `patience` seconds, or PATIENCE. Raises UsageError."""
    if Path(path).is_dir():
        raise UsageError(f"{path!r} cannot be read: it is a directory", "name the file in it")
    if not Path(path).is_file():
        raise UsageError(f"{path!r} cannot be read: there is no such file", "netecho monitor --history FILE makes one")
    with _connected(path, "ro", patience) as database:
        _fill_in(database, _check(database, path))
    return database


@contextmanager
def _connected(path: str, mode: str, patience: float | None = None) -> Iterator[sqlite3.Connection]:
    """Open a file, for what is to be done first: it is closed where that fails. Raises UsageError."""
    with ExitStack() as undone:
        try:
            uri = f"{Path(path).absolute().as_uri()}?mode={mode}"
            timeout = PATIENCE if patience is None else patience
            database = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None)
            undone.callback(database.close)
            database.execute("PRAGMA synchronous = FULL")
            database.execute(f"PRAGMA journal_size_limit = {LARGEST_WAL}")
            yield database
        except sqlite3.Error as error:
            raise unusable(path, error) from None
        undone.pop_all()


def _is_new(database: sqlite3.Connection, path: str) -> bool:
    return Path(path).stat().st_size == 0 and not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _make(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before there is a table, or never
    database.execute("PRAGMA journal_mode = WAL")
    marks = f"PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {VERSION};"
    database.executescript(f"BEGIN IMMEDIATE;{_TABLES}{_HOURS}{marks}COMMIT;")


def _bring_up(database: sqlite3.Connection, path: str) -> None:
    """Give an older file what it lacks. Hours without a row that are over are read by their minutes for good."""
    database.execute("BEGIN IMMEDIATE")
    version = _check(database, path)  # another process may have been first
    if version < VERSION:
        hours = _HOURS if version < 2 else _DIRECTIONS.format("hours")
        # Not as a script: that would end the transaction before it begins.
        for statement in f"{_DIRECTIONS.format('minutes')}{hours}PRAGMA user_version = {VERSION}".split(";"):
            database.execute(statement)
    database.execute("COMMIT")


def _fill_in(database: sqlite3.Connection, version: int) -> None:
    """Have an older file read like one of today; nothing is written to it."""
    if version < 2:
        database.executescript(_HOURS.replace("CREATE TABLE", "CREATE TEMP TABLE"))
    elif version < VERSION:
        database.executescript(_WITHOUT.format("hours", _OF_HOURS))
    if version < VERSION:
        database.executescript(_WITHOUT.format("minutes", _OF_MINUTES))


def _check(database: sqlite3.Connection, path: str) -> int:
    """See that a file is a history of ours, and return its version.

    Raises UsageError, or sqlite3.Error where it is no database.
    """
    mark = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if mark != APPLICATION_ID:
        raise UsageError(f"{path!r} is a file of another program", "name another file: nothing was written to it")
    if version > VERSION:
        raise UsageError(f"{path!r} was written by a newer netecho (version {version})", "update netecho to read it")
    return int(version)


def unusable(path: str, error: sqlite3.Error) -> UsageError:
    """Return what is wrong with a file, from what SQLite says of it."""
    if error.sqlite_errorcode in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return UsageError(
            f"{path!r} is not a history, or it is corrupt", "name another file: nothing was written to it"
        )
    return UsageError(f"{path!r} cannot be opened: {error}", "check the path and its permissions")
