"""Turns a supplier's free-form letter into JSON; asks again when the JSON is broken."""

from __future__ import annotations

import json
from typing import Any

from .office import gpt, handbook, sleep

_RULES = "You turn letters into data.\n" + handbook(sections=6, topic="letters")
_MOST_RETRIES = 3


def parse_letter(letter: str) -> dict[str, Any] | None:
    for _ in range(1 + _MOST_RETRIES):
        reply = ask_for_json(letter)
        try:
            parsed: dict[str, Any] = json.loads(reply)
        except ValueError:
            sleep(2)
            continue
        return parsed
    return None


def ask_for_json(letter: str) -> str:
    completion = gpt().chat.completions.create(
        model="gpt-5.4",
        messages=[
            {"role": "system", "content": _RULES},
            {
                "role": "user",
                "content": f"{letter}\nReply with a JSON object with the keys sender, subject, articles, dates and "
                "wishes. Use about 320 words.",
            },
        ],
    )
    return completion.choices[0].message.content or ""
