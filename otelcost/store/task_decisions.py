"""What the user decided about tasks: other names, tasks that are one, tasks that are several.

The decisions lie in `tasks.json` beside the store, oldest first, each about the names that the ones before it
left. So a store that is rebuilt, or that learns of new calls, is named as before. Inside the store they are applied
to the small table of tasks; the views follow by themselves.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import duckdb
import msgspec

from otelcost.errors import StoreError, UsageError
from otelcost.store.db import session, transaction

SPLITS: Final = ("schema", "tools", "template", "model", "line", "root", "feature", "output")
"""By what the calls of a task can be told apart: `line` is the call site's, `root` the root span, `output` the length
of the answer."""

Split = Literal["schema", "tools", "template", "model", "line", "root", "feature", "output"]

MOST_TOKENS: Final = 10**9
"""The length to split answers at is at most this."""

_FILE: Final = "tasks.json"


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decision about the tasks of these names."""

    do: Literal["rename", "merge", "split"]
    tasks: tuple[str, ...]
    into: str | None = None  # rename, merge: the name from now on
    by: Split | None = None  # split
    # split by output: shorter answers are one part, longer ones the other
    at_tokens: Annotated[int, msgspec.Meta(ge=1, le=MOST_TOKENS)] | None = None
    at: str = ""  # when it was taken, ISO 8601, UTC

    def words(self) -> str:
        """The decision as a sentence without its full stop."""
        names = " and ".join(f"{name!r}" for name in self.tasks)
        if self.do == "split":
            where = f" at {self.at_tokens} tokens" if self.at_tokens is not None else ""
            return f"{names} split by {self.by}{where}"
        return f"{names} {'renamed to' if self.do == 'rename' else 'merged into'} {self.into!r}"


class _File(msgspec.Struct, frozen=True, kw_only=True):
    decisions: tuple[Decision, ...] = ()
    schema_version: int = 1


class _Task(msgspec.Struct, kw_only=True):
    """A row of the table of tasks while decisions are applied to it."""

    task_id: int
    name: str
    split: str | None = None
    split_at: int | None = None
    parts: dict[str, str] = {}

    def rename(self, old: str, new: str) -> None:
        if self.name == old:
            self.name = new
        elif self.split is not None:
            prefix = f"{self.name}/"
            self.parts = {part: new if name == old else name for part, name in self.parts.items()}
            if old.startswith(prefix):
                self.parts.setdefault(old.removeprefix(prefix), new)


def path_beside(store: Path) -> Path:
    """Where the decisions about a store's tasks lie."""
    return store.with_name(_FILE)


