"""A terminal that is gone: its other end was closed, and nobody sent a hang-up to tell."""

from __future__ import annotations

import select


def gone(file: int) -> bool:
    """Whether nothing will ever be read from a terminal again; Textual would ask it over and over."""
    watch = select.poll()
    watch.register(file, 0)  # a hang-up and an error are told without being asked for
    return bool(watch.poll(0))
