"""Drafts shop texts with the model we trained ourselves."""

from __future__ import annotations

from .office import gpt


def draft_text(article: str) -> str:
    completion = gpt().chat.completions.create(
        model="house-writer-1",
        messages=[{"role": "user", "content": f"Describe {article} for the shop in about 60 words."}],
    )
    return completion.choices[0].message.content or ""
