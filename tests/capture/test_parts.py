"""The small parts of capture, each by itself: call sites, names, keys, estimates, dialects, the exporter."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind

import otelcost
from otelcost import native, settings
from otelcost.capture import clock, dialects, estimate, key, labels, site, vocabulary
from otelcost.capture import worker as workers
from otelcost.model import Call, Context, Exchange, SpanRecord, Usage
from otelcost.spool import writer as writers
from otelcost_exporters.spool import OtelcostSpanExporter

from .telemetry import Telemetry

# --- call sites


def _here() -> site.Site | None:
    return site.find_site(0)


def test_the_nearest_user_frame() -> None:
    found = _here()
    assert found is not None
    file, line, function = site.describe(found)
    assert (Path(file).name, function) == ("test_parts.py", "_here")
    assert line


@pytest.mark.parametrize(
    ("filename", "owner"),
    [
        ("/app/service/main.py", "USER"),
        ("<string>", "USER"),
        ("<frozen runpy>", "PLUMBING"),
        (asyncio.__file__, "PLUMBING"),
        (site.__file__, "PLUMBING"),
        ("/venv/lib/python3.11/site-packages/openai/_base_client.py", "PLUMBING"),
        ("/venv/lib/python3.11/site-packages/six.py", "PACKAGE"),
        ("/usr/lib/python3/dist-packages/shop/main.py", "PACKAGE"),
        (str(Path(otelcost.__file__).parent / "demo" / "app" / "triage.py"), "USER"),
    ],
)
def test_whose_code_a_file_is(filename: str, owner: str) -> None:
    assert site._owner_of(filename).name == owner


def _site_seen(filename: str, above: str) -> site.Site | None:
    """The site found from code in `filename` called by code in `above`, with nothing else on the stack."""
    inner: dict[str, Any] = {"find": site.find_site}
    exec(compile("def send(): return find(0)", filename, "exec"), inner)
    outer: dict[str, Any] = {"send": inner["send"], "found": []}
    exec(compile("def handler(): found.append(send())", above, "exec"), outer)
    thread = threading.Thread(target=outer["handler"])
    thread.start()
    thread.join()
    (found,) = outer["found"]
    return found


def test_an_installed_application_is_better_than_nothing() -> None:
    found = _site_seen("/v/site-packages/openai/_client.py", "/v/site-packages/shop/app.py")
    assert found is not None
    assert found.code.co_filename.endswith("shop/app.py")
    assert _site_seen("/v/site-packages/openai/_client.py", "/v/site-packages/litellm/main.py") is None


def test_paths_are_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "_working_directory", lambda: tmp_path)
    site._relative.cache_clear()
    assert site._relative(str(tmp_path / "a" / "b.py")) == "a/b.py"
    assert site._relative("/elsewhere/b.py") == "/elsewhere/b.py"
    assert site._relative("<string>") == "<string>"


def test_code_made_on_the_fly_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "_CACHE_LIMIT", 10)
    for number in range(50):
        site._classify(f"<cell {number}>")
    assert len(site._owners) <= 12


# --- names


def _task() -> str | None:
    return labels.collect(context.get_current())[0].get("task")


def test_nesting_restores_what_was_before() -> None:
    with otelcost.task("outer"), otelcost.label(team="a", session_id="s"):
        with otelcost.task("inner"), otelcost.label(team="b"):
            assert labels.collect(context.get_current()) == ({"task": "inner", "session_id": "s"}, {"team": "b"})
        assert _task() == "outer"
    assert _task() is None


def test_a_scope_can_be_used_again() -> None:
    scope = otelcost.task("again")
    for _ in range(2):
        with scope, scope:
            assert _task() == "again"
        assert _task() is None


@otelcost.task("plain")
def plain(value: int) -> tuple[int, str | None]:
    """Doc."""
    return value, _task()


@otelcost.task("coroutine")
async def coroutine() -> str | None:
    await asyncio.sleep(0)
    return _task()


@otelcost.task("generator")
def generator() -> Iterator[Any]:
    got = yield _task()
    try:
        yield (got, _task())
    except KeyError:
        yield ("caught", _task())
    finally:
        ENDS.append(_task())


@otelcost.task("async generator")
async def async_generator() -> AsyncIterator[Any]:
    yield _task()
    await asyncio.sleep(0)
    try:
        yield _task()
    except KeyError:
        yield "caught"
    finally:
        ENDS.append(_task())


ENDS: list[str | None] = []


def test_decorated_functions() -> None:
    assert plain(3) == (3, "plain")
    assert (plain.__name__, plain.__doc__) == ("plain", "Doc.")
    assert _task() is None


def test_decorated_generators() -> None:
    running: Any = generator()
    assert next(running) == "generator"
    assert _task() is None, "between its steps the consumer's names are in force"
    assert running.send(5) == (5, "generator")
    assert running.throw(KeyError()) == ("caught", "generator")
    with pytest.raises(StopIteration):
        next(running)
    dropped: Any = generator()
    next(dropped), next(dropped)
    dropped.close()
    assert ENDS == ["generator", "generator"]
    ENDS.clear()


async def test_decorated_coroutines_and_async_generators() -> None:
    assert await asyncio.gather(coroutine(), coroutine()) == ["coroutine"] * 2
    running: Any = async_generator()
    assert await anext(running) == "async generator"
    assert _task() is None
    assert await anext(running) == "async generator"
    assert await running.athrow(KeyError()) == "caught"
    assert [one async for one in async_generator()] == ["async generator"] * 2
    closed: Any = async_generator()
    await anext(closed), await anext(closed)
    await closed.aclose()
    await running.aclose()
    assert ENDS == ["async generator"] * 3
    ENDS.clear()


def test_names_are_bounded() -> None:
    many = {f"k{number}": "v" * 1000 for number in range(100)}
    with otelcost.label(**many), otelcost.task("t" * 1000):
        values, tags = labels.collect(context.get_current())
    assert len(values["task"]) == labels.MAX_LENGTH
    assert len(tags) == labels.MAX_LABELS
    assert "k99" in tags
    assert max(map(len, tags.values())) == labels.MAX_LENGTH


def test_the_clock_can_be_replaced() -> None:
    clock.set_source(lambda: 42)
    assert clock.unix_ns() == 42_000
    clock.set_source(None)
    assert clock.unix_ns() > 10**18


# --- the key


def _load(path: Path, queue: Any) -> None:
    queue.put(key.load_or_create(path))


def test_processes_that_start_at_once_agree_on_the_key(home: Path) -> None:
    spawn = multiprocessing.get_context("fork")
    queue = spawn.SimpleQueue()
    children = [spawn.Process(target=_load, args=(settings.key_path(), queue)) for _ in range(8)]
    for child in children:
        child.start()
    keys = {queue.get() for _ in children}
    for child in children:
        child.join()
    assert keys == {settings.key_path().read_bytes()}
    assert [path.name for path in home.iterdir()] == ["key"]
    assert settings.key_path().stat().st_mode & 0o777 == 0o600


# --- estimates


@pytest.fixture(autouse=True)
def _vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTELCOST_ESTIMATE", "tiktoken")


def _exchange(request: Any, response: bytes = b"", **more: Any) -> Exchange:
    defaults: dict[str, Any] = {
        "method": "POST", "host": "h", "port": None, "path": "/v1/chat/completions", "query": "",
        "request_headers": {}, "request_body": msgspec.json.encode(request), "status": 200,
        "response_headers": {}, "response_body": response, "response_decoded": True, "ended": "complete",
        "error_type": None, "request_truncated": False, "response_truncated": False, "trusted_host": True,
        "context": Context(trace_id="0" * 32, span_id="0" * 16, start_unix_us=0, operation_id="0" * 16),
    }  # fmt: skip
    return Exchange(**{**defaults, **more})


def _call(exchange: Exchange, **more: Any) -> Call:
    defaults: dict[str, Any] = {
        "context": exchange.context, "provider": "openai", "api": "openai.chat", "operation": "chat",
        "request_model": "gpt-4o", "http_status": exchange.status,
    }  # fmt: skip
    return Call(**{**defaults, **more})


CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello world"}]}


def test_vocabularies_are_the_ones_tiktoken_expects() -> None:
    for name in ("o200k_base", "cl100k_base"):
        loaded = vocabulary.encoding(name)
        assert loaded is not None
        assert loaded.name == name
        assert loaded.decode(loaded.encode_ordinary("tiktoken ünïcode")) == "tiktoken ünïcode"


def test_a_vocabulary_with_another_hash_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="not the vocabulary"):
        vocabulary._load("https://example.invalid/o200k_base.tiktoken", "0" * 64)
    with pytest.raises(OSError, match="nothing"):
        vocabulary._load("https://example.invalid/nothing.tiktoken", "0" * 64)


def test_text_is_counted_as_the_model_would() -> None:
    exchange = _exchange(CHAT, b'{"choices":[{"message":{"role":"assistant","content":"hello world"}}]}')
    filled = estimate.fill(_call(exchange), exchange)
    assert filled.usage.output_tokens == 2
    assert filled.usage.input_uncached_tokens == 2 + 2 * estimate.PER_MESSAGE_TOKENS
    assert filled.flags == ("estimated",)


@pytest.mark.parametrize(
    ("event", "tokens"),
    [
        ({"choices": [{"delta": {"content": "hello world"}}]}, 2),
        ({"choices": [{"delta": {"tool_calls": [{"function": {"name": "f", "arguments": "hello world"}}]}}]}, 2),
        ({"choices": [{"text": "hello world"}]}, 2),
        ({"type": "response.output_text.delta", "delta": "hello world"}, 2),
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hello world"}}, 2),
        ({"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "hello world"}}, 2),
        ({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "hello world"}}, 2),
        ({"type": "ping"}, 0),
    ],
)
def test_streamed_output_in_every_shape(event: Any, tokens: int) -> None:
    exchange = _exchange(CHAT, b"data: " + msgspec.json.encode(event) + b"\n\n")
    assert estimate.fill(_call(exchange), exchange).usage.output_tokens == tokens


def test_what_the_provider_counted_stays() -> None:
    exchange = _exchange(CHAT, b"{}")
    counted = _call(exchange, usage=Usage(input_uncached_tokens=1, output_tokens=1))
    assert estimate.fill(counted, exchange) is counted
    half = estimate.fill(_call(exchange, usage=Usage(input_uncached_tokens=1)), exchange)
    assert half.usage.input_uncached_tokens == 1
    assert half.usage.output_tokens == 0


@pytest.mark.parametrize(("status", "outcome"), [(400, "error"), (500, "error"), (None, "error")])
def test_what_was_not_billed_is_not_estimated(status: int | None, outcome: Any) -> None:
    exchange = _exchange(CHAT, status=status)
    call = _call(exchange, http_status=status, status=outcome)
    assert estimate.fill(call, exchange) is call


def test_bytes_where_there_is_no_time_for_a_vocabulary() -> None:
    exchange = _exchange(CHAT, b'{"choices":[{"message":{"content":"12345678"}}]}')
    assert estimate.fill(_call(exchange), exchange, quick=True).usage.output_tokens == 2


def test_bytes_where_the_user_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTELCOST_ESTIMATE", "bytes")
    exchange = _exchange(CHAT, b'{"choices":[{"message":{"content":"12345678"}}]}')
    assert estimate.fill(_call(exchange), exchange).usage.output_tokens == 2


_A_FORK_IN_THE_MIDDLE = """
import os, threading, time
from otelcost import native, wire

