"""Imports into a real store: once however often, never beside the same call recorded here, whichever came first."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from otelcost.imports import Loaded, load, read
from otelcost.model import Call, Context, SpanRecord, Usage
from otelcost.spool.names import SegmentName
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import Overview, Window, overview

FILES = Path(__file__).parent / "files"
WINDOW = Window.parse("2026-11-20..2026-11-21", datetime.fromisoformat("2026-11-22"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OTELCOST_HOME", str(tmp_path))
    return tmp_path / "store.duckdb"


def found(store: Path) -> Overview:
    with session(store) as connection:
        return overview(connection, WINDOW)


def bring(store: Path, name: str) -> Loaded:
    return load(read(FILES / name).records, store)


def record(store: Path, *, span_id: str = "00000000000000aa", response_id: str | None = "chatcmpl-A1") -> None:
    """The call of the first LiteLLM row as capture records it, drained."""
    start = datetime.fromisoformat("2026-11-20T09:00:00+00:00")
    call = Call(
        context=Context(
            trace_id="5b8efff798038103d269b633813fc60c",
            span_id=span_id,
            operation_id=span_id,
            start_unix_us=int(start.timestamp()) * 1_000_000,
        ),
        usage=Usage(input_uncached_tokens=400, cache_read_tokens=600, output_tokens=100),
        provider="openai",
        api="openai.chat",
        operation="chat",
        server_address="api.openai.com",
        request_model="gpt-4o-mini",
        response_model="gpt-4o-mini-2024-07-18",
        response_id=response_id,
    )
    folder = store.parent / "recorded"
    folder.mkdir()
    name = SegmentName("calls", 1, "host", 1, 1_763_000_000_000_000_000, 0)
    (folder / f"{name}.ndjson").write_bytes(msgspec.json.encode(call) + b"\n")
    drain(store, folder)
    shutil.rmtree(folder)


def test_an_import_is_priced_and_again_changes_nothing(store: Path) -> None:
    first = bring(store, "litellm.json")
    assert (first.new, first.known, first.rejected, first.covered) == (2, 0, 0, 0)
    once = found(store)
    assert once.calls == 2
    assert once.spend_picousd is not None
    assert once.spend_picousd > 0
    again = bring(store, "litellm.json")
    assert (again.new, again.known) == (0, 2)
    assert found(store) == once
    assert not [path for path in store.parent.iterdir() if path.name.startswith("import-")]


@pytest.mark.parametrize("recorded_first", [True, False])
def test_a_call_recorded_here_too_counts_once(store: Path, recorded_first: bool) -> None:
    if recorded_first:
        record(store)
        alone = found(store)
        assert bring(store, "litellm.json").covered == 1
    else:
        assert bring(store, "litellm.json").covered == 0
        record(store)
        alone = found(store)
        assert bring(store, "litellm.json").covered == 1
    both = found(store)
    models = {row.name: row.calls for row in both.by_model}
    assert models["gpt-4o-mini-2024-07-18"] == 1  # the record made here
    assert "gpt-4o-mini" not in models
    assert both.spend_picousd == alone.spend_picousd


def test_the_span_of_a_recorded_call_counts_once_without_any_response_id(store: Path) -> None:
    record(store, span_id="eee19b7ec3c1b174", response_id=None)
    before = found(store)
    span = msgspec.structs.replace(
        read(FILES / "spans.otlp.jsonl").records[0], response_id=None, start_unix_us=1_795_165_200_000_000
    )
    assert load([span], store).covered == 1
    assert found(store).calls == before.calls == 1


def test_two_tools_that_saw_the_same_answer_count_once(store: Path) -> None:
    row = read(FILES / "litellm.json").records[0]
    other = msgspec.structs.replace(row, span_id="00000000000000bb", scope="import/otlp")
    load([row], store)
    load([other], store)
    assert found(store).calls == 1


def test_what_the_store_cannot_hold_is_put_aside(store: Path) -> None:
    row = read(FILES / "litellm.json").records[0]
    absurd = msgspec.structs.replace(row, usage=Usage(input_uncached_tokens=10**12, output_tokens=1))
    done = load([absurd], store)
    assert (done.new, done.rejected) == (0, 1)
    assert list((store.parent / "quarantine").iterdir())


def test_nothing_is_a_fine_import(store: Path) -> None:
    empty: list[SpanRecord] = []
    assert load(empty, store).new == 0
