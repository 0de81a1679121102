"""The files of settings: which there are, and whether the commands can read them."""

from __future__ import annotations

from otelcost import config
from otelcost.cli.checks import Check
from otelcost.errors import OtelcostError


def check_configuration() -> list[Check]:
    """Read the settings as every command does."""
    try:
        config.load()
        found = [str(path) for path in config.files()]
    except OtelcostError as error:
        return [Check("configuration", "broken", error.what, error.fix)]
    return [Check("configuration", "ok", ", ".join(found) or "no otelcost.toml: everything has its default")]
