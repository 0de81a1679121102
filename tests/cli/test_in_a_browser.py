"""The report and the digest's e-mail in a real browser: every text can be read, on any screen, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import browser
from .world import run

pytestmark = pytest.mark.skipif(browser.PROGRAM is None, reason="neither Chromium nor Chrome is installed")

UNREADABLE = r"""
(() => {
  const channels = text => { const found = text.match(/[\d.]+/g).map(Number); return [...found, 1].slice(0, 4); };
  const over = (top, under) => [0, 1, 2].map(at => top[at] * top[3] + under[at] * (1 - top[3]));
  const linear = part => part / 255 <= 0.04045 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  const light = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((left, right) => left - right);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(channels(getComputedStyle(at).backgroundColor));
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    return layers.reverse().reduce((under, layer) => over(layer, under), dark ? [18, 18, 18] : [255, 255, 255]);
  };
  const mark = (text, chart) => {  // what is drawn under a text of a chart
    text.scrollIntoView({block: "center", inline: "center"});
    const box = text.getBoundingClientRect();
    const under = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const shapes = ["rect", "path", "circle", "polygon", "ellipse"];
    return under.find(one => chart.contains(one) && shapes.includes(one.tagName)
      && getComputedStyle(one).fill !== "none");
  };
  document.querySelectorAll("details").forEach(one => { one.open = true; });
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = {texts: 0, unreadable: []};
  while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    const style = getComputedStyle(element);
    if (!words.currentNode.data.trim() || element.closest("style, title, desc") || !element.getClientRects().length)
      continue;
    const chart = element.closest("svg");
    let under = ground(chart ? chart.parentElement : element);
    const drawn = chart && mark(element, chart);
    if (drawn) under = over(channels(getComputedStyle(drawn).fill), under);
    const ratio = contrast(over(channels(chart ? style.fill : style.color), under), under);
    const large = parseFloat(style.fontSize) >= (style.fontWeight >= 700 ? 18.66 : 24);
    found.texts += 1;
    if (ratio < (large ? 3 : 4.5)) found.unreadable.push([words.currentNode.data.trim(), ratio]);
  }
  return found;
})()
"""
"""WCAG 2.2, 1.4.3: the contrast of every text with what is really under it."""


@pytest.fixture(scope="module")
def pages(recorded_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    report, digest = folder / "report.html", folder / "digest.html"
    assert run(recorded_home, "report", "--html", str(report), "--window", "14d").returncode == 0
    digest.write_text(run(recorded_home, "digest", "preview", "--format", "html").stdout, encoding="utf-8")
    return {"report": report, "digest": digest}


@pytest.fixture(scope="module")
def tab() -> Iterator[browser.Tab]:
    with browser.opened() as found:
        yield found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("name", "texts"), [("report", 300), ("digest", 20)])
def test_every_text_can_be_read(
    tab: browser.Tab, pages: dict[str, Path], name: str, texts: int, width: int, scheme: str
) -> None:
    tab.look(scheme=scheme, width=width)
    tab.open(pages[name])
    found = tab.run(UNREADABLE)
    assert found["texts"] > texts
    assert found["unreadable"] == []
    assert tab.run("document.documentElement.scrollWidth <= innerWidth"), "nothing is off the screen to the right"


def test_nothing_comes_from_elsewhere_and_nothing_is_complained_about(tab: browser.Tab, pages: dict[str, Path]) -> None:
    for page in pages.values():
        tab.open(page)
    assert {url.split(":")[0] for url in tab.loaded} == {"file"}
    assert tab.complaints == []


@pytest.mark.parametrize("name", ["report", "digest"])
def test_it_prints(tab: browser.Tab, pages: dict[str, Path], name: str) -> None:
    tab.open(pages[name])
    assert len(tab.call("Page.printToPDF")["data"]) > 20_000
