"""What happens in the helpdesk's fortnight, and when: a plan made from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from . import assistant, chat, documents, extract, faq, nightly, parser, sync_catalogue, triage, vote, writer

DAYS = 14
_WEEKEND = 5
_LONGEST = timedelta(minutes=15)
"""No happening takes longer, so that none reaches into the future."""

_ARTICLES = ("a lamp", "an oak shelf", "a felt rug", "a brass hook", "a linen curtain", "a pine stool", "a tin bucket")
_MISHAPS = ("arrived dented", "never came", "has the wrong colour", "was billed twice", "lacks its screws")
_DEPARTMENTS = ("lamps", "shelves", "rugs", "hooks", "curtains", "stools", "buckets", "mirrors", "boxes")
_REGIONS = ("north", "coast", "valley")


class Happening(NamedTuple):
    """One request to the helpdesk, or one nightly job: the root of a trace."""

    at: datetime
    root: str
    serves: bool
    trouble: tuple[str, ...]
    act: Callable[[], object]


def plan(now: datetime, seed: int) -> list[Happening]:
    """Everything that happens in the two weeks before `now`, in order."""
    start = now - timedelta(days=DAYS)
    table_since = now - timedelta(days=DAYS // 2)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    made: list[Happening] = []
    for offset in range(DAYS + 1):
        date = midnight + timedelta(days=offset)
        # Keyed by the date, so that a day is the same whenever the demo looks back on it.
        made += _day(_Day(date, random.Random(f"{seed}:{date:%Y-%m-%d}"), table_since))
    return sorted((one for one in made if start <= one.at < now - _LONGEST), key=lambda one: one.at)


class _Day(NamedTuple):
    date: datetime
    rng: random.Random
    table_since: datetime

    def at(self, hour: float, spread_minutes: float = 0.0) -> datetime:
        return self.date + timedelta(hours=hour, minutes=self.rng.uniform(0, spread_minutes))

    def number(self) -> int:
        return self.rng.randint(10_000, 99_999)


def _day(day: _Day) -> Iterator[Happening]:
    yield _nightly(day)
    yield from _catalogue(day)
    if day.date.weekday() >= _WEEKEND:
        yield from _questions(day, 4)
        return
    yield from _tickets(day)
    yield from _visitors(day)
    yield from _invoices(day)
    yield from _questions(day, 14)
    yield from _letters(day)
    yield from _advice(day)
    yield from _small_things(day)


def _web(at: datetime, path: str, act: Callable[[], object], *trouble: str) -> Happening:
    return Happening(at, f"POST {path}", True, trouble, act)


def _nightly(day: _Day) -> Happening:
    names = [f"{name} {region}" for name in _DEPARTMENTS for region in _REGIONS][: day.rng.randint(25, 27)]
    return Happening(day.at(2), "cron nightly-report", False, (), partial(nightly.write_reports, names))


def _catalogue(day: _Day) -> Iterator[Happening]:
    for hour in (1, 7, 13, 19):
        articles = [f"{day.rng.choice(_ARTICLES)} {day.number()}" for _ in range(6)]
        yield _web(day.at(hour), "/hooks/catalogue", partial(sync_catalogue.describe_changes, articles))


def _tickets(day: _Day) -> Iterator[Happening]:
    for hour in (8.6, 10.1, 11.7, 14.2, 16.3):
        at = day.at(hour, 20)
        for _ in range(10):
            at += timedelta(seconds=day.rng.uniform(8, 26))
            what, how = day.rng.choice(_ARTICLES), day.rng.choice(_MISHAPS)
            ticket = f"Ticket {day.number()} from K-{4000 + 3 * day.rng.randrange(300)}: {what} {how}."
            act = partial(triage.triage_ticket, ticket, with_customers=at >= day.table_since)
            yield _web(at, "/tickets", act)


def _visitors(day: _Day) -> Iterator[Happening]:
    for session, hour in enumerate((9.2, 15.1)):
        at = day.at(hour, 30)
        for visit in range(7):
            at += timedelta(seconds=day.rng.uniform(90, 240))
            question = f"I saw {day.rng.choice(_ARTICLES)} number {day.number()}. Does it fit a small hall?"
            leaves = 5 if session == 1 and visit == 3 and day.date.day % 3 == 0 else None
            act = partial(assistant.answer_visitor, question, leaves_after=leaves)
            yield _web(at, "/assistant", act, *(["pause;after=5"] if leaves else []))


def _invoices(day: _Day) -> Iterator[Happening]:
    for _ in range(14):
        lines = [f"{day.rng.randint(1, 40)} x {day.rng.choice(_ARTICLES)} at {day.number()} cents" for _ in range(9)]
        text = f"Invoice {day.number()}-{day.number()}\n" + "\n".join(lines) + f"\nDue in {day.rng.randint(7, 60)} days"
        yield _web(day.at(9, 8 * 60), "/invoices", partial(extract.extract_invoice, text))


def _questions(day: _Day, count: int) -> Iterator[Happening]:
    for _ in range(count):
        question = day.rng.choice(faq.QUESTIONS)
        yield _web(day.at(8, 12 * 60), "/questions", partial(faq.answer_question, question))


def _letters(day: _Day) -> Iterator[Happening]:
    for number in range(9):
        letter = f"Letter {day.number()}: " + " ".join(
            f"we offer {day.rng.choice(_ARTICLES)} at {day.number()} cents from week {day.rng.randint(1, 52)}."
            for _ in range(8)
        )
        broken = (0, 0, 1, 0, 0, 2, 0, 0, 1)[number] + (1 if number == 5 and day.rng.random() < 0.5 else 0)
        limited = ["429;retry-after-ms=3"] if number == 7 else []
        act = partial(parser.parse_letter, letter)
        yield _web(day.at(9 + 0.8 * number, 30), "/letters", act, *limited, *(["broken-json"] * broken))


def _advice(day: _Day) -> Iterator[Happening]:
    for hour in (10.6, 14.8):
        at = day.at(hour, 10)
        for _ in range(2):
            turns: list[dict[str, Any]] = []
            for _ in range(3):
                at += timedelta(seconds=day.rng.uniform(40, 110))
                text = f"My room has {day.number()} square inches; would {day.rng.choice(_ARTICLES)} fit?"
                yield _web(at, "/advice", partial(chat.continue_chat, turns, text))


def _small_things(day: _Day) -> Iterator[Happening]:
    for _ in range(5):
        text = " ".join(f"page {day.number()} on {day.rng.choice(_ARTICLES)}" for _ in range(40))
        yield _web(day.at(9, 8 * 60), "/documents", partial(documents.index_document, text))
    for _ in range(2):
        review = f"Review {day.number()}: {day.rng.choice(_ARTICLES)} {day.rng.choice(_MISHAPS)}, two stars."
        yield _web(day.at(9, 8 * 60), "/reviews", partial(vote.judge_review, review))
        article = f"{day.rng.choice(_ARTICLES)} number {day.number()}"
        yield _web(day.at(9, 8 * 60), "/texts", partial(writer.draft_text, article))
