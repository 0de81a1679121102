"""The options commands share, and the moment they take for now."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import terminal
from otelcost.cli.render import FORMATS, Document, render
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_VARIABLE = "OTELCOST_NOW"
"""An ISO 8601 moment that stands for now: reports about the past, and tests, come out the same every time."""

DEFAULT_WINDOW = "7d"


@dataclass(frozen=True)
class Reading:
    """What every reading command was asked: which part of time, in which format, after a drain or not."""

    window: str
    window_given: bool
    format: str
    drain: bool

    def with_window(self, window: str) -> Reading:
        """The same request for another part of time."""
        return replace(self, window=window)


def now() -> datetime:
    """The moment windows end at: naive UTC."""
    configured = os.environ.get(NOW_VARIABLE)
    if not configured:
        return datetime.now(UTC).replace(tzinfo=None)
    return moment(configured, f"{NOW_VARIABLE} is {configured!r}")


def moment(text: str, complaint: str) -> datetime:
    """An ISO 8601 date or moment as naive UTC; without an offset it is UTC already."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(complaint, "give an ISO 8601 moment such as 2026-11-14T07:30:00Z") from None
    return parsed if parsed.tzinfo is None else parsed.astimezone(UTC).replace(tzinfo=None)


def _debug(_context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        terminal.want_debug()


debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, callback=_debug, help="Show the traceback of an error."
)

format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="For people (table, md) or programs (json, csv). Money in json and csv is integer pico-dollars.",
)

drain_option = click.option(
    "--drain/--no-drain",
    default=True,
    show_default=True,
    help="Load what applications have recorded since the last look, first.",
)

window_option = click.option(
    "--window",
    default=DEFAULT_WINDOW,
    show_default=True,
    metavar="7d|24h|30d|all|A..B",
    help="Which part of time: the last days or hours, everything, or from A up to B (ISO 8601, UTC).",
)


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--window`, `--format`, `--no-drain` and `--debug`, as its first argument `Reading`."""

    @window_option
    @format_option
    @drain_option
    @debug_option
    @functools.wraps(command)
    def wrapper(*arguments: Any, window: str, format_: str, drain: bool, **options: Any) -> Any:
        context = click.get_current_context()
        source = context.get_parameter_source("window")
        given = source is not click.core.ParameterSource.DEFAULT
        return command(Reading(window, given, format_, drain), *arguments, **options)

    return wrapper


def show(document: Document, format_: str) -> None:
    """Write a document to standard output; in colour only where a person looks."""
    terminal.data(render(document, format_, terminal=terminal.is_terminal()))
