"""Opening the store: one short session at a time, locked, migrated, without network or extensions.

An application that is being recorded never comes here: it appends to the spool and nothing else.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

import duckdb

from otelcost import settings
from otelcost.errors import SchemaTooNewError, StoreError
from otelcost.store import lock, tasks
from otelcost.store.migrations import HEAD, MIGRATIONS, Migration

CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 2,
    "memory_limit": "512MB",
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_community_extensions": False,
}
"""Two threads and 512 MB were measured to be no slower than more; nothing is ever loaded or fetched."""

_DAMAGE: Final = (
    duckdb.IOException,
    duckdb.InternalException,
    duckdb.FatalException,
    duckdb.SerializationException,
)
_FULL: Final = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What the system says where a file cannot grow; DuckDB passes it on under several classes."""
_FILE: Final = re.compile(r'file "([^"\n]+)"')


@contextmanager
def session(
    path: Path | None = None, *, write: bool = False, memory: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the store for the length of a block.

    Args:
        path: the DuckDB file; None means `settings.store_path()`. A missing store is created, an old one
            migrated, also for readers.
        write: True for the only writer; False for one of many readers. Sessions of one thread must not nest.
        memory: how much the database may use, such as `128MB`; what does not fit is put on disk.

    Raises:
        SchemaTooNewError: the store was written by a later otelcost.
        StoreError: the store cannot be locked, opened or read.
    """
    store = settings.store_path() if path is None else path
    _make_folder(store.parent)
    if write:
        with _exclusive(store) as connection:
            _limit(connection, memory)
            yield connection
        return
    if store.exists():
        with _shared(store) as connection:
            _limit(connection, memory)
            if is_current(connection, store):
                yield connection
                return
    with _exclusive(store):
        pass  # entering it migrates
    with _shared(store) as connection:
        _limit(connection, memory)
        yield connection


def _limit(connection: duckdb.DuckDBPyConnection, memory: str | None) -> None:
    if memory is not None:
        connection.execute("SET memory_limit = $memory", {"memory": memory})


def migrate(connection: duckdb.DuckDBPyConnection, store: Path) -> None:
    """Bring an open store to `HEAD` and its views to this version's text."""
    version = _checked_version(connection, store)
    for migration in MIGRATIONS:
        if migration.version > version:
            _apply(connection, migration)
    if version < HEAD:
        with transaction(connection):
            tasks.assign_missing(connection)
    if _views_in(connection) != _views_digest():
        _replace_views(connection)


def is_current(connection: duckdb.DuckDBPyConnection, store: Path) -> bool:
    """True when the store has this version's tables and views."""
    return _checked_version(connection, store) == HEAD and _views_in(connection) == _views_digest()


def schema_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the newest migration in the store; 0 for an empty file."""
    if not _has_table(connection, "migrations"):
        return 0
    row = connection.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit at the end of the block, roll back when it raises."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def _exclusive(store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with _locked(store, exclusive=True), _private(store), _connected(store, read_only=False) as connection:
        migrate(connection, store)
        yield connection


@contextmanager
def _private(store: Path) -> Iterator[None]:
    """Keep the store, its write-ahead log and what is staged for it to their owner.

    The umask is the process's; it is changed only under the exclusive lock, which threads wait for too, so
    that it is put back right.
    """
    with suppress(OSError):
        if store.stat().st_mode & 0o077:
            store.chmod(0o600)
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _shared(store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with _locked(store, exclusive=False), _connected(store, read_only=True) as connection:
        yield connection


@contextmanager
def _locked(store: Path, *, exclusive: bool) -> Iterator[None]:
    with lock.hold(store.with_name("store.lock"), exclusive=exclusive):
        yield


@contextmanager
def _connected(store: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        with duckdb.connect(str(store), read_only=read_only, config=CONFIG) as connection:
            connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
            yield connection
    except duckdb.Error as error:
        full = _no_space(error, store)
        if full is not None:
            raise full from error
        if not _is_damage(error):
            raise
        if "not a valid DuckDB" in str(error):
            raise StoreError(
                f"the store {store} cannot be opened or read: it is not a DuckDB file",
                "move it away and it is begun anew, with an empty history",
            ) from error
        raise StoreError(
            f"the store {store} cannot be opened or read ({_first_line(error)})",
            "close other programs that hold it; if it is damaged, move it away and it is begun anew",
        ) from error


def _no_space(error: duckdb.Error, store: Path) -> StoreError | None:
    """What to say where the disk is full, also where only what came of it was raised."""
    text = f"{error}\n{error.__context__ or ''}"
    reason = next((said for said in _FULL if said in text), None)
    if reason is None:
        return None
    named = _FILE.search(text)
    return StoreError(
        f"{named[1] if named else store} cannot be written ({reason})",
        "free some space and run it again; the store is as it was",
    )


def _is_damage(error: duckdb.Error) -> bool:
    """A file that cannot be read, as opposed to a query that is wrong; a bad checksum has no class of its own."""
    return type(error) is duckdb.Error or isinstance(error, _DAMAGE)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder {folder} cannot be made ({error.strerror})",
            "check its permissions, or set OTELCOST_HOME to a folder that can be written",
        ) from error


def _checked_version(connection: duckdb.DuckDBPyConnection, store: Path) -> int:
    version = schema_version(connection)
    if version > HEAD:
        raise SchemaTooNewError(
            f"the store {store} has schema {version}, this otelcost knows up to {HEAD}", "update otelcost"
        )
    return version


def _apply(connection: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    with transaction(connection):
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (version INTEGER, name VARCHAR, applied_at TIMESTAMP)"
        )
        for statement in migration.statements:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO migrations VALUES (?, ?, now() AT TIME ZONE 'UTC')",
            [migration.version, migration.name],
        )


def _replace_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Views are not migrated but replaced: they hold no data, and their text belongs to the code."""
    with transaction(connection):
        connection.execute(views_text())
        connection.execute("CREATE TABLE IF NOT EXISTS views (sha256 VARCHAR)")
        connection.execute("DELETE FROM views")
        connection.execute("INSERT INTO views VALUES (?)", [_views_digest()])


def _views_in(connection: duckdb.DuckDBPyConnection) -> str | None:
    if not _has_table(connection, "views"):
        return None
    row = connection.execute("SELECT sha256 FROM views").fetchone()
    return str(row[0]) if row else None


def _has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [name]).fetchone()
    return found is not None


@cache
def views_text() -> str:
    """The statements that make the views, the cost expressions filled in."""
    from otelcost.pricing import cost  # noqa: PLC0415  (pricing is not needed to open a store)

    text = resources.files("otelcost.store").joinpath("views.sql").read_text(encoding="utf-8")
    known = {
        **cost.cost_parts_sql(),
        "parts_exceed_bucket": cost.mismatch_sql("b"),
        "missing_rates": cost.missing_sql(),
    }
    for name, expression in known.items():
        text = text.replace("{" + name + "}", expression)
    return text


@cache
def _views_digest() -> str:
    return hashlib.sha256(views_text().encode()).hexdigest()


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200]
