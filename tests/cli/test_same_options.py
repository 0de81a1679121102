"""An option learned in one command holds in every other: same words, values, short form and default."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import click
import pytest

from otelcost.cli.main import cli
from otelcost.cli.render import FORMATS

OTHER_FORMATS = {
    "digest preview": "also the file that would leave: an e-mail, its page, its text",
    "export": "for programs alone: no table, no Markdown, but Parquet, OTLP and Prometheus",
}
"""Where `--format` has other values than elsewhere, and why."""

NO_FORMAT = {
    "": "opens the screens",
    "tasks merge": "decides",
    "tasks rename": "decides",
    "tasks split": "decides",
    "tasks undo": "decides",
    "rules new": "writes a folder",
    "digest install": "writes files of others, or shows them as they are",
    "digest uninstall": "undoes that",
    "digest run": "sends",
    "digest send": "sends",
    "digest resend": "sends",
    "report": "writes one page",
    "run": "becomes the program",
    "completion": "writes a script",
}
"""Commands without data to print, and what they do instead."""

TOGETHER = (("--window", "--since"), ("--task", "--feature", "--service", "--label"))
"""Options of which a command has all or none."""

OTHER_SCOPE = {"forecast": "asks as budgets do"}
"""Where only some of `TOGETHER` are, and why."""


def _walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    group = isinstance(command, click.Group)
    if not group or getattr(command, "invoke_without_command", False):
        yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _walk(found, (*path, name))


COMMANDS = dict(_walk(cli))


def _options(command: click.Command) -> dict[str, click.Option]:
    return {max(one.opts, key=len): one for one in command.params if isinstance(one, click.Option)}


def _meaning(option: click.Option) -> tuple[object, ...]:
    """All of an option that a user sees, but whether it must be given."""
    kind = tuple(option.type.choices) if isinstance(option.type, click.Choice) else option.type.to_info_dict()
    shape = (option.metavar, option.is_flag, option.multiple, option.nargs, option.default, option.show_default)
    return (option.help, kind, tuple(option.opts), tuple(option.secondary_opts), *shape)


EVERYWHERE: dict[str, dict[str, click.Option]] = defaultdict(dict)
for _path, _command in COMMANDS.items():
    for _name, _option in _options(_command).items():
        EVERYWHERE[_name][_path] = _option


@pytest.mark.parametrize("name", sorted(name for name, where in EVERYWHERE.items() if len(where) > 1))
def test_an_option_is_the_same_wherever_it_is(name: str) -> None:
    exempt = OTHER_FORMATS if name == "--format" else {}
    (first, one), *others = [(path, option) for path, option in EVERYWHERE[name].items() if path not in exempt]
    for path, option in others:
        assert _meaning(option) == _meaning(one), f"{name} differs between {first!r} and {path!r}"


def test_a_short_form_stands_for_one_option() -> None:
    meant = defaultdict(set)
    for name, where in EVERYWHERE.items():
        for option in where.values():
            for short in {*option.opts, *option.secondary_opts} - {name}:
                meant[short].add(name)
    assert {short: names for short, names in meant.items() if len(names) > 1} == {}


def test_what_prints_data_does_so_in_the_formats_of_every_command() -> None:
    assert {path for path in COMMANDS if path not in EVERYWHERE["--format"]} == set(NO_FORMAT)
    for path, option in EVERYWHERE["--format"].items():
        assert isinstance(option.type, click.Choice)
        choices = set(option.type.choices)
        if path not in OTHER_FORMATS:
            assert tuple(option.type.choices) == FORMATS, path
        assert {"json", "csv"} <= choices, path
    assert set(OTHER_FORMATS) <= set(EVERYWHERE["--format"])


@pytest.mark.parametrize("names", TOGETHER, ids=" ".join)
def test_options_that_belong_together_are_together(names: tuple[str, ...]) -> None:
    for path, command in COMMANDS.items():
        has = set(names) & set(_options(command))
        assert has in (set(), set(names)) or path in OTHER_SCOPE, f"{path} has {sorted(has)} alone"


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_can_show_the_traceback_of_an_error(path: str) -> None:
    assert "--debug" in _options(COMMANDS[path])
