"""How well cheaper models might do a task: what they must be able to do, and a score whose every point is explained.

A score ranks trials and promises nothing. A model that lacks what the task uses (images, tools, a schema, the length
of its prompts or answers), or is not known to have it, is refused with the reason and has no score.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import msgspec

from otelcost.advise.report import Period
from otelcost.pricing.cost import cost_sql
from otelcost.pricing.facts import ModelFacts, model_facts

LONGER_MILLI: Final = 1100
"""How long a candidate's answers are assumed to be, in thousandths of the present ones."""

MAX_LABELS: Final = 12


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a task's calls on one model are like."""

    task: str
    provider: str
    model: str
    calls: int
    median_output_tokens: int
    most_output_tokens: int
    most_input_tokens: int
    answers: int  # different ones
    known_answers: int
    closed_calls: int  # with a schema, or answered by JSON or a tool call
    output_tokens: int
    reasoning_tokens: int
    tools: int  # offered at most
    uses_tools: bool
    uses_schema: bool
    uses_images: bool
    uses_audio: bool


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a score, and why."""

    part: str
    points: int
    most: int
    words: str


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A cheaper model for a task. Where it is `refused` there is no score."""

    task: str
    provider: str
    model: str
    candidate: str
    refused: str | None
    score: int | None  # of 100
    points: tuple[Points, ...]
    calls: int
    cost_picousd: int | None  # of the calls that have a price on both models
    candidate_picousd: int | None  # of the same, with its tokens and longer answers


_SHAPES: Final = """
SELECT
    task, provider, model, count(*) AS calls,
    quantile_disc(output_tokens, 0.5) AS median_output_tokens, max(output_tokens) AS most_output_tokens,
    max(coalesce(input_tokens, 0)) AS most_input_tokens,
    count(DISTINCT output_hash) AS answers, count(output_hash) AS known_answers,
    count(*) FILTER (output_kind IN ('json', 'tool') OR schema_hash IS NOT NULL) AS closed_calls,
    sum(output_tokens)::BIGINT AS output_tokens, sum(coalesce(reasoning_tokens, 0))::BIGINT AS reasoning_tokens,
    max(len(list_filter(coalesce(segments, []), lambda s: s.kind = 'tool')))::BIGINT AS tools,
    bool_or(tools_hash IS NOT NULL OR len(coalesce(tools_called, [])) > 0) AS uses_tools,
    bool_or(schema_hash IS NOT NULL) AS uses_schema,
    coalesce(bool_or(len(list_filter(coalesce(segments, []), lambda s: s.kind IN ('image', 'document'))) > 0), false)
        OR bool_or(coalesce(input_image_tokens, 0) > 0) AS uses_images,
    coalesce(bool_or(len(list_filter(coalesce(segments, []), lambda s: s.kind = 'audio')) > 0), false)
        OR bool_or(coalesce(input_audio_tokens, 0) + coalesce(output_audio_tokens, 0) > 0) AS uses_audio
FROM v_base
WHERE start >= $start AND start < $end AND ($task IS NULL OR task = $task) AND status = 'ok'
    AND operation <> 'embeddings' AND provider IS NOT NULL AND model IS NOT NULL AND output_tokens IS NOT NULL
GROUP BY task, provider, model
ORDER BY calls DESC, task, provider, model
"""

_COSTS: Final = f"""
SELECT sum(s.now)::BIGINT, sum({cost_sql("s", "p")})::BIGINT
FROM (
    SELECT
        c.* REPLACE (
            {{input}} AS input_uncached_tokens,
            (cache_read_tokens * $tokens + 999) // 1000 AS cache_read_tokens,
            (cache_write_short_tokens * $tokens + 999) // 1000 AS cache_write_short_tokens,
            (cache_write_long_tokens * $tokens + 999) // 1000 AS cache_write_long_tokens,
            (output_tokens * $tokens * $longer + 999999) // 1000000 AS output_tokens,
            (reasoning_tokens * $tokens * $longer + 999999) // 1000000 AS reasoning_tokens),
        cost_picousd AS now,
        (c.input_tokens * $tokens + 999) // 1000 AS whole_input,
        split_part(price_key, '/', 1) || '/' || $candidate || '/' || split_part(price_key, '/', -1) AS candidate_key
    FROM v_calls c
    WHERE start >= $start AND start < $end AND task = $task AND provider = $provider AND model = $model
        AND status = 'ok' AND cost_picousd IS NOT NULL AND price_key IS NOT NULL
) s
JOIN price p
    ON p.price_key = s.candidate_key AND s.start >= p.valid_from AND s.start < p.valid_to
    AND s.whole_input >= p.context_lo AND s.whole_input < p.context_hi
WHERE {cost_sql("s", "p")} IS NOT NULL
"""


def candidates(connection: duckdb.DuckDBPyConnection, window: Period, task: str | None = None) -> list[Candidate]:
    """The cheaper models of every task and model of a window, or of one task; the best score first, refused last."""
    found = []
    for shape in shapes(connection, window, task):
        facts = model_facts(shape.provider, shape.model) or ModelFacts()
        found += [_candidate(connection, window, shape, facts, name) for name in facts.downgrade]
    return sorted(found, key=lambda one: (one.task, -one.calls, one.model, -1 if one.score is None else -one.score - 1))


