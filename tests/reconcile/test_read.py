"""Export files as lines: the shapes providers document, and everything a file can be instead."""

# ruff: noqa: DTZ001  (naive UTC)
from __future__ import annotations

import json
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.admin.organization import UsageCompletionsResponse, UsageCostsResponse

from otelcost.errors import EXIT_ERROR, ExportError
from otelcost.reconcile.read import Line, day_of, day_offset, parse, read_files

EXPORTS = Path(__file__).parent / "exports"
CENT = 10**10


def lines(name: str) -> list[Line]:
    return list(read_files([EXPORTS / name]).lines)


@pytest.mark.parametrize("name", ["openai-usage.json", "openai-usage.csv"])
def test_openais_usage(name: str) -> None:
    first, second, third = lines(name)
    assert (first.provider, first.kind, first.begins, first.model) == (
        "openai",
        "usage",
        datetime(2026, 11, 20),
        "gpt-4o",
    )
    assert (first.requests, first.input_tokens, first.cache_read_tokens, first.output_tokens) == (3, 2000, 1000, 300)
    assert (second.model, second.requests, second.batch) == ("gpt-4o-mini", 10, name.endswith("csv"))
    assert third.begins == datetime(2026, 11, 21)


def test_openais_costs() -> None:
    found = lines("openai-costs.json")
    assert [(line.model, line.item, line.tool, line.cost_picousd) for line in found][:6] == [
        ("gpt-4o", "", False, 5 * 10**9),
        ("gpt-4o", "", False, 125 * 10**7),
        ("gpt-4o", "", False, 3 * 10**9),
        ("gpt-4o-mini", "", False, 15 * 10**8),
        ("gpt-4o-mini", "", False, 6 * 10**8),
        (None, "code interpreter sessions", False, 6 * CENT),
    ]
    assert (found[-1].item, found[-1].tool) == ("web search tool calls", True)
    assert [line.cost_picousd for line in lines("openai-costs.csv")] == [925 * 10**7, 21 * 10**8]


def test_the_files_are_shaped_as_the_providers_own_client_reads_them() -> None:
    for name, page in (("openai-usage.json", UsageCompletionsResponse), ("openai-costs.json", UsageCostsResponse)):
        read = page.model_validate(json.loads((EXPORTS / name).read_text()), strict=False)
        assert len(read.data) == 2
        assert all(type(result).__name__.endswith("Result") for bucket in read.data for result in bucket.results)


@pytest.mark.parametrize("name", ["anthropic-usage.json", "anthropic-usage.csv"])
def test_anthropics_usage(name: str) -> None:
    first, second = lines(name)
    assert (first.provider, first.model, first.begins) == ("anthropic", "claude-sonnet-4-5", datetime(2026, 11, 20))
    assert (first.input_tokens, first.cache_read_tokens, first.cache_write_tokens, first.output_tokens) == (
        4000, 8000, 1500, 900,
    )  # fmt: skip
    assert first.requests is None
    assert second.batch == name.endswith("csv")


def test_anthropics_costs_are_cents_in_the_report_and_dollars_in_the_console() -> None:
    found = lines("anthropic-costs.json")
    assert [line.cost_picousd for line in found[:2]] == [12 * 10**9, 24 * 10**8]
    assert (found[5].model, found[5].tool, found[5].cost_picousd) == (None, True, 3 * CENT)
    assert [line.cost_picousd for line in lines("anthropic-costs.csv")] == [CENT, 2 * CENT]


@pytest.mark.parametrize("layout", ["page", "pages", "lines", "buckets"])
def test_pages_may_stand_in_any_way(layout: str, tmp_path: Path) -> None:
    page = json.loads((EXPORTS / "openai-usage.json").read_text())
    text = {
        "page": json.dumps(page),
        "pages": json.dumps([page, page]),
        "lines": f"{json.dumps(page)}\n{json.dumps(page)}\n",
        "buckets": json.dumps(page["data"]),
    }[layout]
    found, more = parse(text, "f")
    assert len(found) == (6 if layout in {"pages", "lines"} else 3)
    assert not more


