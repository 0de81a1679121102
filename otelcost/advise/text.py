"""Filling a rule's sentences with a finding's values. Values are only ever inserted, never interpreted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_FIELD: Final = re.compile(r"\{([a-z_]+)\}")
UNKNOWN: Final = "?"


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Replace `{name}` by its value; a name without a value, or with None, becomes `?`."""
    return _FIELD.sub(lambda found: _shown(values.get(found[1])), template)


def fields(template: str) -> frozenset[str]:
    """The names a template asks for."""
    return frozenset(_FIELD.findall(template))


def _shown(value: object) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(item) for item in value)
    return str(value)
