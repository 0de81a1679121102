"""What the difference between recorded and billed is made of, row by row.

Each cause takes its part of what is left: calls that only one side has, recorded calls without a price, calls
around midnight, fees that are no call's, rounding, another price. What still is left is called unexplained.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Final

import msgspec

from otelcost.display import plural
from otelcost.reconcile.recorded import BUCKETS, Recorded, added, whole
from otelcost.reconcile.rows import Billed, Cause, CauseKind, Row

HALF_CENT: Final = 5 * 10**9
_SAME_TOKENS: Final = Fraction(1, 1000)
"""Token counts this close are the same: providers book a few calls on the day after."""

_RATIOS: Final = (
    (Fraction(48, 100), Fraction(52, 100), "half of it: batch or flex"),
    (Fraction(58, 100), Fraction(62, 100), "0.6 of it: background work of eight hours"),
    (Fraction(68, 100), Fraction(72, 100), "0.7 of it: background work of two hours"),
    (Fraction(108, 100), Fraction(112, 100), "1.1 times: a region or data residency"),
    (Fraction(170, 100), Fraction(205, 100), "about twice: a fast or priority tier, or a longer context"),
)


class Explainer:
    """Makes rows with their causes, with the recorded prices of each model at hand."""

    def __init__(self, recorded: list[Recorded], *, tools_apart: bool) -> None:
        self._tools_apart = tools_apart
        self._rates: dict[str | None, dict[str, Fraction]] = {None: _rates(merged(recorded))}
        for model in {one.model for one in recorded}:
            self._rates[model] = _rates(merged([one for one in recorded if one.model == model]))

    def item(self, provider: str, day: date, item: str, billed: Billed, recorded: list[Recorded]) -> Row:
        """A row for what is charged under no model's name."""
        mine = sum(one.cost_other_picousd for one in recorded) if item == "tool calls" else 0
        row = Row(provider=provider, day=day, model=None, item=item, recorded_picousd=mine, billed_picousd=billed.cost)
        gap = row.gap_picousd
        if not gap:
            return row
        if mine and abs(gap) <= HALF_CENT * billed.cost_lines:
            cause = _rounding(gap)
        elif mine:
            cause = Cause(cause="unexplained", picousd=gap, what=f"{item}: other counts than recorded")
        else:
            cause = Cause(cause="not_by_call", picousd=gap, what=f"{item}: charged apart from calls")
        return msgspec.structs.replace(row, causes=(cause,))

    def model(self, provider: str, day: date, model: str | None, billed: Billed, mine: Recorded | None) -> Row:
        """A row for a model, or for all of them."""
        cost = 0 if mine is None else mine.cost_picousd - (mine.cost_other_picousd if self._tools_apart else 0)
        row = Row(
            provider=provider,
            day=day,
            model=model,
            recorded_calls=0 if mine is None else mine.calls,
            billed_requests=billed.requests,
            recorded_tokens=0 if mine is None else whole(mine),
            billed_tokens=None if billed.tokens is None else sum(billed.tokens.values()),
            unpriced_calls=0 if mine is None else mine.unpriced_calls,
            recorded_picousd=cost,
            billed_picousd=billed.cost,
        )
        return msgspec.structs.replace(row, causes=tuple(self._causes(row, billed, mine)))

    def _causes(self, row: Row, billed: Billed, mine: Recorded | None) -> list[Cause]:
        gap = row.gap_picousd
        found = [cause for cause in (self._calls(row, billed, mine), _without_price(row, billed, gap)) if cause]
        if gap is None:
            return found
        left = gap - sum(cause.picousd or 0 for cause in found)
        if left == 0:
            return found
        if abs(left) <= HALF_CENT * max(1, billed.cost_lines):
            return [*found, _rounding(left)]
        if any(cause.picousd is None for cause in found):  # whose amount may be all of it
            return [*found, Cause(cause="unexplained", picousd=left, what="what is left besides the amount not known")]
        if mine is not None and billed.tokens is not None:
            return [*found, _other_price(left, row, billed, mine)]
        return [
            *found,
            Cause(cause="unexplained", picousd=left, what="no usage in the export to tell calls from prices"),
        ]

    def _calls(self, row: Row, billed: Billed, mine: Recorded | None) -> Cause | None:
        """Calls that only one side has."""
        gap = row.gap_picousd
        if mine is None and (gap or billed.requests or row.billed_tokens):
            return Cause(cause="uncaptured", picousd=gap, what=f"{_requests(billed.requests)}nothing of it recorded")
        if mine is not None and billed.tokens is not None:
            return self._tokens(row, billed, billed.tokens, mine)
        if mine is not None and gap and not billed.cost_lines:
            return Cause(cause="surplus", picousd=gap, what=f"{mine.calls:,} recorded calls that were not billed")
        return None

    def _tokens(self, row: Row, billed: Billed, tokens: dict[str, int], mine: Recorded) -> Cause | None:
        missing = {bucket: tokens[bucket] - getattr(mine, bucket) for bucket in BUCKETS}
        apart = sum(abs(count) for count in missing.values())
        if apart <= _SAME_TOKENS * max(row.billed_tokens or 0, row.recorded_tokens):
            return None
        amount = _worth(missing, self._rates.get(row.model, {}))
        more = sum(missing.values()) >= 0
        calls = None if billed.requests is None else billed.requests - mine.calls
        what = f"{_requests(abs(calls) if calls else None)}{abs(sum(missing.values())):,} tokens "
        if more:
            return Cause(cause="uncaptured", picousd=amount, estimated=True, what=what + "billed and not recorded")
        unsure = f", of which {mine.unsure_calls:,} calls are estimates" if mine.unsure_calls else ""
        return Cause(cause="surplus", picousd=amount, estimated=True, what=what + f"recorded and not billed{unsure}")


