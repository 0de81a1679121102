"""Sessions: created, migrated, locked, and one line where that cannot be."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from otelcost.errors import SchemaTooNewError, StoreError
from otelcost.model import Usage
from otelcost.store import db, lock, migrations
from otelcost.store.columns import call_expressions, span_expressions
from otelcost.store.db import is_current, schema_version, session, transaction
from otelcost.store.drain import drain
from otelcost.store.migrations import HEAD, Migration

from . import make

# The tables each released schema had, as digests: a released migration must never create others.
RELEASED = {1: "6806e197", 2: "a43f46d0", 3: "62d7372e", 4: "411ebb9c"}


def columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info('{table}')").fetchall()]


def digest_of_tables(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE table_name NOT IN ('migrations', 'views') AND NOT internal "
        "AND table_name IN (SELECT table_name FROM duckdb_tables()) ORDER BY table_name, column_index"
    ).fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:8]


def test_a_reader_of_nothing_gets_an_empty_migrated_store(store: Path) -> None:
    with session() as connection:
        assert schema_version(connection) == HEAD
        assert is_current(connection, store)
        for view in ("v_calls", "v_segments", "v_operations", "v_tasks"):
            assert connection.execute(f"SELECT count(*) FROM {view}").fetchone() == (0,)
    assert store.parent.stat().st_mode & 0o777 == 0o700


def test_the_store_is_its_owners_alone(store: Path) -> None:
    before = os.umask(0o022)
    try:
        with session(write=True) as connection:
            connection.execute("INSERT INTO span_covered VALUES (1)")
            log = store.with_name(store.name + ".wal")
            assert {path.stat().st_mode & 0o777 for path in (store, log)} == {0o600}
        store.chmod(0o644)
        with session(write=True):
            pass
        assert store.stat().st_mode & 0o777 == 0o600
    finally:
        assert os.umask(before) == 0o022


def test_a_reader_cannot_write() -> None:
    with session() as connection, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        connection.execute("DELETE FROM calls")


def test_nothing_is_loaded_from_the_network_and_no_index_exists() -> None:
    with session() as connection:
        set_ = dict(connection.execute("SELECT name, value FROM duckdb_settings()").fetchall())
        assert set_["autoload_known_extensions"] == set_["autoinstall_known_extensions"] == "false"
        assert connection.execute("SELECT count(*) FROM duckdb_indexes()").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM duckdb_constraints()").fetchone() == (0,)


def test_tables_hold_what_lines_bring() -> None:
    with session() as connection:
        assert sorted(columns(connection, "calls")) == sorted([*call_expressions(), "pricing_id", "task_id"])
        assert sorted(columns(connection, "spans")) == sorted([*span_expressions(), "pricing_id", "task_id"])
        assert set(Usage.__struct_fields__) <= set(columns(connection, "calls"))


def test_released_migrations_create_the_tables_they_were_released_with(tmp_path: Path) -> None:
    for version, digest in RELEASED.items():
        with duckdb.connect(str(tmp_path / f"v{version}.duckdb")) as connection:
            for migration in migrations.MIGRATIONS[:version]:
                for statement in migration.statements:
                    connection.execute(statement)
            assert digest_of_tables(connection) == digest
    assert sorted(RELEASED) == [migration.version for migration in migrations.MIGRATIONS]


@pytest.mark.parametrize("version", range(HEAD + 1))
def test_every_old_schema_is_brought_to_head_with_its_rows(
    version: int, store: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.parent.mkdir(parents=True)
    with monkeypatch.context() as then, duckdb.connect(str(store)) as connection:
        then.setattr(db, "MIGRATIONS", migrations.MIGRATIONS[:version])
        if version:
            for migration in db.MIGRATIONS:
                db._apply(connection, migration)
            connection.execute("INSERT INTO calls (span_id, start, provider) VALUES (77, '2026-01-01', 'openai')")
    make.write(spool, make.line(make.call(1)))
    drain()
    with session() as connection:
        assert schema_version(connection) == HEAD
        assert connection.execute("SELECT count(*) FROM v_calls").fetchone() == (2 if version else 1,)


def test_a_migration_that_fails_leaves_the_old_schema(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with session():
        pass
    broken = Migration(HEAD + 1, "m999_broken", ("CREATE TABLE half (a INTEGER)", "SELECT nonsense"))
    with monkeypatch.context() as then:
        then.setattr(db, "MIGRATIONS", (*migrations.MIGRATIONS, broken))
        with pytest.raises(duckdb.BinderException), session(write=True):
            pass
    with session() as connection:
        assert schema_version(connection) == HEAD
        assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'half'").fetchone() == (0,)


@pytest.mark.parametrize("write", [False, True])
def test_a_store_of_a_later_version_is_refused_in_one_line(store: Path, write: bool) -> None:
    with session(write=True) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'm099_future', now())")
    with pytest.raises(SchemaTooNewError) as caught, session(write=write):
        pass
    assert str(caught.value) == f"the store {store} has schema 99, this otelcost knows up to {HEAD}: update otelcost"


def test_views_follow_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with session():
        pass
    with monkeypatch.context() as then:
        then.setattr(db, "views_text", lambda: "CREATE OR REPLACE VIEW v_new AS SELECT 1 AS one")
        then.setattr(db, "_views_digest", lambda: "new")
        with session() as connection:
            assert connection.execute("SELECT one FROM v_new").fetchone() == (1,)


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("content", [b"this is no database" * 300, b"\0" * 5000])
def test_a_damaged_store_is_one_line(store: Path, content: bytes, write: bool) -> None:
    store.parent.mkdir(parents=True)
    store.write_bytes(content)
    with pytest.raises(StoreError, match="cannot be opened or read") as caught, session(write=write):
        pass
    assert "\n" not in str(caught.value)
    assert store.read_bytes() == content


def test_a_store_damaged_in_the_middle_is_one_line(store: Path, spool: Path) -> None:
    make.write(spool, b"".join(make.line(make.call(number)) for number in range(1, 2000)))
    drain()
    data = bytearray(store.read_bytes())
    data[8192 * 4 :] = b"\xff" * (len(data) - 8192 * 4)
    store.write_bytes(data)
    with pytest.raises(StoreError) as caught, session() as connection:
        connection.execute("SELECT * FROM calls").fetchall()
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"), session(tmp_path / "file" / "store.duckdb"):
        pass


def test_a_lock_that_cannot_be_opened_is_one_line(store: Path) -> None:
    (store.parent / "store.lock").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"lock .* cannot be opened"), session(store):
        pass


def test_a_store_held_by_another_program_is_one_line(store: Path) -> None:
    with session():
        pass
    holder = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(StoreError, match="cannot be opened or read"), session(write=True):
            pass
        process.communicate(b"")


def test_an_error_of_the_caller_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError), session() as connection:
        raise ZeroDivisionError(connection)
    with pytest.raises(duckdb.CatalogException), session() as connection:
        connection.execute("SELECT * FROM nothing_of_the_kind")


def test_a_transaction_that_raises_changes_nothing() -> None:
    with session(write=True) as connection:
        with pytest.raises(duckdb.BinderException), transaction(connection):
            connection.execute("INSERT INTO span_covered SELECT 1; SELECT nonsense")
        assert connection.execute("SELECT count(*) FROM span_covered").fetchone() == (0,)


def test_a_writer_killed_after_its_commit_has_committed(store: Path) -> None:
    script = """
