"""Running a rule: its fixed result columns, checked row by row, and nothing of its failure leaking out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import duckdb
import msgspec

from otelcost.advise.catalogue import Rule, Value
from otelcost.advise.report import NotChecked
from otelcost.advise.transforms import AnyTransform, parse
from otelcost.errors import RuleError

COLUMNS: Final = ("task", "target", "call_ids", "transform", "evidence", "not_checked")
"""What every rule returns. A row is either a finding or, with `not_checked`, an abstention."""

_PARAMETER: Final = re.compile(r"\$([a-z][a-z0-9_]*)")

Row = Sequence[Any]
Check = Callable[[duckdb.DuckDBPyConnection, dict[str, Value]], Iterable[Row]]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule selected: calls of one task, the change it names, and why. No dollars."""

    rule: Rule
    task: str
    target: str
    call_ids: tuple[str, ...]
    transform: AnyTransform
    evidence: dict[str, Any]


def run(
    connection: duckdb.DuckDBPyConnection, rule: Rule, parameters: dict[str, Value] | None = None
) -> tuple[list[Finding], list[NotChecked]]:
    """Run one rule over the materialised window.

    Raises RuleError where its SQL or Python fails or a row has not the form of `COLUMNS`.
    """
    values = rule.defaults() | (parameters or {})
    rows = _run_sql(connection, rule, values) if rule.sql is not None else _run_check(connection, rule, values)
    findings: list[Finding] = []
    abstained: list[NotChecked] = []
    for row in rows:
        task, target, call_ids, transform, evidence, reason = row
        if reason is not None:
            abstained.append(NotChecked(rule.id, task, str(reason)))
        else:
            findings.append(_finding(rule, task, target, call_ids, transform, evidence))
    return findings, abstained


def _run_sql(connection: duckdb.DuckDBPyConnection, rule: Rule, values: dict[str, Value]) -> list[Row]:
    sql = rule.sql or ""
    used = {name: values[name] for name in set(_PARAMETER.findall(sql)) if name in values}
    try:
        cursor = connection.execute(sql, used)
        names = tuple(column[0] for column in cursor.description or ())
        rows: list[Row] = list(cursor.fetchall())
    except duckdb.Error as error:
        line = str(error).strip().partition("\n")[0]
        raise RuleError(f"rule {rule.folder}: rule.sql failed: {line}", "repair or remove the rule") from error
    if names != COLUMNS:
        raise RuleError(f"rule {rule.folder}: rule.sql returns columns {names}", f"return exactly {COLUMNS}")
    return rows


def _run_check(connection: duckdb.DuckDBPyConnection, rule: Rule, values: dict[str, Value]) -> list[Row]:
    space: dict[str, Any] = {"__name__": f"otelcost_rules.{rule.folder}"}
    try:
        exec(compile(rule.check or "", f"{rule.folder}/check.py", "exec"), space)  # noqa: S102  (the rule's own file)
        check: Check = space["check"]
        rows: list[Row] = [tuple(row) for row in check(connection, values)]
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
    for row in rows:
        if len(row) != len(COLUMNS):
            raise RuleError(f"rule {rule.folder}: check.py gave {len(row)} values", f"give exactly {COLUMNS}")
    return rows


def _finding(
    rule: Rule, task: object, target: object, call_ids: object, transform: object, evidence: object
) -> Finding:
    try:
        change = parse(str(transform))
        return msgspec.convert(
            {
                "rule": rule, "task": task, "target": target, "call_ids": call_ids, "transform": change,
                "evidence": msgspec.json.decode(str(evidence)),
            },
            Finding,
        )  # fmt: skip
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise RuleError(
            f"rule {rule.folder}: a result row is malformed: {error}", f"return {COLUMNS} as documented"
        ) from error
