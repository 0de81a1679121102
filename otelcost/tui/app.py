"""The terminal interface's application: it owns the state, the clock and the workers; pages only render."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, Final

import msgspec
from textual import constants, work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from otelcost.tui import hangup, themes
from otelcost.tui.commands import COMMANDS
from otelcost.tui.host import Problem, Source, State
from otelcost.tui.pages.calls import CallsPage
from otelcost.tui.pages.choice import WINDOWS, ChoicePage
from otelcost.tui.pages.digests import DigestsPage
from otelcost.tui.pages.help import HelpPage
from otelcost.tui.pages.overview import OverviewPage
from otelcost.tui.pages.page import Page
from otelcost.tui.pages.recommendations import RecommendationsPage
from otelcost.tui.pages.tasks import TasksPage
from otelcost.tui.pages.trials import TrialsPage
from otelcost.tui.snapshot import Period, Progress, Snapshot
from otelcost.tui.spelling import AsciiFilter
from otelcost.tui.widgets.toosmall import LEAST_HEIGHT, LEAST_WIDTH
from otelcost.tui.work import WorkingApp

REFRESH_SECONDS: Final = 2.0
ADVICE_SHARE: Final = 10
"""While records arrive, working out recommendations gets at most one part in this many of the time."""
_TWO_COLUMNS_FROM: Final = 100
_TALL_FROM: Final = 32


class OtelcostApp(WorkingApp):
    """The application.

    Args:
        source: where facts come from; it is called on worker threads only.
        window: the first window, such as `7d`, `24h`, `all`.
        clock: the moment, naive UTC.
        live: whether to look for new records by itself.
        demo: whether to say that the provider was the demo's.
        ascii_only: whether to draw with ASCII only.
    """

    TITLE = "otelcost"
    CSS_PATH = "otelcost.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "overview": OverviewPage,
        "recommendations": RecommendationsPage,
        "tasks": TasksPage,
        "calls": CallsPage,
        "trials": TrialsPage,
        "digests": DigestsPage,
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
        *[
            Binding(str(number), f"tab('{mode}')", mode.capitalize(), show=False)
            for number, mode in enumerate(MODES, 1)
        ],
        Binding("q", "quit", "Quit", show=False),
        Binding("question_mark", "help", "Help", show=False),
        Binding("t", "window", "Choose the window", show=False),
        Binding("left_square_bracket", "shift(1)", "Window earlier", show=False),
        Binding("right_square_bracket", "shift(-1)", "Window later", show=False),
        Binding("r", "refresh", "Read everything anew", show=False),
        Binding("space", "pause", "Pause or go on", show=False),
        Binding("ctrl+c", "stop", "Stop long work", show=False),
        Binding("z", "undo", "Undo the last decision", show=False),
    ]

    def __init__(
        self,
        source: Source,
        window: str = "7d",
        *,
        clock: Callable[[], datetime] | None = None,
        live: bool = True,
        demo: bool = False,
        ascii_only: bool = False,
    ) -> None:
        super().__init__(source, State(period=Period(window), demo=demo))
        self.snapshot: Snapshot | None = None
        self._clock = clock or (lambda: datetime.now(UTC).replace(tzinfo=None))
        self._live = live
        self._advice_from = 0.0
        self._ascii = ascii_only
        for theme in themes.OURS:
            self.register_theme(theme)
        if constants.DEFAULT_THEME == "textual-dark":  # nobody chose another by Textual's own setting
            self.theme = themes.chosen(os.environ, self.available_themes)

    def now(self) -> datetime:
        """The moment, naive UTC."""
        return self._clock()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What lines pass on their way to the terminal; without colour none is sent, not even greys."""
        filters = [NoColor()] if self.no_color else [*super().get_line_filters()]
        return [*filters, AsciiFilter()] if self._ascii else filters

    def on_mount(self) -> None:
        """Start looking."""
        self.source.listen(partial(self._heard, asyncio.get_running_loop()))
        self.load(force=True)
        if self._live:
            self.set_interval(REFRESH_SECONDS, self._poll)
            self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        if not self.is_headless and sys.__stdin__ is not None and hangup.gone(sys.__stdin__.fileno()):
            self.exit()
            return
        page = self.screen_stack[-1]
        if isinstance(page, Page) and page.ready:
            page.tick()

    def _poll(self) -> None:
        if not self.state.paused and not self.state.loading:
            self.load(force=False)

    def show_state(self) -> None:
        """Bring every page up to date."""
        for page in self.screen_stack:
            if isinstance(page, Page) and page.ready:
                page.update()

    @work(group="load", exclusive=True)
    async def load(self, *, force: bool) -> None:
        """Load the window: first the figures, then the recommendations."""
        period = self.state.period
        self._stopped = False
        self.state = msgspec.structs.replace(self.state, loading=True)
        loaded = await self.run_slow(lambda: self.source.refresh(period, force=force))
        if loaded.value is not None:
            self._accept(loaded.value)
        if not loaded.stale:
            self.set_state(problem=loaded.problem or self._advice_problem)
        if loaded.problem is None and not self._stopped and self._wants_advice(force):
            await self._advise(period)
        self.set_state(loading=False)

    def _accept(self, loaded: Snapshot) -> None:
        before = self.snapshot
        if before is not None and before.period == loaded.period:
            loaded = msgspec.structs.replace(loaded, advice=before.advice, outlook=before.outlook)
        self.snapshot = loaded
        self._stale_advice = True
        self.show_state()

    def _heard(self, loop: asyncio.AbstractEventLoop, progress: Progress | None) -> None:
        """On whatever thread it is told."""
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._show_progress, progress)

    def _show_progress(self, progress: Progress | None) -> None:
        if self.is_running and progress != self.state.progress:
            self.state = msgspec.structs.replace(self.state, progress=progress)
            self._tick()

    def action_stop(self) -> None:
        """End long work and look for nothing new until the user goes on."""
        if not self.state.loading:
            self.notify("Nothing to stop; q quits.", timeout=3)
            return
        self._stopped = True
        self.source.stop()
        self.set_state(paused=True, progress=None)
        self.notify("Stopped; what was done stays. r goes on, space looks for new records again.", timeout=5)

    _stopped = False
    _stale_advice = False
    _advice_problem: Problem | None = None

    def _wants_advice(self, force: bool) -> bool:
        if self.snapshot is None or not self.snapshot.overview.recorded_ever:
            return False
        due = self.snapshot.advice is None or asyncio.get_running_loop().time() >= self._advice_from
        return self._stale_advice and (force or due)

    def reload_advice(self) -> None:
        """Work the recommendations out anew, since something was decided."""
        self._stale_advice = True
        self.load(force=True)

    async def _advise(self, period: Period) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        ahead = await self.run_slow(lambda: self.source.outlook(period))
        self._add(period, outlook=ahead.value)
        self.show_state()
        if self._stopped:
            return
        answer = await self.run_slow(lambda: self.source.advise(period))
        self._advice_from = loop.time() + (loop.time() - began) * ADVICE_SHARE
        if not answer.stale:
            self._advice_problem = answer.problem or ahead.problem
            self.set_state(problem=self._advice_problem)
        if self._add(period, advice=answer.value):
            self._stale_advice = False

    def _add(self, period: Period, **known: object) -> bool:
        """Add what was worked out to the figures, where there is some and they are still those of the window."""
        shown = self.snapshot
        if shown is None or shown.period != period or None in known.values():
            return False
        self.snapshot = msgspec.structs.replace(shown, **known)
        return True

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
        """The keys of the page, and all others."""
        if isinstance(self.screen, Page):
            self.push_screen(HelpPage(self.screen))

    def action_window(self) -> None:
        """Ask for a window."""

        def take(text: str | None) -> None:
            if text is not None:
                self._change_period(Period(text))

        self.push_screen(ChoicePage("Window", WINDOWS), take)

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
