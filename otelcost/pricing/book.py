"""The book: every price row there is, and which of them a call gets.

Layers, upper first: the user's `prices.toml`, the project's `overlay.toml`, the price library's data. The
user's rules match the names of models as they were sent or answered, also names no layer below knows.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import msgspec

from otelcost.pricing import installed, layers, names
from otelcost.pricing.installed import Installed
from otelcost.pricing.layers import Table
from otelcost.pricing.override import VARIANTS, Rule, parse_rules, read_rules
from otelcost.pricing.rates import PriceRow

COMPILER: Final = 3
"""Raise it when the same inputs give other rows: stores then compile again."""

OVERRIDE_PREFIX: Final = "override:"
USER_SOURCE: Final = "prices.toml"
"""How the source of every row begins that a user's rule made."""

PROVIDER_IDS: Final = {
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "aws.bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
    "together_ai": "together",
    "moonshot_ai": "moonshotai",
}
"""OpenTelemetry provider names that the price library spells differently."""

_STANDARD_TIERS: Final = frozenset({"", "default", "standard", "auto", "standard_only", "on_demand"})
_HOME_GEOS: Final = frozenset({"", "global", "default", "not_available"})
_REGIONAL: Final = frozenset({"openai", "gcp.vertex_ai"})
"""Who charges the same for every geography that is not the whole world."""


PriceStatus = Literal["exact", "alias", "override", "unpriced"]


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """Which price a call gets, and why if none."""

    price_key: str | None
    status: PriceStatus
    book_status: PriceStatus | None = None  # the same without the user's rules: for days they do not reach
    reason: str | None = None


