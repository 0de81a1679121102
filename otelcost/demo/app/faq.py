"""Answers the questions everybody asks."""

from __future__ import annotations

from .office import gpt, handbook

_RULES = "You answer the shop's frequent questions.\n" + handbook(sections=8, topic="questions")

QUESTIONS = (
    "How do I send an article back?",
    "When does my parcel arrive?",
    "Which parcel services do you use?",
    "Can I change the address after ordering?",
    "How do I pay by invoice?",
    "Do you repair old lamps?",
    "Is there a showroom?",
    "How do I use a voucher?",
    "Do you deliver to islands?",
    "How long is the warranty?",
    "Can I order spare screws?",
    "Why was my card declined?",
    "Do you sell to schools?",
    "How do I delete my account?",
)


def answer_question(question: str) -> str:
    response = gpt().responses.create(
        model="gpt-5.4",
        instructions=_RULES,
        input=f"{question} Answer in about 110 words.",
        temperature=0,
    )
    return response.output_text
