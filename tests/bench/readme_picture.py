"""Draws the README's picture, `docs/overview.svg`, from a real run of the demo.

    python tests/bench/readme_picture.py [--seed 7] [--out docs/overview.svg] [--size 110x32]

The demo's seed fixes the workload and the clock is set to two seconds after its last call, so the picture
changes only where the product does (and in its dates). Textual's export is made to look the same in every
viewer: blocks become rectangles, runs of blanks become positions, no font is fetched from anywhere.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import re
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

from otelcost import demo
from otelcost.tui.app import OtelcostApp
from otelcost.tui.loader import Loader
from otelcost.tui.snapshot import Period

ROOT: Final = Path(__file__).resolve().parents[2]
_CELL: Final = 12.2  # width and height of a cell in Rich's SVG
_LINE: Final = 24.4
_ASCENT: Final = 20.0
_LOWER: Final = "▁▂▃▄▅▆▇█"
_LEFT: Final = "▏▎▍▌▋▊▉"
_FONTS: Final = "ui-monospace, 'Cascadia Mono', 'JetBrains Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_TEXT: Final = re.compile(
    r'<text class="(?P<style>[^"]+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength="[\d.]+"'
    r' clip-path="(?P<clip>[^"]+)">(?P<text>[^<]*)</text>'
)
_RUN: Final = re.compile(f"[{_LOWER}{_LEFT}]|(?:(?![{_LOWER}{_LEFT}])\\S)+(?: (?:(?![{_LOWER}{_LEFT}])\\S)+)*")


def main() -> None:
    """Run the demo and draw."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        demo.run(home, seed=arguments.seed, progress=print)
        picture = asyncio.run(draw(home / "store.duckdb", arguments.size))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(picture, encoding="utf-8")
    print(f"wrote {arguments.out}")


async def draw(store: Path, size: tuple[int, int]) -> str:
    """The overview of a store, in the window it opens with, as SVG."""
    last = Loader(store).refresh(Period("all"), force=True)
    if last is None or last.overview.last_call is None:
        raise SystemExit("the demo recorded nothing")
    now = last.overview.last_call + timedelta(seconds=2)
    app = OtelcostApp(Loader(store, now), clock=lambda: now, live=False)
    async with app.run_test(size=size) as pilot:
        for _ in range(3):
            await app.workers.wait_for_complete()
            await pilot.pause()
        return portable(app.export_screenshot(title="otelcost"))


def portable(svg: str) -> str:
    """Textual's SVG without fetched fonts, and with positions where viewers disagree about blanks."""
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: (?:Fira Code|arial)[^;]*;", f"font-family: {_FONTS};", svg)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    return _TEXT.sub(_pieces, svg)


def _pieces(found: re.Match[str]) -> str:
    text = html.unescape(found["text"]).replace("\N{NO-BREAK SPACE}", " ")
    column = float(found["x"]) / _CELL
    top = float(found["y"]) - _ASCENT
    return "".join(_piece(found, run, column + run.start(), top) for run in _RUN.finditer(text))


def _piece(found: re.Match[str], run: re.Match[str], column: float, top: float) -> str:
    text, x = run[0], column * _CELL
    if text in _LOWER:
        height = _LINE * (_LOWER.index(text) + 1) / 8
        return _rectangle(found["style"], x, top + _LINE - height, _CELL, height)
    if text in _LEFT:
        return _rectangle(found["style"], x, top, _CELL * (_LEFT.index(text) + 1) / 8, _LINE)
    return (
        f'<text class="{found["style"]}" x="{x:.1f}" y="{found["y"]}" textLength="{len(text) * _CELL:.1f}"'
        f' clip-path="{found["clip"]}">{html.escape(text, quote=False)}</text>'
    )


def _rectangle(style: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="{style}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'
        ' shape-rendering="crispEdges"/>'
    )


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draw the README's picture from a run of the demo.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "overview.svg")
    parser.add_argument("--size", type=_size, default=(110, 32))
    return parser.parse_args()


if __name__ == "__main__":
    main()
