"""The changes a rule may name, as frozen values. What they do to a bill is in `otelcost.advise.apply`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

Milli = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
"""A factor in thousandths, so that token counts stay integers."""
Position = Annotated[int, msgspec.Meta(ge=1)]
"""A segment's place in the prompt; 1 is the first."""


class Transform(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """The root of all changes; the field `kind` tells them apart."""


class DropCall(Transform, frozen=True, kw_only=True, tag="drop_call"):
    """Do not make these calls at all."""


class RemoveSegment(Transform, frozen=True, kw_only=True, tag="remove_segment"):
    """Leave one segment out of the prompt."""

    position: Position


class TrimHistory(Transform, frozen=True, kw_only=True, tag="trim_history"):
    """Send only the newest turns of a conversation."""

    keep_turns: Annotated[int, msgspec.Meta(ge=0)]


class LimitOutput(Transform, frozen=True, kw_only=True, tag="limit_output"):
    """Ask for a shorter answer. A lower `max_tokens` alone saves nothing and must not be priced."""

    tokens: Annotated[int, msgspec.Meta(ge=1)]


class SetModel(Transform, frozen=True, kw_only=True, tag="set_model"):
    """Ask another model of the same provider.

    `token_milli` corrects for its tokenizer, `output_milli` for how much longer it may answer.
    """

    model: Annotated[str, msgspec.Meta(min_length=1)]
    token_milli: Milli = 1000
    output_milli: Milli = 1000


class SetEffort(Transform, frozen=True, kw_only=True, tag="set_effort"):
    """Ask for less reasoning: `reasoning_milli` thousandths of it remain."""

    effort: str
    reasoning_milli: Milli


class EnableCache(Transform, frozen=True, kw_only=True, tag="enable_cache"):
    """Make the prompt's start cacheable up to and including segment `breakpoint`.

    `ttl` "auto" lets the replay choose the cheaper lifetime. With `move_volatile`, the changing values of
    that segment go below the breakpoint first, so that what stands above them is stable.
    """

    breakpoint: Position
    ttl: Literal["auto", "5m", "1h"] = "auto"
    move_volatile: Position | None = None


class ServiceTier(Transform, frozen=True, kw_only=True, tag="service_tier"):
    """Ask for another service tier at the same model."""

    tier: Annotated[str, msgspec.Meta(pattern="^[a-z_0-9]+$")]


class Batch(Transform, frozen=True, kw_only=True, tag="batch"):
    """Send through the provider's batch API."""


AnyTransform = (
    DropCall | RemoveSegment | TrimHistory | LimitOutput | SetModel | SetEffort | EnableCache | ServiceTier | Batch
)

STAGES: Final[dict[type[Transform], int]] = {
    DropCall: 0,
    RemoveSegment: 1,
    TrimHistory: 1,
    LimitOutput: 1,
    SetModel: 2,
    SetEffort: 2,
    EnableCache: 3,
    ServiceTier: 4,
    Batch: 4,
}
"""The one order in which changes are applied: drop, trim, model, cache, tier."""


def parse(text: str | bytes) -> AnyTransform:
    """Read a transform from JSON. Raises msgspec.ValidationError for anything that is not one."""
    change: AnyTransform = msgspec.json.decode(text, type=AnyTransform)
    return change


def as_dict(transform: Transform) -> dict[str, Any]:
    """The transform as JSON shows it, with its `kind` and without what is left at its default."""
    return {key: value for key, value in msgspec.to_builtins(transform).items() if value is not None}
