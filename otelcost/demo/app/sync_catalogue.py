"""Four times a day the wholesaler posts its new catalogue; we describe what changed."""

from __future__ import annotations

from .office import claude, handbook, now

_CATALOGUE = "You describe changes to this catalogue.\n" + handbook(sections=72, topic="the catalogue")


def describe_changes(articles: list[str]) -> str:
    message = claude().messages.create(
        model="claude-sonnet-4-6",
        max_tokens=800,
        system=_CATALOGUE,
        messages=[
            {
                "role": "user",
                "content": f"{now():%d %B %H:%M}. Changed: {', '.join(articles)}. Describe it in about 120 words.",
            }
        ],
    )
    return "".join(block.text for block in message.content if block.type == "text")
