"""Gemini's interactions: steps, thoughts beside the output, turns the provider keeps."""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.model import Usage

PATH = "/v1beta/interactions"
ASK = {"model": "gemini-3.5-flash", "input": "Where is my order?"}
COUNTS = {
    "total_input_tokens": 100,
    "total_cached_tokens": 60,
    "total_tool_use_tokens": 7,
    "total_output_tokens": 20,
    "total_thought_tokens": 30,
    "total_tokens": 157,
    "input_tokens_by_modality": [{"modality": "text", "tokens": 90}, {"modality": "audio", "tokens": 10}],
    "grounding_tool_count": [{"type": "google_search", "count": 2}],
}
STEPS = [
    {"type": "thought", "summary": []},
    {"type": "model_output", "content": [{"type": "text", "text": "On its way."}]},
    {"type": "function_call", "name": "find", "arguments": {"a": 1}},
]


def interaction(**changes: Any) -> dict[str, Any]:
    return {
        "id": "v1_1",
        "object": "interaction",
        "model": "gemini-3.5-flash",
        "status": "completed",
        "service_tier": "flex",
        "steps": STEPS,
        "usage": COUNTS,
    } | changes


def test_whole_and_streamed(wire: Any) -> None:
    whole = wire.call(PATH, ASK, interaction())
    events = [
        {"event_type": "interaction.created", "interaction": {"id": "v1_1", "model": "gemini-3.5-flash"}},
        {"event_type": "interaction.status_update", "status": "in_progress"},
        {"event_type": "step.start", "index": 0, "step": {"type": "thought"}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "thought_summary", "text": "hm"}},
        {"event_type": "step.delta", "index": 1, "delta": {"type": "text", "text": "On its way."}},
        {"event_type": "step.start", "index": 2, "step": {"type": "function_call", "name": "find"}},
        {"event_type": "step.delta", "index": 2, "delta": {"type": "arguments_delta", "arguments": '{"a":1}'}},
        {"event_type": "step.delta", "index": 2},
        {"event_type": "step.stop", "index": 2},
        {"event_type": "interaction.completed", "interaction": interaction(steps=[])},
    ]
    streamed = wire.call(PATH, ASK | {"stream": True}, wire.sse(events, done=True))
    for call in (whole, streamed):
        assert call.usage == Usage(
            input_uncached_tokens=47,
            cache_read_tokens=60,
            input_audio_tokens=10,
            output_tokens=50,
            reasoning_tokens=30,
            web_search_requests=2,
            provider_total_tokens=157,
        )
        assert (call.status, call.finish_reason, call.flags, call.service_tier) == ("ok", "completed", (), "flex")
        assert (call.provider, call.response_id, call.tools_called) == ("gcp.gemini", "v1_1", ("find",))
    assert whole.output_hash == streamed.output_hash


def test_an_older_models_searches_are_billed_once_a_prompt(wire: Any) -> None:
    call = wire.call(PATH, ASK | {"model": "gemini-2.5-flash"}, interaction(model="gemini-2.5-flash"))
    assert call.usage.web_search_requests == 1


@pytest.mark.parametrize(
    ("changes", "status", "error", "flags"),
    [
        ({"status": "in_progress", "usage": None, "steps": []}, "ok", None, ("lower_bound",)),
        ({"status": "failed"}, "error", "interaction_failed", ()),
        ({"status": "failed", "error": {"code": "overloaded"}}, "error", "overloaded", ()),
        ({"status": "incomplete"}, "incomplete", None, ()),
        ({"status": None, "outputs": [{"type": "text", "text": "a"}]}, "ok", None, ()),
    ],
)
def test_states(wire: Any, changes: dict[str, Any], status: str, error: str | None, flags: tuple[str, ...]) -> None:
    call = wire.call(PATH, ASK, interaction(**changes))
    assert (call.status, call.error_type, call.flags) == (status, error, flags)


def test_errors_and_news_in_a_stream(wire: Any) -> None:
    created = {"event_type": "interaction.created", "interaction": {"id": "v1_1"}}
    for last in ({"event_type": "error", "error": {"code": "x"}}, {"error": {"code": "x"}}):
        call = wire.call(PATH, ASK, wire.sse([created, last]))
        assert (call.status, call.error_type, call.flags) == ("error", "x", ("lower_bound",))
    news = wire.call(PATH, ASK, wire.sse([created, {"event_type": "news"}]), ended="closed")
    assert news.flags == ("lower_bound", "unknown_event")


def test_the_anatomy(wire: Any) -> None:
    request = {
        "agent": "deep-research",
        "system_instruction": "Be short.",
        "tools": [{"type": "function", "name": "find"}, {"type": "google_search"}],
        "response_format": {"type": "object"},
        "previous_interaction_id": "v1_0",
        "service_tier": "SERVICE_TIER_PRIORITY",
        "generation_config": {"temperature": 0.5, "max_output_tokens": 5, "thinking_level": "low"},
        "input": [
            {"type": "text", "text": "a"},
            {"type": "audio", "data": "AA"},
            {"role": "model", "content": [{"type": "text", "text": "b"}, {"type": "image"}]},
            {"type": "function_call", "name": "find", "arguments": {}},
            {"type": "function_result", "result": "c"},
        ],
    }
    call = wire.call(PATH, request, interaction())
    assert [(segment.role, segment.kind, segment.name) for segment in call.segments] == [
        ("tool", "tool", "find"),
        ("tool", "tool", "google_search"),
        ("system", "schema", None),
        ("system", "text", None),
        ("user", "text", None),
        ("user", "audio", None),
        ("assistant", "text", None),
        ("assistant", "image", None),
        ("assistant", "tool_call", "find"),
        ("tool", "tool_result", None),
    ]
    assert {segment.tokens for segment in call.segments} == {None}
    assert (call.request_model, call.request_tier, call.effort, call.max_output_tokens) == (
        "deep-research",
        "priority",
        "low",
        5,
    )
    assert len(wire.call(PATH, ASK | {"input": {"type": "text", "text": "a"}}, interaction()).segments) == 1
    assert wire.call(PATH, {"model": "m"}, interaction()).segments == ()


def test_another_services_interactions(wire: Any) -> None:
    assert wire.call("/interactions", {"user": 1}, {"ok": True}, host="shop.internal").api == "unknown"
