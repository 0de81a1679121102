"""The page of keys is generated from the bindings themselves, and the help overlay leaves none of them out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.dom import DOMNode

from otelcost.tui.app import OtelcostApp
from otelcost.tui.commands import COMMANDS
from otelcost.tui.pages import choice
from otelcost.tui.pages import help as help_page
from otelcost.tui.pages.call import CallDetailPage, ScrollPage
from otelcost.tui.pages.deciding import DecidingPage
from otelcost.tui.pages.digest import DigestPage
from otelcost.tui.pages.digests import DigestsPage
from otelcost.tui.pages.findings import InsightPage
from otelcost.tui.pages.help import bound, named
from otelcost.tui.pages.overview import OverviewPage
from otelcost.tui.pages.page import Page
from otelcost.tui.pages.pictures import PicturesPage
from otelcost.tui.pages.recommendation import RecommendationPage
from otelcost.tui.pages.recommendations import RecommendationsPage
from otelcost.tui.pages.tablepage import TablePage
from otelcost.tui.pages.tasks import TasksPage
from otelcost.tui.widgets.filterbar import FilterBar
from otelcost.tui.widgets.table import Table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "keys.md"

PLACES: dict[str, tuple[type[DOMNode], ...]] = {
    "Everywhere": (OtelcostApp, Page),
    "In a list": (Table, TablePage),
    "While a filter is typed": (FilterBar,),
    "In a long text": (ScrollPage,),
    "On a recommendation, in every list and detail of them": (DecidingPage,),
    "Overview": (OverviewPage,),
    "Recommendations": (RecommendationsPage,),
    "A recommendation": (RecommendationPage,),
    "An insight": (InsightPage,),
    "Tasks": (TasksPage,),
    "A call": (CallDetailPage,),
    "Pictures": (PicturesPage,),
    "Digests": (DigestsPage,),
    "A digest": (DigestPage,),
}


def page() -> str:
    """The page."""
    parts = ["# Keys", "", "Generated from the key bindings of the screens. `?` shows them inside.", ""]
    for place, owners in PLACES.items():
        parts += [f"## {place}", "", "| key | what it does |", "|---|---|"]
        for owner in owners:
            parts += [f"| {' '.join(f'`{key}`' for key in named(one))} | {one.description} |" for one in bound(owner)]
        parts.append("")
    for title, choices in (("Windows, after `t`", choice.WINDOWS), ("Snoozes, after `s`", choice.SNOOZES)):
        parts += [f"## {title}", "", "| key | what it does |", "|---|---|"]
        parts += [f"| `{key}` | {name} |" for key, name, _ in choices]
        parts.append("")
    parts += ["## Commands, after `ctrl+p`", "", "| command | key and meaning |", "|---|---|"]
    parts += [f"| {name} | {text} |" for name, text, _ in COMMANDS]
    return "\n".join([*parts, ""])


def test_the_page_of_keys_is_what_is_bound() -> None:
    if os.environ.get("OTELCOST_WRITE_DOCS"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: OTELCOST_WRITE_DOCS=1 pytest tests/docs"


@pytest.mark.parametrize("place", PLACES)
def test_help_names_every_key(place: str) -> None:
    told = {word.strip(";,") for key, text in help_page.KEYS for word in f"{key} {text}".split()}
    for owner in PLACES[place]:
        for binding in bound(owner):
            assert binding.description, binding.key
            assert told & set(named(binding)), f"{binding.key}: {binding.description}"
