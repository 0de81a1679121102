"""A digest as HTML: a page that stands alone, and an e-mail whose pictures come beside it.

Jinja2 escapes every value; names are made printable before. Styles are written into the elements, because half of
all mail programs drop style sheets; what they do read adds the dark colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from otelcost.digest import phrases, pictures
from otelcost.digest.blocks import SNOOZE_FOR
from otelcost.display import clean, money
from otelcost.errors import OtelcostError

if TYPE_CHECKING:
    from jinja2 import Environment

    from otelcost.digest.content import Preview

TEMPLATE: Final = "digest.html.j2"
_NEEDED: Final = ("jinja2", "css_inline")


def available() -> bool:
    """Whether what makes HTML is installed: the extra `email`."""
    return all(find_spec(name) is not None for name in _NEEDED)


def page(preview: Preview, digest: str) -> str:
    """One file with its pictures in it.

    Raises:
        OtelcostError: the extra `email` is not installed.
    """
    from markupsafe import Markup  # noqa: PLC0415  (an extra)

    return _rendered(preview, digest, {name: Markup(svg) for name, svg in _pictures(preview).items()}, cids=False)  # noqa: S704  (our own numbers)


def email(preview: Preview, digest: str, mark: str) -> tuple[str, dict[str, bytes]]:
    """The HTML of an e-mail and its pictures by content id; without the maker of PNG, no pictures.

    Args:
        preview: what it says.
        digest: its name.
        mark: what makes the content ids this message's own.

    Raises:
        OtelcostError: the extra `email` is not installed.
    """
    drawn = _pictures(preview) if pictures.can_make_png() else {}
    cids = {name: f"{name}.{mark}@otelcost" for name in drawn}
    made = {cids[name]: pictures.png(svg) for name, svg in drawn.items()}
    return _rendered(preview, digest, cids, cids=True), made


def _pictures(preview: Preview) -> dict[str, str]:
    if preview.quiet:
        return {}
    drawn = {"days": pictures.days(preview.days)} if len(preview.days) > 1 else {}
    ends = [amount for one in preview.drivers for amount in (one.cost_picousd, one.previous_picousd) if amount]
    return drawn | {
        f"driver{number}": pictures.driver(one, max(ends, default=0)) for number, one in enumerate(preview.drivers)
    }


def _rendered(preview: Preview, digest: str, drawn: Mapping[str, str], *, cids: bool) -> str:
    if not available():
        raise OtelcostError("HTML needs packages that are not installed", "pip install 'otelcost[email]'")
    import css_inline  # noqa: PLC0415  (an extra)

    text = (
        _environment()
        .get_template(TEMPLATE)
        .render(preview=preview, digest=digest, drawn=drawn, cids=cids, days=_days(preview), snooze_for=SNOOZE_FOR)
    )
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False).inline(text)


def _days(preview: Preview) -> str:
    """What the bars say, in words."""
    known = [row for row in preview.days if row.cost_picousd is not None]
    if not known:
        return "spend by day (UTC): unknown"
    most = max(known, key=lambda row: (row.cost_picousd or 0, row.day))
    unknown = "; dashed: cost unknown" if len(known) < len(preview.days) else ""
    return (
        f"spend by day (UTC), {preview.days[0].day} to {preview.days[-1].day}; "
        f"most on {most.day}: {money(most.cost_picousd)}{unknown}"
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  (an extra)

    made = Environment(
        loader=PackageLoader("otelcost.digest"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "name": clean,
        "saves": phrases.saves,
        "became": phrases.became,
        "basis": phrases.basis,
        "moved": phrases.driver,
        "expected": phrases.expected,
    }
    made.filters.update(filters)
    made.globals["moved_title"] = phrases.moved_title
    made.globals["expected_title"] = phrases.expected_title
    return made