import os
from otelcost.store.db import session
with session(write=True) as connection:
    connection.execute("INSERT INTO span_covered VALUES (5)")
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    assert store.with_suffix(".duckdb.wal").exists()
    for _ in range(2):  # readers replay what was not yet folded into the file, and leave it there
        with session() as connection:
            assert connection.execute("SELECT span_id FROM span_covered").fetchall() == [(5,)]


def test_readers_share_and_a_writer_waits_its_turn(tmp_path: Path) -> None:
    path, order = tmp_path / "lock", []
    with lock.hold(path, exclusive=False), lock.hold(path, exclusive=False):
        writer = threading.Thread(target=lambda: _take(path, order, "writer", exclusive=True))
        writer.start()
        while not _waits(path):
            pass
        late = threading.Thread(target=lambda: _take(path, order, "late reader", exclusive=False))
        late.start()
        assert order == []
    writer.join()
    late.join()
    assert order == ["writer", "late reader"]


def _take(path: Path, order: list[str], name: str, *, exclusive: bool) -> None:
    with lock.hold(path, exclusive=exclusive):
        order.append(name)


def _waits(path: Path) -> bool:
    """Somebody stands in the turnstile."""
    try:
        with lock.hold(path, exclusive=False, timeout_s=0.01):
            return False
    except StoreError:
        return True


def test_a_lock_that_is_never_given_back_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        lock.hold(path, exclusive=True),
        pytest.raises(StoreError, match=r"in use by (another )?process .* wait for it or end it"),
        lock.hold(path, exclusive=False, timeout_s=0.05),
    ):
        pass
    with lock.hold(path, exclusive=True, timeout_s=5):
        pass
