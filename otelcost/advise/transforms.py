"""The changes a rule may name, as frozen values. What they do to a bill is in `otelcost.advise.bills`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

Milli = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
"""A factor in thousandths, so that token counts stay integers."""
Position = Annotated[int, msgspec.Meta(ge=1, le=30_000)]
"""A segment's place in the prompt; 1 is the first."""
Tokens = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
"""More than any answer has."""
Hash = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A keyed hash, as the store keeps it."""


class Transform(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """The root of all changes; the field `kind` tells them apart."""


class DropCall(Transform, frozen=True, kw_only=True, tag="drop_call"):
    """Do not make these calls at all."""


class RemoveSegment(Transform, frozen=True, kw_only=True, tag="remove_segment"):
    """Leave segments out of the prompt: those at `positions`, with one of the hashes, or tools with these names.

    Without any of them, the rule names the segments call by call (`{n, position}` or `{n, tokens}`).
    """

    positions: tuple[Position, ...] = ()
    hashes: tuple[Hash, ...] = ()
    template_hashes: tuple[Hash, ...] = ()
    tools: tuple[str, ...] = ()


class TrimHistory(Transform, frozen=True, kw_only=True, tag="trim_history"):
    """Send only the newest `keep_turns` turns of a conversation; a turn begins with what the user wrote."""

    keep_turns: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class LimitOutput(Transform, frozen=True, kw_only=True, tag="limit_output"):
    """Ask for an answer of at most `tokens` (call by call, where the rule says so).

    A lower `max_tokens` alone saves nothing: this is for answers that are made shorter.
    """

    tokens: Tokens


class ImageDetail(Transform, frozen=True, kw_only=True, tag="image_detail"):
    """Send images smaller or at less detail: `token_milli` thousandths of their tokens remain."""

    detail: str
    token_milli: Milli


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


class ChangeTtl(Transform, frozen=True, kw_only=True, tag="change_ttl"):
    """Keep the breakpoints that are there, and give their entries another lifetime."""

    ttl: Literal["5m", "1h"]


class DisableCache(Transform, frozen=True, kw_only=True, tag="disable_cache"):
    """Take the breakpoints out: nothing is written, nothing is read."""


class ServiceTier(Transform, frozen=True, kw_only=True, tag="service_tier"):
    """Ask for another service tier at the same model.

    Where the tier is a queue of hours (`background-...`), it outlives the cache: all input is plain.
    """

    tier: Annotated[str, msgspec.Meta(pattern="^[a-z_0-9-]+$")]


class Batch(Transform, frozen=True, kw_only=True, tag="batch"):
    """Send through the provider's batch API."""


class SetRegion(Transform, frozen=True, kw_only=True, tag="set_region"):
    """Ask for the same model in another region; an empty `region` is the price list's own."""

    region: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]*$")] = ""


AnyTransform = (
    DropCall
    | RemoveSegment
    | TrimHistory
    | LimitOutput
    | ImageDetail
    | SetModel
    | SetEffort
    | EnableCache
    | ChangeTtl
    | DisableCache
    | ServiceTier
    | Batch
    | SetRegion
)

STAGES: Final[dict[type[Transform], int]] = {
    DropCall: 0,
    RemoveSegment: 1,
    TrimHistory: 1,
    LimitOutput: 1,
    ImageDetail: 1,
    SetModel: 2,
    SetEffort: 2,
    EnableCache: 3,
    ChangeTtl: 3,
    DisableCache: 3,
    ServiceTier: 4,
    Batch: 4,
    SetRegion: 4,
}
"""The one order in which changes are applied: drop, trim, model, cache, tier."""


def parse(text: str | bytes) -> AnyTransform:
    """Read a transform from JSON. Raises msgspec.ValidationError for anything that is not one."""
    change: AnyTransform = msgspec.json.decode(text, type=AnyTransform)
    return change


def as_dict(transform: Transform) -> dict[str, Any]:
    """The transform as JSON shows it, with its `kind` and without what is left at its default."""
    shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(transform))
    return {key: value for key, value in shown.items() if value is not None and value != []}
