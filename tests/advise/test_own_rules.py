"""Rules of the user's own: where they come from, what they cannot do, and that the others run whatever they do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import msgspec
import pytest

from otelcost.advise import cases, recommend
from otelcost.advise.catalogue import Rule, load
from otelcost.advise.own import sandbox
from otelcost.advise.own.config import Limits
from otelcost.advise.own.installed import installed
from otelcost.advise.own.protocol import Answer
from otelcost.advise.own.scaffold import new_rule
from otelcost.advise.proof import cases as cases_of
from otelcost.advise.proof import prove
from otelcost.errors import UsageError

WINDOW, NOW = cases.ALL, cases.NOW
ROW = (
    "SELECT task, '' AS target, {calls} AS calls, '{{\"kind\": \"drop_call\"}}' AS transform, {evidence} AS evidence, "
    "NULL AS not_checked FROM w_calls GROUP BY task"
)
GOOD = ROW.format(calls="list(n)", evidence="'{}'")
CALLS = cases.spec(task="triage", prompt=[("user", "{n}", 500)], count=5, days=2)
EVERY_N = "[1,2,3,4,5,6,7,8,9,10]"


def rule(sql: str, number: int = 1) -> Rule:
    return msgspec.structs.replace(
        load()[0][0],
        id=f"X{number:03}",
        folder=f"X{number:03}_mine",
        sql=sql,
        source="project",
        class_="exact",
        parameters={},
        columns=(),
        title="{task}",
        change="change it",
    )


@pytest.fixture
def store(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with cases.store_of(cases.expand([CALLS]), home) as connection:
        yield connection


def said(connection: duckdb.DuckDBPyConnection, *sql: str, limits: Limits | None = None) -> list[Answer]:
    rules = [rule(text, number) for number, text in enumerate(sql, 1)]
    answers = sandbox.ask(connection, WINDOW, rules, limits or Limits(seconds=30))
    return [answers.by_rule[one.id] for one in rules]


FILES = {
    "read a file": "SELECT * FROM read_text('{secret}')",
    "read a table": "SELECT * FROM read_csv('{secret}')",
    "read bytes": "SELECT * FROM read_blob('{secret}')",
    "read by its name": "SELECT * FROM '{secret}'",
    "look around": "SELECT * FROM glob('{folder}/*')",
    "guess its form": "SELECT * FROM sniff_csv('{secret}')",
    "reach out": "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
    "write by query()": "SELECT * FROM query('COPY w_calls TO ''{folder}/out.csv''')",
    "see a variable of ours": "SELECT * FROM job",
    "log to a file": "SELECT * FROM enable_logging(storage := 'file', storage_path := '{folder}/log')",
    "delete in a WITH": "WITH gone AS (DELETE FROM w_calls RETURNING *) SELECT * FROM gone",
    "write the store in a WITH": "WITH gone AS (DELETE FROM ledger RETURNING *) SELECT * FROM gone",
}


def test_a_rule_sees_no_file_and_changes_nothing(store: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,hunter2\n")
    before = sorted(tmp_path.iterdir())
    asked = [sql.format(secret=secret, folder=tmp_path) for sql in FILES.values()]
    # in the form of a good answer, so that it is not refused for its columns before it is tried
    whole = [GOOD.replace("'{}'", f"(SELECT max(x::VARCHAR) FROM ({sql}) AS x)") for sql in asked]
    *bad, good = said(store, *whole, GOOD)
    for name, one in zip(FILES, bad, strict=True):
        assert one.error, name
        assert "hunter2" not in str(one), name
        assert "it returns" not in one.error, name
    assert good.rows[0][2] == EVERY_N
    assert sorted(tmp_path.iterdir()) == before


STATEMENTS = {
    "COPY": "COPY w_calls TO '{folder}/out.csv'",
    "ATTACH": "ATTACH '{folder}/other.duckdb'",
    "LOAD": "INSTALL httpfs",
    "SET": "SET memory_limit = '100GB'",
    "PRAGMA": "PRAGMA enable_profiling",
    "DELETE": "DELETE FROM calls",
    "DROP": "DROP TABLE w_calls",
    "CREATE": "CREATE TEMP TABLE mine AS SELECT 1",
    "SELECT, DROP": "SELECT 1; DROP TABLE w_calls",
    "CALL": "CALL pragma_version()",
    "TRANSACTION": "COMMIT",
    "nothing": "-- nothing",
}


def test_a_rule_is_one_select(store: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    *bad, good = said(store, *(sql.format(folder=tmp_path) for sql in STATEMENTS.values()), GOOD)
    assert [one.error for one in bad] == [f"it is not one SELECT but {kind}" for kind in STATEMENTS]
    assert good.rows[0][2] == EVERY_N
    assert sorted(tmp_path.iterdir()) == before


FOREVER = "(WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT 1 FROM r) SELECT count(*) FROM r)"
CROSS = "(SELECT sum(hash(a.range, b.range)) FROM range(3000000) a CROSS JOIN range(3000000) b)"


@pytest.mark.parametrize("endless", [FOREVER, CROSS], ids=["recursion", "cross join"])
def test_a_rule_without_end_is_stopped(endless: str, store: duckdb.DuckDBPyConnection) -> None:
    slow = ROW.format(calls="list(n)", evidence=f"{endless}::VARCHAR")
    bad, good = said(store, slow, GOOD, limits=Limits(seconds=3))
    assert bad.error == "it took longer than 3 s"
    assert good.rows[0][2] == EVERY_N


HUNGRY = {
    "a list": "(SELECT list(range)::VARCHAR FROM range(1000000000))",
    "a text": "repeat('x', 4000000000::BIGINT)",
    "many texts": "(SELECT string_agg(repeat('x', 1000000), '') FROM range(100000))",
}


@pytest.mark.parametrize("hungry", HUNGRY.values(), ids=HUNGRY)
def test_a_rule_gets_so_much_memory_and_no_more(hungry: str, store: duckdb.DuckDBPyConnection) -> None:
    bad, good = said(store, ROW.format(calls="list(n)", evidence=hungry), GOOD, limits=Limits(30, 64))
    assert bad.error is not None
    assert "emory" in bad.error or "max_temp_directory_size" in bad.error, bad.error
    assert good.rows[0][2] == EVERY_N


ANSWERS = {
    "other columns": ("SELECT 1 AS task", "it returns the columns task, not"),
    "no list of calls": (ROW.format(calls="max(n)", evidence="'{}'"), "the column calls is INTEGER, not"),
    "hashes for calls": (ROW.format(calls="list(hash(n))", evidence="'{}'"), "the column calls is UBIGINT[], not"),
    "other fields": (ROW.format(calls="list({'m': n})", evidence="'{}'"), "the column calls is STRUCT(m INTEGER)[]"),
    "too many rows": (GOOD.replace("GROUP BY task", ", range(2000) GROUP BY task, range"), "more than 1,000 rows"),
    "a long text": (ROW.format(calls="list(n)", evidence="repeat('x', 100000)"), "more than 65,536 characters"),
    "calls many times": (
        ROW.format(calls="(SELECT list(1) FROM range(3000000))", evidence="'{}'"),
        "too many times over",
    ),
    "no SQL": ("naturally", "Parser Error"),
    "an unknown table": (GOOD.replace("w_calls", "w_colls"), "w_colls does not exist"),
    "a parameter nobody has": (GOOD.replace("GROUP", "WHERE n > $least GROUP"), "least"),
}


def test_what_a_rule_returns_is_checked(store: duckdb.DuckDBPyConnection) -> None:
    for bad, (name, (_, why)) in zip(said(store, *(sql for sql, _ in ANSWERS.values())), ANSWERS.items(), strict=True):
        assert bad.error is not None, name
        assert why in bad.error, name


REPORTED = {
    "a transform nobody knows": GOOD.replace("drop_call", "burn"),
    "a figure beyond all numbers": GOOD.replace(
        '{"kind": "drop_call"}', '{"kind": "limit_output", "tokens": 99999999999999999999}'
    ),
    "a position beyond all prompts": ROW.format(calls="list({'n': n, 'position': 4000000000})", evidence="'{}'"),
    "less than no tokens": ROW.format(calls="list({'n': n, 'tokens': -5})", evidence="'{}'"),
    "evidence without a bottom": ROW.format(
        calls="list(n)", evidence="'{\"a\":' || repeat('[', 30000) || repeat(']', 30000) || '}'"
    ),
    "a risk that is none": ROW.format(calls="list(n)", evidence="'{\"risk\": [1]}'"),
    "no JSON": ROW.format(calls="list(n)", evidence="'{'"),
    "a target that is missing": GOOD.replace("''", "NULL"),
}


def test_a_bad_row_is_reported_and_the_other_rules_run(store: duckdb.DuckDBPyConnection) -> None:
    rules = [rule(sql, number) for number, sql in enumerate((*REPORTED.values(), GOOD), 1)]
    report = recommend(store, WINDOW, now=NOW, rules=rules)
    assert [entry.rule for entry in report.not_checked] == [one.id for one in rules[:-1]], report.not_checked
    assert all(entry.reason.startswith(f"rule {entry.rule}_mine: ") for entry in report.not_checked)
    assert [(card.rule, card.calls) for card in report.recommendations] == [(rules[-1].id, 10)]
    assert report.joint_picousd == report.spend_picousd  # every call is dropped, and counted once


CALL_FORMS = {
    "n": "list(n)",
    "ids": "list(printf('%016x', span_id))",
    "positions": "list({'n': n, 'position': 1})",
    "tokens": "list({'n': n, 'tokens': 7})",
    "huge whole numbers": "list(n::HUGEINT)",
    "a call that is not there": "list(n) || [2000000, -1]",
}


def test_calls_may_be_named_in_every_form(store: duckdb.DuckDBPyConnection) -> None:
    rules = [rule(GOOD.replace("list(n)", calls), number) for number, calls in enumerate(CALL_FORMS.values(), 1)]
    report = recommend(store, WINDOW, now=NOW, rules=rules)
    assert report.not_checked == ()
    assert {card.rule: card.calls for card in report.recommendations} == {one.id: 10 for one in rules}


def test_it_says_what_a_built_in_rule_with_the_same_text_says(store: duckdb.DuckDBPyConnection) -> None:
    own = rule(GOOD)
    trusted = msgspec.structs.replace(own, source="built-in")
    reports = [recommend(store, WINDOW, now=NOW, rules=[one]) for one in (own, trusted)]
    assert reports[0] == reports[1]
    assert reports[0].recommendations


def test_a_store_that_cannot_be_shared_is_said(home: Path) -> None:
    from otelcost.store.db import session

    with cases.store_of(cases.expand([CALLS]), home):
        pass
    with session(home / "store.duckdb", write=True) as connection:
        report = recommend(connection, WINDOW, now=NOW, rules=[rule(GOOD)])
    assert "the user's rules cannot be run" in report.not_checked[0].reason


def test_an_answer_about_another_window_is_not_taken(
    store: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers of calls mean nothing where the calls are others."""
    asked = sandbox.ask(store, WINDOW, [rule(GOOD)], Limits())
    assert asked.window is not None
    shifted = asked._replace(window=(asked.window[0], "0"))
    monkeypatch.setattr(sandbox, "ask", lambda *_: shifted)
    report = recommend(store, WINDOW, now=NOW, rules=[rule(GOOD)])
    assert report.recommendations == ()
    assert "the store changed while it ran" in report.not_checked[0].reason


