"""The savings again, from the tables and the call ids alone, sharing no code with the engine.

Slow and simple on purpose: one dict a call, one pass over the price rows for every price, caches as lists of
what was stored when.
"""

from __future__ import annotations

from typing import Any

import duckdb

from otelcost.advise import Recommendation

Row = dict[str, Any]
SECOND = 1_000_000
FREE_WRITES = ("gpt-4o", "gpt-5")
PRICE_LISTS = {"azure.ai.openai": "openai"}


class Ledger:
    """All calls and prices of a store."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.calls = {f"{row['span_id']:016x}": row for row in _rows(connection, "SELECT * FROM calls")}
        self.prices = _rows(connection, "SELECT * FROM price")

    def rate(self, key: str, call: Row, size: int, name: str) -> int:
        """One rate at the date of a call and for a size of input."""
        found = [
            row
            for row in self.prices
            if row["price_key"] == key
            and row["valid_from"] <= call["start"] < row["valid_to"]
            and row["context_lo"] <= size < row["context_hi"]
        ]
        assert len(found) == 1, (key, call["start"], found)
        return int(found[0][name] or 0)

    def cost(self, call: Row, key: str, uncached: int, read: int, short: int, long: int, output: int) -> int:
        """Text tokens only: the declared calls have nothing else, and reasoning costs what output costs."""
        size = uncached + read + short + long

        def rate(name: str) -> int:
            return self.rate(key, call, size, name)

        return (
            (uncached * rate("input_picousd") if uncached else 0)
            + (read * rate("cache_read_picousd") if read else 0)
            + (short * rate("cache_write_short_picousd") if short else 0)
            + (long * rate("cache_write_long_picousd") if long else 0)
            + (output * rate("output_picousd") if output else 0)
        )

    def actual(self, call: Row) -> int:
        """What was paid."""
        return self.cost(call, _key(call), *_buckets(call), call["output_tokens"] or 0)

    def saving(self, card: Recommendation) -> int:
        """The standalone saving of a recommendation."""
        calls = sorted((self.calls[call_id] for call_id in card.call_ids), key=lambda row: row["start"])
        lost = self.warmth_lost(card) if card.transform["kind"] == "drop_call" else 0
        return sum(self.actual(call) for call in calls) - sum(self.changed(calls, card.transform)) - lost

    def warmth_lost(self, card: Recommendation) -> int:
        """What the calls that stay may pay more, where a dropped one may have filled an automatic cache for them."""
        lost = 0
        names = ("provider", "response_model", "task_name")
        for group in {tuple(self.calls[call_id][name] for name in names) for call_id in card.call_ids}:
            if group[1] not in FREE_WRITES:
                continue
            rows = [row for row in self.calls.values() if tuple(row[name] for name in names) == group]
            rows = [row for row in rows if sum(_buckets(row)) >= 1024]
            gone = [row for row in rows if f"{row['span_id']:016x}" in card.call_ids]
            kept = [row for row in rows if f"{row['span_id']:016x}" not in card.call_ids]
            lost += sum(self._read_lost(row, kept, gone) for row in kept)
        return lost

    def _read_lost(self, call: Row, kept: list[Row], gone: list[Row]) -> int:
        """All that it read beyond what a staying call had sent, with an answer, after the last dropped one."""
        uncached, read, short, long = _buckets(call)
        earlier = [other for other in gone if _turn(other) < _turn(call)]
        if not earlier or not read:
            return 0
        safe = 0
        for content, tokens in _prefixes(call):
            cooled = max((_turn(other) for other in earlier if content in dict(_prefixes(other))), default=(0, ""))
            for other in kept:
                answered = _us(other) + other["duration_us"] <= _us(call) and _turn(other) < _turn(call)
                if answered and _turn(other) > cooled and dict(_prefixes(other)).get(content, 0) >= 1024:
                    safe = max(safe, tokens)
        moved = max(0, read - safe)
        worse = self.cost(call, _key(call), uncached + moved, read - moved, short, long, call["output_tokens"])
        return worse - self.actual(call)

    def changed(self, calls: list[Row], change: dict[str, Any]) -> list[int]:
        """The costs of calls, in order of start, after a change."""
        kind = change["kind"]
        if kind == "drop_call":
            return [0 for _ in calls]
        if kind == "batch":
            return [
                self.cost(call, _key(call, "batch"), sum(_buckets(call)), 0, 0, 0, call["output_tokens"])
                for call in calls
            ]
        if kind == "set_model":
            return [self._on_model(call, change) for call in calls]
        assert kind == "enable_cache"
        return self._cached(calls, change)

    def _on_model(self, call: Row, change: dict[str, Any]) -> int:
        uncached, read, short, long = (_up(n * change["token_milli"], 1000) for n in _buckets(call))
        output = _up(call["output_tokens"] * change["token_milli"] * change["output_milli"], 1_000_000)
        return self.cost(call, f"{_house(call)}/{change['model']}/standard", uncached, read, short, long, output)

    def _cached(self, calls: list[Row], change: dict[str, Any]) -> list[int]:
        return [
            self.cost(call, _key(call), *divided, call["output_tokens"])
            for call, divided in zip(calls, divide(calls, change), strict=True)
        ]


def divide(calls: list[Row], change: dict[str, Any]) -> list[tuple[int, int, int, int]]:
    """How the input of each call is billed once its start is cacheable: uncached, read, short, long."""
    automatic = calls[0]["provider"] == "openai"
    lifetime = {"auto": 1800, "5m": 300, "1h": 3600}[change["ttl"]] * SECOND
    minimum = {"claude-haiku-4-5": 4096, "claude-opus-5-5": 512}.get(calls[0]["response_model"], 1024)
    stored: list[tuple[Any, int, int]] = []  # content, readable from, until
    divided = []
    for call in calls:
        total, content, length = sum(_buckets(call)), [], 0
        for position, part in enumerate(call["segments"][: change["breakpoint"]], start=1):
            moved = position == change.get("move_volatile")
            content.append(part["template_hash"] if moved else part["hash"])
            length += part["tokens"] - (part["tokens"] * part["volatile_bytes"] // part["bytes"] if moved else 0)
        start = _us(call)
        end = start + call["duration_us"]
        cacheable = length - length % 128 if automatic else length
        whole = total - total % 128 if automatic else length
        if length < minimum:
            divided.append((total, 0, 0, 0) if not automatic or total < 1024 else (total - whole, 0, whole, 0))
            continue
        live = [entry for entry in stored if entry[0] == content and entry[1] <= start < entry[2]]
        read = cacheable if live else 0
        waiting = [entry[1] for entry in stored if entry[0] == content and entry[2] > start]
        stored = [entry for entry in stored if entry[0] != content]
        stored.append((content, min([*waiting, end]), start + lifetime))
        written = (whole - read) if automatic else (length - read)
        short, long = (0, written) if change["ttl"] == "1h" else (written, 0)
        divided.append((total - read - written, read, short, long))
    return divided


def _prefixes(call: Row) -> list[tuple[object, int]]:
    """What an automatic cache may hold of a request: each prefix, and its length in tokens."""
    found: list[tuple[object, int]] = []
    before, length = 0, 0
    for part in call["segments"]:
        if part["volatile_offset_bytes"]:
            stable = length + part["tokens"] * min(part["volatile_offset_bytes"], part["bytes"]) // part["bytes"]
            found.append(((before, part["template_hash"]), stable))
        length += part["tokens"]
        before = part["prefix_hash"]
        found.append((before, length))
    return found


def _turn(call: Row) -> tuple[int, str]:
    """Its place in the order of arrival."""
    return _us(call), f"{call['span_id']:016x}"


def _us(call: Row) -> int:
    return round(call["start"].timestamp() * SECOND)


def _buckets(call: Row) -> tuple[int, int, int, int]:
    names = ("input_uncached_tokens", "cache_read_tokens", "cache_write_short_tokens", "cache_write_long_tokens")
    uncached, read, short, long = (call[name] or 0 for name in names)
    return uncached, read, short, long


def _key(call: Row, variant: str = "standard") -> str:
    return f"{_house(call)}/{call['response_model']}/{variant}"


def _house(call: Row) -> str:
    return PRICE_LISTS.get(call["provider"], call["provider"])


def _up(numerator: int, denominator: int) -> int:
    return (numerator + denominator - 1) // denominator


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
