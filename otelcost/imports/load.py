"""Imported records into the store by the way every record takes: a sealed spool segment of its own, and a drain.

So they are checked, priced, put aside where they are bad, and known again when they come again. The segment lies in a
folder of its own beside the store: an import that is killed leaves the store as it was, and can be repeated.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from otelcost.model import SpanRecord
from otelcost.spool.names import SEALED, segment_name
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import covered_spans


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the records of an import."""

    new: int
    known: int  # were imported or recorded as spans before
    rejected: int  # put into quarantine
    covered: int  # of all of them: another record of the same call is billed, so these are in no figure
    warnings: tuple[str, ...] = ()


def load(records: Sequence[SpanRecord], store: Path) -> Loaded:
    """Load records into a store.

    Raises:
        StoreError: the store cannot be written. Nothing was loaded then.
    """
    store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.parent, prefix="import-") as folder:
        name = segment_name("spans", os.getpid(), time.time_ns(), 0)
        lines = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
        (Path(folder) / f"{name}{SEALED}").write_bytes(lines)
        done = drain(store, Path(folder))
    with session(store) as connection:
        covered = covered_spans(connection, [record.span_id for record in records])
    known = len(records) - done.spans - done.rejects
    return Loaded(new=done.spans, known=known, rejected=done.rejects, covered=covered, warnings=done.warnings)
