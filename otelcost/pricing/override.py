"""Price rules in TOML: the user's own and the project's overlay are the same format.

    [[price]]
    model = "my-gpt4o-*"          # glob over the model's name as sent or answered
    provider = "azure.ai.openai"  # glob, optional
    base_model = "gpt-4o"         # take this model's prices
    multiplier = "0.9"            # times the prices found so far
    from = 2026-07-01             # first day, UTC
    to = 2027-01-01               # first day it no longer holds
    variant = "standard"          # or batch, flex, priority, fast; standard+us for a geography
    input = 2.5                   # USD per million tokens: input, cache_read, cache_write_short, ...
    web_search = 10.0             # USD per thousand: web_search, web_fetch, file_search, code_execution, request

    self_hosted = true            # no price at all: every rate is 0

Rates without a variant are the standard ones. What the other variants then cost is not known: whoever pays
other prices than the list's gives them too.

Every mistake is one `PriceError` line with the file, the entry and what to do.
"""

from __future__ import annotations

import tomllib
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import msgspec

from otelcost.errors import PriceError
from otelcost.pricing.rates import RATE_NAMES

PER_THOUSAND: Final = frozenset({"web_search", "web_fetch", "file_search", "code_execution", "request"})
"""Rates given per thousand requests; all others are per million tokens."""

RATE_KEYS: Final = tuple(name.removesuffix("_picousd") for name in RATE_NAMES)
MAX_RATE_PICOUSD: Final = 10**12
"""A dollar per token or request: more is a typing error, and sums must stay inside 63 bits."""

VARIANTS: Final = ("standard", "batch", "flex", "priority", "fast")
"""How a call can be served. Two can meet (`batch-fast`), and `+us` names a geography."""

_TEXT_KEYS: Final = ("model", "provider", "base_model", "variant", "source")
_DATE_KEYS: Final = ("from", "to", "checked")
_OTHER_KEYS: Final = ("multiplier", "self_hosted", "context_up_to", "fill", "times_input")
KEYS: Final = _TEXT_KEYS + _DATE_KEYS + _OTHER_KEYS + RATE_KEYS
"""Every key an entry may have."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[price]]` entry, checked. Rates are pico-dollars a token or a request."""

    model: str
    provider: str = "*"
    base_model: str | None = None
    multiplier: Decimal | None = None
    self_hosted: bool = False
    variant: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    context_up_to: int | None = None  # the largest input the entry is known to hold for
    fill: bool = False  # only where the layers below know no rate (overlay)
    times_input: dict[str, Decimal] = {}  # rate name: multiple of the input rate (overlay)
    rates: dict[str, int] = {}
    source: str = ""

    def matches(self, provider: str, model: str) -> bool:
        """True when both globs match, ignoring case."""
        return fnmatchcase(model.lower(), self.model.lower()) and fnmatchcase(provider.lower(), self.provider.lower())


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a file, in order; none when there is no such file.

    Raises:
        PriceError: it cannot be read, or an entry is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise PriceError(f"{path} cannot be read ({error})", "make it a readable UTF-8 file") from error
    rules = parse_rules(text, str(path))
    for number, rule in enumerate(rules, 1):
        _known_variant(rule, f"{path}: entry {number} ({rule.model})")
    return rules


def _known_variant(rule: Rule, where: str) -> None:
    """A variant nobody is served in would silently price nothing."""
    names, plus, geo = (rule.variant or VARIANTS[0]).partition("+")
    for name in names.split("-"):
        if name not in VARIANTS:
            near = get_close_matches(name, VARIANTS, n=1)
            hint = f"did you mean {near[0]!r}" if near else f"known: {', '.join(VARIANTS)}, and +us for a geography"
            raise PriceError(f"{where}: unknown variant {rule.variant!r}", hint)
    if plus and not geo:
        raise PriceError(f"{where}: variant {rule.variant!r} names no geography", "write it as standard+us")


