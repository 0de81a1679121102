"""A digest's pictures: small bars as SVG, and as PNG for mail programs, which show no SVG.

They carry no text: where letters would come from depends on the machine's fonts, and what a picture says stands
beside it in words. Their colours are told apart by brightness alone and read on white and on black.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from otelcost.charts.svg import element

if TYPE_CHECKING:
    from otelcost.digest.content import Day, Driver

WIDTH: Final = 552
DAYS_HEIGHT: Final = 96
DRIVER_HEIGHT: Final = 20
NOW_COLOUR: Final = "#3a8fd0"
BEFORE_COLOUR: Final = "#8b939e"
_MOST_BARS: Final = 120
_SCALE: Final = 2


def days(rows: Sequence[Day]) -> str:
    """A bar a day over a base line; a day of unknown cost is an outline of full height."""
    shown = rows[-_MOST_BARS:]
    highest = max((row.cost_picousd or 0 for row in shown), default=0)
    step = WIDTH / max(len(shown), 1)
    thick = min(step * 0.72, 64)
    bars = []
    for number, row in enumerate(shown):
        left = step * number + (step - thick) / 2
        if row.cost_picousd is None:
            bars.append(_outline(left, thick))
        elif row.cost_picousd and highest:
            bars.append(_bar(left, thick, max(2.0, row.cost_picousd / highest * (DAYS_HEIGHT - 4))))
    base = element("rect", x=0, y=DAYS_HEIGHT - 1, width=WIDTH, height=1, fill=BEFORE_COLOUR)
    return _svg(WIDTH, DAYS_HEIGHT, "".join((*bars, base)))


def driver(moved: Driver, most_picousd: int) -> str:
    """What a task cost before (thin, grey) over what it costs now; `most_picousd` fills the width."""
    before, now = (_length(amount, most_picousd) for amount in (moved.previous_picousd, moved.cost_picousd))
    return _svg(
        WIDTH,
        DRIVER_HEIGHT,
        element("rect", x=0, y=1, width=before, height=5, rx=1, fill=BEFORE_COLOUR)
        + element("rect", x=0, y=8, width=now, height=11, rx=1, fill=NOW_COLOUR),
    )


def png(svg: str) -> bytes:
    """The picture at twice its size, for dense screens; transparent."""
    import resvg_py  # noqa: PLC0415  (an extra)

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=_SCALE, skip_system_fonts=True))


def can_make_png() -> bool:
    """Whether the extra that makes PNG is installed."""
    return find_spec("resvg_py") is not None


def _length(amount: int | None, most: int) -> float:
    return max(2.0, amount / most * WIDTH) if amount and most else 0.0


def _bar(left: float, thick: float, high: float) -> str:
    top = DAYS_HEIGHT - 1 - high
    return element("rect", x=left, y=top, width=thick, height=high, rx=2, fill=NOW_COLOUR)


def _outline(left: float, thick: float) -> str:
    return element(
        "rect",
        x=left + 1,
        y=3,
        width=thick - 2,
        height=DAYS_HEIGHT - 5,
        rx=2,
        fill="none",
        stroke=BEFORE_COLOUR,
        stroke_width=2,
        stroke_dasharray="4 3",
    )


def _svg(width: int, height: int, inner: str) -> str:
    return element(
        "svg",
        raw=inner,
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
        style="max-width:100%;height:auto",
    )