begun, done = threading.Event(), []

def load():
    with native.importing():
        begun.set()
        time.sleep(0.2)
        wire.decode_with_bodies  # what is imported imports in turn
        done.append(True)

threading.Thread(target=load).start()
begun.wait()
child = os.fork()
if not child:
    other = []
    def use():
        wire.texts_of
        other.append(True)
    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    thread.join(30)
    os._exit(0 if done and other else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_waits_for_an_import() -> None:
    child = subprocess.run([sys.executable, "-c", _A_FORK_IN_THE_MIDDLE], capture_output=True, text=True, check=True)
    assert child.stdout == "0\n", "the child has half a module"


def test_a_fork_goes_on_when_an_import_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_GATE_SECONDS", 0.01)
    gate = native._Gate()
    gate.before_fork()
    gate.before_fork()  # in the middle of an import of its own
    gate.after_in_parent()
    gate.after_in_parent()
    stuck, ended = native.Mark(), native.Mark()

    def never_ends() -> None:
        gate.lock.acquire()
        stuck.set()

    native.start_thread(never_ends, ())
    assert stuck.wait(10)
    gate.before_fork()
    gate.after_in_parent()  # not ours to release

    def in_the_child() -> None:
        gate.after_in_child()
        if gate.lock.acquire(timeout=0):
            ended.set()

    native.start_thread(in_the_child, ())
    assert ended.wait(10)


# --- the interpreter's lock


@pytest.fixture
def never_forced() -> Iterator[None]:
    """No thread loses the interpreter's lock but by letting go of it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


class _Waiting:
    """A thread that wants nothing until it is called, and then the interpreter's lock."""

    def __init__(self) -> None:
        self.ran = False
        self._call = threading.Lock()
        self._call.acquire()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._call:
            self.ran = True

    def call(self) -> None:
        self._call.release()

    def end(self) -> None:
        self._thread.join()


@pytest.mark.usefixtures("never_forced")
def test_the_lock_is_handed_to_who_waits() -> None:
    assert any(_is_handed_over() for _ in range(20)), "nobody else would have let it run"


def _is_handed_over() -> bool:
    other = _Waiting()
    other.call()
    until = time.perf_counter() + 0.02
    while time.perf_counter() < until:  # it is awake by now, and waits
        pass
    assert not other.ran
    handed = native.hand_over()
    ran = other.ran
    other.end()
    return handed and ran


def test_nobody_waits() -> None:
    assert sum(native.hand_over() for _ in range(100)) < 50, "a thread that sleeps wants nothing"


_A_SLOW_MODULE = """
import sys
def step():
    pass
sys.other.call()
for steps in range(3_000_000):
    step()
    if sys.other.ran:
        break
ran = sys.other.ran
"""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="a profiler of one thread costs the others")
@pytest.mark.usefixtures("never_forced")
def test_an_import_lets_others_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "otelcost_slow_module.py").write_text(_A_SLOW_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    other = _Waiting()
    monkeypatch.setattr(sys, "other", other, raising=False)
    with native.importing():
        module = import_module("otelcost_slow_module")
    assert module.ran
    assert sys.getprofile() is None
    other.end()


def test_an_import_leaves_a_profiler_alone() -> None:
    seen: list[str] = []

    def profiler(_frame: object, event: str, _argument: object) -> None:
        seen.append(event)

    sys.setprofile(profiler)
    try:
        with native.importing():
            inside = sys.getprofile()
        after = sys.getprofile()
    finally:
        sys.setprofile(None)
    assert inside is profiler
    assert after is profiler
    assert seen


def test_claude_counts_more_tokens() -> None:
    exchange = _exchange(CHAT, b'{"content":[{"type":"text","text":"' + b"hello world " * 50 + b'"}]}')
    claude = {"api": "anthropic.messages", "provider": "anthropic"}
    plain_count = estimate.fill(_call(exchange), exchange).usage.output_tokens or 0
    older = estimate.fill(_call(exchange, request_model="claude-haiku-4-5", **claude), exchange)
    newer = estimate.fill(_call(exchange, request_model="claude-sonnet-5-5", **claude), exchange)
    assert plain_count < (older.usage.output_tokens or 0) < (newer.usage.output_tokens or 0)


def test_attachments_are_not_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9000}}
    exchange = _exchange({"messages": [{"role": "user", "content": [image]}]})
    filled = estimate.fill(_call(exchange), exchange)
    assert (filled.usage.input_uncached_tokens or 0) < 20


