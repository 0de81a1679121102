"""Every API's request, taken apart: one realistic request each, and what its API has no place for, said so."""

from __future__ import annotations

from base64 import b64encode
from itertools import pairwise
from typing import Any

import pytest

from otelcost.model import Call
from otelcost.wire.codecs import APIS

from .test_media import FORM, form

STAMP = "It is 2026-11-28T10:00:00Z."
ASK = f"Where is order 4711? {STAMP}"
SYSTEM = "You answer briefly."
PARAMETERS = {"type": "object", "properties": {"order": {"type": "string"}}}
PIXELS = b64encode(bytes(range(256)) * 4).decode()
SOUND = b64encode(bytes(900)).decode()
PDF = b64encode(b"%PDF-1.7" + bytes(600)).decode()
CALL_ID = "call_1"

CHAT = {
    "model": "gpt-4o",
    "tools": [{"type": "function", "function": {"name": "lookup", "parameters": PARAMETERS}}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": PARAMETERS}},
    "messages": [
        {"role": "system", "content": SYSTEM},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXELS}", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}},
                {"type": "file", "file": {"file_data": PDF}},
                {"type": "text", "text": ASK},
            ],
        },
        {
            "role": "assistant",
            "tool_calls": [{"id": CALL_ID, "type": "function", "function": {"name": "lookup", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": CALL_ID, "content": "on its way"},
    ],
}
CHAT_ANSWER = {
    "choices": [{
        "message": {"tool_calls": [{"function": {"name": "lookup", "arguments": "{}"}}]}, "finish_reason": "tool_calls",
    }],
    "usage": {"prompt_tokens": 900, "completion_tokens": 9, "total_tokens": 909},
}  # fmt: skip
RESPONSES = {
    "model": "gpt-4o",
    "instructions": SYSTEM,
    "tools": [{"type": "function", "name": "lookup", "parameters": PARAMETERS}],
    "text": {"format": {"type": "json_schema", "name": "answer", "schema": PARAMETERS}},
    "input": [
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": f"data:image/png;base64,{PIXELS}", "detail": "low"},
                {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}},
                {"type": "input_file", "file_data": PDF},
                {"type": "input_text", "text": ASK},
            ],
        },
        {"type": "function_call", "call_id": CALL_ID, "name": "lookup", "arguments": "{}"},
        {"type": "function_call_output", "call_id": CALL_ID, "output": "on its way"},
    ],
}
RESPONSE = {
    "status": "completed",
    "output": [{"type": "function_call", "name": "lookup", "arguments": "{}"}],
    "usage": {"input_tokens": 900, "output_tokens": 9, "total_tokens": 909},
}
MESSAGES = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "system": SYSTEM,
    "tools": [{"name": "lookup", "input_schema": PARAMETERS}],
    "output_config": {"format": {"type": "json_schema", "schema": PARAMETERS}},
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXELS}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
                {"type": "text", "text": ASK},
            ],
        },
        {"role": "assistant", "content": [{"type": "tool_use", "id": CALL_ID, "name": "lookup", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": CALL_ID, "content": "on its way"}]},
    ],
}
MESSAGE = {
    "content": [{"type": "tool_use", "name": "lookup", "input": {}}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 900, "output_tokens": 9},
}
GENERATE = {
    "systemInstruction": {"parts": [{"text": SYSTEM}]},
    "tools": [{"functionDeclarations": [{"name": "lookup", "parameters": PARAMETERS}]}],
    "generationConfig": {"responseSchema": PARAMETERS, "responseMimeType": "application/json"},
    "contents": [
        {
            "role": "user",
            "parts": [
                {
                    "inlineData": {"mimeType": "image/png", "data": PIXELS},
                    "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
                },
                {"inlineData": {"mimeType": "audio/wav", "data": SOUND}},
                {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
                {"text": ASK},
            ],
        },
        {"role": "model", "parts": [{"functionCall": {"name": "lookup", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "lookup", "response": {"state": "on its way"}}}]},
    ],
}
GENERATED = {
    "candidates": [{"content": {"parts": [{"functionCall": {"name": "lookup", "args": {}}}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 900, "candidatesTokenCount": 9, "totalTokenCount": 909},
}
INTERACTION = {
    "model": "gemini-3-flash",
    "system_instruction": SYSTEM,
    "tools": [{"type": "function", "name": "lookup", "parameters": PARAMETERS}],
    "response_format": PARAMETERS,
    "input": [
        {"type": "image", "data": PIXELS, "mime_type": "image/png", "resolution": "low"},
        {"type": "audio", "data": SOUND, "mime_type": "audio/wav"},
        {"type": "document", "data": PDF, "mime_type": "application/pdf"},
        {"type": "text", "text": ASK},
        {"type": "function_call", "name": "lookup", "arguments": {}},
        {"type": "function_result", "call_id": CALL_ID, "result": "on its way"},
    ],
}
INTERACTED = {
    "object": "interaction",
    "status": "requires_action",
    "steps": [{"type": "function_call", "name": "lookup", "arguments": {}}],
    "usage": {"total_input_tokens": 900, "total_output_tokens": 9, "total_tokens": 909},
}
CONVERSE = {
    "system": [{"text": SYSTEM}],
    "toolConfig": {"tools": [{"toolSpec": {"name": "lookup", "inputSchema": {"json": PARAMETERS}}}]},
    "outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": "{}"}}}},
    "messages": [
        {
            "role": "user",
            "content": [
                {"image": {"format": "png", "source": {"bytes": PIXELS}}},
                {"audio": {"format": "wav", "source": {"bytes": SOUND}}},
                {"document": {"format": "pdf", "name": "d", "source": {"bytes": PDF}}},
                {"text": ASK},
            ],
        },
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": CALL_ID, "name": "lookup", "input": {}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": CALL_ID, "content": [{"text": "on its way"}]}}]},
    ],
}
CONVERSED = {
    "output": {"message": {"content": [{"toolUse": {"name": "lookup", "input": {}}}]}},
    "stopReason": "tool_use",
    "usage": {"inputTokens": 900, "outputTokens": 9, "totalTokens": 909},
}
COHERE = {
    "model": "command-a",
    "tools": CHAT["tools"],
    "response_format": {"type": "json_object", "json_schema": PARAMETERS},
    "documents": [{"data": {"text": "Orders leave on Mondays."}}],
    "messages": [
        {"role": "system", "content": SYSTEM},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXELS}", "detail": "low"}},
                {"type": "text", "text": ASK},
            ],
        },
        {"role": "assistant", "tool_calls": [{"id": CALL_ID, "function": {"name": "lookup", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": CALL_ID, "content": "on its way"},
    ],
}
COHERED = {
    "message": {"tool_calls": [{"function": {"name": "lookup", "arguments": "{}"}}]},
    "finish_reason": "TOOL_CALL",
    "usage": {"billed_units": {"input_tokens": 900, "output_tokens": 9}},
}
OLLAMA = {
    "model": "llama3.2",
    "tools": CHAT["tools"],
    "format": PARAMETERS,
    "messages": [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": ASK, "images": [PIXELS]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "lookup", "arguments": {}}}]},
        {"role": "tool", "content": "on its way"},
    ],
}
OLLAMAD = {
    "message": {"tool_calls": [{"function": {"name": "lookup", "arguments": {}}}]},
    "done": True,
    "prompt_eval_count": 900,
    "eval_count": 9,
}
COUNTS = {"input_tokens": 900, "output_tokens": 9, "total_tokens": 909}
ALONE = {"prompt_tokens": 900, "total_tokens": 900}
DECIDE = {
    "model": "gpt-6-astra",
    "input": [{"role": "developer", "content": SYSTEM}, *RESPONSES["input"]],  # type: ignore[misc]
    "questions": [{"type": "predicate", "name": "urgent", "question": "Is it urgent?"}],
}

CASES: dict[str, tuple[str, Any, Any]] = {
    "openai.chat": ("/v1/chat/completions", CHAT, CHAT_ANSWER),
    "openai.completions": (
        "/v1/completions", {"model": "m", "prompt": [SYSTEM, ASK]}, {"choices": [{"text": "x"}], "usage": ALONE}
    ),
    "openai.responses": ("/v1/responses", RESPONSES, RESPONSE),
    "openai.embeddings": ("/v1/embeddings", {"model": "m", "input": [SYSTEM, ASK]}, {"data": [], "usage": ALONE}),
    "openai.images": (
        "/v1/images/edits",
        form(("model", "gpt-image-1", ""), ("prompt", ASK, ""), ("image[]", bytes(800), "image/png")),
        {"data": [{}], "usage": COUNTS},
    ),
    "openai.audio": (
        "/v1/audio/transcriptions",
        form(("model", "gpt-4o-transcribe", ""), ("prompt", ASK, ""), ("file", bytes(900), "audio/wav")),
        {"text": "x", "usage": COUNTS},
    ),
    "openai.speech": ("/v1/audio/speech", {"model": "m", "instructions": "Calm.", "input": ASK}, b"\xff\xf3sound"),
    "openai.input_tokens": ("/v1/responses/input_tokens", RESPONSES, {"input_tokens": 900}),
    "openai.moderations": (
        "/v1/moderations",
        {"model": "m", "input": [{"type": "image_url", "image_url": {"url": PIXELS}}, {"type": "text", "text": ASK}]},
        {"results": []},
    ),
    "openai.decisions": ("/v1/decisions", DECIDE, {"answers": [], "usage": COUNTS}),
    "anthropic.messages": ("/v1/messages", MESSAGES, MESSAGE),
    "anthropic.count_tokens": ("/v1/messages/count_tokens", MESSAGES, {"input_tokens": 900}),
    "gemini.generate": ("/v1beta/models/gemini-3-flash:generateContent", GENERATE, GENERATED),
    "gemini.count_tokens": ("/v1beta/models/g:countTokens", {"generateContentRequest": GENERATE}, {"totalTokens": 900}),
    "gemini.interactions": ("/v1beta/interactions", INTERACTION, INTERACTED),
    "gemini.embed": (
        "/v1beta/models/gemini-embedding-2:embedContent",
        {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": PIXELS}}, {"text": ASK}]}},
        {"embedding": {}, "usageMetadata": {"promptTokenCount": 900, "totalTokenCount": 900}},
    ),
    "bedrock.converse": ("/model/us.amazon.nova-lite-v1:0/converse", CONVERSE, CONVERSED),
    "bedrock.invoke": (
        "/model/anthropic.claude-haiku-4-5-20251001-v1:0/invoke",
        MESSAGES | {"anthropic_version": "bedrock-2023-05-31"},
        MESSAGE,
    ),
    "bedrock.count_tokens": ("/model/m/count-tokens", {"input": {"converse": CONVERSE}}, {"inputTokens": 900}),
    "cohere.chat": ("/v2/chat", COHERE, COHERED),
    "cohere.embed": (
        "/v2/embed",
        {"model": "m", "texts": [ASK], "images": [f"data:image/png;base64,{PIXELS}"]},
        {"embeddings": {}, "meta": {"billed_units": {"input_tokens": 900}}},
    ),
    "cohere.rerank": (
        "/v2/rerank",
        {"model": "m", "query": ASK, "documents": ["Orders leave on Mondays."]},
        {"results": [], "meta": {"billed_units": {"search_units": 1}}},
    ),
    "ollama.chat": ("/api/chat", OLLAMA, OLLAMAD),
    "ollama.embed": (
        "/api/embed", {"model": "m", "input": [SYSTEM, ASK]}, {"embeddings": [], "prompt_eval_count": 900}
    ),
    "openai.videos": (
        "/v1/videos",
        form(("model", "sora-2", ""), ("prompt", ASK, ""), ("input_reference", bytes(800), "image/png")),
        {"object": "video", "status": "queued", "seconds": "4", "size": "720x1280"},
    ),
    "mistral.ocr": (
        "/v1/ocr",
        {
            "model": "mistral-ocr-latest",
            "document": {"type": "document_url", "document_url": f"data:application/pdf;base64,{PDF}"},
            "document_annotation_prompt": ASK,
            "document_annotation_format": CHAT["response_format"],
        },
        {"pages": [{"markdown": "x"}], "usage_info": {"pages_processed": 1}},
    ),
    "batch.create": ("/v1/batches", {"input_file_id": "f", "endpoint": "/v1/responses"}, {"object": "batch"}),
}  # fmt: skip

TALK = ("system", "tool", "tool_call", "tool_result", "schema", "tools_called")
FEATURES = ("text", *TALK, "image", "image_detail", "audio", "document", "volatile", "simhash", "tokens")
"""What a request may have: kinds of segments and what is made of them."""

NO_TALK = frozenset(TALK)
ONLY_TEXT = NO_TALK | {"image", "image_detail", "audio", "document"}
COUNTING = frozenset({"tools_called"})
ABSENT: dict[str, frozenset[str]] = {
    "openai.completions": ONLY_TEXT,  # the schema of a completion is nowhere, nor its tools
    "openai.embeddings": ONLY_TEXT,
    "openai.images": NO_TALK | {"image_detail", "audio", "document"},
    "openai.audio": NO_TALK | {"image", "image_detail", "document"},
    "openai.speech": ONLY_TEXT | {"tokens"},  # sound as such counts none
    "openai.input_tokens": COUNTING,
    "openai.moderations": NO_TALK | {"image_detail", "audio", "document", "tokens"},
    "openai.decisions": frozenset({"tool", "tools_called"}),  # it reads calls of tools and makes none
    "anthropic.messages": frozenset({"image_detail", "audio"}),
    "anthropic.count_tokens": COUNTING | {"image_detail", "audio"},
    "gemini.count_tokens": COUNTING,
    "gemini.embed": NO_TALK | {"image_detail", "audio", "document"},
    "bedrock.converse": frozenset({"image_detail"}),
    "bedrock.invoke": frozenset({"image_detail", "audio"}),  # Claude's; others have what their own formats have
    "bedrock.count_tokens": COUNTING | {"image_detail"},
    "cohere.chat": frozenset({"audio"}),
    "cohere.embed": NO_TALK | {"image_detail", "audio", "document"},
    "cohere.rerank": NO_TALK | {"image", "image_detail", "audio", "tokens"},  # billed by the search
    "ollama.chat": frozenset({"image_detail", "audio", "document"}),
    "ollama.embed": ONLY_TEXT,
    "openai.videos": NO_TALK | {"image_detail", "audio", "document", "tokens"},  # billed by the second
    "mistral.ocr": (NO_TALK - {"schema"}) | {"image", "image_detail", "audio", "tokens"},  # billed by the page
    "batch.create": frozenset(FEATURES),  # its requests are in a file, or too many to look at
}


def found_in(call: Call) -> set[str]:
    """The features that a record has."""
    kinds = {segment.kind for segment in call.segments if segment.bytes > 0}
    told = {
        "system": call.system_template_hash is not None,
        "tool": call.tools_hash is not None and "lookup" in {s.name for s in call.segments if s.kind == "tool"},
        "tools_called": call.tools_called == ("lookup",),
        "schema": "schema" in kinds and (call.schema_hash is not None or call.api == "openai.decisions"),
        "image_detail": any(segment.image_detail for segment in call.segments),
        "volatile": any(
            "datetime" in s.volatile and s.volatile_bytes and s.template_hash != s.hash for s in call.segments
        ),
        "simhash": call.simhash is not None,
        "tokens": bool(call.segments) and all(segment.tokens is not None for segment in call.segments),
    }
    plain = {"text", "tool_call", "tool_result", "image", "audio", "document"} & kinds
    return plain | {name for name, there in told.items() if there}


def test_every_api_has_its_case() -> None:
    assert set(CASES) == APIS


@pytest.mark.parametrize("api", sorted(CASES))
def test_the_whole_anatomy(wire: Any, api: str) -> None:
    path, request, answer = CASES[api]
    headers = FORM if isinstance(request, bytes) else {}
    call = wire.call(path, request, answer, request_headers=headers, trusted_host=True)
    assert (call.api, call.flags) == (api, ("free",) if "free" in call.flags else ())
    assert set(FEATURES) - found_in(call) == ABSENT.get(api, frozenset())
    assert (call.request_hash is not None) == bool(call.segments)
    assert len({segment.prefix_hash for segment in call.segments}) == len(call.segments)
    for earlier, later in pairwise(call.segments):
        assert earlier.prefix_hash != later.prefix_hash
    media = {"image": 700, "audio": 700, "document": 20}
    for segment in call.segments:
        assert segment.bytes >= media.get(segment.kind, 1)
