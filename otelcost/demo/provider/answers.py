"""What the loopback provider answers: made up from a seed, the request's digest and how often it was asked.

At temperature 0 the same request always gets the same answer; above it every repetition differs. The
prompt steers length and shape in plain words: "about 200 words", "a JSON object with the keys a, b".
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from typing import Any, Final, NamedTuple

from otelcost.demo.provider.prompt import Body, last_user_text, output_schema
from otelcost.demo.provider.scenarios import Scenario
from otelcost.demo.provider.tokens import BYTES_PER_TOKEN, count_tokens, token_factor

_WORDS: Final = re.findall(
    r"[a-z]+",
    "the order was checked and a reply is on its way to you with every detail that we have so far please note "
    "our team will follow up within two days because this case needs one more look at stock price and date "
    "thank you for waiting we moved it to the next step and added a short note for those who read it later",
)
_LENGTH: Final = re.compile(r"about (\d+) words")
_KEYS: Final = re.compile(r"JSON object with the keys ([a-z_, ]+)")
_MOST_WORDS: Final = 20_000
_MOST_HUGE_BYTES: Final = 64 * 1024 * 1024
_REASONING_TOKENS: Final = {"none": 0, "minimal": 0, "low": 64, "medium": 256, "high": 1024, "xhigh": 2048, "max": 4096}


class ToolCall(NamedTuple):
    """A tool the model calls."""

    name: str
    arguments: str


class Answer(NamedTuple):
    """One finished answer and what it cost to produce."""

    text: str
    tool: ToolCall | None
    output_tokens: int
    reasoning_tokens: int
    truncated: bool


def request_digest(body: Body) -> str:
    """A digest of everything in the request that shapes the answer."""
    shape = {key: value for key, value in body.items() if key not in ("stream", "stream_options", "service_tier")}
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def answer(body: Body, scenario: Scenario, *, seed: int, digest: str, repetition: int, model: str) -> Answer:
    """The answer to a request. `repetition` counts how often this very request was asked before."""
    nth = 0 if body.get("temperature") == 0 else repetition
    rng = random.Random(f"{seed}:{digest}:{nth}")  # noqa: S311  (made-up words are no secret)
    reasoning = _reasoning_tokens(body)
    tool = _tool_call(body, scenario, rng)
    if tool is not None:
        spent = count_tokens(len(tool.arguments) + len(tool.name), model)
        return Answer("", tool, spent + reasoning, reasoning, truncated=False)
    text = _text(body, scenario, rng)
    cap = _cap(body)
    tokens = count_tokens(len(text.encode()), model)
    truncated = cap is not None and tokens + reasoning > cap
    if truncated and cap is not None:
        tokens = max(cap - reasoning, 1)
        text = text[: max(int(tokens * BYTES_PER_TOKEN / token_factor(model)), 1)]
    return Answer(text, None, tokens + reasoning, reasoning, truncated)


def vector(seed: int, text: str, dimensions: int) -> list[float]:
    """An embedding: the same text gives the same numbers."""
    rng = random.Random(f"{seed}:{text}")  # noqa: S311  (made-up numbers are no secret)
    return [round(rng.uniform(-1, 1), 6) for _ in range(dimensions)]


def _cap(body: Body) -> int | None:
    for key in ("max_completion_tokens", "max_output_tokens", "max_tokens"):
        if isinstance(body.get(key), int):
            return int(body[key])
    return None


def _reasoning_tokens(body: Body) -> int:
    if (body.get("thinking") or {}).get("type") == "enabled":
        return int(body["thinking"].get("budget_tokens", 1024)) // 4
    effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
    return _REASONING_TOKENS.get(str(effort), 0)


def _text(body: Body, scenario: Scenario, rng: random.Random) -> str:
    if scenario.name == "huge":
        return "x" * min(scenario.number("bytes", 8_000_000), _MOST_HUGE_BYTES)
    prompt = last_user_text(body)
    schema = output_schema(body)
    keys = _KEYS.search(prompt)
    if schema is not None:
        return json.dumps(from_schema(schema, rng))
    length = _LENGTH.search(prompt)
    count = min(int(length[1]), _MOST_WORDS) if length else rng.randint(40, 110)
    if keys is None:
        return _prose(rng, count)
    names = [name.strip() for name in re.split(r",| and ", keys[1]) if name.strip()]
    made = json.dumps({name: _prose(rng, max(count // len(names), 1)) for name in names})
    return made[: -rng.randint(2, 12)] if scenario.name == "broken-json" else made


def _prose(rng: random.Random, count: int) -> str:
    words = rng.choices(_WORDS, k=count)
    return " ".join(words).capitalize() + "."


def _tool_call(body: Body, scenario: Scenario, rng: random.Random) -> ToolCall | None:
    tools = [_tool_parts(tool) for tool in body.get("tools") or ()]
    named = {name: schema for name, schema in tools if name}
    if not named:
        return None
    name = _chosen_tool(body, scenario, list(named))
    return ToolCall(name, json.dumps(from_schema(named[name], rng))) if name in named else None


def _chosen_tool(body: Body, scenario: Scenario, names: list[str]) -> str:
    choice = body.get("tool_choice") or "auto"
    if isinstance(choice, dict):
        asked = choice.get("name") or (choice.get("function") or {}).get("name")
        if asked:
            return str(asked)
        choice = choice.get("type")
    if choice in ("any", "required") or scenario.name == "tool":
        return names[0]
    if choice == "none":
        return ""
    prompt = last_user_text(body)
    return next((name for name in names if name in prompt), "")


def _tool_parts(tool: dict[str, Any]) -> tuple[str, Body]:
    function = tool.get("function") if isinstance(tool.get("function"), dict) else tool
    schema = (function or {}).get("parameters") or (function or {}).get("input_schema") or {}
    return str((function or {}).get("name") or ""), schema


def from_schema(schema: Body, rng: random.Random) -> Any:
    """A value that satisfies the common subset of JSON schema (types, enum, const, properties, items)."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return rng.choice(schema["enum"])
    kind = schema.get("type")
    kind = next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        return {name: from_schema(sub, rng) for name, sub in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [from_schema(schema.get("items") or {"type": "string"}, rng) for _ in range(rng.randint(1, 3))]
    scalars: dict[str, Any] = {
        "integer": rng.randint(1, 900),
        "number": round(rng.uniform(1, 900), 2),
        "boolean": rng.random() < 0.5,
        "null": None,
    }
    return scalars.get(str(kind), _prose(rng, 2))
