"""Names that the user gives to calls: `task("triage")`, `label(customer="acme")`, and what baggage brings.

They travel in the OpenTelemetry context, so that they follow async tasks and every thread or queue for which
context is propagated. They never enter baggage: that would send them to the provider.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextvars import ContextVar
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


_entered: ContextVar[tuple[tuple[Scope, Context], ...]] = ContextVar("otelcost_scopes", default=())
"""The scopes entered in this context, innermost last, each with the context outside it. Never on the scope itself:
many threads and tasks may be inside one at the same time."""


class Scope:
    """Values for the calls made inside: a context manager (re-usable, nestable) and a decorator.

    As a decorator it covers plain functions, coroutines and both kinds of generators, while they run.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __enter__(self) -> Scope:
        outside = context.get_current()
        context.attach(context.set_value(_KEY, {**_own(outside), **self._values}, outside))
        _entered.set((*_entered.get(), (self, outside)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entered = _entered.get()
        for position in range(len(entered) - 1, -1, -1):
            scope, outside = entered[position]
            if scope is self:
                _entered.set(entered[:position])
                # Not by its token: a generator may be closed in another context than it was entered in.
                context.attach(outside)
                return

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

    def _plain(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return wrapper

    def _coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await function(*args, **kwargs)

        return wrapper

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            inner = function(*args, **kwargs)
            step, value = inner.send, None
            while True:
                # Entered for each step only: between two steps the consumer's own context is in force.
                with self:
                    try:
                        produced = step(value)
                    except StopIteration as stop:
                        return stop.value
                try:
                    step, value = inner.send, (yield produced)
                except GeneratorExit:
                    with self:
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
                with self:
                    try:
                        produced = await step(value)
                    except StopAsyncIteration:
                        return
                try:
                    step, value = inner.asend, (yield produced)
                except GeneratorExit:
                    with self:
                        await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001  (handed on to the generator it is meant for)
                    step, value = inner.athrow, error

        return wrapper


def task(name: str) -> Scope:
    """Name the job that the calls inside do. `with task("triage"): ...` or `@task("triage")`.

    Raises:
        TypeError: a function stands where the name belongs, as with a bare `@task`.
    """
    if callable(name):
        raise TypeError('task() needs a name: @otelcost.task("triage")')
    return Scope({"task": _text(name)})


def label(**labels: object) -> Scope:
    """Attach values to the calls inside.

    `session_id`, `user_id`, `feature`, `prompt_name` and `prompt_version` fill the columns of that name.
    """
    return Scope({plain(name): _text(value) for name, value in labels.items()})


def plain(text: str) -> str:
    """The text with what UTF-8 cannot say (half of a surrogate pair, as in undecodable file names) replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _text(value: object) -> str:
    return plain(str(value)[:MAX_LENGTH])


def _own(current: Context) -> Mapping[str, str]:
    found = current.get(_KEY)
    return found if isinstance(found, dict) else {}


def collect(current: Context) -> tuple[dict[str, str], dict[str, str]]:
    """What names a call made in this context: (values of `FIELDS`, labels). Ours win over baggage."""
    values: dict[str, str] = {}
    labels: dict[str, str] = {}
    if not current:  # nothing was ever set in it
        return values, labels
    for key, value in baggage.get_all(current).items():
        if key in _BAGGAGE:
            values.setdefault(_BAGGAGE[key], _text(value))
        elif key.startswith(_BAGGAGE_LABEL):
            labels[_text(key.removeprefix(_BAGGAGE_LABEL))] = _text(value)
    for key, text in _own(current).items():
        (values if key in FIELDS else labels)[key] = text
    # Python keeps insertion order: the innermost labels came last and survive the cap.
    return values, dict(list(labels.items())[-MAX_LABELS:])