def read(path: Path) -> tuple[Decision, ...]:
    """The decisions, oldest first; none where there is no file.

    Raises:
        UsageError: the file is not what otelcost wrote.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).decisions
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read ({error})", "correct it or remove it: tasks are then named anew"
        ) from error


def refresh(connection: duckdb.DuckDBPyConnection, store: Path, *, new_tasks: bool = False) -> tuple[str, ...]:
    """Apply the decisions where they changed, or where there are new tasks. Inside the caller's transaction.

    A broken file leaves the names as they are. Returns warnings, one line each.
    """
    path = path_beside(store)
    fingerprint = _fingerprint(path)
    stored = connection.execute("SELECT sha256 FROM task_decisions").fetchone()
    if (stored is None and fingerprint is None) or (stored == (fingerprint,) and not new_tasks):
        return ()
    try:
        decisions = read(path)
    except UsageError as error:
        return (str(error),)
    _adopt(connection, decisions, fingerprint)
    return ()


def _adopt(connection: duckdb.DuckDBPyConnection, decisions: tuple[Decision, ...], fingerprint: str | None) -> None:
    _apply(connection, decisions)
    connection.execute("DELETE FROM task_decisions")
    if fingerprint is not None:
        connection.execute("INSERT INTO task_decisions VALUES (?)", [fingerprint])


class Change(NamedTuple):
    """The decisions before and after one change."""

    before: tuple[Decision, ...]
    after: tuple[Decision, ...]


Maker = Callable[[frozenset[str], tuple[Decision, ...]], tuple[Decision, ...]]
"""From the names of all tasks and the decisions so far to all decisions from now on, or UsageError."""


def decide(store: Path, make: Maker) -> Change:
    """Change the decisions, from two terminals one after the other.

    Args:
        store: the DuckDB file.
        make: what is to change; where it raises nothing does.

    Raises:
        StoreError: the file cannot be written.
    """
    with session(store, write=True) as connection:
        path = path_beside(store)
        names = frozenset(row[0] for row in connection.execute("SELECT DISTINCT task FROM v_base").fetchall())
        before = read(path)
        after = make(names, before)
        data = msgspec.json.format(msgspec.json.encode(_File(decisions=after)), indent=2) + b"\n"
        with transaction(connection):
            _adopt(connection, after, hashlib.sha256(data).hexdigest())
            _write(path, data)  # last: what stands in the file can be applied
        return Change(before, after)


def rename(old: str, new: str) -> Maker:
    """For `decide`: another name for a task."""

    def make(names: frozenset[str], before: tuple[Decision, ...]) -> tuple[Decision, ...]:
        _known(names, old)
        if new in names:
            raise UsageError(f"a task is called {new!r} already", f"otelcost tasks merge {old!r} --into {new!r}")
        return (*before, Decision(do="rename", tasks=(old,), into=_name(new), at=_now()))

    return make


def merge(olds: tuple[str, ...], into: str) -> Maker:
    """For `decide`: several tasks are one."""

    def make(names: frozenset[str], before: tuple[Decision, ...]) -> tuple[Decision, ...]:
        for old in olds:
            _known(names, old)
        if set(olds) == {into}:
            raise UsageError(f"{into!r} is one task already", "name the tasks that are to be one with it")
        return (*before, Decision(do="merge", tasks=tuple(dict.fromkeys(olds)), into=_name(into), at=_now()))

    return make


def split(task: str, by: Split, at_tokens: int | None = None) -> Maker:
    """For `decide`: a task is several, called `task/part`."""

    def make(names: frozenset[str], before: tuple[Decision, ...]) -> tuple[Decision, ...]:
        _known(names, task)
        if (by == "output") != (at_tokens is not None):
            raise UsageError("a split by output, and no other, needs the length to split at", "give --at TOKENS")
        if any(one.do == "split" and any(task.startswith(f"{name}/") for name in one.tasks) for one in before):
            raise UsageError(f"{task!r} is part of a split task", "undo that split first (otelcost tasks undo)")
        return (*before, Decision(do="split", tasks=(task,), by=by, at_tokens=at_tokens, at=_now()))

    return make


def undo(names: frozenset[str], before: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """For `decide`: as it was before the last decision."""
    del names
    if not before:
        raise UsageError("no decision about a task is left to undo")
    return before[:-1]


def _known(names: frozenset[str], task: str) -> None:
    if task not in names:
        raise UsageError(f"no task is called {task!r}", "see otelcost tasks --window all")


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > 256:
        raise UsageError(f"{text[:40]!r} is no name for a task", "a name has 1 to 256 characters")
    return name


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _fingerprint(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror})", "free space or correct its permissions"
        ) from error


def _apply(connection: duckdb.DuckDBPyConnection, decisions: tuple[Decision, ...]) -> None:
    rows = connection.execute("SELECT task_id, inferred, task, split, split_at, parts FROM task").fetchall()
    changed: list[list[Any]] = []
    for task_id, inferred, *now in rows:
        task = _Task(task_id=task_id, name=inferred)
        for decision in decisions:
            _decide(task, decision)
        if [task.name, task.split, task.split_at, task.parts or None] != [*now[:3], now[3] or None]:
            parts = msgspec.json.encode(task.parts).decode() if task.parts else None
            changed.append([task.name, task.split, task.split_at, parts, task_id])
    if changed:
        connection.executemany(
            "UPDATE task SET task = ?, split = ?, split_at = ?, parts = CAST(CAST(? AS JSON) AS MAP(VARCHAR, VARCHAR)) "
            "WHERE task_id = ?",
            changed,
        )
    connection.execute("DELETE FROM task_identity")
    identities = list(identity(decisions).items())
    if identities:
        connection.executemany("INSERT INTO task_identity VALUES (?, ?)", identities)


def _decide(task: _Task, decision: Decision) -> None:
    for old in decision.tasks:
        if decision.do != "split":
            task.rename(old, decision.into or old)
        elif task.name == old and task.split is None:
            task.split, task.split_at = decision.by, decision.at_tokens


def identity(decisions: Iterable[Decision]) -> dict[str, str]:
    """By what a renamed task is known where something was decided about it: the name it had at first.

    A renamed task keeps the ids of its recommendations. A merge into a new name is a new task, a merge into one of
    its tasks is that one.
    """
    first: dict[str, str] = {}
    for decision in decisions:
        if decision.do == "rename" and decision.into is not None:
            (old,) = decision.tasks
            first[decision.into] = first.pop(old, old)
        elif decision.do == "merge":
            for old in decision.tasks:
                if old != decision.into:
                    first.pop(old, None)
    return {name: origin for name, origin in first.items() if name != origin}