def test_long_text_is_counted_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "MAX_COUNTED_BYTES", 1200)
    exchange = _exchange({"messages": [{"role": "user", "content": "hello world " * 1000}]})
    counted = estimate.fill(_call(exchange), exchange).usage.input_uncached_tokens or 0
    assert 1900 < counted < 2100


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_bytes_make_an_estimate_fail(request: bytes, response: bytes) -> None:
    exchange = _exchange({}, response, request_body=request)
    estimate.fill(_call(exchange), exchange, quick=True)


# --- dialects and the exporter

LLM = [
    ("s", "chat m", {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 2}),
    ("s", "x", {"gen_ai.system": "openai", "gen_ai.request.model": "m", "gen_ai.usage.prompt_tokens": 9,
                "gen_ai.usage.completion_tokens": 2}),
    ("s", "x", {"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": 9,
                "llm.token_count.completion": 2}),
    ("ai", "ai.generateText.doGenerate", {"ai.model.id": "m", "ai.model.provider": "openai",
                                          "ai.usage.promptTokens": 9, "ai.usage.completionTokens": 2}),
    ("s", "x", {"gen_ai.operation.name": "chat", "llm.usage.total_tokens": 11, "gen_ai.usage.output_tokens": 2}),
]  # fmt: skip
NOT_LLM: list[tuple[str, str, dict[str, Any]]] = [
    ("otelcost", "chat m", {"gen_ai.operation.name": "chat"}),
    ("s", "invoke_agent a", {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9}),
    ("ai", "ai.generateText", {"ai.operationId": "ai.generateText", "ai.model.id": "m", "ai.usage.promptTokens": 9}),
    ("s", "fetch", {"gen_ai.operation.name": "fetch_response", "gen_ai.request.model": "m"}),
    ("s", "x", {"openinference.span.kind": "AGENT", "llm.model_name": "m", "llm.token_count.prompt": 4}),
    ("s", "GET /", {"http.request.method": "GET"}),
    ("s", "x", {"gen_ai.aggregated_usage.input_tokens": 4}),
]


