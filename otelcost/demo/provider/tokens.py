"""Token counts of the loopback provider: four bytes a token, so that a reader can check any number by hand."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

BYTES_PER_TOKEN: Final = 4

_NEW_TOKENIZER: Final = Fraction(13, 10)
"""Claude from 4.7 on makes about 30 % more tokens of the same text."""

_CLAUDE_VERSION: Final = re.compile(r"claude-[a-z]+-(\d)(?:-(\d)(?!\d))?")


def claude_version(model: str) -> tuple[int, int] | None:
    """The version in a Claude model's name, `(4, 5)` for `claude-haiku-4-5`; None where there is none."""
    found = _CLAUDE_VERSION.match(model)
    return (int(found[1]), int(found[2] or 0)) if found else None


def token_factor(model: str) -> Fraction:
    """How many tokens this model's tokenizer makes for every one of the common tokenizer."""
    version = claude_version(model)
    return _NEW_TOKENIZER if version is not None and version >= (4, 7) else Fraction(1)


def count_tokens(size_bytes: int, model: str) -> int:
    """Tokens of a piece of text of `size_bytes` bytes, rounded up."""
    exact = Fraction(size_bytes, BYTES_PER_TOKEN) * token_factor(model)
    return -(-exact.numerator // exact.denominator)
