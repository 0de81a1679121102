"""Google's interactions: steps instead of candidates, turns kept by the provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from otelcost.model import SegmentKind
from otelcost.wire import gemini_generate, openai_parts, sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields, decode_any
from otelcost.wire.parts import Part, Request, common, string, whole_of
from otelcost.wire.reply import Reply, error_name

USAGE: Final = usage.UsageMap(
    usage.rows(
        """
        total_input_tokens                                input
        total_tool_use_tokens                             +input
        total_cached_tokens                               cache_read_tokens
        total_output_tokens                               output_tokens
        total_thought_tokens                              +output_tokens
        total_thought_tokens                              reasoning_tokens
        total_tokens                                      provider_total_tokens
        input_tokens_by_modality.modality:audio.tokens    input_audio_tokens
        input_tokens_by_modality.modality:image.tokens    input_image_tokens
        cached_tokens_by_modality.modality:audio.tokens   cache_read_audio_tokens
        cached_tokens_by_modality.modality:image.tokens   cache_read_image_tokens
        output_tokens_by_modality.modality:audio.tokens   output_audio_tokens
        output_tokens_by_modality.modality:image.tokens   output_image_tokens
        grounding_tool_count.type:google_search.count     web_search_requests
        """
    ),
    inclusive=True,
)
"""As in generateContent: thoughts and what tools put into the prompt are counted beside it."""

_MEDIA: Final[dict[str, SegmentKind]] = {"image": "image", "video": "image", "audio": "audio", "document": "document"}
_ROLES: Final = {"model_output": "assistant", "function_call": "assistant", "function_result": "tool"}
_RUNNING: Final = frozenset({"in_progress", "queued"})
_TERMINAL: Final = frozenset({"interaction.completed", "interaction.complete"})
_KNOWN: Final = ("interaction.", "step.", "content.")


def request(fields: Fields) -> Request:
    """Parameters and prompt parts: tools, output schema, system instruction, then the input in order."""
    read = common(fields)
    config = fields.object("generation_config") or Fields({})
    read.model = read.model or fields.text("agent")
    read.tier = gemini_generate.tier_of(read.tier)
    read.max_output_tokens = config.count("max_output_tokens")
    read.temperature = config.number("temperature")
    read.effort = config.text("thinking_level")
    read.schema = fields.slice("response_format") if fields.object("response_format") else None
    read.hidden_context = fields.slice("previous_interaction_id") is not None
    read.parts = openai_parts.tools(fields) + openai_parts.schema_part(read.schema)
    read.parts += openai_parts.content(fields.slice("system_instruction"), "system", "")
    raw = fields.slice("input")
    text = string(raw) if raw is not None else None
    if text is not None:
        read.parts.append(Part("user", "text", text))
    for item in fields.objects("input") or filter(None, [fields.object("input")]):
        read.parts += _item(item)
    return read


def _item(item: Fields) -> Iterator[Part]:
    """A piece of content, or a step or turn that holds several."""
    kind = item.text("type") or ""
    role = _ROLES.get(kind, "assistant" if item.text("role") == "model" else "user")
    text = string(item.slice("text") or b"")
    inner = item.objects("content")
    if kind == "function_call":
        yield Part(role, "tool_call", whole_of(item), name=item.text("name"))
    elif kind == "function_result":
        yield Part(role, "tool_result", whole_of(item))
    elif text is not None:
        yield Part(role, "text", text)
    elif inner:
        for piece in inner:
            found = string(piece.slice("text") or b"")
            yield Part(role, "text", found) if found is not None else _medium(piece, role)
    else:
        yield _medium(item, role)


def _medium(piece: Fields, role: str) -> Part:
    kind = _MEDIA.get(piece.text("type") or "", "text")
    return Part(role, kind, whole_of(piece), detail=piece.text("resolution"))


def whole(body: Fields, reply: Reply) -> None:
    """Read a whole interaction. One that runs on in the background has no usage yet."""
    reply.error = error_name(body) or reply.error
    reply.identify(body)
    reply.tier = gemini_generate.tier_of(body.text("service_tier")) or reply.tier
    reply.usage_raw = body.slice("usage") or reply.usage_raw
    state = body.text("status")
    reply.recognised = reply.recognised or body.text("object") == "interaction" or state is not None
    reply.complete = True
    reply.incomplete = state == "incomplete"
    reply.finish = [state] if state else []
    if state in _RUNNING:
        reply.flags.add("lower_bound")
    elif state in {"failed", "cancelled"}:
        reply.error = reply.error or f"interaction_{state}"
    for step in (*body.objects("steps"), *body.objects("outputs")):
        _step(step, reply)


def _step(step: Fields, reply: Reply) -> None:
    if step.text("type") == "function_call":
        _call(len(reply.tools), step, reply)
    for piece in (step, *step.objects("content")):
        text = piece.value("text")
        if isinstance(text, str):
            reply.texts.append(text)


def _call(index: int, step: Fields, reply: Reply) -> None:
    tool = reply.tool(index)
    tool.name = step.text("name") or tool.name
    given = step.value("arguments")
    if isinstance(given, str):
        tool.arguments.append(given)
    elif given:
        tool.arguments.append((step.slice("arguments") or b"").decode("utf-8", "replace"))


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream. Its last event has the usage; the answer is in the deltas before it."""
    kept = [payload for payload in events.payloads if payload != b"[DONE]"]
    for body in sse.objects(sse.Events(kept, events.tail_open), reply):
        kind = body.text("event_type") or ""
        interaction = body.object("interaction")
        reply.recognised = reply.recognised or kind.startswith(_KNOWN)
        if kind in _TERMINAL and interaction is not None:
            whole(interaction, reply)
        elif interaction is not None:
            reply.identify(interaction)
        elif kind.endswith((".start", ".delta")):
            _piece(body, reply)
        elif kind == "error" or "error" in body.raw:
            reply.error = error_name(body) or "error"
        elif not kind.startswith(_KNOWN):
            reply.flags.add("unknown_event")


def _piece(body: Fields, reply: Reply) -> None:
    """The start of a step, or what a delta adds to it."""
    piece = body.object(body.either("delta", "step", "content")) or Fields({})
    kind = piece.text("type") or ""
    text = piece.value("text")
    if isinstance(text, str):
        (reply.thoughts if kind.startswith("thought") else reply.texts).append(text)
    elif kind in {"function_call", "arguments", "arguments_delta"}:
        _call(body.count("index") or 0, piece, reply)


def finish(request: Request, headers: Mapping[str, str], reply: Reply) -> None:
    """What the searches are billed by depends on the model, as in generateContent."""
    del headers
    told = usage.read(decode_any(reply.usage_raw or b""), USAGE, writes_long=False).usage
    gemini_generate.bill_searches(told.web_search_requests, request, reply)


CODEC: Final = Codec(
    "gemini.interactions",
    "generate_content",
    "gcp.gemini",
    USAGE,
    request,
    whole,
    stream,
    finish=finish,
    shared_path=True,
)
"""POST /interactions. Only creating one bills: reading it again repeats the same usage."""
