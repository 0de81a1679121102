"""Reads the fields of an invoice."""

from __future__ import annotations

from typing import Any

from .office import claude, handbook

_SYSTEM = "You read invoices and record their fields with the tool.\n" + handbook(sections=5, topic="invoices")

_TOOL: Any = {
    "name": "record_invoice",
    "description": "Record the fields of one invoice.",
    "input_schema": {
        "type": "object",
        "properties": {
            "number": {"type": "string"},
            "total_cents": {"type": "integer"},
            "currency": {"type": "string", "enum": ["EUR", "USD", "CHF"]},
            "due_days": {"type": "integer"},
            "category": {"type": "string", "enum": ["goods", "freight", "service"]},
        },
        "required": ["number", "total_cents", "currency", "due_days", "category"],
    },
}


def extract_invoice(text: str) -> dict[str, Any]:
    message = claude().messages.create(
        model="claude-opus-4-6",
        max_tokens=500,
        system=_SYSTEM,
        tools=[_TOOL],
        tool_choice={"type": "tool", "name": "record_invoice"},
        messages=[{"role": "user", "content": text}],
    )
    for block in message.content:
        if block.type == "tool_use":
            return dict(block.input)
    return {}
