"""requests, and urllib3 under it, against the loopback provider: one record an attempt, however it is read."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.util.retry import Retry

import otelcost
from otelcost.capture import attempt as attempts
from otelcost.capture import guard, seams
from otelcost.capture.attempt import Attempt, open_attempts
from otelcost.demo.loopback import Loopback
from otelcost.spool.diagnostics import diagnostics

from .conftest import Captured

ASK: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "How far is the moon?"}]}
STREAM = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
KEY = {"authorization": "Bearer sk-test"}


def _scenario(name: str) -> dict[str, str]:
    return {**KEY, "x-loopback-scenario": name}


@pytest.fixture
def session(trusting: Loopback, captured: Captured) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.headers.update(KEY)
        yield made


@pytest.fixture
def url(trusting: Loopback) -> str:
    return f"{trusting.openai_url}/chat/completions"


def test_a_call(session: requests.Session, url: str, captured: Captured) -> None:
    answer = session.post(url, json=ASK).json()
    call = captured.one()
    assert (call.api, call.provider, call.status, call.http_status) == ("openai.chat", "openai", "ok", 200)
    assert call.usage.output_tokens == answer["usage"]["completion_tokens"]
    assert call.response_id == answer["id"]
    assert (call.context.sdk, call.context.sdk_version) == ("requests", requests.__version__)
    assert call.context.call_site_function == "test_a_call"
    assert (call.flags, call.context.ttft_us is None) == ((), False)
    assert call.segments


def test_without_a_session_and_with_labels(url: str, captured: Captured) -> None:
    with otelcost.task("triage"):
        requests.post(url, json=ASK, headers=KEY)
    assert captured.one().context.task == "triage"


def test_messages_and_other_requests(session: requests.Session, trusting: Loopback, captured: Captured) -> None:
    body = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": ASK["messages"]}
    session.post(f"{trusting.url}/v1/messages", json=body, headers={"x-api-key": "sk-ant"}).json()
    session.get(f"{trusting.url}/loopback/log")
    assert captured.one().api == "anthropic.messages"


WAYS: dict[str, Callable[[requests.Response], Any]] = {
    "content": lambda response: response.content,
    "iter_content": lambda response: list(response.iter_content(11)),
    "iter_content as it comes": lambda response: b"".join(response.iter_content(None)),
    "iter_lines": lambda response: list(response.iter_lines()),
    "raw read": lambda response: response.raw.read(),
    "raw read decoded": lambda response: response.raw.read(decode_content=True),
    "raw read in parts": lambda response: list(iter(lambda: response.raw.read(64), b"")),
    "raw stream": lambda response: b"".join(response.raw.stream(None)),
    "raw lines": lambda response: list(response.raw),
    "raw read1": lambda response: list(iter(lambda: response.raw.read1(100), b"")),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["stream", "body", "gzip"])
def test_every_way_to_read(session: requests.Session, url: str, captured: Captured, way: str, kind: str) -> None:
    headers = _scenario("gzip") if kind == "gzip" else KEY
    body = STREAM if kind == "stream" else ASK
    with session.post(url, json=body, stream=True, headers=headers) as response:
        seen = WAYS[way](response)
    call = captured.one()
    assert (call.status, call.flags) == ("ok", ())
    assert call.usage.output_tokens
    assert call.response_bytes
    assert seen
    seams.uninstall()
    with session.post(url, json=body, stream=True, headers=headers) as bare:
        assert type(WAYS[way](bare)) is type(seen)
        assert type(bare.raw).__mro__[0].__name__ == "HTTPResponse"


class Served:
    """A server of this process which answers every request with the same bytes."""

    def __init__(self, raw: bytes) -> None:
        import socket
        import threading

        self._raw = raw
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1/chat/completions"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self._read_request(connection)  # all of it: closing earlier would reset the connection
                connection.sendall(self._raw)

    @staticmethod
    def _read_request(connection: Any) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        while len(body) < int(length[1]) if length else not body.endswith(b"0\r\n\r\n"):
            body += connection.recv(65536)

    def close(self) -> None:
        self._socket.shutdown(2)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture
def served() -> Iterator[Callable[[bytes], str]]:
    made: list[Served] = []

    def serve(raw: bytes) -> str:
        made.append(Served(raw))
        return made[-1].url

    yield serve
    for one in made:
        one.close()


LENGTH = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"choices":[]}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: a\r\n2\r\n\n\n\r\n0\r\n\r\n"
UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\n\r\ndata: a\n\n"
SHORT = b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"choices":[]}'
TORN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: a\r\n9\r\nd"


@pytest.mark.parametrize("raw", [LENGTH, CHUNKED, UNTIL_CLOSED, SHORT, TORN])
@pytest.mark.parametrize("way", WAYS)
def test_bytes_and_exceptions_are_the_same_without_capture(
    captured: Captured, served: Callable[[bytes], str], raw: bytes, way: str
) -> None:
    url = served(raw)

    def read() -> Any:
        try:
            with requests.post(url, json=ASK, stream=True) as response:
                return WAYS[way](response), response.raw.tell(), response.raw.closed
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return type(error), str(error)

    with_capture = read()
    call = captured.one()
    broken = isinstance(with_capture[0], type)
    assert (call.context.duration_us is not None, call.http_status) == (True, 200)
    assert (call.error_type or "-")[0].isupper() == broken, "a class name where the transport failed"
    seams.uninstall()
    assert read() == with_capture


def test_closed_early(session: requests.Session, url: str, captured: Captured) -> None:
    with session.post(url, json=STREAM, stream=True) as response:
        next(response.iter_lines())
    call = captured.one()
    assert call.status == "aborted"
    assert {"estimated", "lower_bound"} <= set(call.flags)


def test_dropped_unread(session: requests.Session, url: str, captured: Captured) -> None:
    response = session.post(url, json=STREAM, stream=True)
    del response
    gc.collect()
    assert captured.one().status == "aborted"
    assert not open_attempts


def test_dropped_without_a_garbage_collection(session: requests.Session, url: str, captured: Captured) -> None:
    gc.disable()
    try:
        response = urllib3.request("POST", url, json=STREAM, headers=KEY, preload_content=False)
        response.read(10)
        del response
        assert captured.one().status == "aborted"
    finally:
        gc.enable()


@pytest.mark.parametrize("status", [400, 429, 500])
def test_errors(session: requests.Session, url: str, captured: Captured, status: int) -> None:
    answer = session.post(url, json=ASK, headers=_scenario(str(status)))
    assert answer.status_code == status
    call = captured.one()
    assert (call.status, call.http_status, call.usage.output_tokens) == ("error", status, None)


def test_connection_error_and_timeouts(session: requests.Session, url: str, captured: Captured) -> None:
    with pytest.raises(requests.ConnectionError):
        session.post("http://127.0.0.1:9/v1/chat/completions", json=ASK)
    with pytest.raises(requests.ReadTimeout):
        session.post(url, json=ASK, headers=_scenario("hang"), timeout=0.1)
    with pytest.raises(requests.ConnectionError):
        list(
            session.post(url, json=STREAM, headers=_scenario("pause;after=2"), timeout=0.2, stream=True).iter_content()
        )
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session.post(url, json=STREAM, headers=_scenario("truncate;after=2"))
    refused, hung, paused, torn = captured.calls()
    assert (refused.status, refused.error_type) == ("error", "NewConnectionError")
    assert (hung.status, hung.http_status, "lower_bound" in hung.flags) == ("timeout", None, True)
    assert (paused.status, paused.http_status) == ("timeout", 200)
    assert (torn.status, torn.http_status) == ("error", 200)


def test_retries_of_urllib3_are_attempts_of_one_operation(
    session: requests.Session, url: str, captured: Captured, trusting: Loopback
) -> None:
    policy = Retry(total=3, status_forcelist=[429, 500], allowed_methods=None, backoff_factor=0)
    session.mount("http://", HTTPAdapter(max_retries=policy))
    trusting.arm("500", times=2)
    assert session.post(url, json=ASK).status_code == 200
    session.post(url, json=ASK)
    calls = captured.calls()
    assert [call.http_status for call in calls] == [500, 500, 200, 200]
    assert [call.context.attempt for call in calls] == [1, 2, 3, 1]
    assert [call.context.operation_id for call in calls[:3]] == [calls[0].context.span_id] * 3
    assert calls[3].context.operation_id == calls[3].context.span_id


def test_a_redirect_is_no_call(captured: Captured, served: Callable[[bytes], str]) -> None:
    target = served(LENGTH)
    moved = f"HTTP/1.1 307 Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
    assert requests.post(served(moved.encode()), json=ASK).content == b'{"choices":[]}'
    assert urllib3.request("POST", served(moved.encode()), json=ASK).data == b'{"choices":[]}'
    assert [(call.http_status, call.context.attempt) for call in captured.calls()] == [(200, 1), (200, 1)]
    assert not open_attempts


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("preload", [True, False])
def test_an_empty_answer_ends(captured: Captured, served: Callable[[bytes], str], status: int, preload: bool) -> None:
    url = served(b"HTTP/1.1 %d OK\r\nContent-Length: 0\r\n\r\n" % status)
    assert urllib3.request("POST", url, json=ASK, preload_content=preload).data == b""
    assert not open_attempts
    assert captured.one().http_status == status


def test_a_body_read_at_once_that_breaks_off(captured: Captured, served: Callable[[bytes], str]) -> None:
    url = served(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        urllib3.request("POST", url, json=ASK, retries=False)
    call = captured.one()
    assert (call.http_status, call.status, call.error_type) == (200, "error", "ProtocolError")


def test_a_body_that_has_no_chunks_to_be_read_by(url: str, captured: Captured) -> None:
    response = urllib3.request("POST", url, json=ASK, headers=_scenario("gzip"), preload_content=False)
    chunked = response.chunked
    response.chunked = False
    with pytest.raises(urllib3.exceptions.ResponseNotChunked):
        list(response.read_chunked())
    response.chunked = chunked
    assert response.read()
    call = captured.one()
    assert (call.status, call.error_type, bool(call.usage.output_tokens)) == ("ok", None, True)


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize("decode", [True, False])
def test_urllib3_alone(url: str, captured: Captured, preload: bool, decode: bool) -> None:
    response = urllib3.request(
        "POST", url, json=ASK, headers=_scenario("gzip"), preload_content=preload, decode_content=decode
    )
    assert response.data
    call = captured.one()
    assert (call.status, call.flags, bool(call.usage.output_tokens)) == ("ok", (), True)


class _HTTP2Connection(HTTPConnection):
    """Answers with the class of urllib3's HTTP/2, which has its whole body before anybody can ask for it."""

    def getresponse(self) -> Any:
        from urllib3.http2.connection import HTTP2Response

        first = super().getresponse()
        body = first.read(decode_content=False)
        self.close()
        return HTTP2Response(first.status, first.headers, self.host, body)


