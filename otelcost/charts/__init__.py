"""Small pictures as SVG: pure functions from figures to a `Chart`, without scripts, ids or network.

The same chart stands in a page (`Chart.inline`, coloured by the page's style sheet in light and in dark) and alone
(`Chart.standalone`, for a picture in a mail). What a chart says is in its title and summary too, and every mark that
a colour tells apart is told apart by its place, sign or words as well.
"""

from otelcost.charts.bars import Column, columns
from otelcost.charts.pairs import Pair, pairs
from otelcost.charts.scale import decades, duration_mark, money_mark
from otelcost.charts.scatter import Axis, Point, scatter
from otelcost.charts.stacks import Part, Stack, layers, stacks
from otelcost.charts.svg import NARROW, WIDE, Chart
from otelcost.charts.theme import DARK, LIGHT, Theme, page_css
from otelcost.charts.waterfall import Step, drawn_steps, waterfall

__all__ = [
    "DARK",
    "LIGHT",
    "NARROW",
    "WIDE",
    "Axis",
    "Chart",
    "Column",
    "Pair",
    "Part",
    "Point",
    "Stack",
    "Step",
    "Theme",
    "columns",
    "decades",
    "drawn_steps",
    "duration_mark",
    "layers",
    "money_mark",
    "page_css",
    "pairs",
    "scatter",
    "stacks",
    "waterfall",
]
