"""Fixtures of the store's tests: where the spool and the store of this test are."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def spool(home: Path) -> Path:
    """The spool folder of this test's home; not made yet."""
    return home / "spool"


@pytest.fixture
def store(home: Path) -> Path:
    """The store file of this test's home; not made yet."""
    return home / "store.duckdb"
