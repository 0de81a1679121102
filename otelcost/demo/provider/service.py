"""The provider without its socket: one request in, one reply and one line of the billing log out."""

from __future__ import annotations

import json
from typing import Any, Final

from otelcost.demo.provider import anthropic_messages, openai_chat, openai_responses
from otelcost.demo.provider.answers import answer, request_digest, vector
from otelcost.demo.provider.caching import Input
from otelcost.demo.provider.control import control
from otelcost.demo.provider.prompt import BadRequestError, Body, anthropic_blocks, openai_blocks
from otelcost.demo.provider.reply import Reply, anthropic_error, json_reply, openai_error
from otelcost.demo.provider.scenarios import HEADER, Scenario, parse
from otelcost.demo.provider.state import State, bill
from otelcost.demo.provider.tokens import count_tokens
from otelcost.demo.provider.turn import Turn

_ENDPOINTS: Final = {
    "/chat/completions": "openai.chat",
    "/completions": "openai.completions",
    "/responses": "openai.responses",
    "/responses/input_tokens": "openai.count",
    "/embeddings": "openai.embeddings",
    "/messages": "anthropic.messages",
    "/messages/count_tokens": "anthropic.count",
}
_RENDERERS: Final = {
    "openai.chat": (openai_chat.completion, openai_chat.events, openai_chat.error_event),
    "openai.completions": (openai_chat.legacy, openai_chat.legacy_events, openai_chat.error_event),
    "openai.responses": (openai_responses.response, openai_responses.events, openai_responses.error_event),
    "anthropic.messages": (
        anthropic_messages.message,
        anthropic_messages.events,
        anthropic_messages.error_event,
    ),
}
_IDS: Final = {
    "openai.chat": "chatcmpl-",
    "openai.completions": "cmpl-",
    "openai.responses": "resp_",
    "anthropic.messages": "msg_01",
}
_MOST_CHOICES: Final = 16
_MOST_DIMENSIONS: Final = 4096
_KEYS: Final = ("authorization", "x-api-key", "api-key")


def handle(state: State, method: str, path: str, headers: dict[str, str], raw: bytes) -> Reply:
    """Answer one HTTP request."""
    if path.startswith("/loopback/"):
        return control(state, method, path, raw)
    api = _api(path)
    if method == "GET" and "/responses/" in path:
        return _retrieve(state, path)
    if api is None or method != "POST":
        return json_reply(openai_error(404, f"Unknown request URL: {method} {path}"), 404)
    request_id = state.issue("req_")
    try:
        return _answer(state, api, path, headers, raw, request_id)
    except BadRequestError as bad:
        return _error(state, api, {}, 400, str(bad), request_id)
    except (AttributeError, TypeError, KeyError, ValueError):  # JSON of another shape than the API's
        return _error(state, api, {}, 400, "The request does not have the shape this API expects.", request_id)


def _api(path: str) -> str | None:
    matching = [suffix for suffix in _ENDPOINTS if path.endswith(suffix)]
    return _ENDPOINTS[max(matching, key=len)] if matching else None


def _answer(state: State, api: str, path: str, headers: dict[str, str], raw: bytes, request_id: str) -> Reply:
    body = _read(raw, path)
    scenario = parse(headers[HEADER]) if HEADER in headers else state.next_scenario()
    if not any(headers.get(key) for key in _KEYS):
        return _error(state, api, body, 401, "You didn't provide an API key.", request_id)
    if scenario.status is not None:
        message = "The loopback provider was told to fail."
        return _error(state, api, body, scenario.status, message, request_id, scenario)
    if api.endswith(".count"):
        return _count(api, body)
    if api == "openai.embeddings":
        return _embeddings(state, body, scenario, request_id)
    return _generate(state, api, body, scenario, request_id)


def _read(raw: bytes, path: str) -> Body:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise BadRequestError("We could not parse the JSON body of your request.") from error
    if not isinstance(body, dict):
        raise BadRequestError("The body must be a JSON object.")
    if not body.get("model") and "/deployments/" in path:
        body["model"] = path.split("/deployments/")[1].split("/", maxsplit=1)[0]
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise BadRequestError("you must provide a model parameter")
    return body


def _generate(state: State, api: str, body: Body, scenario: Scenario, request_id: str) -> Reply:
    turn = _turn(state, api, body, scenario)
    whole, events, error_event = _RENDERERS[api]
    record = _record(state, api, body, request_id, turn.tokens, turn)
    reply = Reply(headers=_headers(api, request_id), scenario=scenario, record=record)
    if body.get("stream"):
        reply.headers["content-type"] = "text/event-stream; charset=utf-8"
        reply.headers["cache-control"] = "no-cache"
        reply.events = events(turn)
        reply.error_event = error_event("Overloaded")
    else:
        payload = whole(turn)
        if api == "openai.responses":
            state.keep_response(payload)
        reply.body = json.dumps(payload).encode()
    return reply


