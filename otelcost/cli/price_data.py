"""`otelcost prices update` and `sources`: which price data is in use, and where every rule comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, windows
from otelcost.cli.render import Column, Document, Prose, Table
from otelcost.display import iso
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from otelcost.pricing.installed import Installed
    from otelcost.pricing.override import Rule


@click.command("update", epilog=options.examples("prices update data.json", "prices update --shipped"))
@click.argument("source", required=False, metavar="FILE|URL", shell_complete=options.files)
@click.option("--shipped", is_flag=True, help="Go back to the data that came with the price library.")
@options.format_option
@options.debug_option
def update_command(source: str | None, shipped: bool, format_: str) -> None:
    """Use newer price data, from FILE or URL: the price library's data.json.

    Nothing else ever fetches prices. Data that is broken or lacks much of what is known changes nothing.
    """
    from otelcost.pricing import installed  # noqa: PLC0415
    from otelcost.pricing.update import LATEST, update  # noqa: PLC0415

    if shipped == (source is not None):
        raise UsageError("name a file or an address, or --shipped", f"the library publishes its data at {LATEST}")
    if source is None:
        text = "back to the library's own data" if installed.remove() else "the library's own data is already in use"
        options.show(_said({"shipped": True}, (text,)), format_)
        return
    done = update(source, options.now())
    data = done.installed
    facts = {"shipped": False, **_installed(data), "added": done.added, "removed": done.removed}
    lines = (
        f"{data.models:,} models, prices good up to {data.newest}; SHA-256 {data.sha256}",
        f"price lists: {done.changed:,} changed, {done.added:,} added, {done.removed:,} gone",
        "recorded calls are priced anew when they are next read; --shipped goes back",
    )
    options.show(_said({**facts, "changed": done.changed}, lines), format_)


def _installed(data: Installed) -> dict[str, Any]:
    return {
        "sha256": data.sha256,
        "source": data.source,
        "installed_at": iso(data.installed_at),
        "date": data.newest.isoformat(),
        "models": data.models,
    }


def _said(facts: dict[str, Any], lines: tuple[str, ...]) -> Document:
    return Document(envelope=facts, blocks=(Prose(lines),), fields=tuple(facts), records=(facts,))


@click.command("sources", epilog=options.examples("prices sources"))
@options.format_option
@options.debug_option
def sources_command(format_: str) -> None:
    """List where prices come from: your own, the overlay entry by entry, and the price data in use."""
    from otelcost import settings  # noqa: PLC0415
    from otelcost.pricing import installed  # noqa: PLC0415
    from otelcost.pricing.book import compile_book, overlay_rules  # noqa: PLC0415
    from otelcost.pricing.override import read_rules  # noqa: PLC0415

    path = settings.price_override_path()
    own, overlay = read_rules(path), overlay_rules()
    data = installed.current()
    book = compile_book(path)
    layers = [("prices.toml", rule) for rule in own] + [("overlay", rule) for rule in overlay]
    records = tuple(_rule_record(layer, rule) for layer, rule in layers)
    envelope = {
        "data": {"source": book.source, "installed": None if data is None else _installed(data)},
        "book_sha256": book.sha256,
        "rules": list(records),
    }
    columns = (
        Column("layer"),
        Column("provider"),
        Column("model", flex=14),
        Column("variant", drop=2),
        Column("checked", drop=3),
        Column("source", drop=1, flex=24),
    )
    rows = tuple(tuple(str(record[column.title] or "-") for column in columns) for record in records)
    order = "your rules win over the overlay, the overlay over the data"
    said = Prose((book.source, f"{len(own)} rules of yours, {len(overlay)} of the overlay; {order}"))
    options.show(Document(envelope, (said, Table(columns, rows)), tuple(records[0]), records), format_)


def _rule_record(layer: str, rule: Rule) -> dict[str, Any]:
    return {
        "layer": layer,
        "provider": rule.provider,
        "model": rule.model,
        "variant": rule.variant,
        "valid_from": windows.boundary(rule.valid_from),
        "valid_to": windows.boundary(rule.valid_to),
        "checked": None if rule.checked is None else rule.checked.isoformat(),
        "source": rule.source,
    }
