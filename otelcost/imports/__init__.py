"""Calls that other tools recorded: their exports read as span records and loaded like any other.

An imported row has no prompt segments and no hashes, so rules that need them say that they could not check its task.
Where the same call was recorded here as well, the record made here is billed and the imported one is not.
"""

from otelcost.imports.load import Loaded, load
from otelcost.imports.read import Reading, read
from otelcost.imports.shapes import SHAPES, SOURCES, Shape

__all__ = ["SHAPES", "SOURCES", "Loaded", "Reading", "Shape", "load", "read"]
