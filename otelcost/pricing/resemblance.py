"""Whether a name that the price library matched is that model, and not another that only begins like it.

Some of the library's matchers accept everything that begins with, ends with or contains a name. A later model
would then get the price of the earlier one without anybody noticing. Such a match counts only where what is
left of the name is a version: a date, a number of a build, `latest`, `preview`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    MatchLogic,
    ModelInfo,
)

_VERSION: Final = re.compile(
    r"(?:[-@:._]?(?:20\d{2}-\d{2}-\d{2}|\d{2}-20\d{2}|\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|\d{3}|\d{1,4}k"
    r"|latest|preview|exp|experimental|beta|default|v\d(?:[.:]\d)*))*[-@:._]?"
)
"""What may follow a model's name and leave it the same model."""

_HOST: Final = re.compile(r"(?:.*[/:@])?(?:[a-z]{2,12}\.)*")
"""What may stand before it: a path, a seller, a region."""


def is_sure(model: ModelInfo, name: str) -> bool:
    """Whether `name`, which the library takes for `model`, is that model for certain."""
    asked = name.lower()
    return any(_explained(asked, part) for part in (model.id.lower(), *_parts(model.match))) or _by_pattern(
        model.match, asked
    )


def _explained(name: str, part: str) -> bool:
    before, found, after = name.partition(part)
    return bool(found) and _HOST.fullmatch(before) is not None and _VERSION.fullmatch(after) is not None


def _by_pattern(match: MatchLogic, name: str) -> bool:
    """A pattern for the whole of a name is as good as a name."""
    return any(
        isinstance(clause, ClauseRegex)
        and clause.regex.startswith("^")
        and clause.regex.endswith("$")
        and "(?!" not in clause.regex
        and re.fullmatch(clause.regex, name) is not None
        for clause in _leaves(match)
    )


def _parts(match: MatchLogic) -> Iterator[str]:
    for clause in _leaves(match):
        if isinstance(clause, ClauseEquals):
            yield clause.equals.lower()
        elif isinstance(clause, ClauseStartsWith):
            yield clause.starts_with.lower()
        elif isinstance(clause, ClauseEndsWith):
            yield clause.ends_with.lower()
        elif isinstance(clause, ClauseContains):
            yield clause.contains.lower()


def _leaves(match: MatchLogic) -> Iterator[MatchLogic]:
    if isinstance(match, ClauseOr):
        for part in match.or_:
            yield from _leaves(part)
    elif isinstance(match, ClauseAnd):
        for part in match.and_:
            yield from _leaves(part)
    else:
        yield match
