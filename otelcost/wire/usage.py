"""Usage objects of every API as rows of (path, bucket), and the little code that reads them.

Providers disagree on whether the input they report includes cached tokens: the bucket `input` does, and the
buckets that come out are disjoint either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Protocol

import msgspec

from otelcost.model import PICOUSD, Flag, Usage
from otelcost.wire import usage_plain
from otelcost.wire.jsonview import MAX_COUNT, as_count, as_number

_INPUT: Final = "input"
_WRITE: Final = "cache_write"
_UPSTREAM: Final = "upstream_cost"
_BESIDE: Final = "beside"  # billed in units that no bucket holds


class Row(msgspec.Struct, frozen=True):
    """Where one number stands and which bucket it goes to; the first row of a bucket that is present wins.

    A step `member:value` of a path goes into those items of an array whose member has that value.
    """

    path: tuple[str, ...]
    bucket: str
    scale: int = 1
    adds: bool = False  # comes on top of the row that wins


class Branch:
    """Rows by the next member of their paths, so that reading costs what is there, not what could be."""

    __slots__ = ("children", "plain", "rows")

    def __init__(self) -> None:
        self.rows: list[tuple[int, Row]] = []  # with their positions among all rows
        self.children: dict[str, Branch] = {}
        self.plain: tuple[str, int] | None = None
        """Bucket and position where one row alone stands here, whose number is taken as it is."""

    def settle(self) -> None:
        """All rows are there."""
        if len(self.rows) == 1:
            position, row = self.rows[0]
            self.plain = (row.bucket, position) if row.scale == 1 and not row.adds else None
        for child in self.children.values():
            child.settle()


class Plain(Protocol):
    """A reader that finds what the rows would, or None."""

    def __call__(self, raw: bytes, *, writes_long: bool) -> usage_plain.Told | None:
        """Read a usage object."""


class UsageMap(msgspec.Struct, frozen=True):
    """How to read one family of usage objects."""

    root: Branch
    inclusive: bool  # whether the provider's own total includes cache reads and writes
    plain: Plain | None = None  # reads the usual objects of the family, and no others
    omits_zeros: bool = False  # an output of nothing is left out, and only the total tells that it is known
    omits_thoughts: bool = False  # thoughts are in the total alone


def tree(lines: tuple[Row, ...]) -> Branch:
    """The rows as a tree."""
    root = Branch()
    for position, row in enumerate(lines):
        branch = root
        for name in row.path:
            branch = branch.children.setdefault(name, Branch())
        branch.rows.append((position, row))
    root.settle()
    return root


def rows(table: str, *scaled: Row) -> Branch:
    """Lines of `path bucket` as a tree; `+bucket` adds to what another line found."""
    lines = (line.split() for line in table.splitlines() if line.strip())
    plain = (Row(tuple(path.split(".")), bucket.lstrip("+"), adds=bucket[0] == "+") for path, bucket in lines)
    return tree((*plain, *scaled))


_MONEY: Final = (
    Row(("cost",), "provider_cost_picousd", PICOUSD),
    Row(("cost_details", "upstream_inference_cost"), _UPSTREAM, PICOUSD),
)
"""What OpenRouter says of its cost, in whatever format it is asked."""

_OPENAI: Final = """
prompt_tokens                                               input
input_tokens                                                input
completion_tokens                                           output_tokens
output_tokens                                               output_tokens
total_tokens                                                provider_total_tokens
prompt_tokens_details.cached_tokens                         cache_read_tokens
input_tokens_details.cached_tokens                          cache_read_tokens
prompt_cache_hit_tokens                                     cache_read_tokens
cached_tokens                                               cache_read_tokens
prompt_tokens_details.cache_write_tokens                    cache_write
input_tokens_details.cache_write_tokens                     cache_write
prompt_tokens_details.cache_creation_tokens                 cache_write
prompt_tokens_details.cache_write_tokens_details.ttl_30m_tokens  cache_write_short_tokens
input_tokens_details.cache_write_tokens_details.ttl_30m_tokens   cache_write_short_tokens
prompt_tokens_details.cache_write_tokens_details.ttl_12h_tokens  cache_write_long_tokens
input_tokens_details.cache_write_tokens_details.ttl_12h_tokens   cache_write_long_tokens
prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens  cache_write_short_tokens
prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens  cache_write_long_tokens
prompt_tokens_details.audio_tokens                          input_audio_tokens
input_tokens_details.audio_tokens                           input_audio_tokens
input_token_details.audio_tokens                            input_audio_tokens
prompt_tokens_details.image_tokens                          input_image_tokens
input_tokens_details.image_tokens                           input_image_tokens
prompt_tokens_details.cached_tokens_details.audio_tokens    cache_read_audio_tokens
input_tokens_details.cached_tokens_details.audio_tokens     cache_read_audio_tokens
prompt_tokens_details.cached_tokens_details.image_tokens    cache_read_image_tokens
input_tokens_details.cached_tokens_details.image_tokens     cache_read_image_tokens
completion_tokens_details.reasoning_tokens                  reasoning_tokens
output_tokens_details.reasoning_tokens                      reasoning_tokens
completion_tokens_details.audio_tokens                      output_audio_tokens
output_tokens_details.audio_tokens                          output_audio_tokens
completion_tokens_details.image_tokens                      output_image_tokens
output_tokens_details.image_tokens                          output_image_tokens
completion_tokens_details.accepted_prediction_tokens        accepted_prediction_tokens
completion_tokens_details.rejected_prediction_tokens        rejected_prediction_tokens
"""

OPENAI: Final = UsageMap(
    rows(
        _OPENAI,
        *_MONEY,
        Row(("cost", "total_cost"), "provider_cost_picousd", PICOUSD),
        Row(("cost_in_usd_ticks",), "provider_cost_picousd", 100),
        Row(("prompt_audio_seconds",), _BESIDE, 1000),
    ),
    inclusive=True,
    plain=usage_plain.openai,
)
"""OpenAI's chat, completions, responses and embeddings, and the dialects of those who speak them."""

