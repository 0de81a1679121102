"""Requests of the usual members are read in one pass: what comes out is what the patient reading finds."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.model import Usage
from otelcost.wire import usage
from otelcost.wire.anatomy import Anatomy
from otelcost.wire.codecs import codec_of
from otelcost.wire.hashing import Hasher
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Request
from otelcost.wire.reply import Reply

HASHER = Hasher(b"k" * 32)
TEXTS = st.sampled_from(
    ["", "a", "b", "ab", "null", "_", 'say "no"', "Zürich \u2028 \\u", "Order 4711 of 2026-11-03", "x" * 300]
)
ODD = st.sampled_from(
    [None, True, 0, 1, 1.0, -3, 0.2, 1e300, 1 << 70, "", "x", "high", [], {}, [None], ["x"], {"type": "text"}]
)
BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "image", "tool_use", "tool_result", "refusal"]) | ODD},
    optional={
        "text": TEXTS | ODD,
        "image_url": st.just({"url": "data:", "detail": "low"}) | ODD,
        "name": TEXTS | ODD,
        "input": ODD,
        "cache_control": st.sampled_from([{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}]) | ODD,
        "prompt_cache_breakpoint": st.sampled_from([{}, {"ttl": "12h"}]) | ODD,
    },
)  # fmt: skip
CONTENT = TEXTS | st.lists(BLOCK, max_size=3) | ODD
CALL = st.fixed_dictionaries(
    {"id": TEXTS, "function": st.fixed_dictionaries({"name": TEXTS, "arguments": TEXTS}) | ODD}
)
TOOL = st.fixed_dictionaries({"type": TEXTS, "name": TEXTS, "function": st.fixed_dictionaries({"name": TEXTS}) | ODD})
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "x" * 400, ""]) | ODD
CHAT_MESSAGE = st.fixed_dictionaries(
    {"role": ROLES, "content": CONTENT},
    optional={"tool_calls": st.lists(CALL, max_size=2) | ODD, "function_call": CALL | ODD, "name": TEXTS, "more": ODD},
)
MESSAGE = st.fixed_dictionaries({"content": CONTENT}, optional={"role": ROLES, "more": ODD})
COMMON = {
    "model": TEXTS | ODD,
    "stream": ODD,
    "temperature": ODD,
    "max_tokens": ODD,
    "service_tier": ODD,
    "tools": st.lists(TOOL, max_size=2) | ODD,
    "metadata": ODD,
}
CHAT = st.fixed_dictionaries(
    {"messages": st.lists(CHAT_MESSAGE, max_size=4)},
    optional=COMMON
    | {
        "n": ODD,
        "max_completion_tokens": ODD,
        "reasoning_effort": ODD,
        "reasoning": st.just({"effort": "low"}) | ODD,
        "response_format": st.just({"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}) | ODD,
        "stream_options": ODD,
        "top_k": ODD,
    },
)
MESSAGES = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE, max_size=4)},
    optional=COMMON
    | {
        "system": CONTENT,
        "thinking": st.just({"type": "enabled", "budget_tokens": 1024}) | ODD,
        "output_config": st.just({"effort": "low", "format": {"schema": {"type": "object"}}}) | ODD,
        "cache_control": st.just({"type": "ephemeral"}) | ODD,
        "more": ODD,
    },
)
ITEM = st.fixed_dictionaries(
    {"role": ROLES, "content": CONTENT}, optional={"type": st.just("message") | ODD, "id": ODD}
)
RESPONSE = st.fixed_dictionaries(
    {"input": TEXTS | ODD | st.lists(ITEM | BLOCK, max_size=4)},
    optional=COMMON
    | {
        "instructions": CONTENT,
        "max_output_tokens": ODD,
        "reasoning": st.just({"effort": "low"}) | ODD,
        "text": st.just({"format": {"type": "json_schema", "name": "a", "schema": {}}}) | ODD,
        "previous_response_id": TEXTS | ODD,
        "conversation": ODD,
        "background": ODD,
    },
)
BODIES = (
    st.tuples(st.just("openai.chat"), CHAT)
    | st.tuples(st.just("anthropic.messages"), MESSAGES)
    | st.tuples(st.just("openai.responses"), RESPONSE)
)
INDENTS = st.sampled_from([None, 0, 2])


def _plain(api: str, body: object, indent: int | None = None) -> Request | None:
    codec = codec_of(api)
    assert codec.plain is not None
    return codec.plain(json.dumps(body, indent=indent).encode())


def _patient(api: str, body: object, indent: int | None = None) -> Request:
    fields = Fields.parse(json.dumps(body, indent=indent).encode())
    assert fields is not None
    return codec_of(api).request(fields)


def _facts(request: Request) -> dict[str, Any]:
    return msgspec.structs.asdict(request) | {"canonical": None, "apart": None}


@given(asked=BODIES, indent=INDENTS)
@settings(deadline=None)
def test_one_pass_finds_what_the_patient_reading_finds(asked: tuple[str, dict[str, Any]], indent: int | None) -> None:
    found = _plain(*asked, indent)
    assert found is None or _facts(found) == _facts(_patient(*asked, indent))


APIS = ["openai.chat", "anthropic.messages", "openai.responses"]


def _spelt(api: str, body: dict[str, Any]) -> dict[str, Any]:
    """The body in the words of an API."""
    words = {"messages": "input", "max_tokens": "max_output_tokens"} if api == "openai.responses" else {}
    return {words.get(name, name): value for name, value in body.items()}


@pytest.mark.parametrize("api", APIS)
def test_usual_requests_are_plain_and_others_are_not(api: str) -> None:
    usual = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.2}
    strange = [{"role": "user", "content": "Hello", "unheard_of": 1}]
    assert _plain(api, _spelt(api, usual)) is not None
    assert _plain(api, _spelt(api, usual | {"unheard_of": 1})) is None
    assert _plain(api, _spelt(api, usual | {"max_tokens": "nine"})) is None
    assert _plain(api, []) is None
    assert api == "openai.responses" or _plain(api, usual | {"messages": strange}) is None


def _hash(api: str, body: dict[str, Any]) -> int:
    """The hash of a request whose members stand in one order, as a program's always do."""
    body = json.loads(json.dumps(body, sort_keys=True))
    request = _plain(api, _spelt(api, body)) or _patient(api, _spelt(api, body))
    return Anatomy(request, HASHER).request_hash()


