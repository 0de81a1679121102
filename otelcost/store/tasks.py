"""Tasks inside the store: every key is recognised once and keeps its task from then on.

A call holds only the number of its task, so that ten million calls are named by a join with a small table. What
was recognised is never changed by what comes later; what the user decided (`otelcost.store.task_decisions`) is
applied on top.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import duckdb

from otelcost.model import Call, Context
from otelcost.store import task_key
from otelcost.store.task_key import TaskKey

NEAR_BITS: Final = 8
"""Fingerprints that differ in at most so many of 63 bits are the same text with other values in it: about 95% of
the words are equal. Unrelated texts differ in about 25."""

MAX_ROOTS: Final = 32
"""Root spans by which one call site is told apart; names of more than that hold values nobody masked."""

MAX_GROUPS: Final = 64
"""Groups of near texts within one scope; more than that are not templates but free text."""

SEEN_OFTEN: Final = 3
"""A user's text makes a task of its own when so many near ones were seen."""

MAX_CANDIDATES: Final = 64

MAX_TASKS: Final = 20_000
"""Tasks in all: names with a number of their own for every request would be as many as calls."""

_OTHERS: Final = TaskKey("none", ("other tasks", None))

_NEVER_NEAR: Final = ((1 << 63) - 1) << 63  # far from every fingerprint

_COLUMNS: Final = 'task_id, "key", source, inferred, "scope", simhash'


class Resolver:
    """Gives keys their task. Reads what is known when it is made, and writes what is new with `save`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._ids: dict[str, int] = {}
        self._sites: dict[str, int] = {}  # call site -> how many root spans it has
        self._groups: dict[str, list[tuple[int, int, str]]] = {}  # scope -> fingerprint, task, name; oldest first
        self._new: list[tuple[Any, ...]] = []
        for row in connection.execute(f"SELECT {_COLUMNS} FROM task ORDER BY task_id").fetchall():
            self._remember(*row)
        text = 'SELECT "scope", simhash, seen FROM task_candidate'
        self._candidates: dict[str, dict[int, int]] = {}
        for scope, simhash, seen in connection.execute(text).fetchall():
            self._candidates.setdefault(scope, {})[simhash] = seen
        self._candidates_changed = False
        self._cache: dict[TaskKey, int] = {}

    def resolve(self, key: TaskKey) -> int:
        """The number of a key's task."""
        found = self._cache.get(key)
        if found is None:
            found = self._resolve(key)
            if key.source != "similar":  # how often a text was seen counts
                self._cache[key] = found
        return found

    def resolve_all(self, seen: Sequence[tuple[int, TaskKey]]) -> list[int]:
        """The numbers of keys in the order given, each with its time; they are met oldest first."""
        numbers = [0] * len(seen)
        for position in sorted(range(len(seen)), key=lambda position: seen[position][0]):
            numbers[position] = self.resolve(seen[position][1])
        return numbers

    def save(self) -> list[int]:
        """Write what is new, inside the caller's transaction; returns the numbers of the new tasks."""
        new, self._new = self._new, []
        if new:
            columns = [list(values) for values in zip(*new, strict=True)]
            self._connection.execute(
                f"INSERT INTO task ({_COLUMNS}, task) SELECT unnest(CAST($1 AS INTEGER[])), "
                "unnest(CAST($2 AS VARCHAR[])), unnest(CAST($3 AS VARCHAR[])), unnest(CAST($4 AS VARCHAR[])) AS named, "
                "unnest(CAST($5 AS VARCHAR[])), unnest(CAST($6 AS BIGINT[])), named",
                columns,
            )
        if self._candidates_changed:
            self._save_candidates()
        return [row[0] for row in new]

    def _save_candidates(self) -> None:
        self._connection.execute("DELETE FROM task_candidate")
        rows = [(scope, *one) for scope, seen in self._candidates.items() for one in seen.items()]
        if rows:
            self._connection.executemany("INSERT INTO task_candidate VALUES (?, ?, ?)", rows)
        self._candidates_changed = False

    def _resolve(self, key: TaskKey) -> int:
        found = self._ids.get(key.text())
        if found is not None:
            return found
        resolvers: dict[str, Callable[[TaskKey], int]] = {
            "call_site": self._call_site,
            "template": self._template,
            "similar": self._similar,
        }
        return resolvers.get(key.source, self._plain)(key)

    def _plain(self, key: TaskKey) -> int:
        return self._ids.get(key.text()) or self._add(key.text(), key.source, task_key.name(key))

    def _call_site(self, key: TaskKey) -> int:
        """The first root span of a call site has its plain name, so that most names are short."""
        site = _site(key.text())
        roots = self._sites.get(site, 0)
        if roots >= MAX_ROOTS and key.parts[2] is not None:
            return self._plain(key._replace(parts=(*key.parts[:2], None)))
        name = task_key.with_root(key) if roots else task_key.name(key)
        return self._add(key.text(), key.source, name)

    def _template(self, key: TaskKey) -> int:
        group = self._near(key)
        if group is not None:
            return self._member(group)
        if len(self._groups.get(key.scope, ())) >= MAX_GROUPS:
            return self._plain(TaskKey("none", (key.scope,)))
        return self._add(key.text(), "template", task_key.name(key), key.scope, key.simhash)

    def _similar(self, key: TaskKey) -> int:
        group = self._near(key)
        if group is not None:
            return group[1]
        plain = task_key.none(*key.parts)
        if key.simhash is None or len(self._groups.get(key.scope, ())) >= MAX_GROUPS or not self._often(key):
            return self._plain(plain)
        name = f"similar-{key.simhash:016x}"[: len("similar-") + 8]
        return self._add(TaskKey("similar", (key.scope, f"{key.simhash:016x}")).text(), "similar", name, *key[2:])

    def _often(self, key: TaskKey) -> bool:
        """Count a text among the candidates; True when it was seen often enough."""
        assert key.simhash is not None  # noqa: S101  (narrows the type for the checker)
        self._candidates_changed = True
        seen = self._candidates.setdefault(key.scope, {})
        like = next((one for one in seen if _distance(one, key.simhash) <= NEAR_BITS), key.simhash)
        seen[like] = seen.get(like, 0) + 1
        if seen[like] >= SEEN_OFTEN:
            del seen[like]
            return True
        if len(seen) > MAX_CANDIDATES:
            del seen[next(iter(seen))]
        return False

    def _near(self, key: TaskKey) -> tuple[int, int, str] | None:
        """The oldest near group: a later one never takes a text away from it."""
        if key.simhash is None:
            return None
        groups = self._groups.get(key.scope, ())
        return next((group for group in groups if _distance(group[0], key.simhash) <= NEAR_BITS), None)

    def _member(self, group: tuple[int, int, str]) -> int:
        """One row stands for all texts that are near a group's first one, however many."""
        text = TaskKey("similar", (str(group[1]),)).text()
        return self._ids.get(text) or self._add(text, "similar", group[2])

    def _add(self, text: str, source: str, name: str, scope: str | None = None, simhash: int | None = None) -> int:
        if len(self._ids) >= MAX_TASKS:
            text, source, name, scope, simhash = _OTHERS.text(), "none", task_key.name(_OTHERS), None, None
            if text in self._ids:
                return self._ids[text]
        row = (len(self._ids) + 1, text, source, name, scope, simhash)
        self._new.append(row)
        self._remember(*row)
        return row[0]

    def _remember(
        self, task_id: int, text: str, source: str, name: str, scope: str | None, simhash: int | None
    ) -> None:
        self._ids[text] = task_id
        if source == "call_site":
            site = _site(text)
            self._sites[site] = self._sites.get(site, 0) + 1
        if scope is not None:
            self._groups.setdefault(scope, []).append((_NEVER_NEAR if simhash is None else simhash, task_id, name))


