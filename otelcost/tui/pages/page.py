"""What all pages share: the frame around the body, moving between pages, and reacting to new facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget

from otelcost import display
from otelcost.tui.host import Copy, Host, Problem
from otelcost.tui.snapshot import Snapshot
from otelcost.tui.text import crop
from otelcost.tui.widgets.header import Header
from otelcost.tui.widgets.keybar import KeyBar
from otelcost.tui.widgets.notices import Notices, ProblemPage
from otelcost.tui.widgets.toosmall import TooSmall
from otelcost.tui.widgets.trail import Trail

_TOAST = 48
_PROBLEM_KEYS = (("r", "Retry"), ("t", "Window"), ("?", "Help"), ("q", "Quit"))


class Page(Screen[None]):
    """A page. Subclasses give `body` its widgets and fill them in `show`.

    Args:
        crumbs: where the page is: the tab's name, then what was opened to get here.
    """

    KEYS: ClassVar[Sequence[tuple[str, str]]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,h,left,backspace", "back", "Back", show=False),
        Binding("y", "copy", "Copy", show=False),
    ]

    def __init__(self, crumbs: Sequence[str]) -> None:
        super().__init__()
        self.crumbs = tuple(crumbs)
        self._shown: tuple[Snapshot | None, Problem | None] = (None, None)
        # A screen counts as mounted before its widgets are there.
        self._complete = False

    @property
    def host(self) -> Host:
        """The application."""
        return cast("Host", self.app)

    @property
    def ready(self) -> bool:
        """Whether the widgets are there: not before the first mount, not once page or application close."""
        return self._complete and self.is_attached and self.app.is_running

    def compose(self) -> ComposeResult:
        """The frame."""
        yield Header()
        yield Trail(self.crumbs)
        yield Notices()
        yield ProblemPage()
        with Vertical(id="body"):
            yield from self.body()
        yield from self.below()
        yield KeyBar(self.keys())
        yield TooSmall()

    def keys(self) -> Sequence[tuple[str, str]]:
        """The keys of the last line; `esc` appears where there is a way back."""
        back = [("esc", "Back")] if len(self.crumbs) > 1 else []
        return [*self.KEYS[:1], *back, *self.KEYS[1:]]

    def body(self) -> Iterable[Widget]:
        """The widgets of the page."""
        raise NotImplementedError

    def below(self) -> Iterable[Widget]:
        """Widgets between the body and the last line."""
        return ()

    def show(self, snapshot: Snapshot) -> None:
        """Show new facts."""

    def copyable(self) -> Copy | None:
        """What `y` copies."""
        return None

    def update(self) -> None:
        """The application's state or facts changed, or the page came back to the front."""
        self.show_header()
        snapshot, problem = self.host.snapshot, self.host.state.problem
        if snapshot is self._shown[0] and problem == self._shown[1]:
            return
        self._shown = (snapshot, problem)
        lost = snapshot is None and problem is not None
        self.set_class(lost, "-problem")
        self.query_one(KeyBar).show(_PROBLEM_KEYS if lost else self.keys())
        if snapshot is not None:
            self.query_one(Notices).show(problem, snapshot.warnings)
            self.show(snapshot)
        elif problem is not None:
            self.query_one(ProblemPage).show(problem)

    def reread(self) -> None:
        """What the page shows beside the figures changed: ask for it anew."""

    def tick(self) -> None:
        """A second has passed."""
        self.show_header()

    def show_header(self) -> None:
        """Bring the first line up to date."""
        self.query_one(Header).show(self.host.snapshot, self.host.state, self.host.now())

    def on_mount(self) -> None:
        """First facts."""
        self._complete = True
        self.update()

    def on_screen_resume(self) -> None:
        """Facts that arrived while another page was in front."""
        if self.ready:
            self.update()

    def action_back(self) -> None:
        """One step back in the breadcrumb."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def action_copy(self) -> None:
        """Copy what the cursor is on, through the terminal."""
        taken = self.copyable()
        if taken is None:
            self.app.notify("Nothing to copy here.", timeout=2)
            return
        self.host.copy_to_clipboard("\n".join(display.clean(row) for row in taken.text.split("\n")))
        self.app.notify(f"Copied {crop(display.clean(taken.what), _TOAST)}.", timeout=2, markup=False)
