"""How figures and foreign names read on every surface: screens, tables, digests. Pure, imports nothing of ours.

Money arrives in integer pico-dollars and leaves as text; no float on the way. `None` is unknown and reads
`?`, never `$0`. Names come from applications (tasks, models, files) and are hostile until escaped here.
"""

from __future__ import annotations

import re
from datetime import datetime

PICOUSD = 10**12
UNKNOWN = "?"

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~#$@]|(?<=\w):(?=//)|(?<=\bwww)\.)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?=#?\w+;)")
_PLACES_BELOW = ((6, PICOUSD // 100), (4, PICOUSD), (2, 1000 * PICOUSD))
"""Decimals, and the amount that is too large for them."""

_ROUNDS_TO_ALL = 995
"""Thousandths from which a whole percent would read 100%."""

_TOKEN_SIZES = ((10**9, "G"), (10**6, "M"), (10**3, "k"))


def clean(text: str) -> str:
    """One line of printable text: every control, bidi and escape character becomes its visible code."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _visible(char) for char in text)


def _visible(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def markdown(text: str) -> str:
    """Text that Markdown shows as it is: no emphasis, link, mention, HTML or table break comes out of a name."""
    return _MARKDOWN.sub(r"\\\1", _ENTITY.sub("&amp;", clean(text)))


def spreadsheet(text: str) -> str:
    """A CSV cell's text that no spreadsheet takes for a formula."""
    guarded = f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
    return clean(guarded)


def places_for(picousd: int) -> int:
    """Decimals at which an amount of this size, once rounded, says something: 0, 2, 4 or 6."""
    size = abs(picousd)
    if not size:
        return 4
    for digits, below in _PLACES_BELOW:
        if _rounded(size, digits) * _unit(digits) < below:
            return digits
    return 0


def common_places(amounts: list[int | None]) -> int:
    """The decimals of a column: those of its largest amount, so that digits line up and compare."""
    return places_for(max((abs(amount) for amount in amounts if amount), default=PICOUSD))


def money(picousd: int | None, places: int | None = None) -> str:
    """Dollars: `$1,234`, `$12.34`, `$0.0123`, `<$0.01` for what the decimals cannot show, `?` for unknown."""
    if picousd is None:
        return UNKNOWN
    if picousd == 0 and places is None:
        return "$0.00"
    digits = places_for(picousd) if places is None else places
    rounded = _rounded(abs(picousd), digits)
    sign = "-" if picousd < 0 else ""
    if picousd and not rounded:
        return f"{sign}<${_decimal(1, digits)}"
    return f"{sign}${_decimal(rounded, digits)}"


def _decimal(units: int, digits: int) -> str:
    whole, fraction = divmod(units, 10**digits)
    return f"{whole:,}.{fraction:0{digits}d}" if digits else f"{whole:,}"


def _rounded(picousd: int, digits: int) -> int:
    """An amount of 0 or more in its last decimal's units, half up."""
    unit = _unit(digits)
    return (picousd * 2 + unit) // (2 * unit)


def _unit(digits: int) -> int:
    """The last decimal's unit in pico-dollars."""
    return PICOUSD // int(10**digits)


def range_text(low: int | None, high: int | None, places: int | None = None) -> str:
    """`$12.00-$15.00`; empty where an end is unknown or both read the same: such a range says nothing."""
    if low is None or high is None:
        return ""
    digits = common_places([low, high]) if places is None else places
    ends = money(low, digits), money(high, digits)
    return "" if ends[0] == ends[1] else f"{ends[0]}-{ends[1]}"


def with_range(amount: int | None, low: int | None, high: int | None, places: int | None = None) -> str:
    """`$74.70 [$60.00-$88.00]`, all at the same decimals; the range only where it says something."""
    if amount is None:
        return UNKNOWN
    digits = common_places([amount, low, high]) if places is None else places
    spread = range_text(low, high, digits)
    return f"{money(amount, digits)} [{spread}]" if spread else money(amount, places)


def signed_money(picousd: int | None, places: int | None = None) -> str:
    """An amount with its sign: `+$221.00`, `-$3.10`."""
    text = money(picousd, places)
    return f"+{text}" if picousd is not None and picousd > 0 else text


def percent(part: int | None, whole: int | None) -> str:
    """A share: `61%`, `0.2%`, `<0.1%`, `>99.9%`; `?` where either is unknown or the whole is nothing."""
    if part is None or not whole:
        return UNKNOWN
    per_mille = (abs(part) * 2000 + abs(whole)) // (2 * abs(whole))
    sign = "-" if (part < 0) != (whole < 0) and per_mille else ""
    if abs(part) < abs(whole) and per_mille >= _ROUNDS_TO_ALL:
        return f"{sign}{_nearly_all(abs(part), abs(whole))}"
    if per_mille >= 100 or part == 0:
        return f"{sign}{(per_mille + 5) // 10:,}%"
    return f"{sign}{per_mille / 10:.1f}%" if per_mille else "<0.1%"


def _nearly_all(part: int, whole: int) -> str:
    """A share that a whole percent would round up to 100%, which it is not."""
    per_mille = (part * 2000 + whole) // (2 * whole)
    return ">99.9%" if part * 1000 > whole * 999 else f"{per_mille / 10:.1f}%"


def change(current: int | None, previous: int | None) -> str:
    """How an amount moved: `up 61% (+$221.00)`, `down 4.0% (-$0.10)`, `unchanged`; empty without a past."""
    if current is None or not previous:
        return ""
    difference = current - previous
    if not difference:
        return "unchanged"
    word = "up" if difference > 0 else "down"
    return f"{word} {percent(abs(difference), previous)} ({signed_money(difference)})"


def count(number: int | None) -> str:
    """A count with thousands separators."""
    return UNKNOWN if number is None else f"{number:,}"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """`1 call`, `2 calls`; `many` where an `s` does not make the plural."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def tokens(number: int | None) -> str:
    """Tokens in three or four characters, rounded half up: `812`, `9.4k`, `12k`, `3.1M`."""
    if number is None:
        return UNKNOWN
    for size, suffix in _TOKEN_SIZES:
        if number >= size - size // 2000:  # what rounds to a thousand of the next smaller unit is one of this
            tenths = (number * 20 + size) // (2 * size)
            whole = (number * 2 + size) // (2 * size)
            return f"{tenths // 10}.{tenths % 10}{suffix}" if tenths < 100 else f"{whole}{suffix}"
    return str(number)


def duration(microseconds: int | None) -> str:
    """A duration: `812 ms`, `3.4 s`, `2 min 5 s`."""
    if microseconds is None:
        return UNKNOWN
    if microseconds < 1_000_000:
        return f"{microseconds // 1000} ms"
    if microseconds < 60_000_000:
        return f"{microseconds // 1_000_000}.{microseconds // 100_000 % 10} s"
    minutes, seconds = divmod(microseconds // 1_000_000, 60)
    return f"{minutes:,} min {seconds} s"


def instant(moment: datetime | None) -> str:
    """A naive UTC moment, to the minute."""
    return UNKNOWN if moment is None else moment.strftime("%Y-%m-%d %H:%M UTC")


def iso(moment: datetime | None) -> str | None:
    """A naive UTC moment for machines: ISO 8601, microseconds, `Z`."""
    return None if moment is None else moment.isoformat(timespec="microseconds") + "Z"
