"""The assistant in the corner of the shop's pages; it knows the date and the handbook."""

from __future__ import annotations

from .office import gpt, handbook, now

_HANDBOOK = handbook(sections=45, topic="the shop")


def answer_visitor(question: str, *, leaves_after: int | None = None) -> str:
    """Stream an answer; a visitor who closes the page leaves after so many chunks."""
    system = f"Current time: {now():%Y-%m-%d %H:%M:%S}\nYou are the shop's assistant.\n{_HANDBOOK}"
    stream = gpt().chat.completions.create(
        model="gpt-6.1-sol",
        messages=[
            {"role": "system", "content": system},
            {"role": "user", "content": f"{question}\nAnswer in about 80 words."},
        ],
        stream=True,
        stream_options={"include_usage": True},
    )
    shown: list[str] = []
    for number, chunk in enumerate(stream, start=1):
        if chunk.choices and chunk.choices[0].delta.content:
            shown.append(chunk.choices[0].delta.content)
        if number == leaves_after:
            stream.close()
            break
    return "".join(shown)
