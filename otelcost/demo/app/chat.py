"""The longer conversations of the advice desk; the prompt cache is used as it should be."""

from __future__ import annotations

from typing import Any

from .office import claude, handbook

_SYSTEM: Any = [
    {
        "type": "text",
        "text": "You advise visitors who furnish a room.\n" + handbook(sections=28, topic="advice"),
        "cache_control": {"type": "ephemeral"},
    }
]


def continue_chat(turns: list[dict[str, Any]], text: str) -> str:
    """Add the visitor's text and the desk's reply to the conversation."""
    last: Any = {"type": "text", "text": f"{text} Answer in about 70 words.", "cache_control": {"type": "ephemeral"}}
    history: Any = [*turns, {"role": "user", "content": [last]}]
    with claude().messages.stream(
        model="claude-sonnet-5-5", max_tokens=600, system=_SYSTEM, messages=history
    ) as stream:
        reply = stream.get_final_text()
    plain = {"type": "text", "text": last["text"]}
    turns.append({"role": "user", "content": [plain]})
    turns.append({"role": "assistant", "content": reply})
    return reply
