"""Running a rule: its fixed result columns, checked row by row, and nothing of its failure leaking out.

What a rule returns stays in the database: the calls it names go from its rows straight into `w_named`, so that a
finding of half a million calls costs Python no more than one of three.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

import duckdb
import msgspec

from otelcost.advise.catalogue import Rule, Value
from otelcost.advise.coverage import COLUMNS as CHECKED_COLUMNS
from otelcost.advise.coverage import missing
from otelcost.advise.own.protocol import Answer
from otelcost.advise.report import NotChecked
from otelcost.advise.transforms import AnyTransform, parse
from otelcost.errors import RuleError

COLUMNS: Final = ("task", "target", "calls", "transform", "evidence", "not_checked")
"""What every rule returns. A row is a finding, an insight (no transform), or with `not_checked` an abstention."""

NAMED: Final = """
CREATE OR REPLACE TEMP TABLE w_named (f INTEGER, n INTEGER, position INTEGER, tokens BIGINT)
"""
"""The calls of each finding `f`; a call stands there once, or once for each segment that is named of it."""

PARAMETER: Final = re.compile(r"\$([a-z][a-z0-9_]*)")
"""Where a rule's text names a parameter."""

_LIST: Final = re.compile(r"^(BIGINT|INTEGER|HUGEINT|VARCHAR|STRUCT\(([^()]*)\))\[\]$")
_FIELD: Final = re.compile(r"^\"?(\w+)\"? (?:BIGINT|INTEGER|HUGEINT|SMALLINT|UBIGINT)$")
_NAMES: Final = ("n", "position", "tokens")

_OUT_OF_RANGE: Final = """
SELECT 1 FROM ({found})
WHERE NOT coalesce({position} BETWEEN 1 AND 30000, true) OR NOT coalesce({tokens} BETWEEN 0 AND 1000000000, true)
LIMIT 1
"""

_FACE: Final = """
SELECT f, task, target, transform, evidence, not_checked FROM (SELECT rowid::INTEGER AS f, * FROM w_rows) ORDER BY f
"""

Row = Sequence[Any]
Check = Callable[[duckdb.DuckDBPyConnection, dict[str, Value]], Iterable[Row]]


