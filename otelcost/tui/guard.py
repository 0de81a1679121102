"""The boundary between the screens and everything below: an error becomes a notice, not a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from otelcost.errors import OtelcostError
from otelcost.tui.host import Problem, StaleError

Result = TypeVar("Result")


class Answer(msgspec.Struct, Generic[Result], frozen=True):
    """A job's value, or why there is none."""

    value: Result | None = None
    problem: Problem | None = None
    stale: bool = False

    def given(self) -> Result:
        """The value of a job that ran in another process; raises what stands for the reason why there is none."""
        if self.stale:
            raise StaleError
        if self.problem is not None:
            raise OtelcostError(self.problem.what, self.problem.fix)
        return self.value  # type: ignore[return-value]  # a job that ends gives its value, be it None


def run(job: Callable[[], Result]) -> Answer[Result]:
    """Run a job on this thread."""
    try:
        return Answer(job())
    except StaleError:
        return Answer(stale=True)
    except OtelcostError as error:
        return Answer(problem=Problem(error.what, error.fix))
    except Exception as error:  # noqa: BLE001  (the sanctioned boundary: the interface outlives any failure)
        first = (str(error).splitlines() or [""])[0]
        return Answer(problem=Problem(f"{type(error).__name__}: {first}", "otelcost doctor says more"))