OPENAI_BY_GOOGLE: Final = msgspec.structs.replace(OPENAI, omits_thoughts=True)
"""Gemini behind OpenAI's format: its thoughts are billed as output, and only the total counts them."""

EMBEDDINGS: Final = UsageMap(rows(_OPENAI + "total_tokens input", *_MONEY), inclusive=True, plain=usage_plain.openai)
"""OpenAI's embeddings: where nothing but a total is told, it is the input, for there is no output."""

IMAGES: Final = UsageMap(
    rows(
        """
        input_tokens                          input
        output_tokens                         output_tokens
        total_tokens                          provider_total_tokens
        input_tokens_details.image_tokens     input_image_tokens
        input_tokens_details.cached_tokens    cache_read_tokens
        output_tokens_details.image_tokens    output_image_tokens
        output_tokens                         output_image_tokens
        """
    ),
    inclusive=True,
)
"""OpenAI's images: where their output is not split up, all of it is images."""

ANTHROPIC: Final = UsageMap(
    rows(
        """
        input_tokens                                                input_uncached_tokens
        cache_read_input_tokens                                     cache_read_tokens
        cache_creation_input_tokens                                 cache_write
        cache_creation.ephemeral_5m_input_tokens                    cache_write_short_tokens
        cache_creation.ephemeral_1h_input_tokens                    cache_write_long_tokens
        output_tokens                                               output_tokens
        output_tokens_details.thinking_tokens                       reasoning_tokens
        server_tool_use.web_search_requests                         web_search_requests
        server_tool_use.web_fetch_requests                          web_fetch_requests
        server_tool_use.code_execution_requests                     code_execution_requests
        """,
        *_MONEY,
    ),
    inclusive=False,
    plain=usage_plain.anthropic,
)
"""Anthropic's messages: the reported input excludes both cache reads and cache writes."""