class Book:
    """Compiled prices. Make one with `compile_book`.

    Args:
        table: rows of the library and the overlay by price key.
        own: `provider/model` of those that only the overlay knows.
        rules: the user's rules, in order.
        source: what the rows come from, for people.
    """

    def __init__(self, table: Table, own: frozenset[str], rules: tuple[Rule, ...], source: str) -> None:
        self.rules = rules
        self.source = source
        self._table = table
        self._own = own
        self._overridden: Table = {}

    @property
    def rows(self) -> list[PriceRow]:
        """Every row below the user's rules, ordered by key, time and context."""
        return [row for key in sorted(self._table) for row in self._table[key]]

    @property
    def sha256(self) -> str:
        """Digest of everything a price can depend on."""
        encoded = msgspec.json.encode([self.rows, self.rules])
        return hashlib.sha256(encoded).hexdigest()

    def rows_for(self, price_key: str) -> list[PriceRow]:
        """The rows of a key, of the library or of the user's rules; none for a key that does not exist."""
        return self._table.get(price_key) or self._overridden.get(price_key, [])

    def variants(self, price_key: str) -> list[str]:
        """All keys of the same model, whatever the variant."""
        model = price_key.rpartition("/")[0] + "/"
        keys = (*self._table, *self._overridden)
        return sorted(key for key in keys if key.startswith(model) and "/" not in key[len(model) :])

    def resolve(
        self,
        provider: str,
        model: str | None,
        tier: str | None = None,
        speed: str | None = None,
        geo: str | None = None,
        batch: bool = False,
    ) -> Resolution:
        """The price key for a call.

        Args:
            provider: OpenTelemetry provider name.
            model: as answered, else as sent.
            tier: the service tier as served; None where the provider does not say is the standard one.
            speed: Anthropic's speed; geo: its inference geography; batch: sent through a batch API.
        """
        if not model:
            return _unpriced("the call names no model")
        variant = variant_name(tier, speed, _place(provider, geo), batch=batch)
        base, found, reason = self._find(provider, model)
        matching = tuple(rule for rule in self.rules if rule.matches(provider, model))
        if matching:
            return self._resolve_override(provider, model, base, matching, variant, found)
        if base is None:
            return _unpriced(reason)
        key = f"{base}/{variant}"
        if self.rows_for(key):
            return Resolution(price_key=key, status=found, book_status=found)
        return _unpriced(reason or f"no {variant} price is known for {model}")

    def _resolve_override(
        self,
        provider: str,
        model: str,
        base: str | None,
        rules: tuple[Rule, ...],
        variant: str,
        found: PriceStatus,
    ) -> Resolution:
        for rule in rules:
            if rule.base_model and not self.knows(provider, rule.base_model):
                return _unpriced(f"the price book has no {rule.base_model} (base_model in {USER_SOURCE})")
        key = f"{self._override(provider, model, base, rules)}/{variant}"
        if self.rows_for(key):
            return Resolution(price_key=key, status="override", book_status=found)
        missing = f"no {variant} price is known for {model}"
        if any(_unsettles(rule, variant) for rule in rules):
            missing += f': {USER_SOURCE} gives a standard price of its own; give one with variant = "{variant}" too'
        return _unpriced(missing)

    def knows(self, provider: str, model: str) -> bool:
        """True where a name means a model of the layers below the user's rules: what a `base_model` can name."""
        return self._find(provider, model)[0] is not None

    def _find(self, provider: str, model: str) -> tuple[str | None, PriceStatus, str]:
        """`(provider/model of the table, how it was found, why it has no price)`."""
        from otelcost.pricing import snapshot  # noqa: PLC0415  (0.3 s, only needed to resolve)

        name, house = names.plain(provider, model), PROVIDER_IDS.get(provider, provider)
        if name.reason is not None:
            return None, "unpriced", f"{model}: {name.reason}"
        asked = name.model.lower()
        for own in (asked, names.undated(asked)):
            if f"{house}/{own}" in self._own:
                return f"{house}/{own}", "exact" if own == model.lower() else "alias", ""
        found = snapshot.find(house, name.model) or (snapshot.find(house, name.other) if name.other else None)
        if found is None:
            known = house in snapshot.providers()
            missing = f"model {model} of {provider}" if known else f"provider {provider}"
            return None, "unpriced", f"the price book has no {missing}{name.hint}"
        if not found.sure:
            resembles = f"the price book has {found.model} but no {model} of {provider}"
            return None, "unpriced", found.refusal or resembles
        exact = (found.provider, found.model.lower()) == (house, model.lower())
        return f"{found.provider}/{found.model}", "exact" if exact else "alias", found.refusal or ""

    def _override(self, provider: str, model: str, base: str | None, rules: tuple[Rule, ...]) -> str:
        """Lay the rules over the model's rows, once, and return the `provider/model` of the result."""
        name = f"{OVERRIDE_PREFIX}{provider}/{model.lower()}"
        if f"{name}/standard" in self._overridden:
            return name
        for rule in rules:
            if rule.base_model:
                base = self._find(provider, rule.base_model)[0]
        named = [rule.variant for rule in rules if rule.variant]
        variants = dict.fromkeys((*self._variants_of(base), *named))
        below = {variant: self._table.get(f"{base}/{variant}", []) for variant in variants}
        for variant, rows in below.items():
            key = f"{name}/{variant}"
            laid = [msgspec.structs.replace(row, price_key=key) for row in rows]
            for rule in rules:
                if _reaches(rule, variant):
                    laid = layers.lay(laid, key, rule)
                elif _unsettles(rule, variant):
                    laid = _only_own(laid, rule)
            self._overridden[key] = laid
        return name

    def _variants_of(self, base: str | None) -> list[str]:
        known = [] if base is None else [key.rpartition("/")[2] for key in self.variants(f"{base}/standard")]
        return list(dict.fromkeys((*VARIANTS, *known)))


def _reaches(rule: Rule, variant: str) -> bool:
    """True when a rule speaks of a variant: rates without one are for standard, all else is for every one."""
    if rule.variant is not None:
        return rule.variant == variant
    return variant == "standard" or not rule.rates


