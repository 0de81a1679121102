"""Rows of other tools as records: what they say, in disjoint buckets, and nothing that they do not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.errors import ExportError
from otelcost.imports import SHAPES, SOURCES, read
from otelcost.imports.rows import RowError, instant_us, span_record
from otelcost.model import SpanRecord
from otelcost.store.lines import parse

FILES = Path(__file__).parent / "files"
READABLE = [shape for shape in SHAPES if not shape.refused]


def records(name: str) -> list[SpanRecord]:
    return read(FILES / name).records


def tokens(record: SpanRecord) -> tuple[int | None, ...]:
    usage = record.usage
    return (
        usage.input_uncached_tokens,
        usage.cache_read_tokens,
        usage.cache_write_short_tokens,
        usage.output_tokens,
        usage.provider_cost_picousd,
    )


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("langfuse.jsonl", "langfuse", [(600, 400, None, 50, None), (1000, None, None, 20, None)]),
        ("langfuse.json", "langfuse", [(1000, None, None, 100, None)]),
        ("langfuse.csv", "langfuse", [(100, None, None, 10, None)]),
        ("helicone.jsonl", "helicone", [(200, 2000, None, 40, None), (None, None, None, None, None)]),
        ("litellm.json", "litellm", [(400, 600, None, 100, None), (0, None, None, 0, None)]),
        ("litellm.csv", "litellm", [(1000, 0, None, 10, None)]),
        ("openrouter.csv", "openrouter", [(1000, 500, None, 80, 1_230_000_000)]),
        ("spans.otlp.jsonl", "otlp", [(1000, None, None, 100, None)]),
    ],
)
def test_a_file_says_this(name: str, source: str, expected: list[tuple[int | None, ...]]) -> None:
    found = read(FILES / name)
    assert found.shape.source == source
    assert [tokens(record) for record in found.records] == expected
    assert found.shape.unknown
    assert found.rows == len(found.records) + found.skipped + found.bad.total()
    assert all(record.is_llm and record.provider and record.operation == "chat" for record in found.records)


def test_ids_of_opentelemetry_stay_and_others_are_always_the_same() -> None:
    first, second = records("langfuse.jsonl")
    assert (first.trace_id, first.span_id) == ("0af7651916cd43dd8448eb211c80319c", "3f1b5c7d9e0a1b2c")
    assert records("langfuse.jsonl")[1].span_id == second.span_id
    assert len(second.trace_id) == 32
    assert len(second.span_id) == 16


def test_who_served_it_and_how_it_ended() -> None:
    served, refused = records("litellm.json")
    assert (served.provider, served.response_id, served.status) == ("openai", "chatcmpl-A1", "OK")
    assert (refused.provider, refused.error_type) == ("aws.bedrock", "RateLimitError")
    assert refused.request_model == "anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert [record.error_type for record in records("helicone.jsonl")] == [None, "429"]


@pytest.mark.parametrize("name", ["openrouter-by-day.csv", "openai-usage.json", "anthropic-usage.json"])
def test_sums_are_refused(name: str) -> None:
    with pytest.raises(ExportError, match="sums over many calls"):
        read(FILES / name)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no row of a known shape"),
        (b"a,b\n1,2\n", "no row of a known shape"),
        (b"[]", "no row of a known shape"),
        (b'{"a": 1}\n{"b": \n', "line 2 is no JSON"),
        (b"\xff\xfe\x00", "no UTF-8"),
        (b"[" * 100_000, "no JSON"),
        (b"null\n1\n", "no row of a known shape"),
    ],
)
def test_a_file_of_anything_else_is_one_sentence(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ExportError, match=complaint):
        read(path)


def test_the_source_that_was_named_has_to_be_the_files(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no row of a known shape of helicone"):
        read(FILES / "litellm.json", "helicone")
    with pytest.raises(ExportError, match="OTLP"):
        read(FILES / "spans.otlp.jsonl", "helicone")
    assert {shape.source for shape in SHAPES} | {"otlp"} == set(SOURCES)
    assert tmp_path.exists()


values = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**70)
    | st.floats()
    | st.text(max_size=12)
    | st.just("\ud800")
    | st.just("2026-11-20")
)


@pytest.mark.parametrize("shape", READABLE, ids=lambda shape: shape.title)
def test_any_row_is_a_record_the_store_takes_or_a_sentence(shape: Any) -> None:
    places = sorted({place for some in shape.facts.values() for place in some} | {"type"})

    @given(st.fixed_dictionaries({}, optional=dict.fromkeys(places, values)))
    def check(row: dict[str, Any]) -> None:
        import msgspec

        try:
            found = span_record(row, shape)
        except RowError:
            return
        if found is not None and max(filter(None, tokens(found)), default=0) <= 10**9:
            assert len(parse("spans", msgspec.json.encode(found)).lines) == 1

    check()


@given(*[st.integers(0, 10**8)] * 3, st.booleans(), st.booleans())
def test_buckets_are_disjoint_and_add_up(
    uncached: int, cached: int, output: int, inclusive: bool, with_total: bool
) -> None:
    whole = uncached + cached if inclusive else uncached
    details = {"input": whole, "input_cached_tokens": cached, "output": output}
    total = {"total": uncached + cached + output} if with_total or not inclusive else {}
    row = {f"usage_details.{key}": value for key, value in {**details, **total}.items()}
    shape = next(shape for shape in READABLE if shape.source == "langfuse")
    found = span_record({"id": "a", "type": "GENERATION", "start_time": "2026-11-20", **row}, shape)
    assert found is not None
    assert (found.usage.input_uncached_tokens, found.usage.cache_read_tokens) == (uncached, cached)


@pytest.mark.parametrize(
    "text",
    ["1763632800", "1763632800000", "1763632800000000", "1763632800000000000", "2025-11-20T10:00:00Z",
     "2025-11-20 10:00:00", "2025-11-20T11:00:00+01:00", "2025-11-20 10:00:00 UTC"],
)  # fmt: skip
def test_a_moment_is_read_however_it_is_written(text: str) -> None:
    assert instant_us(text) == 1_763_632_800_000_000


@pytest.mark.parametrize("text", ["20261120", "9" * 400, "0001-01-01", "9999-12-31", "soon", "1e9", "-5"])
def test_what_is_no_time_of_a_call_is_refused(text: str) -> None:
    with pytest.raises(RowError, match="no time"):
        instant_us(text)


def test_a_cell_may_hold_a_whole_prompt(tmp_path: Path) -> None:
    path = tmp_path / "langfuse.csv"
    head, row = (FILES / "langfuse.csv").read_text().splitlines()
    path.write_text(f"{head},input\n{row},{'x' * 1_000_000}\n")
    assert len(read(path).records) == 1
    path.write_text(f'{head}\n"never ends')
    assert read(path).records == []