@pytest.mark.parametrize(("scope", "name", "attributes"), LLM)
def test_dialects(scope: str, name: str, attributes: dict[str, Any]) -> None:
    assert dialects.is_llm(scope, name, attributes)
    usage = dialects.usage_of(attributes)
    assert (usage.input_uncached_tokens, usage.output_tokens) == (9, 2)


@pytest.mark.parametrize(("scope", "name", "attributes"), NOT_LLM)
def test_what_is_never_counted(scope: str, name: str, attributes: dict[str, Any]) -> None:
    assert not dialects.is_llm(scope, name, attributes)


@pytest.mark.parametrize(
    ("source", "currency", "amount", "known"),
    [
        ("provider", "USD", 0.25, 250_000_000_000),
        ("local", "USD", 0.25, None),
        ("provider", "EUR", 0.25, None),
        ("provider", "USD", "0.25", None),
        ("provider", "USD", float("nan"), None),
        ("provider", "USD", -1, None),
    ],
)
def test_only_a_price_that_the_provider_sent_is_one(
    source: str, currency: str, amount: object, known: int | None
) -> None:
    cost = "gen_ai.usage.cost"
    attributes = {f"{cost}.source": source, f"{cost}.currency": currency, f"{cost}.amount": amount}
    assert dialects.usage_of(attributes).provider_cost_picousd == known