def _unsettles(rule: Rule, variant: str) -> bool:
    """True when a rule sets the standard price of a token, so that the list's price of a variant proves nothing."""
    return rule.variant is None and variant != "standard" and not layers.TOKEN_RATE_SET.isdisjoint(rule.rates)


def _only_own(rows: list[PriceRow], rule: Rule) -> list[PriceRow]:
    """Rows without those of the list inside a rule's dates: the user's own stay."""
    own = [row for row in rows if row.source.startswith(USER_SOURCE)]
    listed = [row for row in rows if not row.source.startswith(USER_SOURCE)]
    for region in layers.regions(rule):
        listed = layers.outside(listed, region)
    return sorted(own + listed, key=lambda row: (row.valid_from, row.context_lo))


def variant_name(tier: str | None, speed: str | None, geo: str | None, *, batch: bool) -> str:
    """The last part of a price key: a tier, `-fast` where two meet, and `+us` for a geography."""
    served = (tier or "").lower()
    names = ["batch"] if batch or served == "batch" else []
    if served not in _STANDARD_TIERS and served != "batch":
        names.append(served)
    if (speed or "").lower() == "fast" and "fast" not in names:
        names.append("fast")
    suffix = "" if (geo or "").lower() in _HOME_GEOS else f"+{(geo or '').lower()}"
    return ("-".join(names) or "standard") + suffix


def _place(provider: str, geo: str | None) -> str | None:
    """Where a call was served, as far as prices care."""
    home = (geo or "").lower() in _HOME_GEOS
    return "regional" if provider in _REGIONAL and not home else geo


def compile_book(override: Path | None = None) -> Book:
    """The book of the installed price library, our overlay and a user's prices.

    Args:
        override: the user's TOML; None or a missing file means no prices of their own.

    Raises:
        PriceError: the override has a mistake.
    """
    rules = () if override is None else read_rules(override)
    table, own, source = _base(installed.current())
    return Book(table, own, tuple(_user_rule(rule) for rule in rules), source)


def fingerprint(override: Path | None = None) -> str:
    """A cheap digest of everything a book is compiled from, without importing the price library."""
    digest = hashlib.sha256(f"{COMPILER} {metadata.version('genai-prices')}".encode())
    spec = find_spec("genai_prices")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        digest.update(Path(folder, "data.py").read_bytes())
    digest.update(_overlay_text().encode())
    data = installed.current()
    if data is not None:
        digest.update(f"installed {data.sha256} {data.newest}".encode())
    if override is not None and override.is_file():
        digest.update(b"override" + override.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=2)
def _base(data: Installed | None) -> tuple[Table, frozenset[str], str]:
    """The price data in use and the overlay; `own` are the models only the overlay knows."""
    from otelcost.pricing import snapshot  # noqa: PLC0415  (0.3 s, only needed to compile)

    source = f"genai-prices {metadata.version('genai-prices')}"
    if data is not None:
        source = f"genai-prices data {data.sha256[:12]} of {data.newest}"
    table = snapshot.table(source)
    known = {key.rpartition("/")[0] for key in table}
    for rule in overlay_rules():
        layers.apply(table, rule)
    own = frozenset(key.rpartition("/")[0] for key in table) - known
    return table, own, source


def overlay_rules() -> tuple[Rule, ...]:
    """The project's own rules, each with its source and the day it was checked."""
    return parse_rules(_overlay_text(), "the overlay")


@lru_cache(maxsize=1)
def _overlay_text() -> str:
    return resources.files("otelcost.pricing").joinpath("overlay.toml").read_text(encoding="utf-8")


def _user_rule(rule: Rule) -> Rule:
    source = f"{USER_SOURCE}: {rule.source}" if rule.source else USER_SOURCE
    return msgspec.structs.replace(rule, source=source)


def _unpriced(reason: str) -> Resolution:
    return Resolution(price_key=None, status="unpriced", reason=reason)
