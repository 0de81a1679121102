"""A recorded world, loaded once; tests that only read share it."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import world


@pytest.fixture(scope="session")
def recorded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose store holds the world of `world.py`, loaded by the real drain."""
    home = tmp_path_factory.mktemp("recorded") / "home"
    world.spool(home, world.lines())
    answer = world.run(home, "drain", "--format", "json")
    assert answer.returncode == 0, answer.stderr
    return home


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where nothing was ever recorded."""
    return tmp_path_factory.mktemp("empty") / "home"
