"""Every failure the loopback provider can be told to make, as the real SDKs see it."""

from __future__ import annotations

import gzip
import http.client
import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from otelcost.demo.loopback import Loopback
from otelcost.errors import OtelcostError

ASK: list[Any] = [{"role": "user", "content": "Say it in about 60 words."}]
GPT: dict[str, Any] = {"model": "gpt-6.1-sol", "messages": ASK}
CLAUDE: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 500, "messages": ASK}


def scenario(text: str) -> dict[str, str]:
    return {"x-loopback-scenario": text}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_openai_errors(gpt: openai.OpenAI, loopback_provider: Loopback, status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        gpt.chat.completions.create(**GPT, extra_headers=scenario(str(status)))

    (line,) = loopback_provider.log()
    assert (line["http_status"], line["outcome"], line["billed"]) == (status, "error", False)
    assert set(line["usage"].values()) == {0}


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
    ],
)
def test_anthropic_errors(claude: anthropic.Anthropic, status: int, error: type[Exception], kind: str) -> None:
    with pytest.raises(error) as caught:
        claude.messages.create(**CLAUDE, extra_headers=scenario(str(status)))

    assert isinstance(caught.value, anthropic.APIStatusError)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["type"] == kind
    assert caught.value.request_id


def test_sdk_retries_an_armed_429_by_itself(loopback_provider: Loopback) -> None:
    loopback_provider.arm("429;retry-after-ms=1", times=2)
    with openai.OpenAI(api_key="test", base_url=loopback_provider.openai_url, max_retries=2) as client:
        completion = client.chat.completions.create(**GPT)

    assert completion.choices[0].message.content
    assert [line["http_status"] for line in loopback_provider.log()] == [429, 429, 200]


