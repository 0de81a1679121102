"""WCAG 2.2 by the colours that the report and the e-mail really name: 4.5:1 for texts, 3:1 for what is drawn.

No browser is needed for it; where there is one, `test_in_a_browser.py` looks at what really lies under every text.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .test_report import Page, written
from .world import run

TEXT, GRAPHIC = 4.5, 3.0
DRAWN = {"rect", "path", "circle", "polygon", "polyline", "line"}
QUIET = {"rule", "paper", "edge", "grid", "strong"}
"""Grid lines, the paper itself, edges in its colour, and a weight: nothing is read from them."""

SCHEMES = {"light": r":root\{(--ink.*?)\}", "dark": r"@media \(prefers-color-scheme:dark\)\{:root\{(--ink.*?)\}"}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def palette(text: str, scheme: str) -> dict[str, str]:
    """A scheme's custom colours by name, as the page's own style sets them."""
    found = re.search(SCHEMES[scheme], text)
    assert found is not None
    return dict(re.findall(r"--([a-z0-9]+):(#[0-9a-f]{6});", found[1]))


def named(page: Page, tags: set[str]) -> set[str]:
    """The colours that elements of charts take, by the names of their classes."""
    classes = " ".join(attributes.get("class") or "" for tag, attributes in page.tags if tag in tags)
    return set(re.findall(r"\boc-([a-z0-9]+)", classes))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_reports_colours_stand_out(recorded_home: Path, tmp_path: Path, scheme: str) -> None:
    text = written(recorded_home, tmp_path, "--window", "14d")
    page, colours = Page(text), palette(text, scheme)
    assert colours == dict(re.findall(r"--([a-z0-9]+):(#\w{6});", text.split(f"#{scheme}:checked){{")[1].split("}")[0]))
    drawn, written_on = named(page, DRAWN) - QUIET - {"axis", "open"}, named(page, {"text", "tspan"}) - QUIET
    assert {"total", "s0", "s1"} <= drawn
    assert {"ink", "muted"} <= written_on
    for name in drawn:
        assert contrast(colours[name], colours["paper"]) >= GRAPHIC, name
    for name in written_on:
        under = f"s{name[2:]}" if re.fullmatch(r"on\d", name) else "total" if name == "on" else "paper"
        assert contrast(colours[name], colours[under]) >= TEXT, name
    for name in ("ink", "muted", "total"):  # of texts, small ones, and links
        assert contrast(colours[name], colours["paper"]) >= TEXT, name


def test_the_mails_pictures_stand_out_in_both_schemes(recorded_home: Path) -> None:
    text = run(recorded_home, "digest", "preview", "--format", "html").stdout
    dark = re.search(r"table\.card \{ background: (#\w{6})", text)
    light = re.search(r'class="card"[^>]*background: (#\w{6})', text)
    assert dark is not None
    assert light is not None
    fills = set(re.findall(r'fill="(#\w{6})"', text))
    assert fills
    for fill in fills:
        for paper in (light[1], dark[1]):
            assert contrast(fill, paper) >= GRAPHIC, (fill, paper)


def test_the_mail_can_be_read_aloud_and_fits_a_phone(recorded_home: Path) -> None:
    text = run(recorded_home, "digest", "preview", "--format", "html").stdout
    assert re.search(r'<html lang="en">', text)
    assert 'name="viewport" content="width=device-width' in text
    assert "@media print" in text
    assert re.findall(r"<h(\d)", text)[0] == "1"
    assert set(re.findall(r"<h(\d)", text)) == {"1", "2"}
    assert all('role="presentation"' in table for table in re.findall(r"<table[^>]*>", text))
    pictures = re.findall(r'<div class="picture"[^>]*>', text)
    assert pictures
    assert len(pictures) == text.count("<svg ")
    assert all('role="img"' in one and re.search(r'aria-label="[^"]{10,}"', one) for one in pictures)
    assert not re.search(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", text)
