"""What the site has beside the pages of this folder: a page for each rule, made of the rule's own folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from properdocs.exceptions import PluginError
from properdocs.structure.files import File, Files

from otelcost.advise.catalogue import Rule, load
from otelcost.advise.own.config import Choice
from otelcost.advise.own.installed import Known
from otelcost.cli.render import to_markdown
from otelcost.cli.rules import facts_of

if TYPE_CHECKING:
    from properdocs.config.defaults import ProperDocsConfig
    from properdocs.structure.pages import Page

_RULES = Path(__file__).parents[2] / "rules" / "otelcost_rules"
_FOLDERS = {
    path.parent.name[:5]: path for path in sorted(_RULES.glob("*/OC*/doc.md"), key=lambda path: path.parent.name)
}
_TO_A_FOLDER = re.compile(r"\]\((?:\.\./)+rules/otelcost_rules/\w+/(OC\d+)_\w+/doc\.md\)")
"""A link as it works where the repository is read: in the site the page of the rule is beside the others."""


def on_config(config: ProperDocsConfig) -> ProperDocsConfig:
    """Put every rule and every decision into the menu."""
    decisions = sorted(Path(config.docs_dir, "decisions").glob("*.md"))
    _section(config, "Rules").extend(f"rules/{rule}.md" for rule in _FOLDERS)
    _section(config, "Decisions").extend(f"decisions/{path.name}" for path in decisions)
    return config


def on_files(files: Files, config: ProperDocsConfig) -> Files:
    """Add the rules' pages."""
    rules, broken = load()
    if broken:
        raise PluginError(str(broken[0]))
    for rule in rules:
        files.append(File.generated(config, f"rules/{rule.id}.md", content=_page(rule)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead links to a rule's folder to its page."""
    up = "../" * page.file.src_uri.count("/")
    return _TO_A_FOLDER.sub(rf"]({up}rules/\1.md)", markdown)


def _section(config: ProperDocsConfig, title: str) -> list[Any]:
    found: list[Any] = next(entry[title] for entry in config.nav or [] if title in entry)
    return found


def _page(rule: Rule) -> str:
    """The rule's own words, with what `otelcost rules show` says of it below the title."""
    title, _, words = _FOLDERS[rule.id].read_text(encoding="utf-8").partition("\n")
    return f"{title}\n\n{to_markdown(facts_of(Known(rule, Choice())))}\n{words}"
