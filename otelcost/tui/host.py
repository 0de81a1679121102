"""What pages may ask of the application, and what they can know of its state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

import msgspec

from otelcost.digest.outlook import Outlook
from otelcost.tui.snapshot import (
    Advice,
    Call,
    CallDetail,
    CallPage,
    CallQuery,
    DigestRow,
    DigestText,
    Event,
    Order,
    Period,
    Pictures,
    Progress,
    Sent,
    Snapshot,
)

Given = TypeVar("Given")


class Copy(msgspec.Struct, frozen=True):
    """What `y` takes to the clipboard, and what that is, for the note that follows."""

    what: str
    text: str


class Problem(msgspec.Struct, frozen=True):
    """Why facts could not be read: what is wrong and where, and what to do about it where that is known."""

    what: str
    fix: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What the header shows besides the snapshot."""

    period: Period = Period()
    loading: bool = True
    paused: bool = False
    problem: Problem | None = None
    progress: Progress | None = None  # of work that is long enough to be stopped
    demo: bool = False  # everything shown was recorded against the demo's loopback provider


class Source(Protocol):
    """Where facts come from. Its methods block and are called on worker threads only."""

    def refresh(self, period: Period, *, force: bool) -> Snapshot | None:
        """Load what the main screens show; None where nothing changed since the last time."""

    def outlook(self, period: Period) -> Outlook:
        """Foretell the running month and find what was out of the usual in a window."""

    def advise(self, period: Period) -> Advice:
        """Compute the recommendations of a window."""

    def calls(self, query: CallQuery) -> CallPage:
        """One page of calls."""

    def call(self, call_id: str) -> CallDetail | None:
        """One call with its prompt's anatomy; None where it is unknown."""

    def trace(self, trace: str) -> tuple[Call, ...]:
        """The calls of a trace, oldest first."""

    def pictures(self, period: Period, task: str | None) -> Pictures:
        """What the pictures of a window, or of one task in it, are drawn from."""

    def digests(self) -> tuple[DigestRow, ...]:
        """Every digest on every channel of it."""

    def digest(self, name: str | None, period: Period) -> DigestText:
        """What a digest says; without a name, what one of this window would."""

    def send_digest(self, name: str) -> tuple[Sent, ...]:
        """Send the newest digest that was due to every channel it did not reach. Raises UsageError where it did."""

    def decide(self, order: Order) -> Event:
        """Write a decision. Raises UsageError where it cannot be, or where somebody decided otherwise meanwhile."""

    def take_back(self, done: Event) -> Event:
        """Undo a decision. Raises UsageError where somebody decided otherwise since."""

    def listen(self, report: Callable[[Progress | None], None]) -> None:
        """Tell how far long work is, None where it ended; on any thread."""

    def stop(self) -> None:
        """End long work: what it did stays, and it goes on with the next load. Thread-safe."""

    def cancel(self, threads: str = "") -> None:
        """Interrupt what runs on threads whose names begin so; it raises `StaleError` there. Thread-safe."""


class StaleError(Exception):
    """A load that was interrupted because nobody waits for it any more."""


class Host(Protocol):
    """The application, as a page sees it."""

    state: State
    snapshot: Snapshot | None

    def now(self) -> datetime:
        """The moment, naive UTC."""

    def ask_calls(self, query: CallQuery, receiver: CallsReceiver, *, append: bool) -> None:
        """Load calls in the background and hand them to the receiver."""

    def ask_call(self, call_id: str, receiver: CallReceiver) -> None:
        """Load one call in the background and hand it to the receiver."""

    def ask(self, job: Callable[[Source], Given], receive: Callable[[Given], None], *, group: str) -> None:
        """Run a job against the source in the background; the newest of a group wins."""

    def decide(self, order: Order) -> None:
        """Write a decision in the background, say what became of it, and show the recommendations anew."""

    def send_digest(self, name: str, done: Callable[[], None]) -> None:
        """Send a digest in the background, say what became of it, and call back."""

    def copy_to_clipboard(self, text: str) -> None:
        """Put text on the clipboard of the user's terminal (OSC 52)."""


class CallsReceiver(Protocol):
    """A page that shows calls."""

    def receive_calls(self, page: CallPage, query: CallQuery, *, append: bool) -> None:
        """Show a page of calls."""


class CallReceiver(Protocol):
    """A page that shows one call."""

    def receive_call(self, detail: CallDetail | None) -> None:
        """Show a call, or that there is none."""