FIVE: Final = (
    "input_uncached_tokens",
    "cache_read_tokens",
    "cache_write_short_tokens",
    "cache_write_long_tokens",
    "output_tokens",
)
"""The disjoint buckets: four of input, one of output."""

_PARTS_OF_INPUT: Final = (
    ("input_audio_tokens", "cache_read_audio_tokens"),
    ("input_image_tokens", "cache_read_image_tokens"),
)


class Reading(msgspec.Struct, frozen=True):
    """Disjoint buckets and what was odd about them."""

    usage: Usage
    flags: frozenset[Flag]


def read(usage: object, table: UsageMap, *, writes_long: bool) -> Reading:
    """Buckets of a decoded usage object. `writes_long` places cache writes that come without their split."""
    if not isinstance(usage, dict):
        return Reading(Usage(), frozenset())
    found = _collect(usage, table.root)
    _split_writes(found, writes_long=writes_long)
    flags: set[Flag] = set()
    if not _add_upstream(found, own_key=usage.get("is_byok") is True):
        flags.add("lower_bound")
    if found.pop(_BESIDE, 0):
        flags.add("lower_bound")
    if table.omits_zeros:
        _restore_zero(found)
    if not _exclude_cache(found):
        flags.add("usage_mismatch")
    for uncached, cached in _PARTS_OF_INPUT:
        _place_modality(found, uncached, cached)
    if not _reconcile(found, table):
        flags.add("usage_mismatch")
    return Reading(msgspec.convert(found, Usage), frozenset(flags))


def _collect(usage: Mapping[str, object], root: Branch) -> dict[str, int]:
    found: dict[str, tuple[int, int]] = {}  # bucket: position of the row, amount
    added: dict[str, int] = {}
    _walk(usage, root, found, added)
    amounts = {bucket: amount for bucket, (_, amount) in found.items()}
    for bucket, amount in added.items():
        amounts[bucket] = amounts.get(bucket, 0) + amount
    return amounts


def _walk(node: Mapping[str, object], branch: Branch, found: dict[str, tuple[int, int]], added: dict[str, int]) -> None:
    children = branch.children
    for name, value in node.items():
        child = children.get(name)
        if child is None:
            continue
        if child.plain is not None and type(value) is int and 0 <= value < MAX_COUNT:
            bucket, position = child.plain
            known = found.get(bucket)
            if known is None or known[0] > position:
                found[bucket] = (position, value)
        elif isinstance(value, dict):
            _walk(value, child, found, added)
        elif isinstance(value, list):
            _walk_items(value, child, found, added)
        else:
            for position, row in child.rows:
                _take(value, position, row, found, added)


def _walk_items(items: list[object], branch: Branch, found: dict[str, tuple[int, int]], added: dict[str, int]) -> None:
    for step, child in branch.children.items():
        member, _, wanted = step.partition(":")
        for item in items:
            if isinstance(item, dict) and item.get(member) == wanted:
                _walk(item, child, found, added)


def _take(value: object, position: int, row: Row, found: dict[str, tuple[int, int]], added: dict[str, int]) -> None:
    amount = as_count(value) if row.scale == 1 else _scaled(value, row.scale)
    if amount is None:
        return
    if row.adds:
        added[row.bucket] = added.get(row.bucket, 0) + amount
    elif row.bucket not in found or found[row.bucket][0] > position:
        found[row.bucket] = (position, amount)


def _restore_zero(found: dict[str, int]) -> None:
    """Where the total is all input, the output that was left out is known to be nothing."""
    if "output_tokens" not in found and found.get("provider_total_tokens") == found.get(_INPUT, -1):
        found["output_tokens"] = 0


