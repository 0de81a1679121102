"""The process in which the user's rules run: `python -m otelcost.advise.own.worker`, a job on its standard input.

It opens the store for reading, makes the window, and then gives up what a rule must not have: files, network,
extensions, settings, memory. Each rule is one SELECT inside a transaction that is rolled back. What it can break
is this process, and that is started anew for the rules that are left.
"""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb
import msgspec

from otelcost.advise.catalogue import Rule
from otelcost.advise.finding import COLUMNS, PARAMETER, is_list_of_calls
from otelcost.advise.own.protocol import MOST_ROWS, MOST_TEXT, Answer, Job, Ready, fingerprint, most_bytes
from otelcost.advise.window import materialised
from otelcost.store.db import CONFIG

_SPILL_MB: Final = 1024
"""What a rule may put on disk while it runs."""

_RESERVE_MB: Final = 1024
"""Beside the database's own limit and the answer: its threads, and what it does not count."""

_LOCK: Final = """
SET python_enable_replacements = false;
SET enable_external_access = false;
SET lock_configuration = true
"""

_ROWS: Final = """
SELECT task::VARCHAR, target::VARCHAR, to_json(calls)::VARCHAR, transform::VARCHAR, evidence::VARCHAR,
    not_checked::VARCHAR
FROM (
{sql}
)
LIMIT {most}
"""


class _Window(NamedTuple):
    start: Any
    end: Any


class _Refused(Exception):  # noqa: N818  (an answer, not a fault)
    """Why a rule is not run, or its rows not taken."""


def main() -> None:
    """Do the job, an answer a line; ends early where a rule has broken the database."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (job.cpu_seconds, job.cpu_seconds))
    with duckdb.connect(job.store, read_only=True, config={**CONFIG, "temp_directory": job.scratch}) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        with materialised(connection, _Window(job.start, job.end), [rule.sql or "" for rule in job.rules]):
            window = fingerprint(connection)
            _give_up(connection, job.memory_mb, most_bytes(window[0]))
            _say(Ready(window))
            for rule in job.rules:
                _say(_answer(connection, rule, most_bytes(window[0])))


def _answer(connection: duckdb.DuckDBPyConnection, rule: Rule, most: int) -> Answer:
    """What one rule says in so many bytes, or why it does not."""
    try:
        return _of_size(_rows(connection, _one_select(rule.sql or ""), rule), most)
    except _Refused as refusal:
        return Answer(error=str(refusal))
    except (duckdb.Error, MemoryError, UnicodeError) as error:
        return Answer(error=str(error).strip().partition("\n")[0] or type(error).__name__)
    finally:
        with suppress(duckdb.TransactionException):
            connection.execute("ROLLBACK")


def _one_select(sql: str) -> str:
    found = duckdb.extract_statements(sql)
    if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
        kinds = ", ".join(one.type.name for one in found) or "nothing"
        raise _Refused(f"it is not one SELECT but {kinds}")
    return sql.strip().rstrip(";")


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, rule: Rule) -> Answer:
    # As a subquery: a WITH that deletes, inserts or updates is a SELECT by name, but refused below the top.
    values = {name: value for name, value in rule.defaults().items() if name in set(PARAMETER.findall(sql))}
    connection.execute("BEGIN TRANSACTION")
    shape = connection.execute(f"FROM (\n{sql}\n) LIMIT 0", values).description or []
    names = tuple(column[0] for column in shape)
    if names != COLUMNS:
        raise _Refused(f"it returns the columns {', '.join(names)}, not {', '.join(COLUMNS)}")
    kind = str(shape[COLUMNS.index("calls")][1])
    rows = connection.execute(_ROWS.format(sql=sql, most=MOST_ROWS + 1), values).fetchall()
    if any(row[2] is not None for row in rows) and not is_list_of_calls(kind):
        raise _Refused(f"the column calls is {kind}, not a list of n, of call ids, or of {{n, position or tokens}}")
    return Answer(kind, tuple(rows))


def _of_size(answer: Answer, most: int) -> Answer:
    rows = answer.rows
    if len(rows) > MOST_ROWS:
        raise _Refused(f"it returns more than {MOST_ROWS:,} rows")
    if any(len(cell or "") > MOST_TEXT for row in rows for cell in (*row[:2], *row[3:])):
        raise _Refused(f"it returns a text of more than {MOST_TEXT:,} characters")
    if sum(len(row[2] or "") for row in rows) > most:
        raise _Refused("it names the calls of the window too many times over")
    return answer


def _give_up(connection: duckdb.DuckDBPyConnection, memory_mb: int, answer: int) -> None:
    """From here on there are the window and the store to read, and nothing else."""
    spilled = connection.execute("SELECT coalesce(sum(size), 0) FROM duckdb_temporary_files()").fetchone() or (0,)
    connection.execute(f"SET max_temp_directory_size = '{(int(spilled[0]) >> 20) + _SPILL_MB}MiB'")
    connection.execute(f"SET memory_limit = '{memory_mb}MiB'")
    connection.execute(_LOCK)
    with suppress(OSError):  # only Linux says how much there is; elsewhere the database's own limit stands alone
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        room = memory_mb + _RESERVE_MB
        most = pages * resource.getpagesize() + (room << 20) + answer
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _say(what: Ready | Answer) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
