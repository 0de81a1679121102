"""What becomes of a recommendation: the keys that decide, on every page that has one under its cursor."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from otelcost.tui.pages.choice import SNOOZES, ChoicePage, PromptPage
from otelcost.tui.pages.page import Page
from otelcost.tui.snapshot import Order

_NOTE_SECONDS: Final = 3


class DecidingPage(Page):
    """A page on which one decides."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "accept", "Accept: it is to be done", show=False),
        Binding("A", "applied", "Applied: it is done, measure it", show=False),
        Binding("d", "dismiss_it", "Dismiss, with a reason", show=False),
        Binding("s", "snooze", "Snooze: put it aside for a time", show=False),
        Binding("u", "reopen", "Reopen", show=False),
    ]

    def decidable(self) -> str | None:
        """The id of the recommendation that keys are about."""
        raise NotImplementedError

    def action_accept(self) -> None:
        """It is to be done; its figures are kept."""
        self._order("accepted")

    def action_applied(self) -> None:
        """It is done; from now on it is measured."""
        self._order("applied")

    def action_reopen(self) -> None:
        """No decision any more."""
        self._order("open")

    def action_dismiss_it(self) -> None:
        """It is not to be done; the reason stands in the history."""
        chosen = self._chosen()
        if chosen is not None:

            def take(reason: str | None) -> None:
                if reason is not None:
                    self._send("dismissed", chosen, reason=reason)

            self.app.push_screen(PromptPage(f"Dismiss {chosen}, because", "why not; enter writes it, esc keeps"), take)

    def action_snooze(self) -> None:
        """It is put aside for a time."""
        chosen = self._chosen()
        if chosen is not None:

            def take(days: str | None) -> None:
                if days is not None:
                    self._send("snoozed", chosen, days=int(days))

            self.app.push_screen(ChoicePage("Snooze for", SNOOZES), take)

    def _order(self, state: str) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self._send(state, chosen)

    def _chosen(self) -> str | None:
        chosen = self.decidable()
        if chosen is None:
            self.app.notify("No recommendation here to decide on.", timeout=_NOTE_SECONDS)
        return chosen

    def _send(self, state: str, chosen: str, *, reason: str | None = None, days: int | None = None) -> None:
        advice = self.host.snapshot.advice if self.host.snapshot is not None else None
        seen = 0 if advice is None else advice.seen(chosen)
        self.host.decide(Order(id=chosen, state=state, seen=seen, reason=reason, days=days))