@pytest.mark.parametrize("kind", ["gzip", "plain"])
def test_http_2(trusting: Loopback, captured: Captured, kind: str) -> None:
    pytest.importorskip("h2", reason="h2 is not installed: see requirements/dev.txt")
    headers = _scenario("gzip") if kind == "gzip" else KEY
    with urllib3.HTTPConnectionPool("127.0.0.1", trusting.port) as pool:
        pool.ConnectionCls = _HTTP2Connection
        response = pool.request("POST", "/v1/chat/completions", json=ASK, headers=headers, preload_content=False)
        assert (type(response).__name__, bool(response.data)) == ("HTTP2Response", True)
    call = captured.one()
    assert (call.status, call.flags, bool(call.usage.output_tokens)) == ("ok", (), True)


@pytest.mark.parametrize(
    ("body", "truncated"), [(b"{}", False), ("{}", False), (bytearray(b"{}"), False), (iter([b"{", b"}"]), True)]
)
def test_bodies_of_every_kind(served: Callable[[bytes], str], captured: Captured, body: Any, truncated: bool) -> None:
    urllib3.request("POST", served(LENGTH), body=body)
    call = captured.one()
    assert ("request_truncated" in call.flags) is truncated
    assert (call.request_bytes == 2) is not truncated


def _fail(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("ours")


@pytest.mark.parametrize("where", ["respond", "_keep_tail", "finish", "fail", "held_bytes"])
def test_our_own_code_raising(
    url: str, captured: Captured, monkeypatch: pytest.MonkeyPatch, where: str, served: Callable[[bytes], str]
) -> None:
    monkeypatch.setattr(guard, "strict", False)
    with monkeypatch.context() as patch:
        patch.setattr(Attempt, where, _fail)
        patch.setattr(attempts, "BODY_LIMIT_BYTES", 0)
        assert requests.post(url, json=ASK, headers=KEY).json()["choices"]
        with requests.post(url, json=STREAM, stream=True, headers=KEY) as response:
            assert b"[DONE]" in response.raw.read()
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.post(served(TORN), json=ASK)
        gc.collect()
    captured.calls()
    assert sum(count for name, count in diagnostics.snapshot().counts.items() if name.startswith("error:")) > 0
    open_attempts.clear()


@pytest.mark.parametrize("where", ["otelcost.capture.urllib3.address", "otelcost.capture.urllib3._observe"])
def test_the_seam_itself_raising(url: str, captured: Captured, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setattr(guard, "strict", False)
    with monkeypatch.context() as patch:
        patch.setattr(where, _fail)
        assert requests.post(url, json=ASK, headers=KEY).json()["choices"]
    captured.calls()
    assert not open_attempts
    assert requests.post(url, json=ASK, headers=KEY).ok


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_exceptions_of_the_host_pass(
    url: str, captured: Captured, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def interrupt(*args: Any, **kwargs: Any) -> Any:
        raise error("host")

    monkeypatch.setattr(urllib3.connection.HTTPConnection, "getresponse", interrupt)
    with pytest.raises(error, match="host"):
        requests.post(url, json=ASK)
    call = captured.one()
    assert (call.status, call.error_type) == ("cancelled", error.__name__)