def _turn(state: State, api: str, body: Body, scenario: Scenario) -> Turn:
    model = str(body["model"])
    digest = request_digest(body)
    tokens = _input(state, api, model, body)
    choices = min(int(body.get("n") or 1), _MOST_CHOICES) if api in ("openai.chat", "openai.completions") else 1
    answers = tuple(
        answer(body, scenario, seed=state.seed, digest=digest, repetition=state.repetition(digest), model=model)
        for _ in range(choices)
    )
    item_prefix = {"openai.chat": "call_", "anthropic.messages": "toolu_01"}.get(api, "")
    return Turn(
        body=body,
        digest=digest,
        model=model,
        answers=answers,
        tokens=tokens,
        response_id=state.issue(_IDS[api]),
        item_id=state.issue(item_prefix),
        created=state.now_us() // 1_000_000,
        tier=_served_tier(api, body, scenario),
    )


def _input(state: State, api: str, model: str, body: Body) -> Input:
    if api == "anthropic.messages":
        return state.cache.anthropic(model, anthropic_blocks(body), state.now_us())
    explicit_only = (body.get("prompt_cache_options") or {}).get("mode") == "explicit"
    return state.cache.openai(model, openai_blocks(body), state.now_us(), enabled=not explicit_only)


def _served_tier(api: str, body: Body, scenario: Scenario) -> str:
    served = scenario.word("served")
    if served:
        return served
    if api == "anthropic.messages":
        return "standard"
    asked = body.get("service_tier")
    return "default" if asked in (None, "auto") else str(asked)


def _embeddings(state: State, body: Body, scenario: Scenario, request_id: str) -> Reply:
    inputs = body.get("input")
    texts = [inputs] if isinstance(inputs, str) else [str(one) for one in inputs or ()]
    model, dimensions = str(body["model"]), min(int(body.get("dimensions") or 16), _MOST_DIMENSIONS)
    tokens = sum(count_tokens(len(text.encode()), model) for text in texts)
    vectors = [vector(state.seed, text, dimensions) for text in texts]
    as_base64 = body.get("encoding_format") == "base64"
    reply = json_reply(openai_chat.embeddings(model, vectors, tokens, as_base64=as_base64))
    reply.headers.update(_headers("openai.embeddings", request_id))
    reply.scenario = scenario
    reply.record = _record(state, "openai.embeddings", body, request_id, Input(tokens), None)
    return reply


def _count(api: str, body: Body) -> Reply:
    blocks = anthropic_blocks(body) if api.startswith("anthropic") else openai_blocks(body)
    total = sum(count_tokens(len(block.data), str(body["model"])) for block in blocks)
    payload: dict[str, Any] = {"input_tokens": total}
    if api.startswith("openai"):
        payload["object"] = "response.input_tokens"
    return json_reply(payload)


def _retrieve(state: State, path: str) -> Reply:
    kept = state.responses.get(path.rsplit("/", 1)[-1])
    return json_reply(kept) if kept is not None else json_reply(openai_error(404, "Response not found."), 404)


def _error(
    state: State, api: str, body: Body, status: int, message: str, request_id: str, scenario: Scenario | None = None
) -> Reply:
    anthropic = api.startswith("anthropic")
    payload = anthropic_error(status, message, request_id) if anthropic else openai_error(status, message)
    reply = json_reply(payload, status)
    reply.headers.update(_headers(api, request_id))
    milliseconds = scenario.word("retry-after-ms") if scenario else None
    if milliseconds is not None:
        reply.headers["retry-after-ms"] = milliseconds
    if scenario is not None and (milliseconds is not None or status == 429):
        reply.headers["retry-after"] = scenario.word("retry-after") or "1"
    if not api.endswith(".count"):
        reply.record = _record(state, api, body, request_id, Input(0), None, status=status)
    return reply


def _headers(api: str, request_id: str) -> dict[str, str]:
    if api.startswith("anthropic"):
        return {
            "content-type": "application/json",
            "request-id": request_id,
            "anthropic-ratelimit-requests-limit": "4000",
            "anthropic-ratelimit-requests-remaining": "3999",
        }
    return {
        "content-type": "application/json",
        "x-request-id": request_id,
        "openai-version": "2020-10-01",
        "openai-processing-ms": "12",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
    }


def _record(
    state: State, api: str, body: Body, request_id: str, tokens: Input, turn: Turn | None, *, status: int = 200
) -> dict[str, Any]:
    """Open a line of the billing log. An HTTP error is not billed."""
    record = {
        "number": len(state.log) + 1,
        "time_us": state.now_us(),
        "api": api,
        "model": body.get("model"),
        "http_status": status,
        "outcome": "open" if status < 400 else "error",
        "billed": status < 400,
        "request_id": request_id,
        "response_id": turn.response_id if turn else None,
        "tier": turn.tier if turn else None,
        "speed": body.get("speed"),
        "geo": body.get("inference_geo"),
        "stream": bool(body.get("stream")),
        "digest": turn.digest[:16] if turn else None,
        "usage": bill(tokens, turn.output_tokens if turn else 0, turn.reasoning_tokens if turn else 0),
    }
    state.log.append(record)
    return record
