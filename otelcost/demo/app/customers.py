"""The customer table, as somebody once exported it."""

from __future__ import annotations

import functools

_FIRST = ("Amber", "Birch", "Cobalt", "Dapple", "Ember", "Fennel", "Gravel", "Heather", "Indigo", "Juniper")
_SECOND = ("Kiln", "Quay", "Loom", "Orchard", "Pantry", "Saddlery", "Tannery", "Viaduct", "Workshop", "Yard")
_PLANS = ("plain", "silver", "gold")


@functools.cache
def table() -> str:
    rows = ["number | name | plan | since | open orders | last contact | note"]
    for i in range(300):
        name = f"{_FIRST[i % 10]} {_SECOND[i // 10 % 10]} {1 + i // 100}"
        note = f"prefers mail, pays within {10 + i % 30} days, parcel shelf {200 + i}"
        last = f"2026-{1 + i % 9:02}-{1 + i % 28:02}"
        rows.append(f"K-{4000 + 3 * i} | {name} | {_PLANS[i % 3]} | {2011 + i % 14} | {i % 7} | {last} | {note}")
    return "\n".join(rows)