def test_buckets_are_disjoint() -> None:
    usage = dialects.usage_of(
        {
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.cache_read.input_tokens": 40,
            "gen_ai.usage.cache_write.input_tokens": 30,
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 10,
            "gen_ai.usage.reasoning.output_tokens": True,
        }
    )
    assert (usage.input_uncached_tokens, usage.cache_read_tokens) == (30, 40)
    assert (usage.cache_write_short_tokens, usage.cache_write_long_tokens) == (20, 10)
    assert usage.reasoning_tokens is None
    exclusive = dialects.usage_of({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 40})
    assert exclusive.input_uncached_tokens == 5


@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["gen_ai.usage.input_tokens", "ai.usage.outputTokens", "llm.provider"]),
                       st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none())))  # fmt: skip
def test_no_attribute_value_breaks_a_dialect(attributes: dict[str, Any]) -> None:
    usage = dialects.usage_of(attributes)
    assert all(value is None or 0 <= value < 2**62 for value in msgspec.to_builtins(usage).values())
    dialects.text_fields(attributes)


def test_the_exporter_keeps_llm_spans_and_local_roots(home: Path) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OtelcostSpanExporter()))
    with provider.get_tracer("web").start_as_current_span("GET /", kind=SpanKind.SERVER):
        for scope, name, attributes in [*LLM, *NOT_LLM]:
            full = {key: value for key, value in attributes.items() if value is not None}
            secret = {"gen_ai.input.messages": "my secret prompt"}
            provider.get_tracer(scope).start_span(name, attributes={**full, **secret}).end()
        remote = trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(1))
        above = trace.set_span_in_context(trace.NonRecordingSpan(remote))
        provider.get_tracer("web").start_span("consume", context=above).end()
    provider.shutdown()
    (path,) = (home / "spool").glob("spans-*.ndjson")
    records = [msgspec.json.decode(line, type=SpanRecord) for line in path.read_bytes().splitlines()]
    assert [record.is_llm for record in records] == [True] * len(LLM) + [False, False]
    assert [record.name for record in records if record.is_root] == ["consume", "GET /"]
    assert b"secret" not in path.read_bytes()
    assert records[-1].usage == Usage()


