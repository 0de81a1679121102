"""The terminal interface's application: it owns the state, the clock and the workers; pages only render."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import msgspec
from textual import constants, work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from otelcost import settings
from otelcost.tui import guard, themes
from otelcost.tui.commands import COMMANDS
from otelcost.tui.host import CallReceiver, CallsReceiver, Problem, Source, State
from otelcost.tui.pages.calls import CallsPage
from otelcost.tui.pages.help import HelpPage
from otelcost.tui.pages.overview import OverviewPage
from otelcost.tui.pages.page import Page
from otelcost.tui.pages.recommendations import RecommendationsPage
from otelcost.tui.pages.tasks import TasksPage
from otelcost.tui.pages.window import WindowPage
from otelcost.tui.snapshot import CallQuery, Period, Snapshot
from otelcost.tui.widgets.toosmall import LEAST_HEIGHT, LEAST_WIDTH

REFRESH_SECONDS: Final = 2.0
ADVICE_SHARE: Final = 10
"""While records arrive, working out recommendations gets at most one part in this many of the time."""
_TWO_COLUMNS_FROM: Final = 100
_TALL_FROM: Final = 32

Result = TypeVar("Result")


class OtelcostApp(App[None]):
    """The application.

    Args:
        source: where facts come from; it is called on worker threads only.
        window: the first window, such as `7d`, `24h`, `all`.
        clock: the moment, naive UTC.
        live: whether to look for new records by itself.
        demo: whether to say that the provider was the demo's.
    """

    TITLE = "otelcost"
    CSS_PATH = "otelcost.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "overview": OverviewPage,
        "recommendations": RecommendationsPage,
        "tasks": TasksPage,
        "calls": CallsPage,
    }
    DEFAULT_MODE = "overview"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  (as the base class declares it)
        (0, "-cramped"),
        (LEAST_WIDTH, "-narrow"),
        (_TWO_COLUMNS_FROM, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"),
        (LEAST_HEIGHT, "-short"),
        (_TALL_FROM, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        *[Binding(str(number), f"tab('{mode}')", mode, show=False) for number, mode in enumerate(MODES, 1)],
        Binding("q", "quit", "Quit", show=False),
        Binding("question_mark", "help", "Help", show=False),
        Binding("t", "window", "Window", show=False),
        Binding("left_square_bracket", "shift(1)", "Earlier", show=False),
        Binding("right_square_bracket", "shift(-1)", "Later", show=False),
        Binding("r", "refresh", "Refresh", show=False),
        Binding("space", "pause", "Pause", show=False),
    ]

    def __init__(
        self,
        source: Source,
        window: str = "7d",
        *,
        clock: Callable[[], datetime] | None = None,
        live: bool = True,
        demo: bool = False,
    ) -> None:
        super().__init__()
        self.source = source
        self.state = State(period=Period(window), demo=demo)
        self.snapshot: Snapshot | None = None
        self._clock = clock or (lambda: datetime.now(UTC).replace(tzinfo=None))
        self._live = live
        self._advice_from = 0.0
        # One thread for what reads everything and one for what a key waits for, so that a page of calls does
        # not queue behind the recommendations.
        self._slow = ThreadPoolExecutor(1, "otelcost-load")
        self._fast = ThreadPoolExecutor(1, "otelcost-page")
        for theme in (themes.DARK, themes.LIGHT):
            self.register_theme(theme)
        if self.theme == "textual-dark" and constants.DEFAULT_THEME == "textual-dark":
            self.theme = themes.DARK.name

    def now(self) -> datetime:
        """The moment, naive UTC."""
        return self._clock()

    def on_mount(self) -> None:
        """Start looking."""
        self.load(force=True)
        if self._live:
            self.set_interval(REFRESH_SECONDS, self._poll)
            self.set_interval(1.0, self._tick)

    async def on_unmount(self) -> None:
        """Let the threads go: whatever they run is interrupted."""
        self.source.cancel()
        for pool in (self._slow, self._fast):
            pool.shutdown(wait=False, cancel_futures=True)

    def _tick(self) -> None:
        page = self.screen_stack[-1]
        if isinstance(page, Page) and page.ready:
            page.tick()

    def _poll(self) -> None:
        if not self.state.paused and not self.state.loading:
            self.load(force=False)

    def set_state(self, **changes: object) -> None:
        """Change the state and show it."""
        self.state = msgspec.structs.replace(self.state, **changes)
        self._show()

    def _show(self) -> None:
        for page in self.screen_stack:
            if isinstance(page, Page) and page.ready:
                page.update()

    @work(group="load", exclusive=True)
    async def load(self, *, force: bool) -> None:
        """Load the window: first the figures, then the recommendations."""
        period = self.state.period
        self.state = msgspec.structs.replace(self.state, loading=True)
        loaded = await self._run(self._slow, lambda: self.source.refresh(period, force=force))
        if loaded.value is not None:
            self._accept(loaded.value)
        if not loaded.stale:
            self.set_state(problem=loaded.problem or self._advice_problem)
        if loaded.problem is None and self._wants_advice(force):
            await self._advise(period)
        self.set_state(loading=False)

    def _accept(self, loaded: Snapshot) -> None:
        before = self.snapshot
        if before is not None and before.period == loaded.period:
            loaded = msgspec.structs.replace(loaded, advice=before.advice)
        self.snapshot = loaded
        self._stale_advice = True
        self._show()

    _stale_advice = False
    _advice_problem: Problem | None = None

    def _wants_advice(self, force: bool) -> bool:
        if self.snapshot is None or not self.snapshot.overview.recorded_ever:
            return False
        due = self.snapshot.advice is None or asyncio.get_running_loop().time() >= self._advice_from
        return self._stale_advice and (force or due)

    async def _advise(self, period: Period) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        answer = await self._run(self._slow, lambda: self.source.advise(period))
        self._advice_from = loop.time() + (loop.time() - began) * ADVICE_SHARE
        if not answer.stale:
            self._advice_problem = answer.problem
            self.set_state(problem=answer.problem)
        if answer.value is not None and self.snapshot is not None and self.snapshot.period == period:
            self._stale_advice = False
            self.snapshot = msgspec.structs.replace(self.snapshot, advice=answer.value)

    async def _run(self, pool: ThreadPoolExecutor, job: Callable[[], Result]) -> guard.Answer[Result]:
        return await asyncio.get_running_loop().run_in_executor(pool, guard.run, job)

    async def _ask(self, pool: ThreadPoolExecutor, job: Callable[[], Result]) -> Result | None:
        """For what a key waits for: it may fail where the figures were read, and the next load says more."""
        answer = await self._run(pool, job)
        if answer.problem is not None:
            self.set_state(problem=answer.problem)
        return answer.value

    @work(group="calls", exclusive=True)
    async def ask_calls(self, query: CallQuery, receiver: CallsReceiver, *, append: bool) -> None:
        """Load calls in the background and hand them to the receiver; the newest question wins."""
        page = await self._ask(self._fast, lambda: self.source.calls(query))
        if page is not None:
            receiver.receive_calls(page, query, append=append)

    @work(group="call", exclusive=True)
    async def ask_call(self, call_id: str, receiver: CallReceiver) -> None:
        """Load one call in the background."""
        answer = await self._run(self._fast, lambda: self.source.call(call_id))
        if answer.problem is not None:
            self.set_state(problem=answer.problem)
        elif not answer.stale:
            receiver.receive_call(answer.value)

    def _change_period(self, period: Period) -> None:
        if period != self.state.period:
            self.source.cancel()
            self.set_state(period=period)
            self.load(force=True)

    async def action_tab(self, mode: str) -> None:
        """Go to a tab; on the tab itself, back to its top."""
        if mode == self.current_mode:
            while len(self.screen_stack) > 1:
                await self.pop_screen()
        else:
            await self.switch_mode(mode)

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(HelpPage())

    def action_window(self) -> None:
        """Ask for a window."""

        def take(text: str | None) -> None:
            if text is not None:
                self._change_period(Period(text))

        self.push_screen(WindowPage(), take)

    def action_show_window(self, text: str) -> None:
        """Show a window."""
        self._change_period(Period(text))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """What ctrl+p offers."""
        for name, text, action in COMMANDS:
            yield SystemCommand(name, text, partial(self.run_action, action))

    def action_shift(self, steps: int) -> None:
        """Move the window by its own length; never into the future."""
        period = self.state.period
        if period.text != "all":
            self._change_period(Period(period.text, max(0, period.shift + steps)))

    def action_refresh(self) -> None:
        """Read everything anew."""
        self.load(force=True)

    def action_pause(self) -> None:
        """Stop or go on looking for new records."""
        self.set_state(paused=not self.state.paused)


def run(path: Path | None = None, window: str = "7d") -> None:
    """Open the terminal interface on a store and return when the user leaves it.

    Args:
        path: the DuckDB file; None means the one of `OTELCOST_HOME`.
        window: the first window: `24h`, `7d`, `30d`, `all`, or two dates `ISO..ISO`. One that cannot be read
            is named in the first line.
    """
    from otelcost.tui.loader import Loader  # noqa: PLC0415  (duckdb loads while the first screen is drawn)

    OtelcostApp(Loader(path), window, demo=path is None and settings.is_demo_home()).run()
