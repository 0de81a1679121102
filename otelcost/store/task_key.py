"""By what the task of a record is recognised: the surest thing it says about the job it does.

In this order: the name the program gave it; where in the program it was made, and under which root span; the
template of its system prompt with its tools and its output schema; how near the user's text is to others. The key
depends on the record alone, never on what else was recorded or when.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from otelcost.model import Call, SpanRecord

Source = Literal["explicit", "call_site", "template", "similar", "none"]

_VARIABLE: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{4,27}|\b[0-9a-fA-F]{12,}\b|[0-9]+")
_LONGEST: Final = 256


class TaskKey(NamedTuple):
    """What a record is recognised by. `parts` are compared exactly, `simhash` by nearness within `scope`."""

    source: Source
    parts: tuple[str | None, ...]
    scope: str = ""
    simhash: int | None = None

    def text(self) -> str:
        """The key as it is stored."""
        return json.dumps([self.source, *self.parts], ensure_ascii=True)


def of_call(call: Call) -> TaskKey:
    """The key of a wire record."""
    context = call.context
    explicit = context.task or _prompt(context.prompt_name, context.prompt_version)
    if explicit is not None:
        return TaskKey("explicit", (explicit[:_LONGEST],))
    if context.call_site_file is not None:
        root = _root(context.root_span_name, call.request_model, call.response_model)
        return TaskKey("call_site", (context.call_site_file, context.call_site_function, root))
    shape = (_hex(call.tools_hash), _hex(call.schema_hash))
    scope = json.dumps([call.operation, context.service_name, *shape])
    if call.system_template_hash is not None:
        return TaskKey("template", (_hex(call.system_template_hash), *shape), scope, call.system_simhash)
    if call.simhash is not None:
        return TaskKey("similar", (call.provider, call.operation), scope, call.simhash)
    return none(call.provider, call.operation)


def of_span(span: SpanRecord) -> TaskKey:
    """The key of a span of another instrumentation, which says little, or of a call that was exported."""
    return TaskKey("explicit", (span.task[:_LONGEST],)) if span.task else none(span.provider, span.operation)


def none(provider: str | None, operation: str | None) -> TaskKey:
    """The key of what nothing is known of but the kind of call."""
    return TaskKey("none", (provider, operation))


def name(key: TaskKey) -> str:
    """What a task of this key is called until somebody gives it a name; a root span is not part of it."""
    if key.source == "explicit":
        return key.parts[0] or ""
    if key.source == "call_site":
        return _site_name(key.parts[0] or "", key.parts[1])
    if key.source == "template":
        return f"template-{_digits(key.parts)}"
    return "/".join(part for part in key.parts if part) or "unknown"


def with_root(key: TaskKey) -> str:
    """The name of a call site under one of its root spans."""
    root = key.parts[2]
    return name(key) if root is None else f"{name(key)} ({root})"


def _prompt(prompt: str | None, version: str | None) -> str | None:
    return prompt if not prompt or not version else f"{prompt}/{version}"


def _site_name(file: str, function: str | None) -> str:
    module = re.sub(r"\.pyw?$", "", re.split(r"[/\\]", file)[-1]) or file
    return module if function in {None, "<module>"} else f"{module}.{function}"


def _digits(parts: tuple[str | None, ...]) -> str:
    """Eight digits that stand for a template with its tools and schema: the template's own where it has neither."""
    template, *shape = parts
    if not any(shape):
        return (template or "")[:8]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]


def _hex(number: int | None) -> str | None:
    return None if number is None else f"{number:016x}"


def _root(root: str | None, *models: str | None) -> str | None:
    """The root span's name without ids; none where it names a model, which another model must not change."""
    if not root or any(model and model in root for model in models):
        return None
    return _masked(root)


@lru_cache(4096)
def _masked(root: str) -> str:
    return _VARIABLE.sub("*", root)[:80]
