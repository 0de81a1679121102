"""Price rules in TOML: the user's own and the project's overlay are the same format.

    [[price]]
    model = "my-gpt4o-*"          # glob over the model's name as sent or answered
    provider = "azure.ai.openai"  # glob, optional
    base_model = "gpt-4o"         # take this model's prices
    multiplier = "0.9"            # times the prices found so far
    from = 2026-07-01             # first day, UTC
    to = 2027-01-01               # first day it no longer holds
    variant = "standard"          # or batch, flex, priority, fast, ...; standard+us for a geography
    input = 2.5                   # USD per million tokens: input, cache_read, cache_write_short, ...
    web_search = 10.0             # USD per thousand: web_search, web_fetch, file_search, code_execution, request
    hours = ["18:00-24:00"]       # only at these hours, UTC; with from and to

    self_hosted = true            # no price at all: every rate is 0
    gpu_hour = 2.4                # or what a GPU costs an hour, in USD,
    gpus = 2                      # times how many there are,
    tokens_per_hour = 9_000_000   # over the tokens, in and out, that they serve in an hour

Rates without a variant are the standard ones. What the other variants then cost is not known: whoever pays
other prices than the list's gives them too.

Every mistake is one `PriceError` line with the file, the entry and what to do.
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import msgspec

from otelcost.errors import PriceError
from otelcost.pricing import values
from otelcost.pricing.agreements import Agreements, parse_agreements
from otelcost.pricing.rates import ANY_CONTEXT, BEGIN, END, RATE_NAMES

PER_THOUSAND: Final = frozenset({"web_search", "web_fetch", "file_search", "code_execution", "request"})
"""Rates given per thousand requests; all others are per million tokens."""

RATE_KEYS: Final = tuple(name.removesuffix("_picousd") for name in RATE_NAMES)

VARIANTS: Final = (
    "standard", "batch", "flex", "priority", "fast", "ultrafast", "background-2h", "background-8h",
)  # fmt: skip
"""How a call can be served. A batch can meet another (`batch-fast`), and `+us` names a geography."""

_TEXT_KEYS: Final = ("model", "provider", "base_model", "variant", "source")
_DATE_KEYS: Final = ("from", "to", "checked")
_HOUR_KEYS: Final = ("hours", "days", "except")
_GPU_KEYS: Final = ("gpu_hour", "gpus", "tokens_per_hour")
_OTHER_KEYS: Final = ("multiplier", "self_hosted", "context_above", "context_up_to", "fill", "times_input")
KEYS: Final = _TEXT_KEYS + _DATE_KEYS + _HOUR_KEYS + _GPU_KEYS + _OTHER_KEYS + RATE_KEYS
"""Every key an entry may have."""

_MOST_DAYS: Final = 1100
"""The longest time with hours of their own: each day becomes rows of the book."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[price]]` entry, checked. Rates are pico-dollars a token or a request."""

    model: str
    provider: str = "*"
    base_model: str | None = None
    multiplier: Decimal | None = None
    self_hosted: bool = False
    token_picousd: int = 0  # what a token costs on machines of one's own
    variant: str | None = None
    valid_from: datetime = BEGIN
    valid_to: datetime = END
    hours: tuple[tuple[int, int], ...] = ()  # minutes from midnight UTC; none: all day
    days: frozenset[int] = frozenset()  # days of the week with those hours, Monday is 0; none: every day
    holidays: frozenset[date] = frozenset()  # days without them
    context_lo: int = 0
    context_hi: int = ANY_CONTEXT
    fill: bool = False  # only where the layers below know no rate (overlay)
    times_input: dict[str, Decimal] = {}  # rate name: multiple of the input rate (overlay)
    rates: dict[str, int] = {}
    source: str = ""
    checked: date | None = None

    def matches(self, provider: str, model: str) -> bool:
        """True when both globs match, ignoring case."""
        return fnmatchcase(model.lower(), self.model.lower()) and fnmatchcase(provider.lower(), self.provider.lower())

    def periods(self) -> list[tuple[datetime, datetime]]:
        """The half-open times the rule holds for: one, or the hours of each of its days."""
        if not self.hours:
            return [(self.valid_from, self.valid_to)]
        found = []
        midnight = self.valid_from.replace(hour=0, minute=0, second=0, microsecond=0)
        while midnight < self.valid_to:
            if (not self.days or midnight.weekday() in self.days) and midnight.date() not in self.holidays:
                for first, last in self.hours:
                    begin = max(midnight + timedelta(minutes=first), self.valid_from)
                    end = min(midnight + timedelta(minutes=last), self.valid_to)
                    found += [(begin, end)] if begin < end else []
            midnight += timedelta(days=1)
        return found


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a file, in order; none when there is no such file.

    Raises:
        PriceError: it cannot be read, or an entry is wrong.
    """
    rules, _ = read_file(path)
    return rules


def read_file(path: Path) -> tuple[tuple[Rule, ...], Agreements]:
    """The rules of a file, and the credits and commitments it speaks of; nothing when there is no such file.

    Raises:
        PriceError: it cannot be read, or an entry is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return (), Agreements()
    except (OSError, UnicodeDecodeError) as error:
        raise PriceError(f"{path} cannot be read ({error})", "make it a readable UTF-8 file") from error
    document = _document(text, str(path))
    rules = _rules(document, str(path))
    for number, rule in enumerate(rules, 1):
        _known_variant(rule, f"{path}: entry {number} ({rule.model})")
    return rules, parse_agreements(document, str(path))


