"""Sorts incoming tickets: who is it, what do they want, what is the next step."""

from __future__ import annotations

from .customers import table
from .office import claude, handbook

_RULES = "You sort the helpdesk's tickets. Say who writes, what they want and the next step.\n" + handbook(
    sections=5, topic="tickets"
)


def system_prompt(*, with_customers: bool) -> str:
    return f"{_RULES}\n\nOur customers:\n{table()}" if with_customers else _RULES


def triage_ticket(ticket: str, *, with_customers: bool) -> str:
    message = claude().messages.create(
        model="claude-haiku-4-5",
        max_tokens=800,
        system=system_prompt(with_customers=with_customers),
        messages=[{"role": "user", "content": f"{ticket}\n\nAnswer in about 90 words."}],
    )
    return "".join(block.text for block in message.content if block.type == "text")
