"""What a value in a price file may be. Each reader takes the value and where it stands, and its error names both."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Final

from otelcost.errors import PriceError

MAX_RATE_PICOUSD: Final = 10**12
"""A dollar per token or request: more is a typing error, and sums must stay inside 63 bits."""

MAX_AMOUNT_USD: Final = 10**9
DAY_MINUTES: Final = 24 * 60
_CLOCK: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def text(value: object, where: str) -> str:
    """A name: a text that is not blank."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise PriceError(f"{where}: {value!r} is not a name", "write it in quotes")


def flag(value: object, where: str) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise PriceError(f"{where}: {value!r} is neither true nor false", "write it without quotes")


def day(value: object, where: str) -> date:
    """A date, as TOML's own or in quotes."""
    if isinstance(value, str):
        with suppress(ValueError):
            return date.fromisoformat(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise PriceError(f"{where}: {value!r} is not a date", "write it as 2026-07-01")


def moment(value: object, where: str) -> datetime:
    """A date or a moment with its offset, as naive UTC: a date begins at midnight UTC."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return datetime.combine(day(value, where), time())


def decimal(value: object, where: str) -> Decimal:
    """An exact number: TOML floats are read by their shortest spelling, which is what was typed."""
    number = Decimal("NaN")
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(InvalidOperation):
            number = Decimal(str(value))
    if number.is_finite() and number >= 0:
        return number
    negative = number.is_finite()
    advice = "no price is negative; write 0 where it costs nothing" if negative else "write a number such as 2.5"
    raise PriceError(f"{where}: {value!r} is not a number of 0 or more", advice)


def factor(value: object, where: str) -> Decimal:
    """A multiplier."""
    number = decimal(value, where)
    if number > 1000:
        raise PriceError(f"{where}: {value!r} is too large", "a multiplier of 1 changes nothing")
    return number


def amount(value: object, where: str) -> int:
    """A sum of money: US dollars, as pico-dollars."""
    dollars = decimal(value, where)
    if dollars > MAX_AMOUNT_USD:
        raise PriceError(f"{where}: {value!r} is too large", "give US dollars")
    return exact_picousd(dollars, 1, where, most=MAX_AMOUNT_USD * 10**12)


def count(value: object, where: str) -> int:
    """A whole number above 0."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise PriceError(f"{where}: {value!r} is not a number of tokens", "write it as 272000")


def exact_picousd(dollars: Decimal, per: int, where: str, most: int = MAX_RATE_PICOUSD) -> int:
    """Dollars for `per` units as whole pico-dollars a unit.

    Raises:
        PriceError: it is no whole number of pico-dollars, or more than `most`.
    """
    picousd = dollars * 10**12 / per
    if picousd != picousd.to_integral_value():
        raise PriceError(f"{where}: {dollars} has too many decimals", "six decimals per million tokens are the most")
    if picousd > most:
        raise PriceError(f"{where}: {dollars} is too large", "prices are USD per million tokens or thousand requests")
    return int(picousd)


def hours(value: object, where: str) -> tuple[tuple[int, int], ...]:
    """Spans of a day in UTC, as minutes from midnight: `["01:00-04:00"]`."""
    found = []
    for one in value if isinstance(value, list) else [value]:
        match = _CLOCK.fullmatch(one) if isinstance(one, str) else None
        first, last = (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])) if match else (0, 0)
        if not first < last <= DAY_MINUTES:
            raise PriceError(
                f"{where}: {one!r} is no span of a day", 'write UTC hours as ["01:00-04:00"], up to "24:00"'
            )
        found.append((first, last))
    return tuple(sorted(found))


def weekdays(value: object, where: str) -> frozenset[int]:
    """Days of the week, Monday as 0: `["mon", "tue"]`."""
    names = value if isinstance(value, list) else [value]
    for name in names:
        if name not in _WEEKDAYS:
            raise PriceError(f"{where}: {name!r} is no day of the week", f"known: {', '.join(_WEEKDAYS)}")
    return frozenset(_WEEKDAYS.index(name) for name in names)


def dates(value: object, where: str) -> frozenset[date]:
    """A list of dates."""
    if not isinstance(value, list):
        raise PriceError(f"{where}: not a list of dates", "write it as [2026-10-01, 2026-10-02]")
    return frozenset(day(one, where) for one in value)


def known_keys(entry: dict[str, object], known: tuple[str, ...], where: str) -> None:
    """Every key of an entry is one of `known`.

    Raises:
        PriceError: one is not; the error names the nearest.
    """
    for key in entry:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}" if near else f"known keys: {', '.join(known)}"
            raise PriceError(f"{where}: unknown key {key!r}", hint)
