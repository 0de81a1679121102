"""Names as hosts write them: the model in them, or why no price can be known. Never another model's price."""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.pricing import snapshot
from otelcost.pricing.book import PROVIDER_IDS, Book, compile_book

WHEN = datetime(2026, 11, 27, 12)
BOOK = compile_book()
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012"


def price(provider: str, model: str, **call: str | bool) -> tuple[int | None, int | None]:
    """Dollars per million input and output tokens, times a million."""
    found = BOOK.resolve(provider, model, **call)  # type: ignore[arg-type]
    assert found.price_key is not None, found.reason
    (row,) = [
        row for row in BOOK.rows_for(found.price_key) if row.valid_from <= WHEN < row.valid_to and not row.context_lo
    ]
    return row.rates.input_picousd, row.rates.output_picousd


KNOWN = [
    ("openai", "ft:gpt-4.1-2025-04-14:acme:support:Abc123", (3_000_000, 12_000_000)),
    ("openai", "ft:gpt-4.1-mini-2025-04-14:acme::id:ckpt-step-90", (800_000, 3_200_000)),
    ("openai", "ft:gpt-4.1-nano-2025-04-14:acme::id", (200_000, 800_000)),
    ("openai", "ft:o4-mini-2025-04-16:acme::id", (4_000_000, 16_000_000)),
    ("openai", "ft:gpt-4o-2024-08-06:acme::id", (3_750_000, 15_000_000)),
    ("azure.ai.openai", "gpt-35-turbo", (500_000, 1_500_000)),
    ("aws.bedrock", SONNET, (3_300_000, 16_500_000)),
    *(("aws.bedrock", f"{area}.{SONNET}", (3_300_000, 16_500_000)) for area in ("us", "eu", "apac", "au", "jp")),
    ("aws.bedrock", f"global.{SONNET}", (3_000_000, 15_000_000)),
    ("aws.bedrock", f"{ARN}:inference-profile/global.{SONNET}", (3_000_000, 15_000_000)),
    ("aws.bedrock", f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET}", (3_300_000, 16_500_000)),
    ("aws.bedrock", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", (3_000_000, 15_000_000)),
    ("aws.bedrock", "anthropic.claude-3-haiku-20240307-v1:0:200k", (250_000, 1_250_000)),
    ("gcp.vertex_ai", "claude-sonnet-4-5@20250929", (3_000_000, 15_000_000)),
    ("gcp.vertex_ai", "projects/p/locations/global/publishers/google/models/gemini-2.5-pro", (1_250_000, 10_000_000)),
    ("gcp.gemini", "models/gemini-2.5-flash", (300_000, 2_500_000)),
    ("openrouter", "anthropic/claude-sonnet-4-5", (3_000_000, 15_000_000)),
    ("openrouter", "meta-llama/llama-3.3-70b-instruct:free", (0, 0)),
    ("openrouter", "mistralai/mistral-small-9:FREE", (0, 0)),
    ("anthropic", "claude-2.1", (8_000_000, 24_000_000)),
]


@pytest.mark.parametrize(("provider", "model", "rates"), KNOWN, ids=[model for _, model, _ in KNOWN])
def test_the_model_in_the_name_is_priced(provider: str, model: str, rates: tuple[int, int]) -> None:
    assert price(provider, model) == rates


def test_openrouters_batch_is_a_model_of_its_own() -> None:
    assert price("openrouter", "openai/gpt-4o:batch") == (1_250_000, 5_000_000)


UNKNOWN = [
    ("openai", "ft:gpt-5-2026-01-01:acme::id", "models tuned from gpt-5-2026-01-01"),
    ("openai", "ft:gpt-4.1-2025-04-14", None),
    ("azure.ai.openai", "prod-chat", "if that is a deployment's name, say with base_model"),
    ("azure.ai.openai", "o4-mini-deep-research", "has o4-mini but no o4-mini-deep-research"),
    (
        "aws.bedrock",
        f"{ARN}:application-inference-profile/a1b2c3d4e5f6",
        "application-inference-profile hides the model",
    ),
    ("aws.bedrock", f"{ARN}:provisioned-model/a1b2c3d4e5f6", "provisioned-model hides the model"),
    ("aws.bedrock", "a1b2c3d4e5f6", "an inference profile or a model of your own"),
    ("aws.bedrock", "us-gov.anthropic.claude-3-haiku-20240307-v1:0", "GovCloud"),
    ("aws.bedrock", f"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/{SONNET}", "GovCloud"),
    ("aws.bedrock", f"arn:aws-cn:bedrock:cn-north-1::foundation-model/{SONNET}", "aws-cn"),
    ("gcp.vertex_ai", "projects/p/locations/us-central1/endpoints/123", "tuned or deployed by its user"),
    ("gcp.gemini", "tunedModels/mine-123", "tuned or deployed by its user"),
    ("openrouter", "openai/gpt-4o:nitro", "the fastest provider"),
    ("openrouter", "openai/gpt-4o:floor", "the cheapest provider"),
    ("openrouter", "openai/gpt-4o:online", "a web search"),
    ("openrouter", "openrouter/auto", "no model openrouter/auto"),
]


@pytest.mark.parametrize(("provider", "model", "why"), UNKNOWN, ids=[model for _, model, _ in UNKNOWN])
def test_what_no_list_can_know_says_why(provider: str, model: str, why: str | None) -> None:
    found = BOOK.resolve(provider, model)
    if why is None:  # a tuned model without its owner's name is the model's row itself
        assert found.price_key is not None
        return
    assert (found.price_key, found.status) == (None, "unpriced")
    assert found.reason is not None
    assert why in found.reason
    assert "\n" not in found.reason


HOSTS = {house: name for name, house in PROVIDER_IDS.items()} | {"azure": "azure.ai.openai", "google": "gcp.gemini"}
LISTED = sorted((house.id, model.id) for house in snapshot.providers().values() for model in house.models)
_WORDS = st.sampled_from(
    ["mini", "nano", "pro", "max", "ultra", "lite", "plus", "turbo", "thinking-2", "deep-research", "vision", "next"]
)


@settings(max_examples=400, deadline=None)
@given(listed=st.sampled_from(LISTED), word=_WORDS, sign=st.sampled_from("-_."))
def test_a_longer_name_never_gets_the_price_of_the_shorter(listed: tuple[str, str], word: str, sign: str) -> None:
    house, model = listed
    name = f"{model}{sign}{word}"
    found = BOOK.resolve(HOSTS.get(house, house), name)
    if found.price_key is not None:  # then a longer name is itself listed
        _, _, rest = found.price_key.partition("/")
        assert word.partition("-")[0] in rest or _spelled_out(house, name), (name, found)


@settings(max_examples=400, deadline=None)
@given(listed=st.sampled_from(LISTED), step=st.integers(1, 9))
def test_a_later_version_never_gets_the_price_of_the_earlier(listed: tuple[str, str], step: int) -> None:
    house, model = listed
    unrevised = re.sub(r"-v\d(:\d)?$", "", model)  # Amazon revises a model without making it another
    numbers = list(re.finditer(r"(?<![\d.])\d(?=[-.:]|$)|(?<=\.)\d(?![\d.])", unrevised))
    if not numbers:
        return
    at = numbers[-1]
    name = f"{model[: at.start()]}{(int(at[0]) + step) % 10}{model[at.end() :]}"
    found = BOOK.resolve(HOSTS.get(house, house), name)
    if found.price_key is not None:
        assert found.price_key.partition("/")[2].rpartition("/")[0] != model or _spelled_out(house, name), (name, found)


def _spelled_out(house: str, name: str) -> bool:
    """Whether the library itself lists a name: among those it compares whole, or by a pattern of the whole."""
    found = snapshot.find(house, name)
    if found is None:
        return name.lower().endswith(":free")
    entry = next(entry for entry in snapshot.providers()[found.provider].models if entry.id == found.model)
    return f"'{name.lower()}'" in str(entry.match).lower() or "regex" in str(entry.match).lower()


def test_a_region_costs_what_it_costs_there() -> None:
    home, away = price("openai", "gpt-6.1-sol"), price("openai", "gpt-6.1-sol", geo="eu")
    assert (home, away) == ((2_000_000, 10_000_000), (2_200_000, 11_000_000))
    assert price("openai", "gpt-4o", geo="us") == price("openai", "gpt-4o") == (2_500_000, 10_000_000)
    assert price("openai", "gpt-6.1-sol", geo="eu", batch=True) == (1_100_000, 5_500_000)
    assert price("gcp.vertex_ai", "gemini-3.5-flash", geo="us-central1") == (1_650_000, 9_900_000)
    assert price("gcp.vertex_ai", "gemini-3.5-flash", geo="global") == (1_500_000, 9_000_000)
    assert price("gcp.vertex_ai", "claude-opus-5-5", geo="us-east5") == (4_400_000, 22_000_000)
    assert price("gcp.vertex_ai", "claude-opus-4-1@20250805", geo="us-east5") == (15_000_000, 75_000_000)
    assert price("anthropic", "claude-opus-5-5", geo="us") == (4_400_000, 22_000_000)


def test_every_regional_profile_of_bedrock_costs_a_tenth_more_than_the_global_one() -> None:
    compared = 0
    for row in BOOK.rows:
        house, _, model = row.price_key.rpartition("/")[0].partition("/")
        if house == "aws" and model.startswith("global.anthropic.") and row.valid_from <= WHEN < row.valid_to:
            regional = BOOK.rows_for(f"aws/regional.{model.removeprefix('global.')}/standard")
            twins = [
                other.rates.input_picousd
                for other in regional
                if (other.context_lo, other.valid_from) == (row.context_lo, row.valid_from)
            ]
            assert row.rates.input_picousd is not None
            older = "claude-sonnet-4-20250514" in model
            assert twins == [row.rates.input_picousd * (100 if older else 110) // 100], model
            compared += 1
    assert compared > 15


def test_tiers_of_work_that_can_wait_or_cannot() -> None:
    standard = price("openai", "gpt-6.2-sol")
    assert standard == (2_000_000, 10_000_000)
    for tier, factor in {
        "background-2h": 70, "background-8h": 60, "batch": 50, "fast": 200, "priority": 200, "ultrafast": 300,
    }.items():  # fmt: skip
        assert price("openai", "gpt-6.2-sol", tier=tier) == tuple((rate or 0) * factor // 100 for rate in standard)
    assert price("openai", "gpt-6-astra", tier="ultrafast") == (60_000_000, 300_000_000)
    reason = BOOK.resolve("openai", "gpt-5.4", tier="background-2h").reason
    assert reason == "no background-2h price is known for gpt-5.4"


def at(book: Book, model: str, moment: datetime) -> int | None:
    found = [row for row in book.rows_for(f"deepseek/{model}/standard") if row.valid_from <= moment < row.valid_to]
    return found[0].rates.input_picousd if found else None


@pytest.mark.parametrize(
    ("model", "moment", "rate"),
    [
        ("deepseek-v4-pro", datetime(2026, 8, 16, 2), 435_000),  # before there were hours
        ("deepseek-v4-pro", datetime(2026, 8, 16, 17), 660_000),
        ("deepseek-v4-pro", datetime(2026, 8, 22, 2), 1_320_000),  # a Saturday that still had them
        ("deepseek-v4-pro", datetime(2026, 8, 29, 2), 660_000),  # one that had not
        ("deepseek-v4-pro", datetime(2026, 11, 27, 0, 59, 59), 660_000),
        ("deepseek-v4-pro", datetime(2026, 11, 27, 1), 1_320_000),
        ("deepseek-v4-pro", datetime(2026, 11, 27, 4), 660_000),
        ("deepseek-v4-pro", datetime(2026, 11, 27, 9, 59), 1_320_000),
        ("deepseek-v4-pro", datetime(2026, 10, 2, 9), 660_000),  # a public holiday
        ("deepseek-v4-flash", datetime(2026, 9, 9, 12), 220_000),
        ("deepseek-flash", datetime(2026, 11, 27, 7), 300_000),
        ("deepseek-v4-pro", datetime(2027, 1, 4, 12), None),  # next year's holidays are not known yet
    ],
)
def test_deepseek_charges_by_the_hour(model: str, moment: datetime, rate: int | None) -> None:
    assert at(BOOK, model, moment) == rate
