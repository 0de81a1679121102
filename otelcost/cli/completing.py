"""How a shell asks what could come next, and the scripts that make it ask.

Imported only where `main.COMPLETING` is set, by such a script, and by `otelcost completion`. click knows the answers;
its own scripts lose `--format=c` (bash splits it, zsh and fish expect the option back) and the rest of a description
after its first comma, and need a zsh that has loaded its completion. So here are scripts of our own, which speak one
protocol: the words up to the cursor as they were typed, and the number of the one it is in; a line for every answer:
its kind (`plain`, `file`, `dir` or `command`), its value and what it means, parted by tabs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Final

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

_SCRIPTS: Final = Path(__file__).parent / "shells"


class _Shell(ShellComplete):
    """What the shells have in common."""

    source_template: ClassVar[str] = ""  # `script` reads files instead
    splits_at_equals: ClassVar[bool] = False
    """Whether the shell takes `--format=csv` for three words."""
    wants_option_back: ClassVar[bool] = False
    """Whether an answer to `--format=c` is `--format=csv` instead of `csv`."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one the cursor is in, without the program; and that one, as far as the cursor."""
        words = split_arg_string(os.environ["COMP_WORDS"])
        index = int(os.environ["COMP_CWORD"])
        words = [*words, ""][: index + 1]
        while len(words) > 1 and "=" in words[0]:  # variables before the program
            del words[0]
        *before, word = _joined(words[1:]) if self.splits_at_equals else words[1:]
        return before, word

    def format_completion(self, item: CompletionItem[str]) -> str:
        """One answer as a line of the protocol."""
        value = item.value if item.type == "plain" else ""
        if self.wants_option_back and item.type == "plain":
            value = self._option() + value
        return "\t".join((item.type, value, " ".join((item.help or "").split())))

    def _option(self) -> str:
        """The `--format=` of a word such as `--format=c`, else nothing."""
        name, equals, _ = self.get_completion_args()[1].partition("=")
        return name + equals if equals and name.startswith("-") else ""


@add_completion_class
class Bash(_Shell):
    """bash, also the one of macOS, which can neither keep an order nor be told of files."""

    name = "bash"
    splits_at_equals = True


@add_completion_class
class Zsh(_Shell):
    """zsh: its script cuts the option off the word itself."""

    name = "zsh"


@add_completion_class
class Fish(_Shell):
    """fish: matches answers against the whole word."""

    name = "fish"
    wants_option_back = True


def script(shell: str) -> str:
    """What this shell is to read when it starts."""
    return (_SCRIPTS / f"otelcost.{shell}").read_text()


def _joined(words: list[str]) -> list[str]:
    """`--format`, `=` and `csv` as the one word that was typed."""
    joined: list[str] = []
    for word in words:
        after_option = bool(joined) and joined[-1].startswith("--")
        if after_option and (word == "=" or joined[-1].endswith("=")):
            joined[-1] += word
        else:
            joined.append(word)
    return joined
