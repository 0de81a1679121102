"""The options commands share, and the moment they take for now."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from otelcost.cli import terminal
from otelcost.cli.render import FORMATS, Document, render
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOW_VARIABLE = "OTELCOST_NOW"
"""An ISO 8601 moment that stands for now: reports about the past, and tests, come out the same every time."""

DEFAULT_WINDOW = "7d"

_SPAN = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Reading:
    """What every reading command was asked: which part of time and of the calls, in which format, after a drain?

    `filters` has what was given of `FILTERS`.
    """

    window: str
    window_given: bool
    format: str
    drain: bool
    filters: Mapping[str, str] = field(default_factory=dict)

    def with_window(self, window: str) -> Reading:
        """The same request for another part of time."""
        return replace(self, window=window)


def now() -> datetime:
    """The moment windows end at: naive UTC."""
    configured = os.environ.get(NOW_VARIABLE)
    if not configured:
        return datetime.now(UTC).replace(tzinfo=None)
    return moment(configured, f"{NOW_VARIABLE} is {configured!r}")


def moment(text: str, complaint: str, hint: str = "give an ISO 8601 moment such as 2026-11-14T07:30:00Z") -> datetime:
    """An ISO 8601 date or moment as naive UTC; without an offset it is UTC already."""
    try:
        parsed = datetime.fromisoformat(text)
        return parsed if parsed.tzinfo is None else parsed.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise UsageError(complaint, hint) from None


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

_window_option = click.option(
    "--window",
    default=DEFAULT_WINDOW,
    show_default=True,
    metavar="7d|24h|30d|all|A..B",
    help="Which part of time: the last days or hours, everything, or from A up to B (ISO 8601, UTC).",
)

_since_option = click.option("--since", metavar="2h|ISO", help="Only from then on; instead of --window.")

FILTERS = {
    "task": click.option("--task", metavar="GLOB", help="Only calls of these tasks."),
    "feature": click.option("--feature", metavar="GLOB", help="Only calls of these features."),
    "service": click.option("--service", metavar="GLOB", help="Only calls of these services."),
    "label": click.option("--label", metavar="KEY=VALUE", help="Only calls with this label."),
}
"""Which calls count, as if they were all there are: the keys of a digest's settings. What is given must all match."""


def narrowing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `FILTERS`."""
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(FILTERS.values()), command)


def chosen_filters(given: Mapping[str, str | None]) -> dict[str, str]:
    """Those of `FILTERS` that were given."""
    return {name: value for name, value in given.items() if value is not None}


def asks(*options: Callable[..., Any], filters: Mapping[str, Callable[..., Any]] | None = None) -> Callable[..., Any]:
    """Give a command `--window`, `--since`, these options, `--no-drain` and `--debug`.

    Its first argument is then the `Reading`.
    """
    known = filters or {}

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapper(
            *arguments: Any, window: str, since: str | None, drain: bool, format_: str = "", **given: Any
        ) -> Any:
            label, chosen = _chosen(window, since)
            told = chosen_filters({name: given.pop(name) for name in known})
            return command(Reading(label, chosen, format_, drain, told), *arguments, **given)

        of_calls = (_window_option, _since_option, *known.values())
        for option in reversed((*of_calls, *options, drain_option, debug_option)):
            wrapper = option(wrapper)
        return wrapper

    return decorate


reading = asks(format_option)
"""For what reads a window."""

viewing = asks(format_option, filters=FILTERS)
"""For what shows a window, or a part of its calls."""

writing = asks(filters=FILTERS)
"""For what writes the same into a file, in a format of its own."""


def _chosen(window: str, since: str | None) -> tuple[str, bool]:
    """The window that was asked for, and whether one was."""
    given = click.get_current_context().get_parameter_source("window") is not click.core.ParameterSource.DEFAULT
    if since is None:
        return window, given
    if given:
        raise UsageError("--since and --window exclude each other", "give one of them")
    return _until_now(since), True


def _until_now(since: str) -> str:
    """`2h` or a moment as the window from then until now."""
    match, end = _SPAN.fullmatch(since.strip()), now()
    if match:
        try:
            start = end - timedelta(**{_UNITS[match[2]]: int(match[1])})
        except (OverflowError, ValueError):
            raise UsageError(f"--since {since[:40]!r} is before all time", "say --window all") from None
    else:
        start = moment(since, f"--since {since!r} is neither a duration such as 2h nor a moment")
    if start >= end:
        raise UsageError(f"--since {since!r} is not in the past", "give an earlier moment")
    return f"{start.isoformat()}..{end.isoformat()}"


def files(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """What a shell offers for a text that may be a file's path: `shell_complete` of such parameters."""
    return [CompletionItem(typed, type="file")]


def programs(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """What a shell offers for a command line of somebody else's: programs first, then files."""
    begun = bool(context.params.get(parameter.name or ""))
    return files(context, parameter, typed) if begun else [CompletionItem(typed, type="command")]


def examples(*commands: str) -> str:
    """The end of a command's help: what to type after `otelcost`. A test types every one of them, in this order."""
    return "\n".join(("\b", "Examples:", *(f"  otelcost {command}" for command in commands)))


def show(document: Document, format_: str) -> None:
    """Write a document to standard output; in colour only where a person looks."""
    terminal.data(render(document, format_, terminal=terminal.is_terminal()))
