"""Asks three times about a review and goes with the majority."""

from __future__ import annotations

from collections import Counter

from .office import gpt, sleep


def judge_review(review: str) -> str:
    votes: Counter[str] = Counter()
    for _ in range(3):
        completion = gpt().chat.completions.create(
            model="gpt-6-luna",
            temperature=0.8,
            messages=[{"role": "user", "content": f"Is this review fair? Say why in about 25 words.\n{review}"}],
        )
        votes[completion.choices[0].message.content or ""] += 1
        sleep(1)
    return votes.most_common(1)[0][0]