def test_the_exporter_keeps_what_ties_llm_spans(home: Path) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OtelcostSpanExporter()))
    plain, llm = provider.get_tracer("app"), {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    with (
        plain.start_as_current_span("root"),
        plain.start_as_current_span("above"),
        plain.start_as_current_span("outer", attributes=llm),
        plain.start_as_current_span("retry"),
        plain.start_as_current_span("step"),
        plain.start_as_current_span("inner", attributes=llm),
    ):
        plain.start_span("beside").end()
    provider.shutdown()
    (path,) = (home / "spool").glob("spans-*.ndjson")
    records = [msgspec.json.decode(line, type=SpanRecord) for line in path.read_bytes().splitlines()]
    assert [record.name for record in records] == ["inner", "step", "retry", "outer", "above", "root"]
    assert [record.is_llm for record in records] == [True, False, False, True, False, False]
    assert [above.span_id for above in records[1:]] == [below.parent_span_id for below in records[:-1]]


def test_the_exporter_waits_for_a_bounded_number_of_spans(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otelcost_exporters.spool._MAX_AWAITED", 2)
    exporter, provider = OtelcostSpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("app")
    for _ in range(5):
        above = trace.set_span_in_context(tracer.start_span("never ends"))
        tracer.start_span("chat", context=above, attributes={"gen_ai.operation.name": "chat"}).end()
    assert len(exporter._awaited) == 2
    provider.shutdown()


@pytest.mark.parametrize("amount", ["inf", "-inf", "nan", "much", ""])
def test_limits_that_are_no_amounts(monkeypatch: pytest.MonkeyPatch, amount: str) -> None:
    monkeypatch.setenv(workers.PENDING_VARIABLE, amount)
    monkeypatch.setenv(writers.MAX_VARIABLE, amount)
    assert workers._pending_limit() == workers.DEFAULT_PENDING_MB * 1024 * 1024
    assert writers.limit_bytes() == writers.DEFAULT_MAX_BYTES


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "flask, otelcost"),
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "*"),
        ("OTEL_SDK_DISABLED", "true"),
    ],
)
def test_an_exporter_that_is_told_to_record_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    exporter, made = OtelcostSpanExporter(), Telemetry()
    made.tracer.start_span("GET /").end()
    monkeypatch.setenv(variable, value)
    assert exporter.export(made.memory.get_finished_spans()) is SpanExportResult.SUCCESS
    exporter.shutdown()
    assert not home.exists()


def test_an_exporter_that_cannot_write_says_success(home: Path) -> None:
    home.write_text("in the way")
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = OtelcostSpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("web").start_span("GET /").end()
    assert exporter.force_flush()
    provider.shutdown()
