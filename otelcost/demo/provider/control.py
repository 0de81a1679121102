"""The endpoints under `/loopback/`: the virtual clock, scenarios to come, and what the provider billed."""

from __future__ import annotations

import json
from typing import Any, Final

from otelcost.demo.provider.prompt import BadRequestError
from otelcost.demo.provider.reply import Reply, json_reply
from otelcost.demo.provider.scenarios import parse
from otelcost.demo.provider.state import State

_MOST_WAITING: Final = 1000


def control(state: State, method: str, path: str, raw: bytes) -> Reply:
    """Answer a control request; a request that makes no sense gets a 400 that says why."""
    try:
        return _control(state, method, path.removeprefix("/loopback/"), raw)
    except (BadRequestError, ValueError, TypeError) as error:
        return json_reply({"error": str(error)}, 400)


def _control(state: State, method: str, name: str, raw: bytes) -> Reply:
    if (method, name) == ("GET", "log"):
        lines = "".join(json.dumps(record) + "\n" for record in state.log)
        return Reply(200, {"content-type": "application/x-ndjson"}, lines.encode())
    if (method, name) == ("GET", "health"):
        return json_reply({"seed": state.seed, "now_us": state.now_us(), "requests": len(state.log)})
    if method != "POST" or name not in ("clock", "scenario", "reset"):
        return json_reply({"error": f"unknown control request {method} {name}"}, 404)
    asked: Any = json.loads(raw or b"{}")
    if not isinstance(asked, dict):
        raise BadRequestError("the body must be a JSON object")
    if name == "clock":
        unix_us = asked.get("unix_us")
        state.virtual_us = None if unix_us is None else int(unix_us)
    elif name == "scenario":
        times = min(int(asked.get("times", 1)), _MOST_WAITING)
        state.waiting.extend([parse(str(asked.get("scenario", "")))] * times)
    else:
        state.reset()
    return json_reply({"now_us": state.now_us()})
