"""The filter language of tables: words that must all appear, `!word` must not, `field:word` looks in one field."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Term(msgspec.Struct, frozen=True):
    """One word of a filter."""

    word: str
    field: str | None = None
    inverted: bool = False

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Whether a row with these (lower-case) fields satisfies the term."""
        if self.field is not None:
            found = self.word in fields.get(self.field, "")
        else:
            found = any(self.word in value for value in fields.values())
        return found != self.inverted


class Filter(msgspec.Struct, frozen=True):
    """A parsed filter. The empty one matches everything."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def parse(cls, text: str, fields: frozenset[str] = frozenset()) -> Filter:
        """Read a filter as typed. A `name:` that is no field of the table is part of the word."""
        return cls(tuple(term for word in text.lower().split() if (term := _term(word, fields)).word))

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Whether every term holds."""
        return all(term.matches(fields) for term in self.terms)


def _term(word: str, fields: frozenset[str]) -> Term:
    inverted = word.startswith("!")
    word = word.removeprefix("!")
    name, colon, rest = word.partition(":")
    if colon and name in fields:
        return Term(rest, name, inverted)
    return Term(word, None, inverted)