def test_a_page_that_is_not_the_last_is_noted(tmp_path: Path) -> None:
    page = json.loads((EXPORTS / "openai-usage.json").read_text()) | {"has_more": True}
    path = tmp_path / "page.json"
    path.write_text(json.dumps(page))
    (note,) = read_files([path]).notes
    assert "further pages" in note


def test_usage_of_what_is_no_models_is_passed_over() -> None:
    def bucket(result: dict[str, object]) -> str:
        return json.dumps({"data": [{"start_time": 0, "end_time": 86400, "results": [result]}]})

    assert parse(bucket({"object": "organization.usage.vector_stores.result", "usage_bytes": 5}), "f")[0] == []
    assert parse(bucket({"object": "x", "num_sessions": 2}), "f")[0] == []
    (image,) = parse(bucket({"images": 3, "num_model_requests": 2, "model": "gpt-image-1"}), "f")[0]
    assert (image.requests, image.input_tokens, image.model) == (2, None, "gpt-image-1")


def test_days_that_do_not_begin_at_midnight_utc() -> None:
    found = tuple(Line(provider="openai", kind="usage", begins=datetime(2026, 11, day, 8)) for day in (20, 21))
    offset = day_offset(found)
    assert offset == timedelta(hours=8)
    assert day_of(datetime(2026, 11, 21, 7, 59), offset) == date(2026, 11, 20)
    hourly = tuple(Line(provider="openai", kind="usage", begins=datetime(2026, 11, 20, hour)) for hour in (0, 8))
    assert day_offset(hourly) == timedelta()


RESULT = {"num_model_requests": 1, "input_tokens": 5}
BROKEN = [
    ("", "neither JSON nor CSV"),
    ("hello", "neither JSON nor CSV"),
    ("a,b\n1,2\n", "has no known fields (a, b"),
    ("{", "is no JSON"),
    ("[1]", "is no export"),
    ('{"a": 1}', "holds no buckets"),
    ('{"data": [3]}', "holds no results"),
    ('{"data": [{"results": [3]}]}', "a result is no object"),
    (json.dumps({"data": [{"results": [RESULT]}]}), "names no day"),
    (json.dumps({"data": [{"start_time": "soon", "results": [RESULT]}]}), "'soon' is no moment"),
    (json.dumps({"data": [{"start_time": 10**20, "results": [RESULT]}]}), "is no moment"),
    (json.dumps({"data": [{"start_time": 0, "end_time": 90_000, "results": [RESULT]}]}), "longer than a day"),
    (json.dumps({"data": [{"start_time": 0, "results": [RESULT | {"input_tokens": "many"}]}]}), "'many' is no number"),
    (json.dumps({"data": [{"start_time": 0, "results": [RESULT | {"input_tokens": -1}]}]}), "is no count"),
    (json.dumps({"data": [{"start_time": 0, "results": [RESULT | {"input_tokens": True}]}]}), "is no number"),
    (
        json.dumps({"data": [{"start_time": 0, "results": [{"amount": {"value": 1, "currency": "eur"}}]}]}),
        "is in EUR: only US dollars",
    ),
    ('usage_date_utc,cost_usd\n2026-11-20,"1', "is no CSV"),
]


@pytest.mark.parametrize(("text", "says"), BROKEN)
def test_a_bad_file_is_one_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "export.txt"
    path.write_text(text)
    with pytest.raises(ExportError) as caught:
        read_files([path])
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.fix
    assert caught.value.exit_code == EXIT_ERROR


def test_a_file_that_is_not_there_or_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("none", "bytes", "."):
        with pytest.raises(ExportError, match="cannot be read"):
            read_files([tmp_path / name])
    (tmp_path / "empty.json").write_text('{"data": []}')
    with pytest.raises(ExportError, match="is empty"):
        read_files([tmp_path / "empty.json"])


@given(st.text(max_size=200))
def test_any_text_is_lines_or_an_error(text: str) -> None:
    with suppress(ExportError):
        found, _ = parse(text, "f")
        assert all(isinstance(line, Line) for line in found)
