"""Every dollar of a recommendation, again by hand: from `calls --ids` and `prices show` and nothing else.

Shares no code with the engine: tokens times rates, in integers, to the pico-dollar.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from otelcost.spool.names import segment_name

from . import world

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench" / "advice"))
import asks
import billing
import score

SEED, DAYS = 3, 7
PLANTED = (
    "batchable", "hurried_queue", "queued_chain", "duplicates", "overpowered", "regional", "unused_tools",
    "unread_writes", "retries", "static_bloat",
)  # fmt: skip
KINDS = {"drop_call", "batch", "service_tier", "set_region", "set_model", "remove_segment", "disable_cache"}
BUCKETS = {
    "input_uncached_tokens": "input_picousd",
    "cache_read_tokens": "cache_read_picousd",
    "cache_write_short_tokens": "cache_write_short_picousd",
    "cache_write_long_tokens": "cache_write_long_picousd",
}
Row = dict[str, Any]


class Shown:
    """What the command line says of one store."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._prices: dict[tuple[str, str], list[Row]] = {}

    def ask(self, *arguments: str) -> Row:
        answer = world.run(self._home, *arguments, "--format", "json")
        assert answer.returncode == 0, answer.stderr
        shown: Row = json.loads(answer.stdout)
        return shown

    def rates(self, call: Row, model: str, variant: str) -> Row:
        """The one price of a model and variant that holds for a call."""
        asked = call["provider"], model
        if asked not in self._prices:
            found = self.ask("prices", "show", model, "--provider", call["provider"], "--history")
            self._prices[asked] = found["prices"]
        size = sum(call[name] or 0 for name in BUCKETS)
        (row,) = [
            row
            for row in self._prices[asked]
            if row["price_key"].endswith(f"/{variant}")
            and (row["valid_from"] is None or row["valid_from"] <= call["start"])
            and (row["valid_to"] is None or call["start"] < row["valid_to"])
            and row["context_lo_tokens"] <= size
            and (row["context_hi_tokens"] is None or size < row["context_hi_tokens"])
        ]
        return row


def cost(call: Row, rates: Row) -> int:
    """A bill: each count times its rate."""
    reasoning = call["reasoning_tokens"] or 0
    counts = {rate: call[name] or 0 for name, rate in BUCKETS.items()}
    counts |= {"output_picousd": (call["output_tokens"] or 0) - reasoning, "reasoning_picousd": reasoning}
    return sum(count * rates[rate] for rate, count in counts.items() if count)


def plain(call: Row) -> Row:
    """The same tokens, with no cache."""
    return call | dict.fromkeys(BUCKETS, 0) | {"input_uncached_tokens": sum(call[name] or 0 for name in BUCKETS)}


def scaled(call: Row, change: Row) -> Row:
    """Every count in the other model's tokens, rounded up."""
    inward, outward = change["token_milli"], change["token_milli"] * change["output_milli"]
    more = {name: -(-(call[name] or 0) * inward // 1000) for name in BUCKETS}
    return call | more | {"output_tokens": -(-call["output_tokens"] * outward // 1_000_000)}


def changed(shown: Shown, card: Row, call: Row) -> int:
    """What a call costs after the change that a recommendation names."""
    change, model = card["transform"], call["response_model"]
    variant = call["service_tier"] or "standard"
    if change["kind"] == "drop_call":
        return 0
    if change["kind"] == "batch":
        return cost(plain(call), shown.rates(call, model, "batch"))
    if change["kind"] == "service_tier":
        return cost(call, shown.rates(call, model, change["tier"]))
    if change["kind"] == "set_region":
        return cost(call, shown.rates(call, model, variant))
    if change["kind"] == "set_model":
        return cost(scaled(call, change), shown.rates(call, change["model"], variant))
    if change["kind"] == "disable_cache":
        return cost(plain(call), shown.rates(call, model, variant))
    assert change["kind"] == "remove_segment"
    assert not call["cache_read_tokens"]
    gone = card["evidence"].get("static_tokens") or card["evidence"]["tokens"]
    less = call | {"input_uncached_tokens": call["input_uncached_tokens"] - gone}
    return cost(less, shown.rates(call, model, variant))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """A store of planted waste."""
    home = tmp_path_factory.mktemp("planted") / "home"
    (home / "spool").mkdir(parents=True)
    plants = score.world(SEED, DAYS).plants
    billed = billing.bill_all(ask for name in PLANTED for ask in plants[name].asks)
    lines = b"".join(msgspec.json.encode(asks.record(ask, bill)) + b"\n" for ask, bill in billed)
    (home / "spool" / f"{segment_name('calls', 1, 1, 1)}.ndjson").write_bytes(lines)
    return Shown(home)


def test_every_standalone_saving_is_the_sum_of_its_calls(shown: Shown) -> None:
    seen = set()
    for card in shown.ask("rec", "list", "--window", "all")["recommendations"]:
        if card["transform"]["kind"] not in KINDS:
            continue
        calls = shown.ask("calls", "--ids", ",".join(card["call_ids"]))["calls"]
        assert len(calls) == card["calls"] == len(card["call_ids"])
        before = sum(call["cost_picousd"] for call in calls)
        assert card["cost_observed_picousd"] == before
        assert card["standalone_picousd"] == before - sum(changed(shown, card, call) for call in calls), card["title"]
        seen.add(card["transform"]["kind"])
    assert seen == KINDS
