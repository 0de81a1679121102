"""What screens show: frozen facts a loader fills once and screens only render. No I/O, no database.

Money is in integer pico-dollars and `None` is unknown. Moments are naive UTC. Texts are as recorded and so
hostile: whoever puts them on a screen cleans them (`otelcost.tui.text`).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from otelcost.digest.outlook import Outlook

Class = Literal["exact", "simulated", "needs-trial"]
"""How sure a saving is: a rate change, a replay, or nothing before a trial."""


class Period(msgspec.Struct, frozen=True):
    """The window the user asked for: a text such as `7d` or `all`, shifted by whole lengths of itself."""

    text: str = "7d"
    shift: int = 0


class Day(msgspec.Struct, frozen=True):
    """Spend of one UTC day."""

    day: date
    picousd: int | None
    calls: int
    unpriced_calls: int = 0


class Slice(msgspec.Struct, frozen=True):
    """One task's or one model's part of the spend."""

    name: str
    picousd: int | None
    calls: int
    unpriced_calls: int = 0


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the first screen. `recorded_ever` says whether the store holds any call at all."""

    spend_picousd: int | None
    previous_picousd: int | None
    monthly_picousd: int | None
    calls: int
    unpriced_calls: int
    errors: int
    estimated_calls: int
    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None
    coverage_days: int
    days: tuple[Day, ...]
    tasks: tuple[Slice, ...]
    models: tuple[Slice, ...]
    last_call: datetime | None
    recorded_ever: bool


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """One change worth making. `facts` are evidence as (label, value), `overlaps` ids of rivals.

    Low, high and monthly belong to the saving alone; `marginal_picousd` is what it adds beside the others.
    """

    id: str
    rule: str
    task: str
    title: str
    class_: Class
    state: str
    calls: int
    cost_observed_picousd: int | None
    standalone_picousd: int | None
    marginal_picousd: int | None
    low_picousd: int | None
    high_picousd: int | None
    monthly_picousd: int | None
    call_site: str | None
    change: str
    risk: str = ""
    effort: str = ""
    reversibility: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    overlaps: tuple[str, ...] = ()


class Insight(msgspec.Struct, frozen=True, kw_only=True):
    """Something worth knowing for which no saving is claimed."""

    id: str
    rule: str
    task: str
    title: str
    calls: int
    cost_observed_picousd: int | None
    change: str
    facts: tuple[tuple[str, str], ...] = ()


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One decision on a recommendation. `seq` orders all of them; `promised_picousd` is the saving frozen with it."""

    seq: int
    id: str
    state: str
    changed_at: datetime
    actor: str | None = None
    reason: str | None = None
    until: datetime | None = None
    promised_picousd: int | None = None


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What an applied change saved since: of `expected_picousd`, `realised_picousd`; None where it is too early."""

    verdict: str | None
    since: datetime
    days: int
    calls: int
    expected_picousd: int | None
    realised_picousd: int | None


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A recommendation somebody decided on, whether or not this window still shows it; `events` oldest first."""

    id: str
    title: str
    task: str
    state: str
    events: tuple[Event, ...]
    measured: Measured | None = None

    @property
    def newest(self) -> Event:
        """The decision that holds."""
        return self.events[-1]

    @property
    def promised_picousd(self) -> int | None:
        """The saving that the newest decision with figures was made on."""
        return next((one.promised_picousd for one in reversed(self.events) if one.promised_picousd is not None), None)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader wants to become of a recommendation, having seen its event `seen` (0: none)."""

    id: str
    state: str
    seen: int
    reason: str | None = None
    days: int | None = None  # for how long it is put aside