def test_rate_limit_says_when_to_come_back(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        gpt.chat.completions.create(**GPT, extra_headers=scenario("429;retry-after-ms=40;retry-after=2"))

    assert caught.value.response.headers["retry-after-ms"] == "40"
    assert caught.value.response.headers["retry-after"] == "2"


def test_a_missing_key_is_refused(loopback_provider: Loopback) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", loopback_provider.port)
    connection.request("POST", "/v1/chat/completions", json.dumps(GPT))
    assert connection.getresponse().status == 401
    connection.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b"\xff",
        b'{"messages": []}',
        b'{"model": "m", "messages": 3}',
        b'{"model": "m", "messages": [3]}',
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"])
def test_nonsense_gets_an_answer_and_the_provider_lives(loopback_provider: Loopback, path: str, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", loopback_provider.port)
    connection.request("POST", path, body, {"authorization": "Bearer x"})
    response = connection.getresponse()
    assert response.status in (200, 400)
    assert json.loads(response.read())
    connection.close()


def test_error_event_inside_an_openai_stream(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    stream = gpt.chat.completions.create(**GPT, stream=True, extra_headers=scenario("stream-error;after=3"))
    with pytest.raises(openai.APIError):
        list(stream)

    assert loopback_provider.log()[0]["outcome"] == "error"


def test_error_event_inside_an_anthropic_stream(claude: anthropic.Anthropic) -> None:
    stream = claude.messages.create(**CLAUDE, stream=True, extra_headers=scenario("stream-error;after=4"))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(stream)


def test_error_event_inside_a_responses_stream(gpt: openai.OpenAI) -> None:
    stream = gpt.responses.create(
        model="gpt-6.1-sol", input="hello", stream=True, extra_headers=scenario("stream-error;after=4")
    )
    assert list(stream)[-1].type == "error"  # this API's streams carry errors as events


def test_truncated_stream_breaks_the_connection(claude: anthropic.Anthropic, loopback_provider: Loopback) -> None:
    stream = claude.messages.create(**CLAUDE, stream=True, extra_headers=scenario("truncate;after=5"))
    with pytest.raises((httpx2.RemoteProtocolError, anthropic.APIConnectionError)):
        list(stream)

    (line,) = loopback_provider.log()
    assert line["outcome"] == "truncated"
    # five events: message_start, ping, content_block_start and two deltas of 48 bytes: 24 tokens
    assert line["usage"]["output"] == 24


def test_cut_stream_ends_early_and_cleanly(gpt: openai.OpenAI) -> None:
    chunks = list(gpt.chat.completions.create(**GPT, stream=True, extra_headers=scenario("cut;after=3")))

    assert len(chunks) == 3
    assert chunks[-1].choices[0].finish_reason is None


def test_client_that_leaves_is_billed_for_what_was_sent(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    stream = gpt.chat.completions.create(**GPT, stream=True, extra_headers=scenario("pause;after=3"))
    for number, _ in enumerate(stream, start=1):
        if number == 3:
            stream.close()
            break

    (line,) = loopback_provider.log()
    assert line["outcome"] == "aborted"
    assert line["usage"]["output"] == 24  # the first chunk carries the role, two more 48 bytes each


def test_hanging_provider_runs_into_the_clients_timeout(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    with pytest.raises(openai.APITimeoutError):
        gpt.with_options(timeout=0.2).chat.completions.create(**GPT, extra_headers=scenario("hang"))

    (line,) = loopback_provider.log()
    assert (line["outcome"], line["billed"]) == ("timeout", False)


def test_slow_stream_arrives_whole(gpt: openai.OpenAI) -> None:
    chunks = list(gpt.chat.completions.create(**GPT, stream=True, extra_headers=scenario("slow;ms=1")))

    assert chunks[-1].choices[0].finish_reason == "stop"


def test_non_json_body(gpt: openai.OpenAI) -> None:
    raw = gpt.chat.completions.with_raw_response.create(**GPT, extra_headers=scenario("non-json"))

    assert raw.headers["content-type"] == "text/html"
    assert raw.text.startswith("<html>")


def test_wrong_content_type_carries_the_right_body(gpt: openai.OpenAI) -> None:
    raw = gpt.chat.completions.with_raw_response.create(**GPT, extra_headers=scenario("wrong-type"))

    assert raw.headers["content-type"] == "text/plain"
    assert json.loads(raw.text)["object"] == "chat.completion"


def test_huge_body(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(
        model="claude-haiku-4-5",
        max_tokens=10_000_000,
        messages=ASK,
        timeout=60,
        extra_headers=scenario("huge;bytes=3000000"),
    )

    assert message.content[0].type == "text"
    assert len(message.content[0].text) == 3_000_000
    assert message.usage.output_tokens == 750_000


@pytest.mark.parametrize("streamed", [False, True])
def test_gzip_is_decoded_by_the_sdk(gpt: openai.OpenAI, streamed: bool) -> None:
    headers = scenario("gzip")
    if streamed:
        chunks = list(gpt.chat.completions.create(**GPT, stream=True, extra_headers=headers))
        assert chunks[-1].choices[0].finish_reason == "stop"
    else:
        raw = gpt.chat.completions.with_raw_response.create(**GPT, extra_headers=headers)
        assert raw.headers["content-encoding"] == "gzip"
        assert raw.parse().choices[0].message.content


def test_gzip_is_gzip_on_the_wire(loopback_provider: Loopback) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", loopback_provider.port)
    headers = {"authorization": "Bearer x", **scenario("gzip")}
    connection.request("POST", "/v1/chat/completions", json.dumps(GPT), headers)
    body = connection.getresponse().read()
    connection.close()

    assert json.loads(gzip.decompress(body))["object"] == "chat.completion"


def test_broken_json_is_broken_and_the_next_is_not(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    loopback_provider.arm("broken-json")
    asked: Any = [
        {"role": "user", "content": "Reply with a JSON object with the keys one, two and three. Use about 20 words."}
    ]
    texts = [gpt.chat.completions.create(model="gpt-5.4", messages=asked).choices[0].message.content for _ in range(2)]

    with pytest.raises(json.JSONDecodeError):
        json.loads(texts[0] or "")
    assert set(json.loads(texts[1] or "")) == {"one", "two", "three"}


def test_a_free_tool_is_called_on_demand(gpt: openai.OpenAI) -> None:
    tool: Any = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    completion = gpt.chat.completions.create(**GPT, tools=[tool], extra_headers=scenario("tool"))

    assert completion.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("text", ["nonsense", "200", "999"])
def test_unknown_scenario_is_refused_by_name(gpt: openai.OpenAI, loopback_provider: Loopback, text: str) -> None:
    with pytest.raises(openai.BadRequestError, match=text):
        gpt.chat.completions.create(**GPT, extra_headers=scenario(text))
    with pytest.raises(OtelcostError, match=text):
        loopback_provider.arm(text)


def test_unknown_paths_are_not_found(loopback_provider: Loopback) -> None:
    for method, path in (("GET", "/v1/chat/completions"), ("POST", "/v1/unknown"), ("GET", "/loopback/unknown")):
        connection = http.client.HTTPConnection("127.0.0.1", loopback_provider.port)
        connection.request(method, path)
        assert connection.getresponse().status == 404
        connection.close()


def test_oversized_request_is_refused_unread(loopback_provider: Loopback) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", loopback_provider.port)
    connection.putrequest("POST", "/v1/messages")
    connection.putheader("content-length", str(10**12))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
