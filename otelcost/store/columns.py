"""How a spool line becomes a row: DuckDB types and expressions, derived from the vocabulary.

The types `read_json` is told come from the structs themselves, so a field added to the vocabulary cannot
silently be left out of what is read; a test compares the expressions with the columns of the tables.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import inspect

from otelcost.model import Call, Context, SpanRecord, Usage

MODEL: Final = "coalesce(nullif(r.response_model, ''), r.request_model)"
"""The model a row is priced by: the answer's word counts more than the request's."""


def reader_columns(struct: type[msgspec.Struct], **more: str) -> str:
    """The `columns` argument of `read_json` for lines of a struct, and of `more` members with their types."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)  # noqa: S101  (narrows the type for the checker)
    types = {field.encode_name: _type(field.type) for field in info.fields} | more
    return "{" + ", ".join(f"'{name}': '{type_}'" for name, type_ in types.items()) + "}"


_SCALARS: Final[dict[type[inspect.Type], str]] = {
    inspect.IntType: "BIGINT",
    inspect.StrType: "VARCHAR",
    inspect.LiteralType: "VARCHAR",
    inspect.BoolType: "BOOLEAN",
    inspect.FloatType: "DOUBLE",
    inspect.RawType: "JSON",
}


def _type(info: inspect.Type) -> str:
    if isinstance(info, inspect.UnionType):
        (known,) = [part for part in info.types if not isinstance(part, inspect.NoneType)]
        return _type(known)
    if isinstance(info, inspect.StructType):
        return "STRUCT(" + ", ".join(f'"{f.encode_name}" {_type(f.type)}' for f in info.fields) + ")"
    if isinstance(info, inspect.VarTupleType):
        return _type(info.item_type) + "[]"
    if isinstance(info, inspect.DictType):
        return f"MAP({_type(info.key_type)}, {_type(info.value_type)})"
    return _SCALARS[type(info)]


def _hex(expression: str) -> str:
    return f"CAST('0x' || {expression} AS UBIGINT)"


_RENAMED: Final = {
    "enclosing_llm_span_id": "enclosing_span_id",
    "start_unix_us": "start",
    "task": "task_name",
}
_CONVERTED: Final = {
    "trace_id": "CAST({0} AS UUID)",
    "span_id": _hex("{0}"),
    "parent_span_id": _hex("{0}"),
    "enclosing_llm_span_id": _hex("{0}"),
    "operation_id": _hex("{0}"),
    "start_unix_us": "make_timestamp({0})",
    "usage_raw": "CAST({0} AS VARIANT)",
}
_DEFAULTS: Final[dict[str, str]] = {
    "attempt": "1",
    "labels": "MAP {}",
    "stream": "false",
    "batch": "false",
    "status": "'ok'",
    "flags": "[]",
    "request_bytes": "0",
    "response_bytes": "0",
    "tools_called": "[]",
    "segments": "[]",
    "is_llm": "false",
    "is_root": "false",
}
"""What an absent field means: spool lines leave out what has its default value."""


def call_expressions() -> dict[str, str]:
    """Column of `calls` to its expression over `r`, a line read with `reader_columns(Call)`."""
    nested = {"context", "usage"}
    return {
        **_expressions(Context, "r.context."),
        **_expressions(Usage, "r.usage."),
        **{name: text for name, text in _expressions(Call, "r.").items() if name not in nested},
    }


def span_expressions() -> dict[str, str]:
    """Column of `spans` to its expression over `r`. What names its task is in its `task_id`."""
    own = _expressions(SpanRecord, "r.")
    del own["usage"], own["task_name"]
    return {**own, **_expressions(Usage, "r.usage.")}


def _expressions(struct: type[msgspec.Struct], prefix: str) -> dict[str, str]:
    return {_RENAMED.get(name, name): _expression(name, prefix) for name in struct.__struct_fields__}


def _expression(name: str, prefix: str) -> str:
    text = _CONVERTED.get(name, "{0}").format(f'{prefix}"{name}"')
    return f"coalesce({text}, {_DEFAULTS[name]})" if name in _DEFAULTS else text


def quoted(names: Any) -> str:
    """Names as a list of quoted identifiers."""
    return ", ".join(f'"{name}"' for name in names)
