"""A `Source` whose loader lives in another process, so that the screens' own never loads the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from otelcost.digest.outlook import Outlook
from otelcost.errors import StoreError
from otelcost.tui import apart, guard
from otelcost.tui.host import Source, StaleError
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

Asked = ParamSpec("Asked")
Given = TypeVar("Given")


class Remote:
    """Hands every question to the reading process, and starts another where that one is gone.

    Args:
        path: the DuckDB file; None means the one of `OTELCOST_HOME`.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._arguments = () if path is None else (str(path),)
        self._guard = threading.Lock()
        self._number = 0
        self._waiting: dict[int, Future[Any]] = {}
        self._report: Callable[[Progress | None], None] = lambda _: None
        self._closed = False
        self._process: apart.Process | None = None
        self.start()

    def start(self) -> None:
        """Start the process, where there is none; it takes a while to be ready, and questions may come before."""
        if self._process is None and not self._closed:
            self._process = apart.Process("otelcost.tui.reading", *self._arguments)
            threading.Thread(target=self._listen, args=(self._process,), name="otelcost-heard", daemon=True).start()

    def close(self) -> None:
        """Let the process go; whoever still waits for an answer is told that nobody wants it."""
        with self._guard:
            self._closed, process = True, self._process
        if process is not None:
            process.leave()

    def listen(self, report: Callable[[Progress | None], None]) -> None:
        """Say to whom progress is told, on a thread of this class."""
        self._report = report

    def refresh(self, period: Period, *, force: bool) -> Snapshot | None:
        """See `Source`; so for the others."""
        return self._ask(Source.refresh, period, force=force)

    def outlook(self, period: Period) -> Outlook:
        """See `Source`."""
        return self._ask(Source.outlook, period)

    def advise(self, period: Period) -> Advice:
        """See `Source`."""
        return self._ask(Source.advise, period)

    def calls(self, query: CallQuery) -> CallPage:
        """See `Source`."""
        return self._ask(Source.calls, query)

    def call(self, call_id: str) -> CallDetail | None:
        """See `Source`."""
        return self._ask(Source.call, call_id)

    def trace(self, trace: str) -> tuple[Call, ...]:
        """See `Source`."""
        return self._ask(Source.trace, trace)

    def pictures(self, period: Period, task: str | None) -> Pictures:
        """See `Source`."""
        return self._ask(Source.pictures, period, task)

    def digests(self) -> tuple[DigestRow, ...]:
        """See `Source`."""
        return self._ask(Source.digests)

    def digest(self, name: str | None, period: Period) -> DigestText:
        """See `Source`."""
        return self._ask(Source.digest, name, period)

    def send_digest(self, name: str) -> tuple[Sent, ...]:
        """See `Source`."""
        return self._ask(Source.send_digest, name)

    def decide(self, order: Order) -> Event:
        """See `Source`."""
        return self._ask(Source.decide, order)

    def take_back(self, done: Event) -> Event:
        """See `Source`."""
        return self._ask(Source.take_back, done)

    def cancel(self, threads: str = "") -> None:
        """See `Source`."""
        self._say(apart.Cancel(threads))

    def stop(self) -> None:
        """See `Source`."""
        self._say(apart.Cancel(stop=True))

    def _ask(
        self, method: Callable[Concatenate[Any, Asked], Given], *arguments: Asked.args, **options: Asked.kwargs
    ) -> Given:
        """Put a question on the lane of this thread, and wait for the answer."""
        answer: Future[Any] = Future()
        lane = threading.current_thread().name.rpartition("_")[0] or "otelcost-main"
        with self._guard:
            if self._closed:
                raise StaleError
            self.start()
            self._number += 1
            number = self._number
            self._waiting[number] = answer
        self._say(apart.Question(number, lane, method.__name__, arguments, options))
        told: guard.Answer[Given] = answer.result()
        return told.given()

    def _say(self, what: object) -> None:
        process = self._process
        if process is not None:
            with suppress(OSError):  # it is gone: `_listen` tells those who wait
                process.say(what)

    def _listen(self, process: apart.Process) -> None:
        try:
            while True:
                said: apart.Said = process.hear()
                if not isinstance(said.what, guard.Answer):
                    self._report(said.what)
                    continue
                with self._guard:
                    answer = self._waiting.pop(said.number)
                answer.set_result(said.what)
        except (EOFError, OSError):
            self._lost(process)

    def _lost(self, process: apart.Process) -> None:
        """Everybody who waits is told; the next question starts another process."""
        with self._guard:
            self._process = None
            waiting, self._waiting = self._waiting, {}
        why = (
            StaleError()
            if self._closed
            else StoreError("the process that reads the store ended by itself", "r tries again")
        )
        self._report(None)
        for answer in waiting.values():
            answer.set_exception(StaleError() if self._closed else why)
        if not self._closed:
            process.kill()
        process.close()
