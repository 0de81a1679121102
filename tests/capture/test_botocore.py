"""boto3 and aiobotocore against a loopback Bedrock: whole answers, event streams, retries, streams given up."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest

from otelcost.capture import attempt as attempts
from otelcost.capture import guard, seams
from otelcost.capture.attempt import Attempt, open_attempts

from . import bedrock
from .bedrock import MODEL, Bedrock
from .conftest import Captured

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed: install requirements/dev.txt")
from botocore.config import Config  # type: ignore[import-not-found]  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
ASK = [{"role": "user", "content": [{"text": "How far is the moon?"}]}]
CLAUDE_BODY = json.dumps(
    {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "far?"}]}
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bedrock]:
    monkeypatch.setenv("OTELCOST_TRUSTED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with bedrock.serving() as made:
        yield made


@pytest.fixture
def client(server: Bedrock, captured: Captured) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": 3})
    made = boto3.client("bedrock-runtime", endpoint_url=server.url, config=config, **KEYS)
    yield made
    made.close()


def _seen(call: Any) -> Any:
    return call.api, call.provider, call.status, call.usage.input_uncached_tokens, call.usage.output_tokens


def test_converse(client: Any, captured: Captured) -> None:
    answer = client.converse(modelId=MODEL, messages=ASK)
    assert answer["usage"]["outputTokens"] == 9
    call = captured.one()
    assert _seen(call) == ("bedrock.converse", "aws.bedrock", "ok", 21, 9)
    assert call.request_model == MODEL
    assert call.request_id == "request-1"
    assert call.context.sdk in {"boto3", "botocore"}
    assert call.context.call_site_function == "test_converse"
    assert call.flags == ()


def test_converse_stream(client: Any, captured: Captured) -> None:
    events = list(client.converse_stream(modelId=MODEL, messages=ASK)["stream"])
    assert events[-1]["metadata"]["usage"] == bedrock.USAGE
    call = captured.one()
    assert _seen(call) == ("bedrock.converse", "aws.bedrock", "ok", 21, 9)
    assert (call.stream, call.flags) == (True, ())
    assert call.context.ttft_us is not None


def test_invoke_model(client: Any, captured: Captured) -> None:
    body = client.invoke_model(modelId=MODEL, body=CLAUDE_BODY)["body"]
    assert json.loads(body.read()) == bedrock.CLAUDE
    call = captured.one()
    assert _seen(call) == ("bedrock.invoke", "aws.bedrock", "ok", 21, 9)


def test_invoke_model_with_a_response_stream(client: Any, captured: Captured) -> None:
    stream = client.invoke_model_with_response_stream(modelId=MODEL, body=CLAUDE_BODY)["body"]
    assert [json.loads(event["chunk"]["bytes"]) for event in stream] == bedrock.CLAUDE_EVENTS
    call = captured.one()
    assert _seen(call) == ("bedrock.invoke", "aws.bedrock", "ok", 21, 9)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the socket of what was not closed
def test_streams_given_up(client: Any, captured: Captured) -> None:
    stream = client.converse_stream(modelId=MODEL, messages=ASK)["stream"]
    next(iter(stream))
    stream.close()
    stream = client.converse_stream(modelId=MODEL, messages=ASK)["stream"]
    next(iter(stream))
    del stream
    gc.collect()
    assert [call.status for call in captured.calls()] == ["aborted", "aborted"]
    assert all("lower_bound" in call.flags for call in captured.calls())
    assert not open_attempts


def test_retries_are_attempts_of_one_operation(client: Any, server: Bedrock, captured: Captured) -> None:
    server.refuse = 1
    client.converse(modelId=MODEL, messages=ASK)
    client.converse(modelId=MODEL, messages=ASK)
    first, second, third = captured.calls()
    assert [call.http_status for call in (first, second, third)] == [429, 200, 200]
    assert [call.context.attempt for call in (first, second, third)] == [1, 2, 1]
    assert second.context.operation_id == first.context.span_id
    assert third.context.operation_id == third.context.span_id


def test_errors_are_as_they_were(client: Any, server: Bedrock, captured: Captured) -> None:
    messages = []
    for _ in range(2):
        server.refuse = 3
        with pytest.raises(client.exceptions.ThrottlingException) as raised:
            client.converse(modelId=MODEL, messages=ASK)
        messages.append(str(raised.value))
        seams.uninstall()
    assert messages[0] == messages[1]
    assert [call.status for call in captured.calls()] == ["error"] * 3


def test_our_own_code_raising(client: Any, captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ours")

    monkeypatch.setattr(guard, "strict", False)
    for where in ("_keep_tail", "respond", "finish", "fail"):
        with monkeypatch.context() as patch:
            patch.setattr(Attempt, where, fail)
            patch.setattr(attempts, "BODY_LIMIT_BYTES", 0)
            stream = client.converse_stream(modelId=MODEL, messages=ASK)["stream"]
            assert len(list(stream)) == len(bedrock.CONVERSE_EVENTS)
            assert client.converse(modelId=MODEL, messages=ASK)["usage"] == bedrock.USAGE
    captured.calls()
    open_attempts.clear()


async def test_aiobotocore(server: Bedrock, captured: Captured) -> None:
    session = pytest.importorskip("aiobotocore.session", reason="aiobotocore is not installed")
    async with session.get_session().create_client("bedrock-runtime", endpoint_url=server.url, **KEYS) as client:
        await client.converse(modelId=MODEL, messages=ASK)
        stream = (await client.converse_stream(modelId=MODEL, messages=ASK))["stream"]
        events = [event async for event in stream]
    assert len(events) == len(bedrock.CONVERSE_EVENTS)
    calls = captured.calls()
    assert [_seen(call) for call in calls] == [("bedrock.converse", "aws.bedrock", "ok", 21, 9)] * 2
    assert {call.context.call_site_function for call in calls} == {"test_aiobotocore"}