def shapes(connection: duckdb.DuckDBPyConnection, window: Period, task: str | None = None) -> list[Shape]:
    """What the tasks of a window are like, by the model that answered."""
    cursor = connection.execute(_SHAPES, {"start": window.start, "end": window.end, "task": task})
    names = [column[0] for column in cursor.description or ()]
    return [Shape(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _candidate(
    connection: duckdb.DuckDBPyConnection, window: Period, shape: Shape, facts: ModelFacts, name: str
) -> Candidate:
    other = model_facts(shape.provider, name) or ModelFacts()
    factor = facts.token_factor_to(other)
    refused = refusal(shape, other, factor)
    points = () if refused is not None else tuple(score(shape, other, factor or 1.0))
    costs = (None, None) if refused is not None else _costs(connection, window, shape, name, factor or 1.0)
    return Candidate(
        task=shape.task,
        provider=shape.provider,
        model=shape.model,
        candidate=name,
        refused=refused,
        score=None if refused is not None else sum(one.points for one in points),
        points=points,
        calls=shape.calls,
        cost_picousd=costs[0],
        candidate_picousd=costs[1],
    )


def _costs(
    connection: duckdb.DuckDBPyConnection, window: Period, shape: Shape, name: str, factor: float
) -> tuple[int | None, int | None]:
    fixed = "(coalesce(input_audio_tokens, 0) + coalesce(input_image_tokens, 0))"
    scaled = f"{fixed} + ((input_uncached_tokens - {fixed}) * $tokens + 999) // 1000"
    row = connection.execute(
        _COSTS.replace("{input}", scaled),
        {
            "start": window.start, "end": window.end, "task": shape.task, "provider": shape.provider,
            "model": shape.model, "candidate": name, "tokens": round(factor * 1000), "longer": LONGER_MILLI,
        },
    ).fetchone()  # fmt: skip
    return (None, None) if row is None else (row[0], row[1])


def refusal(shape: Shape, other: ModelFacts, factor: float | None) -> str | None:
    """Why a model cannot do what the task does; None where it is known to be able to."""
    lacks = [
        words
        for used, able, words in (
            (shape.uses_images, other.vision, "images"),
            (shape.uses_audio, None, "audio"),
            (shape.uses_tools, other.tools, "tools"),
            (shape.uses_schema, other.schema, "an output schema"),
        )
        if used and not able
    ]
    if lacks:
        return f"is not known to take {' and '.join(lacks)}, which the task uses"
    if factor is None:
        return "how many tokens it needs for the same text is not known"
    if other.context_window_tokens is None:
        return "its context window is not known"
    if shape.most_input_tokens * factor > other.context_window_tokens:
        return f"the longest prompt ({shape.most_input_tokens:,} tokens) does not fit its context window"
    longest = shape.most_output_tokens * factor * LONGER_MILLI / 1000
    if other.max_output_tokens is not None and longest > other.max_output_tokens:
        return f"the longest answer ({shape.most_output_tokens:,} tokens) may be longer than it can give"
    return None


def score(shape: Shape, other: ModelFacts, factor: float) -> Iterator[Points]:
    """The points of a model that is able, 100 at most: how bounded the job is, and how well that is known."""
    yield _answers(shape)
    yield _upto("length", 20, shape.median_output_tokens, (20, 100, 300, 1000), "the median answer has {} tokens")
    reasoning = -(-100 * shape.reasoning_tokens // max(shape.output_tokens, 1))
    yield _upto("reasoning", 15, reasoning, (0, 5, 10, 20), "{}% of the output is reasoning")
    yield _upto("tools", 10, shape.tools, (0, 1, 3, 6), "tools offered: {}")
    window = other.context_window_tokens or 1
    room = round(100 * shape.most_input_tokens * factor / window)
    yield _upto("context", 5, room, (10, 25, 50, 75), "the longest prompt fills {}% of its context window")
    yield Points(
        part="evidence",
        points=10 if shape.calls >= 200 else 5 if shape.calls >= 50 else 0,
        most=10,
        words=f"{shape.calls:,} calls to draw a trial from",
    )


def _answers(shape: Shape) -> Points:
    few = shape.answers <= MAX_LABELS and shape.answers * 5 <= shape.known_answers
    if few:
        points, words = 25, f"{shape.answers} different answers in {shape.known_answers:,} calls: one of a few labels"
    elif shape.closed_calls * 10 >= shape.calls * 9:
        points, words = 20, f"{shape.closed_calls:,} of {shape.calls:,} answers are JSON, by a schema or tool calls"
    elif not shape.known_answers:
        points, words = 0, "what the answers were was not recorded"
    else:
        points, words = 0, f"free text: {shape.answers:,} different answers in {shape.known_answers:,} calls"
    checkable = 15 if few or shape.uses_schema else 0  # a trial can be judged without a judge
    return Points(part="answers", points=points + checkable, most=40, words=words)


def _upto(part: str, most: int, value: int, limits: tuple[int, int, int, int], words: str) -> Points:
    """All points up to the first limit, a quarter less for each that is passed."""
    passed = sum(value > limit for limit in limits)
    return Points(part=part, points=most * (4 - passed) // 4, most=most, words=words.format(f"{value:,}"))