def _job(body: dict[str, Any]) -> object:
    """What is asked: delivery left out."""
    return {name: value for name, value in body.items() if name not in {"stream", "stream_options", "metadata"}}


TEXT_BLOCK = st.fixed_dictionaries(
    {"type": st.just("text"), "text": TEXTS}, optional={"cache_control": st.just({"type": "ephemeral"})}
)
PLAIN_MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system"])}, optional={"content": TEXTS | st.lists(TEXT_BLOCK, max_size=2)}
)
PLAIN = st.fixed_dictionaries(
    {"messages": st.lists(PLAIN_MESSAGE, max_size=3)},
    optional={"temperature": st.sampled_from([0.1, 0.2]), "metadata": ODD, "model": TEXTS, "stream": st.booleans()},
)  # fmt: skip


@given(api=st.sampled_from(APIS), one=PLAIN, two=PLAIN)
@settings(deadline=None, max_examples=300)
def test_the_hash_of_plain_requests_tells_jobs_apart(api: str, one: dict[str, Any], two: dict[str, Any]) -> None:
    assert (_hash(api, one) == _hash(api, two)) == (_job(one) == _job(two))


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "ab"}, {"role": "user", "content": ""}],
        [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}, {"role": "user"}],
        [{"role": "user", "content": "a"}, {"role": "user"}, {"role": "user", "content": "b"}],
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        [{"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "user", "content": "b"}],
    ],
)
def test_a_text_in_another_message_is_another_job(messages: list[dict[str, Any]]) -> None:
    base = {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}
    for api in APIS:
        assert _hash(api, {"messages": messages}) != _hash(api, base)


COUNTS = st.sampled_from([None, 0, 1, 5, 6.0, 7, 12, -1, 1.5, True, "7", 1 << 53, 1 << 70, {}, []])
SPLIT = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            "cached_tokens",
            "audio_tokens",
            "image_tokens",
            "text_tokens",
            "reasoning_tokens",
            "accepted_prediction_tokens",
        ),
        COUNTS,
    ),
)
WRITES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"), COUNTS)
)
OPENAI_USAGE = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens"), COUNTS
    )
    | dict.fromkeys(("prompt_tokens_details", "completion_tokens_details"), SPLIT | st.none())
    | dict.fromkeys(("input_tokens_details", "output_tokens_details"), SPLIT | st.none())
    | {"cost": ODD},
)
ANTHROPIC_USAGE = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), COUNTS
    )
    | {
        "cache_creation": WRITES | ODD,
        "output_tokens_details": st.fixed_dictionaries({}, optional={"thinking_tokens": COUNTS}) | ODD,
        "server_tool_use": st.fixed_dictionaries({}, optional={"web_search_requests": COUNTS}) | ODD,
        "service_tier": ODD,
    },
)


@given(
    told=st.tuples(st.just(usage.OPENAI), OPENAI_USAGE) | st.tuples(st.just(usage.ANTHROPIC), ANTHROPIC_USAGE),
    writes_long=st.booleans(),
)
@settings(deadline=None, max_examples=500)
def test_plain_usage_is_what_the_rows_find(told: tuple[usage.UsageMap, dict[str, Any]], writes_long: bool) -> None:
    table, counts = told
    raw = json.dumps(counts).encode()
    assert table.plain is not None
    plain = table.plain(raw, writes_long=writes_long)
    if plain is not None:
        patient = usage.read(msgspec.json.decode(raw), table, writes_long=writes_long)
        assert (plain.usage, patient.flags) == (patient.usage, frozenset())


