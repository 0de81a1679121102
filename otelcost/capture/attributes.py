"""A finished record in OpenTelemetry's current GenAI attributes: what spans, events and metrics say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otelcost.model import PICOUSD, Call

if TYPE_CHECKING:
    from otelcost.wire import Bodies

Attributes = dict[str, Any]

_ANTHROPIC: Final = "anthropic."

FAILED: Final = frozenset({"error", "timeout", "cancelled"})
"""Statuses of calls that ended in an error, as the conventions understand it."""


def is_foreign(call: Call) -> bool:
    """Whether both bodies were read and neither is of the API that the path suggested."""
    return call.api == "unknown" and "response_undecodable" not in call.flags


def name_of(call: Call) -> str:
    """`{operation} {model}`; of somebody else's request, whose HTTP span hangs below ours, what HTTP would say."""
    if is_foreign(call):
        return "POST"
    return f"{call.operation} {call.request_model}" if call.request_model else call.operation


def own_attributes(call: Call) -> Attributes:
    """What only otelcost knows; nothing that a backend sums up."""
    return _present(
        {
            "otelcost.call_id": call.context.span_id,
            "otelcost.operation_id": call.context.operation_id,
            "otelcost.attempt": call.context.attempt,
            "otelcost.api": call.api,
            "otelcost.status": call.status,
            "otelcost.flags": call.flags or None,
            "otelcost.task": call.context.task,
            "otelcost.call_site": _site(call),
        }
    )


def gen_ai_attributes(call: Call, bodies: Bodies | None = None) -> Attributes:
    """The call as the conventions describe it; with its bodies, what they tell beyond the record as well."""
    context = call.context
    return _present(
        {
            **identity(call),
            "gen_ai.response.id": call.response_id,
            "gen_ai.response.finish_reasons": (call.finish_reason,) if call.finish_reason else None,
            **({} if bodies is None else _beyond(bodies)),
            "gen_ai.response.time_to_first_chunk": seconds(context.ttft_us),
            **({} if context.session_id is None else {"gen_ai.conversation.id": context.session_id}),
            "gen_ai.output.type": None if call.schema_hash is None else "json",
            "gen_ai.prompt.name": context.prompt_name,
            "gen_ai.prompt.version": context.prompt_version,
            "gen_ai.request.stream": call.stream or None,
            "gen_ai.request.max_tokens": call.max_output_tokens,
            "gen_ai.request.temperature": call.temperature,
            "gen_ai.request.reasoning.level": call.effort,
            "gen_ai.request.choice.count": call.choices if call.choices not in {None, 1} else None,
            **_tier(call),
            **_usage(call),
        }
    )


def _beyond(bodies: Bodies) -> Attributes:
    """What a record has no column for."""
    request, reply = bodies.request, bodies.reply
    told = {
        "gen_ai.conversation.id": reply.conversation or request.conversation,
        "gen_ai.request.previous_response.id": request.previous,
        "gen_ai.request.seed": request.seed,
        "gen_ai.request.top_p": request.top_p,
    }
    reasons = tuple(choice.finish for choice in reply.choices if choice.finish)
    return {**told, "gen_ai.response.finish_reasons": reasons} if reasons else told


def identity(call: Call) -> Attributes:
    """What kind of call it was and of whom, and how it failed: the few values that metrics are split by."""
    return _present(
        {
            "gen_ai.operation.name": call.operation,
            "gen_ai.provider.name": call.provider,
            "gen_ai.request.model": call.request_model,
            "gen_ai.response.model": call.response_model,
            "server.address": call.server_address,
            "server.port": call.server_port,
            "error.type": (call.error_type or "_OTHER") if call.status in FAILED else None,
        }
    )


def input_tokens(call: Call) -> int | None:
    """The whole input, cached tokens included, as the conventions count it."""
    usage = call.usage
    return _sum(
        usage.input_uncached_tokens,
        usage.cache_read_tokens,
        usage.cache_write_short_tokens,
        usage.cache_write_long_tokens,
    )


def output_tokens(call: Call) -> int | None:
    """The whole output; None of embeddings, which have none: a 0 would only thin out averages."""
    counted = call.usage.output_tokens
    return None if counted == 0 and call.operation == "embeddings" else counted


def seconds(duration_us: int | None) -> float | None:
    """Microseconds as seconds."""
    return None if duration_us is None else duration_us / 1e6


def _usage(call: Call) -> Attributes:
    usage, claude = call.usage, call.api.startswith(_ANTHROPIC)
    return {
        "gen_ai.usage.input_tokens": input_tokens(call),
        "gen_ai.usage.output_tokens": output_tokens(call),
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
        "gen_ai.usage.cache_write.input_tokens": _sum(usage.cache_write_short_tokens, usage.cache_write_long_tokens),
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
        "gen_ai.usage.audio.input_tokens": _sum(usage.input_audio_tokens, usage.cache_read_audio_tokens),
        "gen_ai.usage.audio.cache_read.input_tokens": usage.cache_read_audio_tokens,
        "gen_ai.usage.audio.output_tokens": usage.output_audio_tokens,
        "gen_ai.usage.image.input_tokens": _sum(usage.input_image_tokens, usage.cache_read_image_tokens),
        "gen_ai.usage.image.cache_read.input_tokens": usage.cache_read_image_tokens,
        "gen_ai.usage.image.output_tokens": usage.output_image_tokens,
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": usage.cache_write_short_tokens if claude else None,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": usage.cache_write_long_tokens if claude else None,
        **_cost(call),
    }


def _tier(call: Call) -> Attributes:
    """The conventions have the tiers of these two formats only."""
    if call.api.startswith("openai."):
        return {
            "openai.request.service_tier": call.request_tier,
            "openai.response.service_tier": call.service_tier,
        }
    if not call.api.startswith(_ANTHROPIC):
        return {}
    return {
        "anthropic.request.service_tier": call.request_tier,
        "anthropic.response.service_tier": call.service_tier,
    }


def _cost(call: Call) -> Attributes:
    """Only what the provider itself asked for the call: prices are the store's, and unknown is not a number."""
    cost = call.usage.provider_cost_picousd
    if cost is None:
        return {}
    return {
        "gen_ai.usage.cost.amount": cost / PICOUSD,
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.usage.cost.source": "provider",
    }


def _present(values: Attributes) -> Attributes:
    return {key: value for key, value in values.items() if value is not None}


def _sum(*parts: int | None) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _site(call: Call) -> str | None:
    context = call.context
    if context.call_site_file is None:
        return None
    return f"{context.call_site_file}:{context.call_site_line} {context.call_site_function}"
