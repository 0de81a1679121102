"""A half-open span of time in naive UTC, as people write it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from otelcost.errors import UsageError

_RELATIVE: Final = re.compile(r"(\d{1,5})([hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  (the store's times are naive UTC)
_END: Final = datetime(9999, 12, 31)  # noqa: DTZ001
_HELP: Final = "write 24h, 7d, 2w, all, or two ISO 8601 dates such as 2026-11-01..2026-11-08"


class Window(msgspec.Struct, frozen=True):
    """Time from `start` (included) to `end` (not included)."""

    start: datetime
    end: datetime
    whole: bool = False  # all there is: also calls that a wrong clock put behind `end`

    @property
    def until(self) -> datetime:
        """Where the calls of the window end: what queries compare with."""
        return _END if self.whole else self.end

    @classmethod
    def parse(cls, text: str, now: datetime) -> Window:
        """Read `7d`, `24h`, `2w`, `all` or `A..B`; a missing side of the range is open.

        Args:
            text: what the user wrote.
            now: naive UTC; where relative windows end.

        Raises:
            UsageError: it is none of these, or it ends before it starts.
        """
        wanted = text.strip()
        if wanted == "all":
            return cls(_EPOCH, now, whole=True)
        relative = _RELATIVE.fullmatch(wanted)
        if relative:
            return cls._back(now, int(relative[1]) * _UNITS[relative[2]], text)
        left, dots, right = wanted.partition("..")
        if not dots:
            raise UsageError(f"{text!r} is no window of time", _HELP)
        window = cls(_moment(left, _EPOCH, text), _moment(right, now, text))
        if window.start >= window.end:
            raise UsageError(f"the window {text!r} ends before it starts", _HELP)
        return window

    @classmethod
    def _back(cls, now: datetime, length: timedelta, text: str) -> Window:
        if not length:
            raise UsageError(f"the window {text!r} is empty", _HELP)
        return cls(max(now - length, _EPOCH) if length < now - _EPOCH else _EPOCH, now)

    @property
    def length(self) -> timedelta:
        """How long the window is."""
        return self.end - self.start

    def previous(self) -> Window | None:
        """The window of the same length just before; None where that would be before all time."""
        if self.start - _EPOCH < self.length:
            return None
        return Window(self.start - self.length, self.start)


def _moment(text: str, default: datetime, whole: str) -> datetime:
    if not text.strip():
        return default
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text.strip()!r} in the window {whole!r} is no ISO 8601 date", _HELP) from error
