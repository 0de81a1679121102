"""How a provider bills asks: its prompt cache and its price list, written from its documentation alone.

Shares nothing with the engine under test: caches are simulated request by request in whole prompts, prices are looked
up row by row. Anthropic's cache has explicit breakpoints, OpenAI's newer one is automatic in steps of 128 tokens.
An entry can be read once the request that wrote it has been answered, and every use renews it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import duckdb
from asks import Ask, Bill, Part

MINIMUM = {"claude-haiku-4-5": 4096, "claude-sonnet-4-5": 1024}
"""Tokens below which nothing is cached; 512 for the other Claudes here, 1,024 for OpenAI."""
LIFETIME_S = {"5m": 300.0, "1h": 3600.0}
OPENAI_LIFETIME_S = 1800.0
OPENAI_STEP = 128
LOOKBACK = 20
HOUSES = {"azure.ai.openai": "openai", "gcp.gemini": "google", "mistral_ai": "mistral"}
"""Whose price list a provider bills by, where it is not named like it."""
CACHING = ("gpt-6.1-sol",)
"""OpenAI models here whose writes are billed; the older ones' caching is not exercised."""


class Entry(NamedTuple):
    """A stored prefix."""

    ready: float
    until: float
    lifetime: float


def bill_all(asks: Iterable[Ask]) -> list[tuple[Ask, Bill]]:
    """Every ask with its bill, in order of time."""
    entries: dict[Any, Entry] = {}
    return [(ask, bill(ask, entries)) for ask in sorted(asks, key=lambda ask: ask.at)]


def bill(ask: Ask, entries: dict[Any, Entry]) -> Bill:
    """One ask against what its provider has stored so far."""
    total = sum(part.tokens for part in ask.parts)
    output = None if ask.embedding else ask.output
    plain = Bill(total, 0, 0, 0, output)
    if not ask.billed or ask.embedding or ask.batch:
        return plain
    if ask.provider == "anthropic":
        return _explicit(ask, entries, total)
    return _automatic(ask, entries, total) if ask.model in CACHING else plain


def _explicit(ask: Ask, entries: dict[Any, Entry], total: int) -> Bill:
    ends, names = _chain(ask)
    least = MINIMUM.get(ask.model, 512)
    marks = [place for place, part in enumerate(ask.parts) if part.cache and ends[place] >= least]
    hit = next(
        (place for mark in reversed(marks) for place in _looked_at(mark) if _live(entries, names[place], ask.at)), None
    )
    at = read = ends[hit] if hit is not None else 0
    written = {"5m": 0, "1h": 0}
    for place in ([] if hit is None else [hit]) + marks:
        ttl = ask.parts[place].cache
        old = entries.get(names[place])
        if ttl is not None and ends[place] > at:
            written[ttl] += ends[place] - at
            at = ends[place]
        _touch(entries, names[place], ask, LIFETIME_S[ttl] if ttl else old.lifetime if old else 0.0)
    return Bill(total - at, read, written["5m"], written["1h"], ask.output)


def _looked_at(mark: int) -> range:
    return range(mark, max(mark - LOOKBACK, -1), -1)


def _automatic(ask: Ask, entries: dict[Any, Entry], total: int) -> Bill:
    if total < 1024:
        return Bill(total, 0, 0, 0, ask.output)
    steps = list(_steps(ask))
    read = max((end for end, name in steps if _live(entries, name, ask.at)), default=0)
    for _, name in steps:
        _touch(entries, name, ask, OPENAI_LIFETIME_S)
    written = steps[-1][0] - read
    return Bill(total - read - written, read, written, 0, ask.output)


def _chain(ask: Ask) -> tuple[list[int], list[Any]]:
    ends, names, end, name = [], [], 0, hash(ask.model)
    for part in ask.parts:
        end += part.tokens
        name = hash((name, part.role, part.kind, part.key))
        ends.append(end)
        names.append(name)
    return ends, names


def _steps(ask: Ask) -> Iterator[tuple[int, Any]]:
    """Every prefix that ends on a step of 128 tokens: the parts before, and how far it reaches into the next."""
    ends, names = _chain(ask)
    starts = [0, *ends[:-1]]
    for end in range(1024, ends[-1] + 1, OPENAI_STEP):
        place = bisect_right(ends, end - 1)
        part: Part = ask.parts[place]
        before = names[place - 1] if place else hash(ask.model)
        if end == ends[place]:
            yield end, (names[place], end)
        else:
            yield end, (before, part.role, part.kind, part.key, end - starts[place])


def _live(entries: dict[Any, Entry], name: Any, at: float) -> bool:
    entry = entries.get(name)
    return entry is not None and entry.ready <= at < entry.until


def _touch(entries: dict[Any, Entry], name: Any, ask: Ask, lifetime: float) -> None:
    old = entries.get(name)
    ready = ask.at + ask.seconds
    if old is not None and old.until > ask.at:
        ready = min(ready, old.ready)
        lifetime = max(lifetime, old.lifetime) if old.ready <= ask.at else lifetime
    entries[name] = Entry(ready, ask.at + lifetime, lifetime)


class PriceList:
    """The store's price table, row by row."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        cursor = connection.execute("SELECT * FROM price")
        names = [column[0] for column in cursor.description or ()]
        self._rows: dict[str, list[dict[str, Any]]] = {}
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            self._rows.setdefault(row["price_key"], []).append(row)

    def cost(self, billed: Sequence[tuple[Ask, Bill]]) -> int:
        """Pico-dollars of bills; what was refused costs nothing."""
        return sum(self._one(ask, bill) for ask, bill in billed if ask.billed)

    def _one(self, ask: Ask, bill: Bill) -> int:
        size = bill.uncached + bill.read + bill.write_short + bill.write_long
        row = self._row(ask, size)
        counts = {
            "input_picousd": bill.uncached,
            "cache_read_picousd": bill.read,
            "cache_write_short_picousd": bill.write_short,
            "cache_write_long_picousd": bill.write_long,
            "output_picousd": (bill.output or 0) - (ask.reasoning or 0),
            "reasoning_picousd": ask.reasoning or 0,
        }
        return sum(count * row[name] for name, count in counts.items() if count)

    def _row(self, ask: Ask, size: int) -> dict[str, Any]:
        house = HOUSES.get(ask.provider, ask.provider)
        variant = "batch" if ask.batch else ask.tier if ask.tier not in {None, "default", "standard"} else "standard"
        key = f"{house}/{ask.model}/{variant}" + (f"+{ask.geo}" if ask.geo else "")
        when = datetime.fromtimestamp(ask.at, UTC).replace(tzinfo=None)
        found = [
            row
            for row in self._rows.get(key, ())
            if row["valid_from"] <= when < row["valid_to"] and row["context_lo"] <= size < row["context_hi"]
        ]
        if len(found) != 1:
            raise LookupError(f"{len(found)} prices of {key} on {when:%Y-%m-%d}")
        return found[0]
