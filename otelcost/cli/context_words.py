"""What the measured context of a task comes to, in sentences and in bars: pure text from numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otelcost.cli.render import Line, Name
from otelcost.display import count, money, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otelcost.store.queries import BlockRow, ContextRow, PartRow, SplitProposal, ToolRow

BAR_CELLS = 40

BAR_KEY = "# never changes   = comes again   ~ the same but for values in it   . new; 40 signs are the whole input"

_KINDS = {"text": "text", "tool": "tool schema", "schema": "output schema"}
_WHERE = {
    "system": "system ",
    "few-shot": "example ",
    "context": "context ",
    "history": "earlier ",
    "user": "user's ",
}


def bar(part: PartRow, whole: int) -> str:
    """A part as a stretch of a line that is the whole input."""
    same = (("#", part.static_tokens), ("=", part.repeated_tokens), ("~", part.volatile_tokens))
    rest = part.tokens - sum(tokens for _, tokens in same)
    drawn = "".join(sign * ((2 * BAR_CELLS * tokens + whole) // (2 * whole)) for sign, tokens in (*same, (".", rest)))
    return drawn or ("." if part.tokens else "")


def facts(row: ContextRow) -> tuple[Line, ...]:
    """What stands out, the most expensive first where that can be said."""
    return (
        *_repeated(row),
        *_tools(row),
        *_volatile(row),
        *_history(row),
        f"{percent(row.cache_read_tokens, row.input_tokens)} of the input was read from the cache",
        *_missing(row),
    )


def _repeated(row: ContextRow) -> Iterator[Line]:
    block = next((one for one in row.blocks if one.kind != "tool"), None)
    if block is None:
        return
    size, whole = block.tokens // block.calls, block.call_tokens // block.calls
    yield (
        f"{count(size)} of {count(whole)} input tokens are the same {_what(block)} in "
        f"{percent(block.calls, row.known_calls)} of calls ({count(block.calls)} of {count(row.known_calls)}), "
        f"billed {money(block.picousd)}"
    )


def _what(block: BlockRow) -> str:
    return f"{_WHERE.get(block.part, '')}{_KINDS.get(block.kind, block.kind)}"


def _tools(row: ContextRow) -> Iterator[Line]:
    if not row.tools:
        return
    unused = [tool for tool in row.tools if not tool.called_calls]
    if not unused:
        yield (
            "its one tool was called"
            if len(row.tools) == 1
            else f"each of its {count(len(row.tools))} tools was called"
        )
        return
    seldom = min(tool.offered_calls for tool in unused)
    bound = f"; at 95%, at most one call in {count(seldom // 3)} needs one" if seldom >= 30 else ""
    yield (
        f"{count(len(unused))} of {plural(len(row.tools), 'tool')} never called ",
        *_names(unused),
        f": {count(sum(tool.tokens for tool in unused) // row.calls)} tokens a call, billed {_billed(unused)}{bound}",
    )


def _names(tools: list[ToolRow]) -> Iterator[str]:
    names = [tool.name or "?" for tool in tools]
    yield "("
    for position, name in enumerate(names[:5]):
        yield ", " if position else ""
        yield Name(name)
    yield f", {len(names) - 5} more)" if len(names) > 5 else ")"


def _billed(tools: list[ToolRow]) -> str:
    known = [tool.picousd for tool in tools if tool.picousd is not None]
    return money(sum(known) if known else None)


def _volatile(row: ContextRow) -> Iterator[Line]:
    tokens = sum(part.volatile_tokens for part in row.parts)
    if tokens:
        yield (
            f"{count(tokens // row.calls)} tokens a call are a fixed text with values that change in it: "
            "a cache holds it only up to the first of them"
        )


def _history(row: ContextRow) -> Iterator[Line]:
    if row.growth_tokens is not None and row.growth_tokens > 0 and row.most_turns:
        yield (
            f"every earlier answer in the prompt adds {count(row.growth_tokens)} input tokens; "
            f"the longest prompt held {count(row.most_turns)}"
        )


def _missing(row: ContextRow) -> Iterator[Line]:
    if row.known_calls < row.calls:
        yield f"{plural(row.calls - row.known_calls, 'call')} of {count(row.calls)} not recorded part by part: unknown"
    if row.unpriced_calls:
        yield f"{plural(row.unpriced_calls, 'call')} of unknown cost in no amount"


def two_lengths(proposal: SplitProposal) -> tuple[Line, ...]:
    """Why a task looks like two, and how to split it."""
    whole = proposal.short_calls + proposal.long_calls
    how = (
        f"nothing recorded tells them apart: --by output --at {proposal.at_tokens}"
        if proposal.by == "output"
        else f"its {proposal.by} tells them apart in {percent(proposal.told_calls, whole)} of calls: --by {proposal.by}"
    )
    what = (
        f"Its answers are of two lengths, about {count(proposal.short_median_tokens)} tokens in "
        f"{plural(proposal.short_calls, 'call')} and about {count(proposal.long_median_tokens)} in "
        f"{count(proposal.long_calls)}, so that it may be two tasks;"
    )
    return (
        what,
        ("otelcost tasks split ", Name(proposal.task), f" ({how})"),
    )
