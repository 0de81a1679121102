"""The part of the application that works in the background: threads, questions, decisions and their undoing.

A question never runs on the interface's thread, and the newest of a group makes the ones before it void.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import msgspec
from textual import work
from textual.app import App

from otelcost import display
from otelcost.tui import guard
from otelcost.tui.host import CallReceiver, CallsReceiver, Problem, Source, StaleError, State
from otelcost.tui.snapshot import CallQuery, Event, Order

Result = TypeVar("Result")

_FAST = "otelcost-page"
_NOTE_SECONDS = 4
_WARNING_SECONDS = 8


class WorkingApp(App[None]):
    """See the module.

    Args:
        source: where facts come from; it is called on worker threads only.
        state: what the header shows first.
    """

    def __init__(self, source: Source, state: State) -> None:
        super().__init__()
        self.source = source
        self.state = state
        self._done: list[Event] = []
        self._asked: dict[str, int] = {}
        self._answering: str | None = None
        # One thread for what reads everything and one for what a key waits for, so that a page of calls does
        # not queue behind the recommendations.
        self._slow = ThreadPoolExecutor(1, "otelcost-load")
        self._fast = ThreadPoolExecutor(1, _FAST)
        # A server that does not answer keeps nobody waiting but the digest.
        self._post = ThreadPoolExecutor(1, "otelcost-send")

    def show_state(self) -> None:
        """Bring every page up to date."""
        raise NotImplementedError

    def reload_advice(self) -> None:
        """Work the recommendations out anew, since something was decided."""
        raise NotImplementedError

    def set_state(self, **changes: object) -> None:
        """Change the state and show it."""
        self.state = msgspec.structs.replace(self.state, **changes)
        self.show_state()

    async def on_unmount(self) -> None:
        """Let the threads go: whatever they run is interrupted."""
        self.source.cancel()
        for pool in (self._slow, self._fast, self._post):
            pool.shutdown(wait=False, cancel_futures=True)

    async def run_slow(self, job: Callable[[], Result]) -> guard.Answer[Result]:
        """Run what reads everything."""
        return await self._run(self._slow, job)

    async def _run(self, pool: ThreadPoolExecutor, job: Callable[[], Result]) -> guard.Answer[Result]:
        return await asyncio.get_running_loop().run_in_executor(pool, guard.run, job)

    def ask(self, job: Callable[[Source], Result], receive: Callable[[Result], None], *, group: str) -> None:
        """Run a job against the source in the background; the newest of a group wins, an older one is interrupted.

        It may fail where the figures were read: then the header says so, and the next load says more.
        """

        number = self._asked[group] = self._asked.get(group, 0) + 1
        if self._answering == group:
            self.source.cancel(_FAST)

        def answer_if_wanted() -> Result:
            if self._asked[group] != number:
                raise StaleError
            self._answering = group
            try:
                return job(self.source)
            finally:
                self._answering = None

        async def wait() -> None:
            answer = await self._run(self._fast, answer_if_wanted)
            if answer.problem is not None:
                self.set_state(problem=answer.problem)
            elif not answer.stale:
                receive(answer.value)  # type: ignore[arg-type]  # a job that ends gives its value, be it None

        self.run_worker(wait(), group=group, exclusive=True)

    def ask_calls(self, query: CallQuery, receiver: CallsReceiver, *, append: bool) -> None:
        """Load calls in the background and hand them to the receiver."""
        self.ask(
            lambda source: source.calls(query),
            lambda page: receiver.receive_calls(page, query, append=append),
            group="calls",
        )

    def ask_call(self, call_id: str, receiver: CallReceiver) -> None:
        """Load one call in the background."""
        self.ask(lambda source: source.call(call_id), receiver.receive_call, group="call")

    def decide(self, order: Order) -> None:
        """Write a decision in the background, say what became of it, and show the recommendations anew."""
        self._write(partial(self.source.decide, order), f"{order.id} is {order.state}; z takes it back", undo=True)

    def action_undo(self) -> None:
        """Take back the last decision made here."""
        if not self._done:
            self.notify("Nothing was decided here that could be taken back.", timeout=_NOTE_SECONDS)
            return
        last = self._done.pop()
        self._write(partial(self.source.take_back, last), f"{last.id} is as it was before", undo=False)

    @work(group="send")
    async def send_digest(self, name: str, done: Callable[[], None]) -> None:
        """Send a digest, say what became of it, and call back."""
        self.notify(f"Sending {display.clean(name)} ...", timeout=_NOTE_SECONDS, markup=False)
        answer = await self._run(self._post, partial(self.source.send_digest, name))
        if answer.problem is not None:
            self._refuse(answer.problem)
        for row in answer.value or ():
            detail = f" ({display.clean(row.detail)})" if row.detail else ""
            self.notify(
                f"{display.clean(name)}, {row.channel}: {row.state}{detail}.",
                timeout=_WARNING_SECONDS,
                severity="information" if row.state == "sent" else "warning",
                markup=False,
            )
        done()

    @work(group="decide")
    async def _write(self, job: Callable[[], Event], done: str, *, undo: bool) -> None:
        # A writer waits for readers, and what these are reading is about to be outdated.
        self.source.cancel()
        answer = await self._run(self._fast, job)
        if answer.problem is not None:
            self._refuse(answer.problem)
        elif answer.value is not None:
            if undo:
                self._done.append(answer.value)
            self.notify(f"{display.clean(done)}.", timeout=_NOTE_SECONDS, markup=False)
        self.reload_advice()

    def _refuse(self, problem: Problem) -> None:
        text = ": ".join(display.clean(part) for part in (problem.what, problem.fix) if part)
        self.notify(f"{text}.", timeout=_WARNING_SECONDS, severity="warning", markup=False)