def parse_rules(text: str, where: str) -> tuple[Rule, ...]:
    """The rules of a TOML text; `where` names it in errors."""
    return _rules(_document(text, where), where)


def _document(text: str, where: str) -> dict[str, Any]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PriceError(f"{where} is not TOML: {error}", "correct that line") from error
    for key, entries in document.items():
        if key not in {"price", "credit", "commitment"}:
            raise PriceError(f"{where}: unknown table {key!r}", "entries are written as [[price]]")
        if not (isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)):
            raise PriceError(f"{where}: [{key}] is one table", f"write [[{key}]], with two brackets")
    return document


def _rules(document: dict[str, Any], where: str) -> tuple[Rule, ...]:
    return tuple(_rule(entry, f"{where}: entry {number}") for number, entry in enumerate(document.get("price", []), 1))


def _known_variant(rule: Rule, where: str) -> None:
    """A variant nobody is served in would silently price nothing."""
    name, plus, geo = (rule.variant or VARIANTS[0]).partition("+")
    if name not in VARIANTS and not (name.startswith("batch-") and name.removeprefix("batch-") in VARIANTS[2:]):
        near = get_close_matches(name, VARIANTS, n=1)
        hint = f"did you mean {near[0]!r}" if near else f"known: {', '.join(VARIANTS)}, and +us for a geography"
        raise PriceError(f"{where}: unknown variant {rule.variant!r}", hint)
    if plus and not geo:
        raise PriceError(f"{where}: variant {rule.variant!r} names no geography", "write it as standard+us")


def _rule(entry: dict[str, Any], where: str) -> Rule:
    values.known_keys(entry, KEYS, where)
    texts = {key: values.text(entry[key], f"{where}, {key}") for key in _TEXT_KEYS if key in entry}
    if not texts.get("model"):
        raise PriceError(f"{where} has no model", 'add model = "a name or a glob such as gpt-4o*"')
    where = f"{where} ({texts['model']})"
    hosted = _gpu_picousd(entry, where)
    above, upto = (
        values.count(entry[key], f"{where}, {key}") if key in entry else None
        for key in ("context_above", "context_up_to")
    )
    rule = Rule(
        model=texts["model"],
        provider=texts.get("provider", "*"),
        base_model=texts.get("base_model"),
        variant=texts.get("variant"),
        source=texts.get("source", ""),
        checked=values.day(entry["checked"], f"{where}, checked") if "checked" in entry else None,
        multiplier=values.factor(entry["multiplier"], f"{where}, multiplier") if "multiplier" in entry else None,
        self_hosted=values.flag(entry.get("self_hosted", False), f"{where}, self_hosted") or hosted is not None,
        token_picousd=hosted or 0,
        fill=values.flag(entry.get("fill", False), f"{where}, fill"),
        valid_from=values.moment(entry["from"], f"{where}, from") if "from" in entry else BEGIN,
        valid_to=values.moment(entry["to"], f"{where}, to") if "to" in entry else END,
        hours=values.hours(entry["hours"], f"{where}, hours") if "hours" in entry else (),
        days=values.weekdays(entry["days"], f"{where}, days") if "days" in entry else frozenset(),
        holidays=values.dates(entry["except"], f"{where}, except") if "except" in entry else frozenset(),
        context_lo=0 if above is None else above + 1,
        context_hi=ANY_CONTEXT if upto is None else upto + 1,
        times_input=_multiples(entry.get("times_input", {}), where),
        rates={f"{key}_picousd": _rate(entry[key], key, where) for key in RATE_KEYS if key in entry},
    )
    _complete(rule, where)
    _bounded(rule, entry, where)
    return rule