def test_no_secret_of_the_environment_reaches_the_process(
    store: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    real = sandbox.subprocess.Popen

    def spied(*arguments: object, **options: object) -> object:
        seen.append(options["env"])  # type: ignore[arg-type]
        return real(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter2")
    monkeypatch.setattr(sandbox.subprocess, "Popen", spied)
    assert said(store, GOOD)[0].error is None
    assert seen
    assert "sk-hunter2" not in str(seen)


# -- where rules come from ----------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a folder below, in which we stand."""
    (tmp_path / "project" / "src").mkdir(parents=True)
    (tmp_path / "project" / ".otelcost").mkdir()
    monkeypatch.chdir(tmp_path / "project" / "src")
    return tmp_path / "project" / ".otelcost"


def test_a_new_rule_works_and_is_loaded_beside_the_built_in_ones(project: Path, home: Path) -> None:
    mine = new_rule(project / "rules", "of_the_project")
    also = new_rule(home / "rules", "of_the_user")
    assert (mine.name, also.name) == ("X001_of_the_project", "X002_of_the_user")
    found = installed()
    assert found.errors == ()
    assert {one.rule.id: one.rule.source for one in found.known if one.rule.source != "built-in"} == {
        "X001": "project",
        "X002": "user",
    }
    (fresh,) = (one.rule for one in found.known if one.rule.id == "X001")
    assert [verdict for verdict in prove(fresh, cases_of(mine)) if verdict.failure] == []
    calls = cases.spec(task="triage", site="tests/test_x.py", prompt=[("user", "{n}", 500)], count=5)
    with cases.store_of(cases.expand([calls]), home) as connection:
        report = recommend(connection, WINDOW, now=NOW)
    assert {card.rule for card in report.recommendations} == {"X001", "X002"}


def test_the_cases_of_a_rule_can_fail(project: Path) -> None:
    folder = new_rule(project / "rules", "mine")
    sql = folder / "rule.sql"
    sql.write_text(sql.read_text().replace("starts_with(call_site, $folder)", "$folder = 'tests/'"))
    (broken,) = (one.rule for one in installed().known if one.rule.id == "X001")
    failed = {verdict.case for verdict in prove(broken, cases_of(folder)) if verdict.failure}
    assert failed == {
        "the product's own calls of the same task stay",
        "the trap: a folder whose name only begins alike",
    }


def test_an_id_is_never_taken_over(project: Path, home: Path) -> None:
    """Neither a built-in one nor another of one's own; both are said, and the first stays."""
    mine = new_rule(project / "rules", "mine")
    shadow = project / "rules" / "house" / "OC401_exact_duplicates"
    shadow.mkdir()
    for file in mine.iterdir():
        (shadow / file.name).write_text(file.read_text().replace("X001", "OC401"))
    double = home / "rules" / "house" / "X001_double"
    double.mkdir(parents=True)
    for file in mine.iterdir():
        (double / file.name).write_text(file.read_text())
    found = installed()
    assert [str(error) for error in found.errors] == [
        "rule OC401_exact_duplicates: the id OC401 is not Xnnn: project rules are X001 and up",
        "rule X001_double: the id X001 is taken by X001_mine: give it a free id",
    ]
    sources = {one.rule.id: one.rule.source for one in found.known}
    assert (sources["OC401"], sources["X001"]) == ("built-in", "project")


def test_code_is_not_run_and_a_folder_with_another_name_is_said(project: Path) -> None:
    mine = new_rule(project / "rules", "mine")
    (mine / "rule.sql").unlink()
    (mine / "check.py").write_text("raise SystemExit")
    (project / "rules" / "house" / "notes").mkdir()
    complaints = [str(error) for error in installed().errors]
    assert complaints[0] == "rule X001_mine: check.py is code and is not run: say it in rule.sql"
    assert complaints[1].startswith("rule notes: rule.toml cannot be read")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to somebody else")
def test_somebody_elses_folder_does_not_count(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_rule(project / "rules", "mine")
    os.chown(project, 12345, 12345)
    assert any(one.rule.id == "X001" for one in installed().known)  # root may
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert not any(one.rule.id == "X001" for one in installed().known)


# -- what is set about rules --------------------------------------------------------------------------------


def test_parameters_are_overridden_and_rules_switched_off(project: Path, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "otelcost.toml").write_text(
        "[rules.OC401]\nhorizon_hours = 48\nmin_duplicates = 5\n[rules.OC201]\nenabled = false\n"
    )
    (project.parent / "otelcost.toml").write_text(
        "[rules.limits]\nseconds = 2.5\n[rules.OC401]\nmin_duplicates = 9\nmin_same_answers = 1\n"
    )
    found = installed()
    active = {rule.id: rule for rule in found.active}
    assert "OC201" not in active
    values = active["OC401"].defaults()
    assert (values["horizon_hours"], values["min_duplicates"], values["min_same_answers"]) == (48, 9, 1.0)
    assert found.limits == Limits(2.5, 512)
    (shipped,) = (rule for rule in load()[0] if rule.id == "OC401")
    assert {name: value for name, value in values.items() if value != shipped.defaults()[name]}.keys() == {
        "horizon_hours",
        "min_duplicates",
        "min_same_answers",
    }


def test_an_overridden_parameter_changes_the_advice(home: Path) -> None:
    asked = cases.spec(task="faq", temperature=0.0, prompt=[("user", "a", 200)], answer="a", count=2, every_s=30 * 3600)
    with cases.store_of(cases.expand([asked, cases.spec(task="other", count=1)]), home) as connection:
        found = []
        for hours in (24, 48):
            (home / "otelcost.toml").write_text(f"[rules.OC401]\nhorizon_hours = {hours}\nmin_duplicates = 1\n")
            found.append([card.rule for card in recommend(connection, WINDOW, now=NOW).recommendations])
    assert found == [[], ["OC401"]]


WRONG = {
    "[rules.OC401]\nhorizon_hours = 0": "horizon_hours is 0: give a number from 1 to 720",
    "[rules.OC401]\nhorizon_hours = 721": "horizon_hours is 721: give a number from 1 to 720",
    "[rules.OC401]\nmin_same_answers = nan": "min_same_answers is nan: give a number from 0.0 to 1.0",
    "[rules.OC401]\nhorizon_hours = 1.5": "horizon_hours is 1.5: give a whole number, such as 24",
    "[rules.OC401]\nhorizon_hours = true": "horizon_hours is True: give a whole number, such as 24",
    "[rules.OC401]\nhorizon_hours = '2'": "horizon_hours is '2': give a whole number, such as 24",
    "[rules.OC401]\nhorizon_hour = 2": "horizon_hour is no parameter: did you mean horizon_hours?",
    "[rules.OC401]\nenabled = 1": "enabled is 1: write true or false",
    "[rules.OC999]\nenabled = false": "there is no such rule: see otelcost rules list",
    "[rules]\nOC401 = 1": "rules.OC401 is 1, not a table",
    "[rules.limits]\nseconds = 0": "rules.limits: seconds is 0: give a number from 0.1 to 600",
    "[rules.limits]\nmemory_mb = 64.5": "rules.limits: memory_mb is 64.5: give a number from 64 to 8192",
    "[rules.limits]\ntime = 3": "rules.limits: unknown limit 'time': known: seconds, memory_mb",
    "rules = 1": "rules is 1, not a table",
    "[rules": "is not TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_one_line_that_names_the_file(text: str, home: Path) -> None:
    home.mkdir()
    (home / "otelcost.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        installed()
    line = str(caught.value)
    assert line.startswith(f"{home / 'otelcost.toml'}")
    assert WRONG[text] in line
    assert "\n" not in line


def test_what_is_set_about_a_broken_rule_waits_for_its_repair(project: Path) -> None:
    mine = new_rule(project / "rules", "mine")
    (mine / "rule.toml").write_text("id = 1")
    (project.parent / "otelcost.toml").write_text("[rules.X001]\nmin_calls = 4\n")
    assert len(installed().errors) == 1
