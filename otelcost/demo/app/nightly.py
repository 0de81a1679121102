"""Writes a report on every department while nobody waits for it."""

from __future__ import annotations

from .office import gpt, handbook, now, sleep

_STYLE = "You write the night report of one department, for the morning meeting.\n" + handbook(
    sections=4, topic="reports"
)


def write_reports(departments: list[str]) -> list[str]:
    reports = []
    for department in departments:
        reports.append(write_report(department))
        sleep(25)
    return reports


def write_report(department: str) -> str:
    figures = ", ".join(f"shelf {n}: {(len(department) * n * 37) % 91} pieces" for n in range(1, 30))
    completion = gpt().chat.completions.create(
        model="gpt-6.1-terra",
        messages=[
            {"role": "system", "content": _STYLE},
            {"role": "user", "content": f"{department}, {now():%d %B}: {figures}. Write about 900 words."},
        ],
    )
    return completion.choices[0].message.content or ""
