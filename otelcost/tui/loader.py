"""Fills snapshots from the store. With `digests`, the only one here that drains, opens a session or queries.

Every load is one short session, so that the store is locked only while it is read: applications write to the
spool meanwhile, and other readers and the drain of another process get their turn. All methods block.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar, cast

import duckdb
import msgspec

from otelcost import config, settings
from otelcost.advise import freeze, life_cycle
from otelcost.advise.report import Recommendation, Report
from otelcost.digest import gather
from otelcost.digest.outlook import Outlook
from otelcost.errors import UsageError
from otelcost.pricing.facts import model_facts
from otelcost.store import queries
from otelcost.store.db import session
from otelcost.store.drain import LOADING, drain
from otelcost.store.queries import Window
from otelcost.tui import convert, convert_advice, convert_pictures, members
from otelcost.tui.advising import Advisor, Here, Job
from otelcost.tui.calls_filter import matching
from otelcost.tui.digests import Desk
from otelcost.tui.host import StaleError
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

_SLIDES: Final = timedelta(seconds=60)
"""A window that ends now is read again after so long even where nothing new came."""
_TRACE: Final = 500
"""So many calls of a trace are shown."""
_SCAN: Final = 1000
_SCANS: Final = 20
"""A filter looks at pages of so many rows, at so many pages before it shows what it has."""
_ORDERS: Final = {"start": "newest", "cost": "cost", "duration": "duration", "tokens": "tokens"}
_PROMISES: Final = frozenset({"accepted", "applied"})
"""Decisions with which the figures are kept, so that what came of them can be told."""

LOADING_THREADS: Final = "otelcost-load"
"""How the names of threads begin on which long work runs."""
_BATCH: Final = 4 * 1024 * 1024
_MEMORY: Final = "128MB"
"""What screens read is summed by hours or comes in pages: that seldom needs more, see `Loader.with_room`."""

Stamp = tuple[object, ...]
Result = TypeVar("Result")


_WAITING: Final = "stopped: records still wait in the spool, and are in no figure yet"


class _StoppedError(Exception):
    """The user wants long work to end. Its arguments are what the figures lack by that, one line each."""


class Loader:
    """A `Source` over a store and the spool beside it.

    Args:
        path: the DuckDB file; None means `settings.store_path()`.
        now: naive UTC; where relative windows end.
        advisor: works recommendations out; by default in this process.
        wanted: whether somebody still waits for what the calling thread does.
    """

    def __init__(
        self,
        path: Path | None = None,
        now: datetime | None = None,
        *,
        advisor: Advisor | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._path = settings.store_path() if path is None else path
        self._spool = settings.spool_dir() if path is None else path.with_name("spool")
        self._desk = Desk(self._path, self._spool)
        self._now = now
        self._advisor = advisor or Here()
        self._wanted = wanted
        self._tell: Callable[[Progress | None], None] = lambda _: None
        self.memory: str | None = _MEMORY  # what the database may use; None is what it may elsewhere
        self._stopped = False
        self._seen: Stamp | None = None
        self._loaded: tuple[Period, datetime] | None = None
        self._report: Report | None = None
        self._advised: Period | None = None
        self._members = members.Members()
        self._guard = threading.Lock()
        self._open: dict[duckdb.DuckDBPyConnection, str] = {}

    def refresh(self, period: Period, *, force: bool) -> Snapshot | None:
        """Drain what is new and read the window; None where nothing can have changed."""
        now = self._moment()
        spooled = _spool_stamp(self._spool)
        seen = (spooled, *self._file_stamps())
        if not force and seen == self._seen and not self._slid(period, now):
            return None
        warnings = self._drain()
        with self._session() as connection:
            snapshot = self._read(connection, period, now, warnings)
        # The spool as it was before the drain: a line that came later makes the next look a new one.
        self._seen = (spooled, *self._file_stamps())
        self._loaded = (period, now)
        return snapshot

    def outlook(self, period: Period) -> Outlook:
        """The month that is running, and what was unusual in the window, on the clocks of the user's zone."""
        now = self._moment()
        zone = config.load().zone
        with self._session() as connection:
            return gather.ahead(connection, window(period, now), now, zone)

    def advise(self, period: Period) -> Advice:
        """Work out the recommendations."""
        now = self._moment()
        found = self._advisor.advise(Job(self._path, window(period, now), now), self._advising)
        self._report, self._advised = found.report, period
        return convert_advice.advice(found.report, found.events, found.measured)

    def trace(self, trace: str) -> tuple[Call, ...]:
        """The calls of a trace, the first so many."""
        with self._session() as connection:
            return tuple(convert.call(row) for row in queries.trace(connection, trace, _TRACE))

    def pictures(self, period: Period, task: str | None) -> Pictures:
        """What the pictures of a window, or of one task in it, are drawn from."""
        span = window(period, self._moment())
        past = span.previous()
        with self._session() as connection:
            change = None if past is None else queries.movement(connection, past, span)
            return convert_pictures.pictures(
                task,
                None if change is None else convert_pictures.moved(change, task),
                () if task is None else queries.context(connection, span, task),
                queries.cache_line(connection, span, task),
                queries.grid(connection, span, task),
                queries.DECADE,
            )

    def digests(self) -> tuple[DigestRow, ...]:
        """What is set up, and what the ledger beside the store says of it."""
        return self._desk.rows(self._moment())

    def digest(self, name: str | None, period: Period) -> DigestText:
        """A digest as sending would send it; without a name, what one of a window would say."""
        now = self._moment()
        return self._desk.sample(window(period, now), period.text, now) if name is None else self._desk.text(name, now)

    def send_digest(self, name: str) -> tuple[Sent, ...]:
        """Send what was due and did not arrive, once."""
        return self._desk.send(name, self._moment())

    def decide(self, order: Order) -> Event:
        """Write a decision, with the figures that were on the screen where it promises something."""
        now = self._moment()
        figures = None
        if order.state in _PROMISES:
            card = self._card(order.id)
            with self._session() as connection:
                since = now if order.state == "applied" else None
                figures = freeze.frozen(connection, card, card.window, since)
        wish = life_cycle.Decision(
            id=order.id,
            state=cast("life_cycle.State", order.state),
            actor=freeze.actor(),
            reason=order.reason,
            until=None if order.days is None else now + timedelta(days=order.days),
            frozen=figures,
        )
        with session(self._path, write=True) as connection:
            return convert_advice.event(life_cycle.decide(connection, wish, now=now, seen=order.seen))

    def take_back(self, done: Event) -> Event:
        """Undo a decision, if it is still the newest."""
        with session(self._path, write=True) as connection:
            undone = next(one for one in life_cycle.history(connection, done.id) if one.seq == done.seq)
            made = life_cycle.take_back(connection, undone, actor=freeze.actor(), now=self._moment())
        return convert_advice.event(made)

    def _card(self, id_: str) -> Recommendation:
        shown = () if self._report is None else self._report.recommendations
        card = next((item for item in shown if item.id == id_), None)
        if card is None:
            raise UsageError(
                f"{id_} is no recommendation of this window, so there are no figures to keep",
                "choose a window that shows it",
            )
        return card

    def calls(self, query: CallQuery) -> CallPage:
        """One page. A text filter reads on until the page is full, the calls end, or enough was looked at."""
        wanted = matching(query.text)
        filtered = bool(query.text.strip())
        size = _SCAN if filtered else query.limit + 1
        rows: list[Call] = []
        after = query.after
        span = window(query.period, self._moment())
        keys = self._calls_of(span, query)
        with self._session() as connection:
            for _ in range(_SCANS):
                found = _page(connection, span, query, keys, size, after)
                for row in found:
                    if len(rows) == query.limit:
                        return CallPage(rows=tuple(rows), after=after)
                    after = queries.position(row, _ORDERS[query.order])
                    shown = convert.call(row)
                    if wanted(shown):
                        rows.append(shown)
                if len(found) < size:
                    return CallPage(rows=tuple(rows), after=None)
        return CallPage(rows=tuple(rows), after=after)

    def _calls_of(self, span: Window, query: CallQuery) -> Sequence[members.Key] | None:
        """Start and id of every call that a recommendation or insight is about; None where all are wanted."""
        if query.of is None:
            return None

        def find(id_: str) -> Sequence[members.Key]:
            known = self._named(id_) if self._advised == query.period else None
            if known is None:
                return self._advisor.calls(Job(self._path, span, self._moment()), id_)
            with self._session() as connection:
                rows = queries.calls(connection, span, limit=len(known), ids=known, order="oldest")
            return [(row.start, row.span_id) for row in rows]

        return self._members.keys(self._report, query, find)

    def _named(self, id_: str) -> Sequence[str] | None:
        """The ids that the recommendation itself names, where these are all."""
        shown = () if self._report is None else self._report.recommendations
        return next((one.call_ids for one in shown if one.id == id_ and one.calls == len(one.call_ids)), None)

    def call(self, call_id: str) -> CallDetail | None:
        """One call in full."""
        with self._session() as connection:
            row = queries.call(connection, call_id)
        return None if row is None else convert.detail(row, _cache_step(row))

    def cancel(self, threads: str = "") -> None:
        """Interrupt the queries that run on threads whose names begin so."""
        with self._guard:
            for connection, name in self._open.items():
                if name.startswith(threads):
                    connection.interrupt()
        self._advisor.cancel(threads)

    def listen(self, report: Callable[[Progress | None], None]) -> None:
        """See `Source`."""
        self._tell = report

    def stop(self) -> None:
        """See `Source`."""
        self._stopped = True
        self._advisor.cancel(LOADING_THREADS)

    def with_room(self, job: Callable[[], Result]) -> Result:
        """Run a job of this loader; where records are too wide for little memory it has more, from then on."""
        try:
            return job()
        except duckdb.OutOfMemoryException:
            if self.memory is None:
                raise
            self.memory = None
            return job()

    def _drain(self) -> tuple[str, ...]:
        """Load what waits in the spool, in small batches: memory that was needed once is not given back."""
        self._stopped = False
        try:
            return drain(self._path, self._spool, step=self._draining, batch_bytes=_BATCH, memory=self.memory).warnings
        except _StoppedError as stopped:
            return stopped.args
        finally:
            self._tell(None)

    def _draining(self, what: str, done: int, whole: int) -> None:
        if self._stopped:
            waiting = what == LOADING and done < whole
            raise _StoppedError(*[_WAITING] if waiting else [])
        if not self._wanted():
            raise StaleError
        self._tell(Progress(what, done, whole))

    def _advising(self, done: int, whole: int) -> None:
        self._tell(Progress("working out what to change", done, whole) if done < whole else None)

    def _moment(self) -> datetime:
        return self._now or datetime.now(UTC).replace(tzinfo=None)

    def _file_stamps(self) -> tuple[Stamp, Stamp]:
        """Of the store, and of the user's prices: a typo in them, and its correction, show without new calls."""
        return _file_stamp(self._path), _file_stamp(settings.price_override_path())

    def _slid(self, period: Period, now: datetime) -> bool:
        return self._loaded is None or self._loaded[0] != period or now - self._loaded[1] >= _SLIDES

    def _read(
        self, connection: duckdb.DuckDBPyConnection, period: Period, now: datetime, warnings: tuple[str, ...]
    ) -> Snapshot:
        span = window(period, now)
        read = queries.summary(connection, span)
        found = convert.overview(read.overview)
        everything = period.text == "all"
        return Snapshot(
            period=period,
            label=period.text if not period.shift else f"{period.text} earlier x{period.shift}",
            start=None if everything else span.start,
            end=None if everything else span.end,
            overview=found,
            tasks=convert.tasks(read.tasks, read.task_days, convert.span_of(found.days)),
            spool=str(self._spool),
            driver=convert.driver(read.tasks, read.before),
            # The file's name says enough in one line; its folder is the store's.
            warnings=tuple(text.replace(f"{self._path.parent}{os.sep}", "") for text in warnings),
        )

    @contextmanager
    def _session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with session(self._path, memory=self.memory) as connection:
                with self._guard:
                    self._open[connection] = threading.current_thread().name
                try:
                    if not self._wanted():
                        raise StaleError
                    yield connection
                finally:
                    with self._guard:
                        self._open.pop(connection, None)
        except duckdb.InterruptException as error:
            raise StaleError from error


