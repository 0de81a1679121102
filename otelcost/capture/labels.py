"""Names that the user gives to calls: `task("triage")`, `label(customer="acme")`, and what baggage brings.

They travel in the OpenTelemetry context, so that they follow async tasks and every thread or queue for which
context is propagated. They never enter baggage: that would send them to the provider.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar

from opentelemetry import baggage, context
from opentelemetry.context import Context

_P = ParamSpec("_P")
_R = TypeVar("_R")

_KEY: Final = context.create_key("otelcost")
MAX_LABELS: Final = 32
MAX_LENGTH: Final = 256

FIELDS: Final = ("task", "session_id", "user_id", "feature", "prompt_name", "prompt_version")
"""Names with a column of their own; every other one is a label."""

_BAGGAGE: Final = {
    "otelcost.task": "task",
    "session.id": "session_id",
    "gen_ai.conversation.id": "session_id",
    "user.id": "user_id",
    "enduser.id": "user_id",
    "otelcost.feature": "feature",
    "otelcost.prompt.name": "prompt_name",
    "otelcost.prompt.version": "prompt_version",
}
_BAGGAGE_LABEL: Final = "otelcost.label."


class Scope:
    """Values for the calls made inside: a context manager (re-usable, nestable) and a decorator.

    As a decorator it covers plain functions, coroutines and both kinds of generators, while they run.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._tokens: list[Any] = []

    def _enter(self) -> Any:
        current = context.get_current()
        merged = {**_own(current), **self._values}
        return context.attach(context.set_value(_KEY, merged, current))

    def __enter__(self) -> Scope:
        self._tokens.append(self._enter())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        context.detach(self._tokens.pop())

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """The function with its calls made inside this scope."""
        wrapper: Any
        if inspect.isasyncgenfunction(function):
            wrapper = self._async_generator(function)
        elif inspect.isgeneratorfunction(function):
            wrapper = self._generator(function)
        elif inspect.iscoroutinefunction(function):
            wrapper = self._coroutine(function)
        else:
            wrapper = self._plain(function)
        result: Callable[_P, _R] = functools.wraps(function)(wrapper)
        return result

    def _fresh(self) -> Scope:
        return Scope(self._values)  # its own tokens: the decorated function may run in many threads at once

    def _plain(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return wrapper

    def _coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return await function(*args, **kwargs)

        return wrapper

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            inner = function(*args, **kwargs)
            step, value = inner.send, None
            while True:
                # Entered for each step only: between two steps the consumer's own context is in force.
                with self._fresh():
                    try:
                        produced = step(value)
                    except StopIteration as stop:
                        return stop.value
                try:
                    step, value = inner.send, (yield produced)
                except GeneratorExit:
                    with self._fresh():
                        inner.close()
                    raise
                except BaseException as error:  # noqa: BLE001  (handed on to the generator it is meant for)
                    step, value = inner.throw, error

        return wrapper

    def _async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            inner = function(*args, **kwargs)
            step, value = inner.asend, None
            while True:
                with self._fresh():
                    try:
                        produced = await step(value)
                    except StopAsyncIteration:
                        return
                try:
                    step, value = inner.asend, (yield produced)
                except GeneratorExit:
                    with self._fresh():
                        await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001  (handed on to the generator it is meant for)
                    step, value = inner.athrow, error

        return wrapper


def task(name: str) -> Scope:
    """Name the job that the calls inside do. `with task("triage"): ...` or `@task("triage")`."""
    return Scope({"task": str(name)[:MAX_LENGTH]})


def label(**labels: object) -> Scope:
    """Attach values to the calls inside.

    `session_id`, `user_id`, `feature`, `prompt_name` and `prompt_version` fill the columns of that name.
    """
    return Scope({name: str(value)[:MAX_LENGTH] for name, value in labels.items()})


def _own(current: Context) -> Mapping[str, str]:
    found = current.get(_KEY)
    return found if isinstance(found, dict) else {}


def collect(current: Context) -> tuple[dict[str, str], dict[str, str]]:
    """What names a call made in this context: (values of `FIELDS`, labels). Ours win over baggage."""
    values: dict[str, str] = {}
    labels: dict[str, str] = {}
    for key, value in baggage.get_all(current).items():
        if key in _BAGGAGE:
            values.setdefault(_BAGGAGE[key], str(value)[:MAX_LENGTH])
        elif key.startswith(_BAGGAGE_LABEL):
            labels[key.removeprefix(_BAGGAGE_LABEL)[:MAX_LENGTH]] = str(value)[:MAX_LENGTH]
    for key, text in _own(current).items():
        (values if key in FIELDS else labels)[key] = text
    # Python keeps insertion order: the innermost labels came last and survive the cap.
    return values, dict(list(labels.items())[-MAX_LABELS:])