_CALL_KEYS: Final = (
    "task_name", "prompt_name", "prompt_version", "call_site_file", "call_site_function", "root_span_name",
    "request_model", "response_model", "provider", "operation", "service_name", "tools_hash", "schema_hash",
    "system_template_hash",
)  # fmt: skip
_SPAN_KEYS: Final = ("provider", "operation")


def assign_missing(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Give rows that an earlier version loaded their task, inside the caller's transaction; returns new tasks.

    It costs nothing where every row has one. What an earlier version did not record is not compared: texts that
    are near one another are grouped only from now on.
    """
    resolver = Resolver(connection)
    _assign(connection, resolver, "calls", _CALL_KEYS, _recorded_key)
    _assign(connection, resolver, "spans", _SPAN_KEYS, lambda row: task_key.none(row["provider"], row["operation"]))
    return resolver.save()


def _assign(
    connection: duckdb.DuckDBPyConnection,
    resolver: Resolver,
    table: str,
    names: Sequence[str],
    key_of: Callable[[dict[str, Any]], TaskKey],
) -> None:
    if connection.execute(f"SELECT 1 FROM {table} WHERE task_id IS NULL LIMIT 1").fetchone() is None:
        return
    columns = ", ".join(names)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE missing_task AS "
        f"SELECT row_number() OVER (ORDER BY first_seen, {columns}) AS n, * "
        f"FROM (SELECT {columns}, min(start) AS first_seen FROM {table} WHERE task_id IS NULL GROUP BY {columns})"
    )
    rows = connection.execute(f"SELECT {columns} FROM missing_task ORDER BY n").fetchall()
    numbers = [resolver.resolve(key_of(dict(zip(names, row, strict=True)))) for row in rows]
    same = " AND ".join(f"{table}.{name} IS NOT DISTINCT FROM m.{name}" for name in names)
    connection.execute(
        f"UPDATE {table} SET task_id = ids[m.n] FROM missing_task m, (SELECT CAST($ids AS INTEGER[]) AS ids) "
        f"WHERE task_id IS NULL AND {same}",
        {"ids": numbers},
    )
    connection.execute("DROP TABLE missing_task")


def _recorded_key(row: dict[str, Any]) -> TaskKey:
    context = Context(
        trace_id="", span_id="", start_unix_us=0, operation_id="", task=row["task_name"],
        **{name: row[name] for name in _CALL_KEYS if name in Context.__struct_fields__},
    )  # fmt: skip
    known = {name: row[name] for name in _CALL_KEYS if name in Call.__struct_fields__}
    return task_key.of_call(Call(context=context, api="", **known))


def _site(text: str) -> str:
    """The stored key of a call site without its root span."""
    file, function, _ = json.loads(text)[1:]
    return json.dumps([file, function])


def _distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()