def _add_upstream(found: dict[str, int], *, own_key: bool) -> bool:
    """With the user's own key OpenRouter charges its fee alone, and the model's provider charges the user besides.

    Where only the fee is told, the whole is not: no cost is reported, so that the price book's applies. False where
    that leaves out a fee.
    """
    upstream = found.pop(_UPSTREAM, None)
    if not own_key:
        return True
    fee = found.pop("provider_cost_picousd", 0)
    if upstream is None:
        return fee == 0
    found["provider_cost_picousd"] = fee + upstream
    return True


def _scaled(value: object, scale: int) -> int | None:
    """An amount of money, exact: the decimal digits that were sent, not the binary number next to them."""
    number = as_number(value)
    if number is None or number < 0:
        return None
    digits = Decimal(value if isinstance(value, int) else repr(number))
    return as_count(int((digits * scale).to_integral_value(ROUND_HALF_EVEN)))


def _split_writes(found: dict[str, int], *, writes_long: bool) -> None:
    """Split cache writes by their time to live where only their total was told, or another total than the split's."""
    total = found.pop(_WRITE, None)
    if total is not None:
        found["cache_write_short_tokens"], found["cache_write_long_tokens"] = usage_plain.split_writes(
            total,
            found.get("cache_write_short_tokens"),
            found.get("cache_write_long_tokens"),
            writes_long=writes_long,
        )


def _exclude_cache(found: dict[str, int]) -> bool:
    """Take cached tokens out of an inclusive input. False where there are more of them than input."""
    total = found.pop(_INPUT, None)
    if total is None:
        return True
    uncached = total - _cached(found)
    found["input_uncached_tokens"] = max(uncached, 0)
    return uncached >= 0


def _place_modality(found: dict[str, int], uncached: str, cached: str) -> None:
    """A modality's input tokens count both fresh and cached ones; keep each a part of its own bucket."""
    total = found.get(uncached)
    if total is None:
        return
    fresh = total - found.get(cached, 0)
    room = found.get("input_uncached_tokens", 0)
    if fresh > room:
        found[cached] = min(found.get(cached, 0) + fresh - room, found.get("cache_read_tokens", 0))
    found[uncached] = max(0, min(fresh, room))


def _reconcile(found: dict[str, int], table: UsageMap) -> bool:
    """Whether the buckets add up to the provider's own total; reasoning left out of output is put back.

    Where the reported input excludes the cache, the total may do so too.
    """
    total = found.get("provider_total_tokens")
    if total is None:
        return True
    cached = _cached(found)
    missing = total - cached - found.get("input_uncached_tokens", 0) - found.get("output_tokens", 0)
    if table.omits_thoughts and missing > 0 and "input_uncached_tokens" in found:
        found.setdefault("reasoning_tokens", missing)
    if missing and missing == found.get("reasoning_tokens"):
        found["output_tokens"] = found.get("output_tokens", 0) + missing
        return True
    return missing in {0, 0 if table.inclusive else -cached}


def _cached(found: dict[str, int]) -> int:
    """Tokens that were read from a cache or written to one."""
    read = found.get("cache_read_tokens", 0)
    return read + found.get("cache_write_short_tokens", 0) + found.get("cache_write_long_tokens", 0)


def add(first: Usage, second: Usage) -> Usage:
    """Sum of two usages, bucket by bucket; unknown plus a number is the number."""
    fields: dict[str, int] = {}
    for name in Usage.__struct_fields__:
        amounts = [n for n in (getattr(first, name), getattr(second, name)) if n is not None]
        if amounts:
            fields[name] = sum(amounts)
    return Usage(**fields)


def total_input(usage: Usage) -> int | None:
    """All input tokens, None where the provider told none of them."""
    cached = (usage.cache_read_tokens, usage.cache_write_short_tokens, usage.cache_write_long_tokens)
    amounts = [n for n in (usage.input_uncached_tokens, *cached) if n is not None]
    return sum(amounts) if amounts else None
