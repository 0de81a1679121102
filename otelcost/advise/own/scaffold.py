"""A rule to begin with: a folder that works, to be changed into what is wanted."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Final

from otelcost.advise.own.installed import folders
from otelcost.errors import OtelcostError, UsageError

FAMILY: Final = "house"
"""Where new rules go; any other folder of small letters will do."""

_MOST: Final = 999


def new_rule(root: Path, name: str) -> Path:
    """Make `root/house/Xnnn_name` with the first id that is free, and return it.

    Raises:
        UsageError: the name cannot be a folder's.
        OtelcostError: no id is left.
    """
    if not re.fullmatch(r"[a-z0-9_]{1,60}", name):
        raise UsageError(f"a rule cannot be called {name!r}", "use small letters, digits and _")
    taken = folders()
    id_ = next((f"X{number:03}" for number in range(1, _MOST + 1) if f"X{number:03}" not in taken), None)
    if id_ is None:
        raise OtelcostError("all ids from X001 to X999 are taken", "remove rules that are not used any more")
    folder = root / FAMILY / f"{id_}_{name}"
    folder.mkdir(parents=True)
    for file in resources.files("otelcost.advise.own").joinpath("template").iterdir():
        text = file.read_text(encoding="utf-8").replace("X000", id_)
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder
