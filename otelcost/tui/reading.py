"""The process that reads the store for the screens: it answers the questions of `otelcost.tui.remote`.

Every lane of questions has a thread, so that a page of calls does not queue behind the recommendations. When the
screens hang up, what reads is interrupted and what sends a digest ends first.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from otelcost.tui import apart, guard
from otelcost.tui.advising import Apart
from otelcost.tui.host import StaleError
from otelcost.tui.loader import Loader
from otelcost.tui.snapshot import Progress

_SENDING: Final = "otelcost-send"


class Lane:
    """A thread, and the questions it answers one after the other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pool = ThreadPoolExecutor(1, name)
        self.number = 0  # of the question that is answered
        self.void = 0  # nobody waits for this question or one before it
        self.asked = 0


class Reading:
    """See the module."""

    def __init__(self, line: Connection, store: Path | None) -> None:
        self._line = line
        self._guard = threading.Lock()
        self._lanes: dict[str, Lane] = {}
        self._lane = threading.local()
        self._loader = Loader(store, advisor=Apart(), wanted=self._wanted)
        self._loader.listen(self._tell)

    def run(self) -> None:
        """Answer until the other end hangs up."""
        while True:
            try:
                said = self._line.recv()
            except (EOFError, OSError):
                break
            if isinstance(said, apart.Cancel):
                self._cancel(said)
            else:
                self._ask(said)
        self._cancel(apart.Cancel())
        if _SENDING in self._lanes:
            self._lanes[_SENDING].pool.shutdown()

    def _ask(self, question: apart.Question) -> None:
        lane = self._lanes.setdefault(question.lane, Lane(question.lane))
        lane.asked = question.number
        lane.pool.submit(self._answer, lane, question)

    def _answer(self, lane: Lane, question: apart.Question) -> None:
        lane.number, self._lane.here = question.number, lane
        method = getattr(self._loader, question.name)
        self._say(apart.Said(question.number, guard.run(partial(self._if_wanted, method, question))))

    def _if_wanted(self, method: Callable[..., object], question: apart.Question) -> object:
        if not self._wanted():
            raise StaleError
        return self._loader.with_room(partial(method, *question.arguments, **question.options))

    def _wanted(self) -> bool:
        lane: Lane = self._lane.here
        return lane.number > lane.void

    def _cancel(self, what: apart.Cancel) -> None:
        if what.stop:
            self._loader.stop()
            return
        for lane in self._lanes.values():
            if lane.name.startswith(what.lanes):
                lane.void = lane.asked
        self._loader.cancel(what.lanes)

    def _tell(self, progress: Progress | None) -> None:
        self._say(apart.Said(self._lane.here.number, progress))

    def _say(self, said: apart.Said) -> None:
        with self._guard:
            try:
                self._line.send(said)
            except OSError:
                return  # hung up: `run` ends everything


def main() -> None:
    """Answer questions about the store that the command line names, or that of `OTELCOST_HOME`."""
    Reading(apart.joined(), Path(sys.argv[2]) if len(sys.argv) > 2 else None).run()
    os._exit(0)  # threads that were interrupted need not be waited for
