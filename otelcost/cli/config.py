"""`otelcost config`: what is set, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options
from otelcost.cli.render import Column, Document, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otelcost.config import Config

FIELDS = ("key", "value", "origin")


@click.group("config")
def command() -> None:
    """Settings: what holds, and which file or variable says so."""


@command.command("show", epilog=options.examples("config show --origin"))
@click.option("--origin", is_flag=True, help="Also where each was set: a file, a variable, or nowhere.")
@options.format_option
@options.debug_option
def show_command(origin: bool, format_: str) -> None:
    """Show every setting that holds here: options of a command go over all of them."""
    from otelcost.config import load  # noqa: PLC0415
    from otelcost.digest.settings import named  # noqa: PLC0415

    config = load()
    named(config)  # complains of what no digest could use
    records = tuple(_records(config))
    columns = [Column("key", flex=12), Column("value", flex=12)]
    if origin:
        columns.append(Column("origin", flex=16))
    rows = tuple(tuple(_cell(record[column.title]) for column in columns) for record in records)
    options.show(
        Document({"settings": [dict(record) for record in records]}, (Table(tuple(columns), rows),), FIELDS, records),
        format_,
    )


def _records(config: Config) -> Iterator[dict[str, Any]]:
    from msgspec import to_builtins  # noqa: PLC0415

    from otelcost.config import known_keys  # noqa: PLC0415

    document = to_builtins(config.settings)
    for key in known_keys():
        value: Any = document
        for name in key.split("."):
            value = value[name]
        yield _record(config, key, value)
    for budget in document["budget"]:
        said = ", ".join(f"{name} {value}" for name, value in budget.items() if name != "name" and value is not None)
        yield _record(config, f"budget.{budget['name']}", said)
    for key in sorted(config.origins):
        if key.startswith(("rules.", "digest.", "smtp.")):
            yield _record(config, key, _shown(key, _below(document, key)))


def _shown(key: str, value: Any) -> Any:
    """What may stand on a screen: a secret that is written out may not."""
    secret = key.startswith(("digest.", "smtp.")) and key.rpartition(".")[2] in {"password", "secret", "url"}
    return "***" if secret and isinstance(value, str) else value


def _below(document: dict[str, Any], key: str) -> Any:
    found: Any = document
    for name in key.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _record(config: Config, key: str, value: object) -> dict[str, Any]:
    return {"key": key, "value": value, "origin": config.origin(key)}


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
