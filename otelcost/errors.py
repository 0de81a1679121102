"""Errors that reach the user: one line that says what, where and what to do, and an exit code."""

from __future__ import annotations

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_GATE = 3
EXIT_STALE = 4


class OtelcostError(Exception):
    """The root of every error otelcost raises on purpose.

    Args:
        what: what went wrong and where, one line without a trailing full stop.
        fix: what the reader can do about it, one line; empty where nothing can be done.

    The command line prints `error: {what}: {fix}` on standard error and exits with `exit_code`.
    """

    exit_code = EXIT_ERROR

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(f"{what}: {fix}" if fix else what)
        self.what = what
        self.fix = fix


class UsageError(OtelcostError):
    """An argument, option or configuration value that cannot be used."""

    exit_code = EXIT_USAGE


class StoreError(OtelcostError):
    """The store cannot be opened, read or written."""


class SchemaTooNewError(StoreError):
    """The store was written by a later otelcost than this one."""


class PriceError(OtelcostError):
    """A price book or override that cannot be compiled."""

    exit_code = EXIT_USAGE


class ExportError(OtelcostError):
    """A provider's usage or cost export that cannot be read."""


class RuleError(OtelcostError):
    """A rule that is malformed or whose SQL fails; the other rules still run."""
