"""The one place where our own errors end, so that none reaches the host.

Only our code runs inside a guard, never the host's call. What still passes through: `BaseException`s such as
KeyboardInterrupt and cancellation, and an exception that one of the host's signal handlers raised while our
code happened to run (that is how time limits of task queues work).
"""

from __future__ import annotations

import signal
from types import TracebackType

from otelcost.spool.diagnostics import diagnostics

strict = False
"""Under test: count, then let our own errors through."""


class Guard:
    """Swallow and count `Exception`s of our own code.

    Args:
        where: the name under which an error is counted.
    """

    __slots__ = ("_where",)

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return isinstance(error, Exception) and absorbed(self._where, error)


def absorbed(where: str, error: Exception) -> bool:
    """Whether an error of our own code ends here, counted under `where`. For code too hot for a `with`."""
    if _raised_by_signal_handler(error.__traceback__):
        return False
    diagnostics.error(where, error)
    return not strict


def _raised_by_signal_handler(trace: TracebackType | None) -> bool:
    handlers = {getattr(signal.getsignal(number), "__code__", None) for number in signal.valid_signals()}
    handlers.discard(None)
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        trace = trace.tb_next
    return False
