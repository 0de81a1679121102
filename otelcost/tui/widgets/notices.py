"""What stands between the reader and the truth: that nothing could be read, or what the figures lack."""

from __future__ import annotations

from textual.content import Content

from otelcost import display
from otelcost.tui.host import Problem
from otelcost.tui.text import line, rule, wrap
from otelcost.tui.widgets.paint import Paint

_WARNING_ROWS = 2


class Notices(Paint):
    """Lines above a page that has figures: the problem in full, and the first warning. Nothing where all is well."""

    def __init__(self) -> None:
        super().__init__(id="notices")
        self._shown: tuple[Problem | None, tuple[str, ...]] = (None, ())

    def show(self, problem: Problem | None, warnings: tuple[str, ...]) -> None:
        """Show others."""
        if (problem, warnings) != self._shown:
            self._shown = (problem, warnings)
            self.set_class(problem is not None or bool(warnings), "-some")
            self.repaint()

    def paint(self, width: int) -> list[Content]:
        """The problem, its remedy, then warnings."""
        problem, warnings = self._shown
        rows = [] if problem is None else [*_problem(problem, width)]
        if warnings:
            more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
            told = wrap(f"! {display.clean(warnings[0])}{more}", width)
            rows += [line((row, "$text-warning")) for row in told[:_WARNING_ROWS]]
        return rows


def _problem(problem: Problem, width: int) -> list[Content]:
    remedy = display.clean(problem.fix or "the figures below are the last that could be read")
    what = wrap(f"✗ {display.clean(problem.what)}", width)
    fix = wrap(f"  {remedy}; r tries again", width)
    return [*[line((row, "bold $text-error")) for row in what], *[line(row) for row in fix]]


class ProblemPage(Paint):
    """In the place of any page while nothing was ever read: no figure is there to stand beside the problem."""

    def __init__(self) -> None:
        super().__init__(id="problem")
        self._problem = Problem("")

    def show(self, problem: Problem) -> None:
        """Show another problem."""
        if problem != self._problem:
            self._problem = problem
            self.repaint()

    def paint(self, width: int) -> list[Content]:
        """What and where, what to do, and the keys."""
        room = max(20, width)
        remedy = self._problem.fix or "otelcost doctor says more"
        return [
            Content(""),
            line(("✗ Nothing can be shown.", "bold $text-error")),
            Content(""),
            rule("What is wrong", room),
            *[line(row) for row in wrap(f"   {display.clean(self._problem.what)}", room)],
            Content(""),
            rule("What to do", room),
            *[line((row, "bold $text-primary")) for row in wrap(f"   {display.clean(remedy)}", room)],
            Content(""),
            line(
                (
                    "New records wait in the spool meanwhile. r tries again.",
                    "$text-muted",
                )
            ),
        ]
