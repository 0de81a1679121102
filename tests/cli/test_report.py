"""The report page: loads nothing, runs nothing, is whole for a screen reader, and says the figures of the others."""

from __future__ import annotations

import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from .test_golden import golden
from .world import HOSTILE_TASK, run

UNCHECKED = re.compile(r'<section id="unchecked".*?</section>\n', re.DOTALL)
"""Grows with every rule that is installed."""

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """A page as tags with their attributes, its headings, its texts and the exact numbers behind figures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def written(home: Path, tmp_path: Path, *arguments: str) -> str:
    target = tmp_path / "report.html"
    answer = run(home, "report", "--html", str(target), *arguments)
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr
    assert answer.stderr == f"wrote {target}\n"
    return target.read_text(encoding="utf-8")


def test_the_page_is_this(recorded_home: Path, tmp_path: Path) -> None:
    golden("report.html", UNCHECKED.sub("", written(recorded_home, tmp_path)))


def test_what_no_rule_could_check_is_all_there(recorded_home: Path, tmp_path: Path) -> None:
    section = UNCHECKED.search(written(recorded_home, tmp_path))
    assert section is not None
    told = Page(section[0]).texts
    listed = json.loads(run(recorded_home, "rec", "list", "--format", "json").stdout)["not_checked"]
    assert listed
    assert all(row["rule"] in told and row["reason"] in told for row in listed)


def test_an_empty_store_says_what_to_do(empty_home: Path, tmp_path: Path) -> None:
    golden("empty-report.html", written(empty_home, tmp_path))


def test_standard_output_is_a_file_too(recorded_home: Path, tmp_path: Path) -> None:
    answer = run(recorded_home, "report", "--html", "-")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == written(recorded_home, tmp_path)


def test_nothing_is_loaded_and_nothing_runs(recorded_home: Path, tmp_path: Path) -> None:
    text = written(recorded_home, tmp_path)
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "srcset", "style"}]
        assert (attributes.get("href") or "#").startswith("#")
    assert "@import" not in text
    assert "url(" not in text
    policy = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_a_hostile_name_is_shown_and_obeyed_by_nobody(recorded_home: Path, tmp_path: Path) -> None:
    text = written(recorded_home, tmp_path)
    assert HOSTILE_TASK not in text
    assert "<b>*x*" not in text
    assert "=cmd|&#39; /C calc&#39;!A1\\x1b[2J\\x1b]0;owned\\x07|&lt;b&gt;*x*&lt;/b&gt;\\u202e" in text
    assert not [char for char in text if not char.isprintable() and char != "\n"]


def test_a_screen_reader_finds_its_way(recorded_home: Path, tmp_path: Path) -> None:
    page = Page(written(recorded_home, tmp_path, "--window", "14d"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert page.all("html") == [{"lang": "en"}]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all((link["href"] or "")[1:] in ids for link in page.all("a"))
    assert len(page.all("caption")) == len(page.all("table")) > 5
    assert all(header.get("scope") == "col" for header in page.all("th"))
    charts = page.all("svg")
    assert len(charts) >= 10
    assert all(chart["role"] == "img" and len(chart["aria-label"] or "") > 20 for chart in charts)
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in page.all("div") if "role" in region)


def test_its_figures_are_those_of_the_overview(recorded_home: Path, tmp_path: Path) -> None:
    found = json.loads(run(recorded_home, "overview", "--format", "json").stdout)
    exact = [int(data["value"] or "") for data in Page(written(recorded_home, tmp_path)).all("data")]
    totals = found["totals"]
    assert exact == [
        totals["spend_picousd"],
        totals["calls"],
        found["joint_picousd"],
        totals["unpriced_calls"],
        totals["estimated_calls"],
    ]


@pytest.mark.parametrize("place", ["no/such/folder/report.html", "."])
def test_a_file_that_cannot_be_written_is_one_line(recorded_home: Path, tmp_path: Path, place: str) -> None:
    answer = run(recorded_home, "report", "--html", str(tmp_path / place))
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "cannot be written" in answer.stderr
    assert not list(tmp_path.iterdir())