def test_usual_usages_are_plain() -> None:
    chat = {
        "prompt_tokens": 9,
        "completion_tokens": 1,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    response = {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10, "input_tokens_details": {"cached_tokens": 4}}
    message = {"input_tokens": 5, "output_tokens": 1, "cache_creation_input_tokens": 3, "service_tier": "standard"}
    assert usage.OPENAI.plain is not None
    assert usage.ANTHROPIC.plain is not None
    for told in (chat, response):
        found = usage.OPENAI.plain(json.dumps(told).encode(), writes_long=False)
        assert found is not None
        assert found.usage == Usage(
            input_uncached_tokens=5, cache_read_tokens=4, output_tokens=1, provider_total_tokens=10
        )
    written = usage.ANTHROPIC.plain(json.dumps(message).encode(), writes_long=True)
    assert written is not None
    assert written.tier == "standard"
    assert written.usage == Usage(
        input_uncached_tokens=5, output_tokens=1, cache_write_short_tokens=0, cache_write_long_tokens=3
    )


FUNCTION = st.fixed_dictionaries({}, optional={"name": TEXTS | ODD, "arguments": TEXTS | ODD, "input": TEXTS | ODD})
CHOICE = st.fixed_dictionaries(
    {},
    optional={
        "finish_reason": TEXTS | ODD,
        "message": ODD
        | st.fixed_dictionaries(
            {"content": TEXTS | ODD},
            optional={
                "refusal": TEXTS | ODD,
                "tool_calls": ODD
                | st.lists(st.fixed_dictionaries({}, optional={"function": FUNCTION | ODD, "custom": FUNCTION | ODD})),
                "function_call": FUNCTION | ODD,
                "more": ODD,
            },
        ),
    },
)
MADE = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "server_tool_use", "thinking"]) | ODD},
    optional={"text": TEXTS | ODD, "name": TEXTS | ODD, "input": st.just({"a": 1}) | ODD},
)
ANSWERED = {
    "id": TEXTS | ODD,
    "model": TEXTS | ODD,
    "usage": ODD,
    "service_tier": TEXTS | ODD,
    "error": ODD,
    "more": ODD,
}
COMPLETION = st.fixed_dictionaries({}, optional=ANSWERED | {"choices": ODD | st.lists(CHOICE, max_size=3)})
ANSWER = st.fixed_dictionaries(
    {}, optional=ANSWERED | {"content": ODD | st.lists(MADE, max_size=3), "stop_reason": TEXTS | ODD}
)
PIECE = st.fixed_dictionaries({}, optional={"text": TEXTS | ODD, "refusal": TEXTS | ODD})
OUTPUT = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "function_call", "reasoning", "web_search_call"]) | ODD},
    optional={
        "content": st.lists(PIECE, max_size=2) | ODD,
        "name": TEXTS | ODD,
        "arguments": TEXTS | ODD,
        "input": TEXTS | ODD,
    },
)
RESPONDED = st.fixed_dictionaries(
    {"status": st.sampled_from(["completed", "completed", "failed", "queued", "incomplete"]) | ODD},
    optional=ANSWERED | {"output": ODD | st.lists(OUTPUT, max_size=3), "incomplete_details": ODD},
)
ANSWERS = (
    st.tuples(st.just("openai.chat"), COMPLETION)
    | st.tuples(st.just("anthropic.messages"), ANSWER)
    | st.tuples(st.just("openai.responses"), RESPONDED)
)


def _told(reply: Reply) -> dict[str, Any]:
    return msgspec.structs.asdict(reply) | {"texts": "".join(reply.texts)}


@given(answered=ANSWERS, indent=INDENTS)
@settings(deadline=None, max_examples=300)
def test_one_pass_over_an_answer_finds_the_same(answered: tuple[str, dict[str, Any]], indent: int | None) -> None:
    api, answer = answered
    body = json.dumps(answer, indent=indent).encode()
    codec, plain, patient = codec_of(api), Reply(), Reply()
    assert codec.plain_whole is not None
    fields = Fields.parse(body)
    assert fields is not None
    codec.whole(fields, patient)
    expected = patient if codec.plain_whole(body, plain) else Reply()
    assert _told(plain) == _told(expected)


@pytest.mark.parametrize(
    ("api", "answer"),
    [
        ("openai.chat", {"id": "a", "choices": [{"message": {"content": "Hello", "refusal": None}}], "usage": {}}),
        ("anthropic.messages", {"id": "a", "content": [{"type": "text", "text": "Hello"}], "stop_reason": None}),
        ("openai.responses", {"status": "completed", "output": [{"type": "message", "content": [{"text": "Hello"}]}]}),
    ],
)
def test_usual_answers_are_plain_and_others_are_not(api: str, answer: dict[str, Any]) -> None:
    plain = codec_of(api).plain_whole
    assert plain is not None
    assert plain(json.dumps(answer).encode(), Reply())
    assert not plain(json.dumps(answer | {"error": {"code": "no"}}).encode(), Reply())
    assert not plain(json.dumps(answer | {"id": 7}).encode(), Reply())
    assert not plain(b"not JSON", Reply())
