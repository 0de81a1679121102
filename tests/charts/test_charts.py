"""Charts: every mark stands where its figure says, texts are inert, parts fill the whole, and all of it is XML."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost import charts
from otelcost.charts import Axis, Chart, Column, Pair, Part, Point, Stack, Step
from otelcost.charts.scale import ticks
from otelcost.charts.scatter import decades
from otelcost.charts.svg import fit, room
from otelcost.display import money, tokens

DOLLAR = 10**12
HOSTILE = "</text><script>alert(1)</script>\x00\x1b[2J\ud800\"' onload=\u202e"

texts = st.text(max_size=40) | st.just(HOSTILE)
amounts = st.integers(0, 10**18)
columns = st.lists(st.builds(Column, texts, st.none() | amounts, texts, st.booleans()), max_size=40)
steps = st.lists(st.builds(Step, texts, st.integers(-(10**18), 10**18), st.booleans(), texts), max_size=10)
part_lists = st.lists(st.builds(Part, texts, st.integers(0, 10**12)), max_size=6, unique_by=lambda part: part.label)
stack_lists = st.lists(st.builds(Stack, texts, texts, part_lists.map(tuple)), max_size=8)
points = st.lists(st.builds(Point, st.integers(1, 99), *[st.integers(1, 10**15)] * 2, st.integers(1, 10**9), texts))
pair_lists = st.lists(st.builds(Pair, texts, st.none() | amounts, st.none() | amounts, texts), max_size=8)
AXES = Axis("wait", lambda value: f"{value} ms"), Axis("cost", money)


def read(chart: Chart) -> ET.Element:
    """The chart alone, as an XML reader sees it."""
    return ET.fromstring(chart.standalone(charts.DARK))


def marks(chart: Chart, class_: str) -> list[ET.Element]:
    return [one for one in read(chart).iter() if class_ in one.get("class", "").split()]


DRAWN: list[tuple[Callable[..., Chart], st.SearchStrategy[object]]] = [
    (charts.columns, columns),
    (charts.waterfall, steps),
    (charts.stacks, stack_lists),
    (charts.layers, stack_lists),
    (charts.pairs, pair_lists),
    (lambda data, *rest: charts.scatter(data, *AXES, *rest), points),
]


@pytest.mark.parametrize(("draw", "data"), DRAWN)
@pytest.mark.parametrize("width", [charts.WIDE, charts.NARROW])
def test_any_data_is_a_picture_that_obeys_nobody(
    draw: Callable[..., Chart], data: st.SearchStrategy[object], width: int
) -> None:
    @given(data, texts)
    def check(given_data: object, title: str) -> None:
        chart = draw(given_data, title, "what it says", width)
        root = read(chart)
        allowed = {"svg", "style", "rect", "text", "line", "circle", "title"}
        for one in root.iter():
            assert one.tag.removeprefix("{http://www.w3.org/2000/svg}") in allowed
            assert not [name for name in one.attrib if name.startswith("on") or "href" in name]
        assert root.get("role") == "img"
        assert root.get("aria-label", "").endswith("what it says")
        assert "<script" not in chart.inline()

    check()


@given(columns)
def test_a_column_is_as_high_as_its_figure_and_unknown_is_marked(data: list[Column]) -> None:
    chart = charts.columns(data, "t", "s")
    bars = marks(chart, "oc-total")
    known = [column.value for column in data if column.value]
    assert len(bars) == len(known)
    heights = [float(bar.get("height", 0)) for bar in bars]
    for value, height in zip(known, heights, strict=True):
        assert height == pytest.approx(max(heights) * value / max(known), abs=0.2)
    unknown = sum(column.value is None or column.partial for column in data)
    assert len(marks(chart, "oc-more")) == unknown


def test_a_waterfall_goes_on_where_the_row_before_ended() -> None:
    drawn = charts.drawn_steps(
        [Step("before", 10, total=True), Step("more", 5), Step("less", -8), Step("now", 7, True)]
    )
    assert [(one.start, one.end) for one in drawn] == [(0, 10), (10, 15), (15, 7), (0, 7)]
    chart = charts.waterfall([one.step for one in drawn], "t", "s")
    assert len(marks(chart, "oc-more")) == len(marks(chart, "oc-less")) == 1
    assert [one.text for one in marks(chart, "oc-ink") if one.text and "$" in one.text][1].startswith("+")


@given(part_lists.filter(lambda parts: any(part.amount for part in parts)))
def test_the_parts_of_a_bar_fill_it(parts: list[Part]) -> None:
    chart = charts.stacks([Stack("task", "", tuple(parts))], "t", "s")
    bars = list(marks(chart, "oc-edge"))
    assert sum(float(bar.get("width", 0)) for bar in bars) == pytest.approx(chart.width, abs=0.1 * len(parts))


@given(st.integers(0, 10**18))
def test_marks_of_an_axis_reach_the_largest(largest: int) -> None:
    found = ticks(largest)
    assert found[0] == 0
    assert found[-1] >= largest
    assert 2 <= len(found) <= 6
    assert len({after - before for before, after in itertools.pairwise(found)}) == 1


@given(st.lists(st.integers(1, 10**15), min_size=1))
def test_all_points_stand_between_the_decades(values: list[int]) -> None:
    found = decades(values)
    assert found[0] <= min(values) <= max(values) <= found[-1]


@given(texts, st.integers(20, 400))
def test_a_text_is_cut_to_its_room(words: str, pixels: int) -> None:
    assert room(fit(words, pixels)) <= pixels
    assert fit("short", 400) == "short"


def luminance(colour: str) -> float:
    """WCAG's relative luminance of `#rrggbb`."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [charts.LIGHT, charts.DARK])
def test_text_can_be_read_on_every_colour(theme: charts.Theme) -> None:
    for ink in (theme.ink, theme.muted, theme.more, theme.less):
        assert contrast(ink, theme.paper) >= 4.5
    for fill, ink in zip(theme.series, theme.on_series, strict=True):
        assert contrast(fill, ink) >= 4.5
        assert contrast(fill, theme.paper) >= 3
    assert contrast(theme.total, theme.on) >= 4.5


def test_a_page_names_every_colour_in_both_lights() -> None:
    light, dark, rules = charts.page_css()
    for used in set(re.findall(r"var\((--\w+)\)", rules)):
        assert f"{used}:" in light
        assert f"{used}:" in dark
    assert tokens(1) == "1"
