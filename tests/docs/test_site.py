"""The site is built strictly: every page has its place in the menu, every link and anchor its target, and nothing is
loaded from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINKS = {"a": "href", "link": "href", "img": "src", "script": "src"}


def build(root: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a checkout as `.ci/run` does."""
    command = [
        sys.executable,
        "-m",
        "properdocs",
        "build",
        "-f",
        ".properdocs.yml",
        "--strict",
        "--site-dir",
        str(target),
    ]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    answer = build(ROOT, target)
    assert answer.returncode == 0, answer.stderr
    return target


class Page(HTMLParser):
    """A page's links, its ids, and what a reader without eyes is told."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        link = found.get(LINKS.get(tag, ""))
        if link is not None:
            self.links.append((tag, link))

    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.tags if "id" in attributes]


def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_every_page_can_be_reached_from_the_first(site: Path) -> None:
    found = pages(site)
    reached, waiting = set(), [site / "index.html"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for tag, link in found[page].links:
            if tag == "a" and "://" not in link:
                waiting.append((page.parent / urldefrag(link).url).resolve() if urldefrag(link).url else page)
    assert reached == set(found)


def test_every_markdown_page_is_in_the_site(site: Path) -> None:
    written = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    rules = {Path("rules", f"{path.parent.name[:5]}.html") for path in (ROOT / "rules").rglob("doc.md")}
    assert len(rules) > 20
    assert {path.relative_to(site) for path in site.rglob("*.html")} == written | rules


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path, page in pages(site).items():
        for tag, link in page.links:
            if tag != "a":
                assert "//" not in link, f"{path.name} loads {link}"
                assert (path.parent / link).resolve().is_file(), f"{path.name}: {link}"
    style = (site / "style.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_links_and_anchors_lead_somewhere(site: Path) -> None:
    found = pages(site)
    for path, page in found.items():
        for tag, link in page.links:
            if tag == "a" and "://" not in link:
                target, anchor = urldefrag(link)
                there = found[(path.parent / target).resolve() if target else path]
                assert not anchor or anchor in there.ids(), f"{path.name}: {link}"


def test_a_screen_reader_finds_its_way(site: Path) -> None:
    for path, page in pages(site).items():
        names = [tag for tag, _ in page.tags]
        assert next(attributes for tag, attributes in page.tags if tag == "html") == {"lang": "en"}
        assert names.count("h1") == 1, path
        assert names.count("main") == names.count("title") == 1
        assert len(page.ids()) == len(set(page.ids())), path
        assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
        assert not [name for name in names if name == "table"] or "th" in names


def test_a_rules_page_has_its_parameters(site: Path) -> None:
    text = re.sub(r"<[^>]+>", " ", (site / "rules" / "OC101.html").read_text(encoding="utf-8"))
    for words in ("OC101: uncached stable prefix", "min_reuse", "What it does", "class simulated"):
        assert words in text


@pytest.mark.parametrize(
    ("page", "text", "complaint"),
    [
        ("how-to/share-a-report.md", "[there](no-such-page.md)", "no-such-page.md"),
        ("how-to/share-a-report.md", "[there](../reference/cli.md#no-such-command)", "no-such-command"),
        ("how-to/forgotten.md", "# In no menu", 'not included in the "nav"'),
    ],
)
def test_what_is_wrong_fails_the_build(tmp_path: Path, page: str, text: str, complaint: str) -> None:
    for name in ("docs", "rules"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / ".properdocs.yml", tmp_path)
    with (tmp_path / "docs" / page).open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")
    answer = build(tmp_path, tmp_path / "out")
    assert answer.returncode != 0
    assert complaint in answer.stderr
