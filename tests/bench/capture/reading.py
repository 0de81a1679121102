"""What a contender says it saw: tokens from spans in every dialect, or from otelcost's store."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

_KEYS: Final = {
    "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
    "read": (
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input",
        "gen_ai.usage.prompt_tokens_details.cached_tokens",
    ),
    "written": (
        "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens", "llm.token_count.prompt_details.cache_write",
    ),
    "long": ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning", "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.completion_tokens_details.reasoning",
    ),
}  # fmt: skip
_MARKED: Final = frozenset({"estimated", "lower_bound"})


class Seen(NamedTuple):
    """One record of a call. None: it says nothing of these tokens.

    Attributes:
        input: all tokens that went in; some contenders leave those in the cache out.
        long: of `written`, those for an hour.
        marked: it says itself that the counts are an estimate or a lower bound, or that the call failed.
    """

    input: int | None = None
    output: int | None = None
    read: int | None = None
    written: int | None = None
    long: int | None = None
    reasoning: int | None = None
    marked: bool = False

    @property
    def counts(self) -> bool:
        """Whether a backend would add something up."""
        return bool(self.input or self.output)


def of_spans(spans: Any, scope: str) -> list[Seen]:
    """The LLM calls among finished spans. Aggregates (agents, workflows) are no calls; `scope` "" takes all."""
    found = [span for span in spans if (span.instrumentation_scope.name or "").startswith(scope)]
    return [_of_span(span) for span in found if not _aggregate(span)]


def _aggregate(span: Any) -> bool:
    operation = (span.attributes or {}).get("gen_ai.operation.name")
    return operation in {"invoke_agent", "invoke_workflow", "create_agent"}


def _of_span(span: Any) -> Seen:
    attributes = span.attributes or {}
    counts = {
        field: next((attributes[key] for key in keys if key in attributes), None) for field, keys in _KEYS.items()
    }
    counts = {**_raw_parts(attributes.get("gen_ai.usage.raw")), **{k: v for k, v in counts.items() if v is not None}}
    flagged = not _MARKED.isdisjoint(attributes.get("otelcost.flags") or ())
    return Seen(**counts, marked=flagged or span.status.status_code.name == "ERROR" or "error.type" in attributes)


def _raw_parts(raw: Any) -> dict[str, int]:
    """The parts that stand in the provider's usage, where a contender keeps it as JSON."""
    if not isinstance(raw, str):
        return {}
    usage = json.loads(raw)
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    parts = {
        "long": (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens"),
        "reasoning": details.get("reasoning_tokens"),
    }
    return {name: count for name, count in parts.items() if count is not None}


def of_store() -> dict[str, list[Seen]]:
    """What otelcost's store counts, by task, after loading the spool of this process's home."""
    from otelcost.store.db import session
    from otelcost.store.drain import drain

    drain()
    with session() as connection:
        rows = connection.execute(
            "select task, input_tokens, output_tokens, cache_read_tokens,"
            " cache_write_short_tokens + coalesce(cache_write_long_tokens, 0), cache_write_long_tokens,"
            " reasoning_tokens, len(flags) > 0 or status <> 'ok' from v_calls order by start"
        ).fetchall()
    seen: dict[str, list[Seen]] = {}
    for task, *values in rows:
        seen.setdefault(task, []).append(Seen(*values))
    return seen
