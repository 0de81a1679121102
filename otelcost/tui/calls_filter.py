"""What a filter looks at in a call. Used by the loader, which filters rows the screen has not loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from otelcost.tui.filtering import Filter
from otelcost.tui.snapshot import Call

FIELDS: Final = frozenset({"id", "task", "model", "provider", "operation", "status", "error", "site", "flag", "price"})
"""Names a filter may use before a colon."""


def call_fields(row: Call) -> Mapping[str, str]:
    """The texts of a call by name, in lower case."""
    values = {
        "id": row.id,
        "task": row.task,
        "model": row.model or "",
        "provider": row.provider,
        "operation": row.operation,
        "status": row.status,
        "error": row.error_type or "",
        "site": row.call_site or "",
        "flag": " ".join(row.flags),
        "price": row.price_status,
    }
    return {name: value.lower() for name, value in values.items()}


def matching(text: str) -> Callable[[Call], bool]:
    """The test a filter's text stands for."""
    wanted = Filter.parse(text, FIELDS)
    return lambda row: not wanted.terms or wanted.matches(call_fields(row))