class NotChecked(msgspec.Struct, frozen=True):
    """A rule that could not be decided for a task, and why: not the same as clean."""

    rule: str
    task: str
    reason: str


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """All recommendations with what they save together (never the sum of the cards)."""

    recommendations: tuple[Recommendation, ...]
    not_checked: tuple[NotChecked, ...]
    spend_picousd: int | None
    joint_picousd: int
    exact_picousd: int
    simulated_picousd: int
    simulated_low_picousd: int | None
    simulated_high_picousd: int | None
    needs_trial_picousd: int
    insights: tuple[Insight, ...] = ()
    decided: tuple[Decided, ...] = ()

    def seen(self, id_: str) -> int:
        """The newest event on a recommendation, 0 where nobody decided: what a decision is based on."""
        return next((row.newest.seq for row in self.decided if row.id == id_), 0)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that do the same job. `source` is how the task was recognised."""

    name: str
    source: str
    picousd: int | None
    previous_picousd: int | None
    calls: int
    unpriced_calls: int
    errors: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    models: tuple[str, ...] = ()
    days: tuple[int | None, ...] = ()


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """The task that moved the spend most against the window before."""

    task: str
    change_picousd: int
    calls: int
    previous_calls: int
    tokens_per_call: int | None
    previous_tokens_per_call: int | None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a provider, as a row."""

    id: str
    start: datetime
    task: str
    model: str | None
    provider: str
    operation: str
    status: str
    error_type: str | None
    attempt: int
    stream: bool
    input_tokens: int | None
    input_uncached_tokens: int | None
    cache_read_tokens: int | None
    cache_write_short_tokens: int | None
    cache_write_long_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    picousd: int | None
    price_status: str
    duration_us: int | None
    ttft_us: int | None
    call_site: str | None
    trace: str = ""
    http_status: int | None = None
    flags: tuple[str, ...] = ()


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One segment of a prompt, in the order the provider's cache sees it."""

    role: str
    kind: str
    bytes: int
    tokens: int | None = None
    name: str | None = None
    cache: str | None = None
    volatile: tuple[str, ...] = ()
    volatile_offset_bytes: int | None = None


class CallDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A call with its prompt's anatomy, its bill in disjoint parts, and everything else as (label, value)."""

    call: Call
    parts: tuple[Part, ...]
    bill: tuple[tuple[str, int | None], ...]
    price: str | None
    facts: tuple[tuple[str, str], ...] = ()
    cache_step_tokens: int = 0  # the provider's cache holds prefixes of multiples of this


class CallQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls a table wants: `text` is the user's filter, `after` the position behind the last page.

    `of` is the id of a recommendation or insight: only the calls it is about.
    """

    period: Period
    text: str = ""
    task: str | None = None
    model: str | None = None
    of: str | None = None
    order: str = "start"
    descending: bool = True
    limit: int = 200
    after: tuple[object, ...] | None = None


class CallPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a query; `after` is None where there are no more."""

    rows: tuple[Call, ...]
    after: tuple[object, ...] | None


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What moved the spend against the window before: parts that add up to the difference."""

    before_picousd: int
    after_picousd: int
    parts: tuple[tuple[str, int], ...]


class PromptShare(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a task's prompts that are for one thing, and what they were billed."""

    part: str
    tokens: int
    static_tokens: int
    picousd: int | None


class CachePoint(msgspec.Struct, frozen=True):
    """Input tokens of a span of time, and those of them read from the cache."""

    start: datetime
    input_tokens: int
    read_tokens: int


class Spot(msgspec.Struct, frozen=True):
    """Calls of a field of the grid of duration (x) and cost (y), both in steps of a logarithm."""

    x: int
    y: int
    calls: int


class Pictures(msgspec.Struct, frozen=True, kw_only=True):
    """What the pictures of a window, or of one task in it, are drawn from. `decade` is steps to a factor of ten."""

    task: str | None
    moved: Moved | None
    prompt: tuple[PromptShare, ...]
    prompt_calls: int
    prompt_known_calls: int
    cache: tuple[CachePoint, ...]
    cache_step_seconds: int
    spots: tuple[Spot, ...]
    decade: int


class DigestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A digest on one of its channels. `state` and `period` are of the newest delivery; None where there is none."""

    name: str
    channel: str
    next_due: datetime | None  # naive UTC; None where it is no longer set up
    period: str | None = None
    state: str | None = None
    subject: str = ""
    detail: str = ""


class DigestText(msgspec.Struct, frozen=True, kw_only=True):
    """A digest as it would leave. `due` is the period it is of (naive UTC); None where it is as of now.

    `channels` are those that it did not reach yet.
    """

    name: str
    subject: str
    text: str
    due: datetime | None = None
    channels: tuple[str, ...] = ()


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a digest on a channel: `sent`, `failed` or `unknown`, and why."""

    channel: str
    state: str
    detail: str = ""


class Progress(msgspec.Struct, frozen=True):
    """How far long work is: what it is about, and of how much how much is done."""

    what: str
    done: int
    whole: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the main screens show of one window at one moment."""

    period: Period
    label: str
    start: datetime | None
    end: datetime | None
    overview: Overview
    tasks: tuple[Task, ...]
    advice: Advice | None = None
    outlook: Outlook | None = None  # the running month and what was unusual: None until it is worked out
    spool: str = ""
    driver: Driver | None = None
    warnings: tuple[str, ...] = ()  # what these figures were read in spite of, one line each