def window(period: Period, now: datetime) -> Window:
    """The span of time a period stands for.

    Raises:
        UsageError: its text is no window.
    """
    span = Window.parse(period.text, now)
    if not period.shift or period.text == "all":
        return span
    back = span.length * period.shift
    return msgspec.structs.replace(span, start=span.start - back, end=span.end - back)


def _cache_step(row: queries.CallRow) -> int:
    facts = model_facts(row.provider or "", row.model or "")
    return 0 if facts is None else facts.cache_increment_tokens


def _page(
    connection: duckdb.DuckDBPyConnection,
    span: Window,
    query: CallQuery,
    keys: Sequence[members.Key] | None,
    size: int,
    after: tuple[object, ...] | None,
) -> list[queries.CallRow]:
    order = _ORDERS[query.order]
    if keys is not None and order == "newest":
        keys = members.cut(keys, size, descending=query.descending, after=after)
    return queries.calls(
        connection,
        span if keys is None else members.stretch(keys, span),
        limit=size,
        ids=None if keys is None else [id_ for _, id_ in keys],
        task=query.task,
        model=query.model,
        order=order,
        reverse=not query.descending,
        after=after,
    )


def _spool_stamp(folder: Path) -> Stamp:
    """What is in the spool, as names and sizes: cheap enough to look at every other second."""
    try:
        entries = sorted((entry.name, entry.stat().st_size) for entry in folder.iterdir() if entry.suffix != ".json")
    except OSError:
        # No folder yet, or a segment went away between its name and its size: the next look sees it.
        return ()
    return tuple(entries)


def _file_stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size