def _requests(count: int | None) -> str:
    return "" if count is None else f"{plural(count, 'request')}, "


def _rates(total: Recorded | None) -> dict[str, Fraction]:
    """Pico-dollars a token of each bucket, as recorded on average."""
    if total is None:
        return {}
    found = {}
    for bucket in BUCKETS:
        tokens, cost = getattr(total, f"priced_{bucket}"), getattr(total, f"cost_{bucket[:-7]}_picousd")
        if tokens:
            found[bucket] = Fraction(cost, tokens)
    return found


def _worth(tokens: dict[str, int], rates: dict[str, Fraction]) -> int | None:
    """What tokens cost at recorded prices; None where one of them has none."""
    if any(count and bucket not in rates for bucket, count in tokens.items()):
        return None
    return round(sum((count * rates[bucket] for bucket, count in tokens.items() if count), Fraction()))


def _without_price(row: Row, billed: Billed, gap: int | None) -> Cause | None:
    if not row.unpriced_calls:
        return None
    every = row.unpriced_calls == row.recorded_calls and row.billed_tokens in {None, row.recorded_tokens}
    amount = gap if every and billed.cost else None
    what = f"{row.unpriced_calls:,} recorded calls have no price: see otelcost prices check"
    return Cause(cause="unpriced", picousd=amount, what=what)


def _other_price(left: int, row: Row, billed: Billed, mine: Recorded) -> Cause:
    """The same tokens at another price: which tier that looks like."""
    share = Fraction(row.recorded_picousd + left, row.recorded_picousd) if row.recorded_picousd else None
    hint = next((text for low, high, text in _RATIOS if share is not None and low <= share <= high), "")
    if billed.batch_tokens and not mine.batch_calls:
        hint = f"{billed.batch_tokens:,} tokens were billed as batch and none recorded so"
    elif not hint:
        hint = "a contract price, a discount or another tier" if left < 0 else "a tier, a region or a newer price"
    return Cause(cause="price", picousd=left, what=f"another price than the book's; {hint}")


def _rounding(left: int) -> Cause:
    return Cause(cause="rounding", picousd=left, what="less than half a cent a line")


def across_midnight(rows: list[Row], recorded: list[Recorded]) -> list[Row]:
    """Rows in which what calls over midnight explain, surplus on a day and missing on the next, is its own cause."""
    over = {(one.day, one.model): one.over_midnight_picousd for one in recorded if one.over_midnight_picousd}
    found = {(row.day, row.model): row for row in rows if not row.item}
    for (day, model), limit in sorted(over.items()):
        before, after = found.get((day, model)), found.get((day + timedelta(days=1), model))
        early = _amount(before, "surplus")
        late = _amount(after, "uncaptured")
        moved = min(-early, late, limit) if early < 0 < late else 0
        if moved and before is not None and after is not None:
            found[before.day, model] = _moved(before, "surplus", -moved)
            found[after.day, model] = _moved(after, "uncaptured", moved)
    return [found.get((row.day, row.model), row) if not row.item else row for row in rows]


def _amount(row: Row | None, kind: CauseKind) -> int:
    causes = () if row is None else row.causes
    return next((cause.picousd or 0 for cause in causes if cause.cause == kind), 0)


def _moved(row: Row, kind: CauseKind, amount: int) -> Row:
    boundary = Cause(
        cause="day_boundary", picousd=amount, estimated=True, what="calls that began before midnight and ended after"
    )
    causes = [
        msgspec.structs.replace(cause, picousd=cause.picousd - amount)
        if cause.cause == kind and cause.picousd is not None
        else cause
        for cause in row.causes
    ]
    kept = [cause for cause in causes if cause.cause != kind or cause.picousd]
    return msgspec.structs.replace(row, causes=(*kept, boundary))


def merged(recorded: list[Recorded]) -> Recorded | None:
    """Rows as one; None where there are none."""
    total: Recorded | None = None
    for one in recorded:
        total = one if total is None else added(total, one)
    return total
