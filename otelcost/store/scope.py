"""A part of the calls as if it were all there is: a team's tasks, a feature, a service.

The views are shadowed by temporary ones of the same names over fewer rows, so that every query, rule and re-pricing
on that connection sees one and the same part and needs to know nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb
import msgspec

from otelcost.store.db import views_text

_VIEW: Final = re.compile(r"CREATE OR REPLACE VIEW (?P<name>\w+) AS")
_COMMENT: Final = re.compile(r"--[^\n]*")
_BASE: Final = "v_base"
_NO_SUMS: Final = "CREATE OR REPLACE TEMP VIEW hourly_basis AS SELECT NULL::VARCHAR AS basis WHERE false"
"""The hourly sums are those of all calls: over a part of them they do not hold."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls count; all that are given must match. `task`, `feature` and `service` are globs, or whole names."""

    task: str | None = None
    feature: str | None = None
    service: str | None = None
    label: str | None = None  # key=value

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not any((self.task, self.feature, self.service, self.label))

    def in_words(self) -> str:
        """`task support-*, label customer=acme`; empty for everything."""
        parts = {name: getattr(self, name) for name in self.__struct_fields__}
        return ", ".join(f"{name} {value}" for name, value in parts.items() if value)


@contextmanager
def restricted(connection: duckdb.DuckDBPyConnection, scope: Scope) -> Iterator[None]:
    """Let a connection see the scope's calls only, for the length of a block.

    The views depend on each other by name, and temporary names come first: the base view is narrowed and the
    others are made over it again, from the same text.
    """
    if scope.everything:
        yield
        return
    texts = _COMMENT.sub("", views_text()).split(";")
    statements = {found["name"]: text for text in texts if (found := _VIEW.search(text))}
    try:
        for name, text in statements.items():
            connection.execute(_narrowed(connection, scope) if name == _BASE else _VIEW.sub(_temporary, text))
        connection.execute(_NO_SUMS)
        yield
    finally:
        connection.execute("DROP VIEW IF EXISTS temp.hourly_basis")
        for name in reversed(statements):
            connection.execute(f"DROP VIEW IF EXISTS temp.{name}")


def _temporary(found: re.Match[str]) -> str:
    return f"CREATE OR REPLACE TEMP VIEW {found['name']} AS"


def _narrowed(connection: duckdb.DuckDBPyConnection, scope: Scope) -> str:
    row = connection.execute("SELECT current_database()").fetchone()
    database = str(row[0] if row else "").replace('"', '""')
    return f'CREATE OR REPLACE TEMP VIEW {_BASE} AS SELECT * FROM "{database}".main.{_BASE} WHERE {_condition(scope)}'


def _condition(scope: Scope) -> str:
    """A view takes no parameters: values stand in it as quoted literals."""
    columns = {"task": scope.task, "feature": scope.feature, "service_name": scope.service}
    parts = [
        f"({column} = {_literal(pattern)} OR {column} GLOB {_literal(pattern)})"
        for column, pattern in columns.items()
        if pattern
    ]
    if scope.label:
        key, _, value = scope.label.partition("=")
        parts.append(f"labels[{_literal(key)}] = {_literal(value)}")
    return " AND ".join(parts)


def _literal(text: str) -> str:
    """A string of standard SQL, which knows no escapes but the doubled quote."""
    return "'" + text.replace("'", "''").replace("\x00", "") + "'"