def parse_rules(text: str, where: str) -> tuple[Rule, ...]:
    """The rules of a TOML text; `where` names it in errors."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PriceError(f"{where} is not TOML: {error}", "correct that line") from error
    for key in document:
        if key != "price":
            raise PriceError(f"{where}: unknown table {key!r}", "entries are written as [[price]]")
    entries = document.get("price", [])
    if not isinstance(entries, list):
        raise PriceError(f"{where}: [price] is one table", "write [[price]], with two brackets")
    return tuple(_rule(entry, f"{where}: entry {number}") for number, entry in enumerate(entries, 1))


def _rule(entry: dict[str, Any], where: str) -> Rule:
    _known_keys(entry, where)
    texts = {key: _text(entry[key], f"{where}, {key}") for key in _TEXT_KEYS if key in entry}
    if not texts.get("model"):
        raise PriceError(f"{where} has no model", 'add model = "a name or a glob such as gpt-4o*"')
    where = f"{where} ({texts['model']})"
    days = {key: _day(entry[key], f"{where}, {key}") for key in _DATE_KEYS if key in entry}
    rule = Rule(
        model=texts["model"],
        provider=texts.get("provider", "*"),
        base_model=texts.get("base_model"),
        variant=texts.get("variant"),
        source=texts.get("source", ""),
        multiplier=_factor(entry["multiplier"], f"{where}, multiplier") if "multiplier" in entry else None,
        self_hosted=_flag(entry, "self_hosted", where),
        fill=_flag(entry, "fill", where),
        valid_from=days.get("from"),
        valid_to=days.get("to"),
        context_up_to=_count(entry["context_up_to"], where) if "context_up_to" in entry else None,
        times_input=_multiples(entry.get("times_input", {}), where),
        rates={f"{key}_picousd": _rate(entry[key], key, where) for key in RATE_KEYS if key in entry},
    )
    _complete(rule, where)
    return rule


def _known_keys(entry: dict[str, Any], where: str) -> None:
    for key in entry:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, n=1)
            hint = f"did you mean {near[0]!r}" if near else f"known keys: {', '.join(KEYS)}"
            raise PriceError(f"{where}: unknown key {key!r}", hint)


def _complete(rule: Rule, where: str) -> None:
    if rule.valid_from and rule.valid_to and rule.valid_from >= rule.valid_to:
        raise PriceError(f"{where}: from is not before to", "give the first day it holds and the first it does not")
    says_something = rule.rates or rule.base_model or rule.multiplier is not None or rule.self_hosted
    if not (says_something or rule.times_input):
        raise PriceError(f"{where} sets no price", "add rates, a multiplier, a base_model or self_hosted = true")
    if rule.self_hosted and (rule.rates or rule.multiplier is not None or rule.base_model):
        raise PriceError(f"{where}: self_hosted means 0 and allows no other price", "remove one of them")


def _text(value: object, where: str) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise PriceError(f"{where}: {value!r} is not a name", "write it in quotes")


def _flag(entry: dict[str, Any], key: str, where: str) -> bool:
    value = entry.get(key, False)
    if isinstance(value, bool):
        return value
    raise PriceError(f"{where}, {key}: {value!r} is neither true nor false", "write it without quotes")


def _day(value: object, where: str) -> date:
    if isinstance(value, str):
        with suppress(ValueError):
            return date.fromisoformat(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise PriceError(f"{where}: {value!r} is not a date", "write it as 2026-07-01")


def _decimal(value: object, where: str) -> Decimal:
    """An exact number: TOML floats are read by their shortest spelling, which is what was typed."""
    number = Decimal("NaN")
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(InvalidOperation):
            number = Decimal(str(value))
    if number.is_finite() and number >= 0:
        return number
    negative = number.is_finite()
    advice = "no price is negative; write 0 where it costs nothing" if negative else "write a number such as 2.5"
    raise PriceError(f"{where}: {value!r} is not a number of 0 or more", advice)


def _factor(value: object, where: str) -> Decimal:
    number = _decimal(value, where)
    if number > 1000:
        raise PriceError(f"{where}: {value!r} is too large", "a multiplier of 1 changes nothing")
    return number


def _count(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise PriceError(f"{where}, context_up_to: {value!r} is not a number of tokens", "write it as 272000")


def _multiples(value: object, where: str) -> dict[str, Decimal]:
    if not isinstance(value, dict):
        raise PriceError(f"{where}, times_input: not a table", "write it as { cache_read = 0.1 }")
    for key in value:
        if key not in RATE_KEYS:
            raise PriceError(f"{where}, times_input: unknown rate {key!r}", f"known: {', '.join(RATE_KEYS)}")
    return {f"{key}_picousd": _factor(number, f"{where}, times_input") for key, number in value.items()}


def _rate(value: object, key: str, where: str) -> int:
    dollars = _decimal(value, f"{where}, {key}")
    return exact_picousd(dollars, 1000 if key in PER_THOUSAND else 1_000_000, f"{where}, {key}")


def exact_picousd(dollars: Decimal, per: int, where: str) -> int:
    """Dollars for `per` units as whole pico-dollars a unit.

    Raises:
        PriceError: it is no whole number of pico-dollars, or more than `MAX_RATE_PICOUSD`.
    """
    picousd = dollars * 10**12 / per
    if picousd != picousd.to_integral_value():
        raise PriceError(f"{where}: {dollars} has too many decimals", "six decimals per million tokens are the most")
    if picousd > MAX_RATE_PICOUSD:
        raise PriceError(f"{where}: {dollars} is too large", "prices are USD per million tokens or thousand requests")
    return int(picousd)