class _Known(msgspec.Struct):
    """What the evidence says to the engine; the rest of it is the rule's own."""

    risk: Literal["none", "low", "medium", "high"] | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule selected: calls of one task, the change it names, and why. No dollars.

    Its calls are the rows of `w_named` with its number `f`. Without a `transform` it is an insight.
    """

    f: int
    rule: Rule
    task: str
    target: str
    transform: AnyTransform | None
    evidence: dict[str, Any]
    first_task: str | None = None  # what a renamed task was called when it was first decided about

    @property
    def known_as(self) -> str:
        """The task by which its id is made: a new name does not make new advice."""
        return self.task if self.first_task is None else self.first_task


def with_first_names(connection: duckdb.DuckDBPyConnection, findings: list[Finding]) -> list[Finding]:
    """The findings with the names by which their tasks were first known."""
    first = dict(connection.execute("SELECT task, identity FROM task_identity").fetchall())
    return [msgspec.structs.replace(one, first_task=first.get(one.task)) for one in findings] if first else findings


class Outcome(NamedTuple):
    """What one rule had to say."""

    findings: list[Finding]
    abstained: list[NotChecked]


def run(connection: duckdb.DuckDBPyConnection, rule: Rule, first: int = 0, answer: Answer | None = None) -> Outcome:
    """Run one rule over the materialised window and number its findings from `first` on.

    A rule of the user's own was run elsewhere (`otelcost.advise.own`): `answer` is what it said there.

    Raises RuleError where its SQL or Python fails or a row has not the form of `COLUMNS`.
    """
    values = rule.defaults()
    if rule.source != "built-in":
        _take(connection, rule, answer)
    elif rule.sql is not None:
        _run_sql(connection, rule, values)
    else:
        _run_check(connection, rule, values)
    outcome = Outcome([], _lacking(connection, rule))
    for row, task, target, transform, evidence, reason in connection.execute(_FACE).fetchall():
        if reason is not None:
            outcome.abstained.append(NotChecked(rule.id, task, str(reason)))
        else:
            outcome.findings.append(_finding(rule, first + row, task, target, transform, evidence))
    if outcome.findings:
        _name_calls(connection, rule, first)
    return outcome


def _lacking(connection: duckdb.DuckDBPyConnection, rule: Rule) -> list[NotChecked]:
    """An abstention for each task that has nothing of what the rule says it needs."""
    return [
        NotChecked(rule.id, task, f"needs {CHECKED_COLUMNS[name][0]} (not on record for any of its calls)")
        for name, tasks in missing(connection, rule.columns).items()
        for task, _ in tasks
    ]


def _run_sql(connection: duckdb.DuckDBPyConnection, rule: Rule, values: dict[str, Value]) -> None:
    sql = rule.sql or ""
    used = {name: values[name] for name in set(PARAMETER.findall(sql)) if name in values}
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE w_rows AS\n{sql}", used)
        names = tuple(row[0] for row in connection.execute("DESCRIBE w_rows").fetchall())
    except duckdb.Error as error:
        line = str(error).strip().partition("\n")[0]
        raise RuleError(f"rule {rule.folder}: rule.sql failed: {line}", "repair or remove the rule") from error
    if names != COLUMNS:
        raise RuleError(f"rule {rule.folder}: rule.sql returns columns {names}", f"return exactly {COLUMNS}")


def _take(connection: duckdb.DuckDBPyConnection, rule: Rule, answer: Answer | None) -> None:
    """The rows of an answer where those of a rule that runs here would be."""
    if answer is None or answer.error is not None:
        why = "it was not run" if answer is None else answer.error
        raise RuleError(f"rule {rule.folder}: rule.sql failed: {why}", "repair it or switch it off")
    kind = answer.calls if is_list_of_calls(answer.calls) else "BIGINT[]"  # no row has calls then
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE w_rows (task VARCHAR, target VARCHAR, calls {kind}, transform VARCHAR, "
        "evidence VARCHAR, not_checked VARCHAR)"
    )
    if answer.rows:
        connection.executemany(f"INSERT INTO w_rows VALUES (?, ?, ?::JSON::{kind}, ?, ?, ?)", answer.rows)


def _run_check(connection: duckdb.DuckDBPyConnection, rule: Rule, values: dict[str, Value]) -> None:
    space: dict[str, Any] = {"__name__": f"otelcost_rules.{rule.folder}"}
    try:
        exec(compile(rule.check or "", f"{rule.folder}/check.py", "exec"), space)  # noqa: S102  (the rule's own file)
        check: Check = space["check"]
        rows: list[Row] = [tuple(row) for row in check(connection, values)]
        if all(len(row) == len(COLUMNS) for row in rows):
            _store_rows(connection, rows)
            return
    except (
        duckdb.Error,
        ArithmeticError,
        AttributeError,
        LookupError,
        NameError,
        SyntaxError,
        TypeError,
        ValueError,
    ) as error:
        raise RuleError(
            f"rule {rule.folder}: check.py failed: {type(error).__name__}: {error}", "repair or remove the rule"
        ) from error
    wrong = next(len(row) for row in rows if len(row) != len(COLUMNS))
    raise RuleError(f"rule {rule.folder}: check.py gave {wrong} values", f"give exactly {COLUMNS}")


def _store_rows(connection: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    """The rows of a `check.py` where those of a `rule.sql` would be; a call may be its `n` or its id."""
    ids = any(isinstance(call, str) for row in rows for call in row[2] or ())
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE w_rows (task VARCHAR, target VARCHAR, "
        f"calls {'VARCHAR' if ids else 'BIGINT'}[], transform VARCHAR, evidence VARCHAR, not_checked VARCHAR)"
    )
    if rows:
        connection.executemany("INSERT INTO w_rows VALUES (?, ?, ?, ?, ?, ?)", rows)


def _name_calls(connection: duckdb.DuckDBPyConnection, rule: Rule, first: int) -> None:
    (kind,) = connection.execute(
        "SELECT column_type FROM (DESCRIBE w_rows) WHERE column_name = 'calls'"
    ).fetchone() or ("",)
    if not is_list_of_calls(kind):
        wrong = f"rule {rule.folder}: the column calls is {kind}"
        raise RuleError(wrong, "return a list of n, of call ids, or of {n, position} or {n, tokens}")
    fields = _fields(kind)
    call = "call.n" if fields else "call"
    extra = [f"call.{name}" if name in fields else "NULL" for name in ("position", "tokens")]
    found = "SELECT rowid::INTEGER AS f, unnest(calls) AS call FROM w_rows WHERE not_checked IS NULL"
    if kind == "VARCHAR[]":
        found = (
            "SELECT r.f, c.n AS call FROM (SELECT rowid::INTEGER AS f, unnest(calls) AS id FROM w_rows "
            "WHERE not_checked IS NULL) r JOIN w_calls c ON printf('%016x', c.span_id) = r.id"
        )
    if fields and connection.execute(_OUT_OF_RANGE.format(found=found, position=extra[0], tokens=extra[1])).fetchone():
        wrong = f"rule {rule.folder}: the column calls has a position or tokens out of range"
        raise RuleError(wrong, "positions are 1 to 30,000, tokens 0 to 1,000,000,000")
    connection.execute(
        f"INSERT INTO w_named SELECT DISTINCT {first} + f, {call}, {', '.join(extra)} FROM ({found}) "
        f"WHERE {call} BETWEEN 1 AND {2**31 - 1}"
    )


def is_list_of_calls(kind: str) -> bool:
    """Whether a column of this type can name calls."""
    form = _LIST.match(kind)
    if form is None:
        return False
    fields = _fields(kind)
    return form[2] is None or ("n" in fields and len(form[2].split(",")) == len(fields) <= len(_NAMES))


def _fields(kind: str) -> list[str]:
    """The fields of a list of structures, whole numbers all of them."""
    form = _LIST.match(kind)
    parts = [_FIELD.match(part.strip()) for part in form[2].split(",")] if form and form[2] else []
    return [part[1] for part in parts if part is not None and part[1] in _NAMES]


def _finding(rule: Rule, f: int, task: object, target: object, transform: object, evidence: object) -> Finding:
    if (transform is None) != (rule.class_ == "information"):
        wrong = f"rule {rule.folder}: a row of class {rule.class_} has {'no' if transform is None else 'a'} transform"
        raise RuleError(wrong, "leave the transform out in a rule of class information, and only there")
    try:
        words = msgspec.json.decode(str(evidence), type=dict[str, Any])
        msgspec.convert(words, _Known)
        return msgspec.convert(
            {
                "f": f, "rule": rule, "task": task, "target": target,
                "transform": None if transform is None else parse(str(transform)),
                "evidence": words,
            },
            Finding,
        )  # fmt: skip
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        raise RuleError(
            f"rule {rule.folder}: a result row is malformed: {error}", f"return {COLUMNS} as documented"
        ) from error
