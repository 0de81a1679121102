"""Invariants over any bytes: nothing raises, line endings and chunk boundaries do not matter."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otelcost.model import Call, Usage
from otelcost.wire import sse
from otelcost.wire.codecs import APIS

PATHS = {
    "openai.chat": "/v1/chat/completions",
    "openai.completions": "/v1/completions",
    "openai.responses": "/v1/responses",
    "openai.embeddings": "/v1/embeddings",
    "anthropic.messages": "/v1/messages",
    "gemini.generate": "/v1beta/models/gemini-3-flash:streamGenerateContent",
    "gemini.interactions": "/v1beta/interactions",
    "gemini.embed": "/v1beta/models/gemini-embedding-001:embedContent",
    "bedrock.converse": "/model/us.amazon.nova-lite-v1:0/converse-stream",
    "bedrock.invoke": "/model/us.amazon.nova-lite-v1:0/invoke-with-response-stream",
    "openai.images": "/v1/images/generations",
    "openai.audio": "/v1/audio/transcriptions",
    "openai.speech": "/v1/audio/speech",
    "cohere.chat": "/v2/chat",
    "cohere.embed": "/v2/embed",
    "cohere.rerank": "/v2/rerank",
    "ollama.chat": "/api/chat",
    "ollama.embed": "/api/embed",
    "openai.input_tokens": "/v1/responses/input_tokens",
    "openai.moderations": "/v1/moderations",
    "openai.decisions": "/v1/decisions",
    "anthropic.count_tokens": "/v1/messages/count_tokens",
    "gemini.count_tokens": "/v1beta/models/gemini-3-flash:countTokens",
    "bedrock.count_tokens": "/model/anthropic.claude-haiku-4-5/count-tokens",
    "batch.create": "/v1/batches",
    "openai.videos": "/v1/videos",
    "mistral.ocr": "/v1/ocr",
}
GEMINI, GEMINI_EMBED = PATHS["gemini.generate"], PATHS["gemini.embed"]
CONVERSE, INVOKE = PATHS["bedrock.converse"], PATHS["bedrock.invoke"]
GEMINI_COUNT, BEDROCK_COUNT = PATHS["gemini.count_tokens"], PATHS["bedrock.count_tokens"]
BINARY = {CONVERSE, INVOKE}
LINED = {"/api/chat"}
EVENTED = {
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1beta/interactions",
    "/v1/images/generations",
    "/v1/audio/transcriptions",
    "/v1/audio/speech",
    "/v2/chat",
    GEMINI,
}
ANY_PATH = st.sampled_from(sorted(PATHS.values()))
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

REQUESTS = {
    "/v1/chat/completions": {
        "model": "gpt-4o",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}},
        "messages": [
            {"role": "system", "content": 'Say "yes" on 2026-11-03'},
            {
                "role": "user",
                "content": [{"type": "text", "text": "é"}, {"type": "image_url", "image_url": {"url": "u"}}],
            },
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
        ],
    },
    "/v1/completions": {"model": "m", "prompt": ["a", "b"]},
    "/v1/embeddings": {"model": "m", "input": [[1, 2], [3]]},
    "/v1/responses": {
        "model": "m",
        "instructions": "Be short.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}, {"type": "function_call"}],
        "text": {"format": {"type": "json_schema", "schema": {}}},
    },
    "/v1/messages": {
        "model": "m",
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": [{"type": "tool_result", "content": "é"}]}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    },
    GEMINI: {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}],
        "contents": [
            {"role": "user", "parts": [{"text": "é"}, {"inlineData": {"mimeType": "image/png", "data": "AA"}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        ],
        "generationConfig": {"maxOutputTokens": 9, "thinkingConfig": {"thinkingBudget": 1}},
    },
    GEMINI_EMBED: {"content": {"parts": [{"text": "é"}]}, "instances": [{"content": "x"}]},
    "/api/chat": {
        "model": "m",
        "messages": [{"role": "user", "content": "é", "images": ["AA"]}],
        "format": {"type": "object"},
        "options": {"num_predict": 9},
    },
    "/api/embed": {"model": "m", "input": ["é", "x"]},
    "/v1beta/interactions": {
        "model": "m",
        "input": [{"type": "text", "text": "é"}, {"role": "model", "content": [{"type": "image"}]}],
        "tools": [{"type": "function", "name": "f"}],
    },
    "/v1/images/generations": {"model": "m", "prompt": "é", "n": 1},
    "/v1/audio/transcriptions": {"model": "m", "prompt": "é"},
    "/v1/audio/speech": {"model": "m", "input": "é", "instructions": "x"},
    "/v2/chat": {
        "model": "m",
        "preamble": "s",
        "chat_history": [{"role": "USER", "message": "é"}],
        "messages": [{"role": "assistant", "tool_plan": "p", "tool_calls": [{"function": {"name": "f"}}]}],
        "documents": [{"text": "d"}],
        "thinking": {"type": "enabled", "token_budget": 9},
    },
    "/v2/embed": {"model": "m", "texts": ["é"], "inputs": [{"content": [{"type": "text", "text": "x"}]}]},
    "/v2/rerank": {"model": "m", "query": "é", "documents": ["x", {"text": "y"}]},
    CONVERSE: {
        "system": [{"text": "s"}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": [{"text": "é"}, {"image": {"format": "png"}}]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "f"}}, {"cachePoint": {"type": "default"}}]},
        "inferenceConfig": {"maxTokens": 9},
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    },
    INVOKE: {"prompt": "é", "chat_history": [{"role": "USER", "message": "x"}], "max_tokens": 9},
    "/v1/moderations": {"model": "m", "input": ["é", {"type": "image_url", "image_url": {"url": "u"}}]},
    "/v1/decisions": {
        "model": "m",
        "input": [{"role": "user", "content": "é"}],
        "questions": [{"type": "predicate", "name": "urgent", "question": "Is it urgent?"}],
    },
    "/v1/videos": {"model": "m", "prompt": "é", "seconds": "4"},
    "/v1/ocr": {"model": "m", "document": {"type": "document_url", "document_url": "u"}},
    "/v1/batches": {"input_file_id": "file-1", "endpoint": "/v1/responses", "completion_window": "24h"},
}
REQUESTS |= {
    "/v1/responses/input_tokens": REQUESTS["/v1/responses"],
    "/v1/messages/count_tokens": REQUESTS["/v1/messages"],
    GEMINI_COUNT: {"generateContentRequest": {"model": "models/g", **REQUESTS[GEMINI]}},
    BEDROCK_COUNT: {"input": {"invokeModel": {"body": b64encode(json.dumps(REQUESTS[INVOKE]).encode()).decode()}}},
}
COUNTED = {
    "/v1/responses/input_tokens": "input_tokens",
    "/v1/messages/count_tokens": "input_tokens",
    GEMINI_COUNT: "totalTokens",
    BEDROCK_COUNT: "inputTokens",
}
UNSTREAMED = ("/v1/moderations", "/v1/decisions", "/v1/batches", "/v1/videos", "/v1/ocr")
COUNTS = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
AUDIO_COUNTS = {
    "type": "tokens", "input_tokens": 9, "output_tokens": 4, "total_tokens": 13,
    "input_token_details": {"audio_tokens": 5},
}  # fmt: skip
STREAMS = {
    "/v1/chat/completions": [
        {"id": "i", "model": "m", "choices": [{"index": 0, "delta": {"content": "é😀"}, "finish_reason": None}]},
        {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": None},
        {"choices": [], "usage": COUNTS},
    ],
    "/v1/completions": [{"choices": [{"text": "é"}]}, {"choices": [], "usage": COUNTS}],
    "/v1/embeddings": [{"data": []}],
    "/v1/responses": [
        {"type": "response.created", "response": {"id": "r", "status": "in_progress"}},
        {"type": "response.output_text.delta", "delta": "é"},
        {"type": "response.completed", "response": {
            "status": "completed",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": "é"}]}],
            "usage": {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13},
        }},
    ],
    "/v1/messages": [
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 9, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "é"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    ],
    GEMINI: [
        {"candidates": [{"content": {"parts": [{"text": "é"}]}, "index": 0}], "modelVersion": "g"},
        {
            "candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}, "finishReason": "STOP"}],
            "usageMetadata": {
                "promptTokenCount": 9, "candidatesTokenCount": 3, "thoughtsTokenCount": 1, "totalTokenCount": 13,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}, {"modality": "AUDIO", "tokenCount": 1}],
            },
        },
    ],
    GEMINI_EMBED: [{"embedding": {}}],
    "/api/chat": [
        {"model": "m", "message": {"content": "é"}, "done": False},
        {"model": "m", "message": {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}, "done": False},
        {"model": "m", "done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 4},
    ],
    "/api/embed": [{"embeddings": []}],
    "/v1beta/interactions": [
        {"event_type": "interaction.created", "interaction": {"id": "i", "status": "in_progress"}},
        {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "é"}},
        {"event_type": "interaction.completed", "interaction": {"status": "completed", "usage": {
            "total_input_tokens": 9, "total_output_tokens": 3, "total_thought_tokens": 1, "total_tokens": 13,
        }}},
    ],
    "/v1/images/generations": [
        {"type": "image_generation.partial_image", "b64_json": "AA"},
        {"type": "image_generation.completed", "usage": {
            "input_tokens": 9, "output_tokens": 4, "total_tokens": 13, "input_tokens_details": {"image_tokens": 0},
        }},
    ],
    "/v1/audio/transcriptions": [
        {"type": "transcript.text.delta", "delta": "é"},
        {"type": "transcript.text.done", "text": "é", "usage": AUDIO_COUNTS},
    ],
    "/v1/audio/speech": [
        {"type": "speech.audio.delta", "audio": "AA"},
        {"type": "speech.audio.done", "usage": AUDIO_COUNTS},
    ],
    "/v2/chat": [
        {"type": "message-start", "id": "i"},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "é"}}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": {"function": {"name": "f"}}}}},
        {"type": "tool-call-delta", "delta": {"message": {"tool_calls": {"function": {"arguments": "{}"}}}}},
        {"type": "message-end", "delta": {
            "finish_reason": "COMPLETE", "usage": {"billed_units": {"input_tokens": 9, "output_tokens": 4}},
        }},
    ],
    "/v2/embed": [{"embeddings": []}],
    "/v2/rerank": [{"results": []}],
    CONVERSE: [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "é"}}},
        {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"name": "f"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": "{}"}}}},
        {"messageStop": {"stopReason": "tool_use"}},
        {"metadata": {"usage": {
            "inputTokens": 9, "outputTokens": 4, "totalTokens": 13,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 0}],
        }}},
    ],
    **{path: [{"error": {"code": "x"}}] for path in (*COUNTED, *UNSTREAMED)},
    INVOKE: [
        {"generation": "é", "prompt_token_count": 9, "stop_reason": None},
        {"generation": "x", "generation_token_count": 4, "stop_reason": "stop"},
    ],
}  # fmt: skip
WHOLE = {
    "/v1/chat/completions": {
        "id": "i", "choices": [{"message": {"content": "é"}, "finish_reason": "stop"}], "usage": COUNTS,
    },
    "/v1/completions": {"choices": [{"text": "é"}], "usage": COUNTS},
    "/v1/embeddings": {"data": [{"embedding": [0.1]}], "usage": {"prompt_tokens": 9, "total_tokens": 9}},
    "/v1/responses": STREAMS["/v1/responses"][2]["response"],
    "/v1/messages": {
        "content": [{"type": "tool_use", "name": "f", "input": {}}], "usage": {"input_tokens": 9, "output_tokens": 4},
    },
    GEMINI: STREAMS[GEMINI][1],
    GEMINI_EMBED: {"predictions": [{"embeddings": {"statistics": {"token_count": 9}}}]},
    "/api/chat": STREAMS["/api/chat"][2] | {"message": {"content": "é"}},
    "/api/embed": {"embeddings": [[0.5]], "prompt_eval_count": 9},
    "/v1beta/interactions": {
        "object": "interaction",
        "status": "completed",
        "steps": [{"type": "model_output", "content": [{"type": "text", "text": "é"}]}, {"type": "function_call"}],
        "usage": {"total_input_tokens": 9, "total_output_tokens": 4, "total_tokens": 13},
    },
    "/v1/images/generations": {"data": [{"b64_json": "AA"}], "usage": {"input_tokens": 9, "output_tokens": 4}},
    "/v1/audio/transcriptions": {"text": "é", "duration": 1.5},
    "/v1/audio/speech": {"error": {"type": "x"}},
    "/v2/chat": {
        "id": "i",
        "message": {"content": [{"type": "text", "text": "é"}], "tool_calls": [{"function": {"arguments": "{}"}}]},
        "usage": {"tokens": {"input_tokens": 9, "output_tokens": 4}},
    },
    "/v2/embed": {"embeddings": {"float": [[0.5]]}, "meta": {"billed_units": {"input_tokens": 9}}},
    "/v2/rerank": {"results": [{"index": 0}], "meta": {"billed_units": {"search_units": 1}}},
    CONVERSE: {
        "output": {"message": {"content": [{"text": "é"}, {"toolUse": {"name": "f", "input": {}}}]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 9, "outputTokens": 4, "totalTokens": 13},
    },
    **{path: {member: 9} for path, member in COUNTED.items()},
    "/v1/moderations": {"id": "modr-1", "model": "m", "results": [{"flagged": False}]},
    "/v1/decisions": {
        "model": "m",
        "answers": [{"type": "predicate", "name": "urgent", "probability": 0.9}],
        "usage": {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13},
    },
    "/v1/videos": {"id": "video_1", "object": "video", "model": "m", "status": "queued", "seconds": "4", "size": "x"},
    "/v1/ocr": {"model": "m", "pages": [{"index": 0, "markdown": "é"}], "usage_info": {"pages_processed": 1}},
    "/v1/batches": {"id": "batch_1", "object": "batch", "status": "validating"},
    INVOKE: {"inputTextTokenCount": 9, "results": [{"tokenCount": 4, "outputText": "é", "completionReason": "FINISH"}]},
}  # fmt: skip


def test_every_api_is_covered() -> None:
    assert set(PATHS) == APIS
    assert set(REQUESTS) == set(STREAMS) == set(WHOLE) == set(PATHS.values())


def framed(wire: Any, path: str, events: Any) -> bytes:
    """Events as this API sends them; what is no list of them is sent as one."""
    listed = events if isinstance(events, list) else [events]
    if path in BINARY:
        return wire.chunks(listed) if path == INVOKE else wire.named(listed)
    if path in LINED:
        return wire.lines(listed)
    done = path.endswith("completions")
    return wire.sse(listed, named=not done, done=done)


def body_of(wire: Any, path: str, *, stream: bool) -> bytes:
    return framed(wire, path, STREAMS[path]) if stream else wire.body(WHOLE[path])


def check(call: Call) -> None:
    """What holds of every call, whatever the bytes."""
    for name in Usage.__struct_fields__:
        assert (getattr(call.usage, name) or 0) >= 0
    line = msgspec.json.encode(call)
    assert b"\n" not in line
    again = msgspec.json.decode(line, type=Call)
    assert msgspec.json.encode(again) == line


@given(path=ANY_PATH, request=st.binary(max_size=200), response=st.binary(max_size=200))
@RELAXED
def test_any_bytes_make_a_call(wire: Any, path: str, request: bytes, response: bytes) -> None:
    check(wire.call(path, request, response))
    check(wire.call(path, request, b"data: " + response + b"\n\n"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def paths_into(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Ways to every member and item of a JSON value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [(*at, name) for name, _ in members]
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        found += paths_into(inner, (*at, name))
    return found


def replaced(value: Any, at: tuple[Any, ...], new: object) -> Any:
    """A copy with one member replaced."""
    copy = json.loads(json.dumps(value))
    node = copy
    for name in at[:-1]:
        node = node[name]
    node[at[-1]] = new
    return copy


@given(path=ANY_PATH, data=st.data())
@RELAXED
def test_any_member_may_be_any_json(wire: Any, path: str, data: st.DataObject) -> None:
    def mutated(value: Any) -> Any:
        return replaced(value, data.draw(st.sampled_from(paths_into(value))), data.draw(JSON))

    check(wire.call(path, mutated(REQUESTS[path]), mutated(WHOLE[path])))
    check(wire.call(path, REQUESTS[path], framed(wire, path, mutated(STREAMS[path]))))


@given(path=ANY_PATH, stream=st.booleans(), data=st.data())
@RELAXED
def test_any_damage_to_a_valid_body_makes_a_call(wire: Any, path: str, stream: bool, data: st.DataObject) -> None:
    def damaged(body: bytes) -> bytes:
        at = data.draw(st.integers(0, len(body)))
        return body[:at] + data.draw(st.binary(max_size=4)) + body[at + data.draw(st.integers(0, 9)) :]

    check(wire.call(path, damaged(wire.body(REQUESTS[path])), damaged(body_of(wire, path, stream=stream))))


@given(path=st.sampled_from(sorted(EVENTED | LINED | BINARY)), data=st.data())
@RELAXED
def test_a_prefix_of_a_stream_is_never_finished(wire: Any, path: str, data: st.DataObject) -> None:
    body = body_of(wire, path, stream=True)
    whole = wire.call(path, REQUESTS[path], body)
    assert (whole.status, whole.flags, whole.usage.output_tokens) == ("ok", (), 4)
    cut = data.draw(st.integers(0, len(body.rstrip(b"\n")) - 1))
    call = wire.call(path, REQUESTS[path], body[:cut], ended="closed")
    check(call)
    assert (call.status, call.flags) == ("aborted", ("lower_bound",))
    assert call.usage.output_tokens in {None, 4}


@given(
    path=st.sampled_from(sorted(EVENTED)),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    comment=st.booleans(),
    data=st.data(),
)
@RELAXED
def test_framing_does_not_matter(wire: Any, path: str, ending: str, comment: bool, data: st.DataObject) -> None:
    body = body_of(wire, path, stream=True)
    blocks = body.decode().strip("\n").split("\n\n")
    if comment:
        blocks.insert(data.draw(st.integers(0, len(blocks))), ": keep-alive")
    framed = ("\n\n".join(blocks) + data.draw(st.sampled_from(["", "\n", "\n\n"]))).replace("\n", ending).encode()
    one, two = wire.call(path, REQUESTS[path], body), wire.call(path, REQUESTS[path], framed)
    assert msgspec.structs.replace(two, response_bytes=one.response_bytes) == one


@given(path=ANY_PATH, stream=st.booleans(), data=st.data())
@RELAXED
def test_any_chunking_gives_the_same_call(wire: Any, path: str, stream: bool, data: st.DataObject) -> None:
    body = body_of(wire, path, stream=stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    chunks = [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert wire.call(path, REQUESTS[path], b"".join(chunks)) == wire.call(path, REQUESTS[path], body)


def test_one_event_may_spread_over_data_lines() -> None:
    events = sse.parse(b'event: x\ndata: {"a":\ndata:1}\nid: 7\n\ndata\n\n\n\ndata: {}')
    assert events.payloads == [b'{"a":\n1}', b"{}"]
    assert events.tail_open
