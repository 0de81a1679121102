"""Makes new documents findable."""

from __future__ import annotations

from .office import gpt


def index_document(text: str) -> list[float]:
    made = gpt().embeddings.create(model="text-embedding-3-small", input=text)
    return made.data[0].embedding