def _gpu_picousd(entry: dict[str, Any], where: str) -> int | None:
    """What a token costs on rented or owned GPUs, to the nearest pico-dollar; None where none are spoken of."""
    if not any(key in entry for key in _GPU_KEYS):
        return None
    if "gpu_hour" not in entry or "tokens_per_hour" not in entry:
        raise PriceError(f"{where}: a GPU's price needs gpu_hour and tokens_per_hour", "add the one that is missing")
    hour = values.decimal(entry["gpu_hour"], f"{where}, gpu_hour")
    gpus = values.decimal(entry.get("gpus", 1), f"{where}, gpus")
    tokens = values.count(entry["tokens_per_hour"], f"{where}, tokens_per_hour")
    picousd = round(hour * gpus * 10**12 / tokens)
    if picousd > values.MAX_RATE_PICOUSD:
        raise PriceError(f"{where}: more than a dollar a token", "give the tokens of all GPUs together in an hour")
    return picousd


def _complete(rule: Rule, where: str) -> None:
    says_something = rule.rates or rule.base_model or rule.multiplier is not None or rule.self_hosted
    if not (says_something or rule.times_input):
        raise PriceError(f"{where} sets no price", "add rates, a multiplier, a base_model or self_hosted = true")
    if rule.self_hosted and (rule.rates or rule.multiplier is not None or rule.base_model):
        raise PriceError(f"{where}: self_hosted or gpu_hour allows no other price", "remove one of them")


def _bounded(rule: Rule, entry: dict[str, Any], where: str) -> None:
    if rule.valid_from >= rule.valid_to:
        raise PriceError(f"{where}: from is not before to", "give the first day it holds and the first it does not")
    if rule.context_lo >= rule.context_hi:
        raise PriceError(f"{where}: context_above is not below context_up_to", "give the smaller one first")
    if rule.hours and not {"from", "to"} <= entry.keys():
        raise PriceError(f"{where}: hours need from and to", "give the first day they hold and the first they do not")
    if rule.hours and (rule.valid_to - rule.valid_from).days > _MOST_DAYS:
        raise PriceError(f"{where}: hours over more than three years", "give a shorter time, and renew it")
    if (rule.days or rule.holidays) and not rule.hours:
        raise PriceError(f"{where}: days and except go with hours", 'add hours = ["00:00-24:00"]')


def _multiples(value: object, where: str) -> dict[str, Decimal]:
    if not isinstance(value, dict):
        raise PriceError(f"{where}, times_input: not a table", "write it as { cache_read = 0.1 }")
    for key in value:
        if key not in RATE_KEYS:
            raise PriceError(f"{where}, times_input: unknown rate {key!r}", f"known: {', '.join(RATE_KEYS)}")
    return {f"{key}_picousd": values.factor(number, f"{where}, times_input") for key, number in value.items()}


def _rate(value: object, key: str, where: str) -> int:
    dollars = values.decimal(value, f"{where}, {key}")
    return values.exact_picousd(dollars, 1000 if key in PER_THOUSAND else 1_000_000, f"{where}, {key}")
