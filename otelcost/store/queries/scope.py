"""Which calls an amount is about: globs over task, model, provider and feature, and one label."""

from __future__ import annotations

import msgspec


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that match everything given; without anything, all calls. Models and providers ignore case."""

    task: str | None = None
    model: str | None = None
    provider: str | None = None
    feature: str | None = None
    label: str | None = None  # key=value

    def where(self) -> tuple[str, dict[str, str]]:
        """A condition over `v_calls`, and its parameters."""
        found: dict[str, str] = {}
        conditions = ["true"]
        for name in ("task", "model", "provider", "feature"):
            value = getattr(self, name)
            if value is not None:
                folded = name in {"model", "provider"}
                conditions.append(f"{f'lower({name})' if folded else name} GLOB $scope_{name}")
                found[f"scope_{name}"] = value.lower() if folded else value
        if self.label is not None:
            key, _, value = self.label.partition("=")
            conditions.append("labels[$scope_key] = $scope_value")
            found |= {"scope_key": key.strip(), "scope_value": value.strip()}
        return " AND ".join(conditions), found

    def __str__(self) -> str:
        """The scope in words: `all calls`, or what is given."""
        given = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return ", ".join(f"{name} {value}" for name, value in given if value is not None) or "all calls"
