"""Every fault that capture can meet: the host never notices, and what is lost is counted."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from otelcost import settings, wire
from otelcost.capture import attempt as attempts
from otelcost.capture import guard
from otelcost.capture import record as recording
from otelcost.capture.attempt import Attempt
from otelcost.capture.worker import worker
from otelcost.spool.diagnostics import Report, diagnostics, read_reports

from .conftest import Captured, read_calls

PATH = "http://127.0.0.1/v1/chat/completions"
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello " * 200}]}


def ask(content: bytes = b'{"id":"chatcmpl-1","choices":[]}') -> bytes:
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=content))
    with httpx2.Client(transport=transport) as client:
        return client.post(PATH, json=BODY).content


def _counts() -> dict[str, int]:
    return diagnostics.snapshot().counts


def _fail(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("-".join(["the", "secret", "prompt"]))


@pytest.mark.usefixtures("lenient")
def test_a_decoder_that_raises(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "decode_with_bodies", _fail)
    assert ask()
    assert ask()
    assert [call.http_status for call in captured.calls()] == [200, 200], "as much as is known without the bodies"
    report = diagnostics.snapshot()
    assert report.counts["error:record"] == 2
    assert "RuntimeError" in report.first_tracebacks["error:record"]
    assert "the-secret-prompt" not in report.first_tracebacks["error:record"]
    monkeypatch.undo()


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("where", ["finish", "whole", "_keep_tail", "held_bytes"])
def test_our_own_code_raising_on_the_callers_thread(
    captured: Captured, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Attempt, where, _fail)
        patch.setattr(attempts, "BODY_LIMIT_BYTES", 0)
        assert ask() == b'{"id":"chatcmpl-1","choices":[]}'
        transport = httpx2.MockTransport(lambda request: httpx2.Response(200, stream=_Stream()))
        with httpx2.Client(transport=transport) as client, client.stream("POST", PATH, json=BODY) as response:
            assert list(response.iter_raw()) == [b"a", b"b"]
        gc.collect()
    captured.calls()
    assert sum(count for name, count in _counts().items() if name.startswith("error:")) > 0


class _Stream(httpx2.SyncByteStream):
    def __iter__(self) -> Any:
        yield b"a"
        yield b"b"


@pytest.mark.usefixtures("lenient")
def test_a_failure_while_a_call_begins(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("otelcost.capture.attempt.find_site", _fail)
        assert ask()
    assert _counts()["error:begin"] == 1
    ask()
    assert captured.one().http_status == 200


def test_a_signal_handler_of_the_host_is_heard_inside_our_code(monkeypatch: pytest.MonkeyPatch) -> None:
    class TimeLimitError(Exception):
        pass

    def on_alarm(number: int, frame: Any) -> None:
        raise TimeLimitError

    monkeypatch.setattr(guard, "strict", False)
    before = signal.signal(signal.SIGUSR1, on_alarm)
    try:
        with pytest.raises(TimeLimitError), guard.Guard("ours"):
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_guard_passes_what_is_not_an_error_of_ours() -> None:
    with pytest.raises(KeyboardInterrupt), guard.Guard("ours"):
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="strict"), guard.Guard("ours"):
        raise ValueError("strict under test")


def test_a_file_where_the_spool_should_be(captured: Captured, home: Path, caplog: Any) -> None:
    home.mkdir()
    (home / "spool").write_text("in the way")
    assert ask()
    assert ask()
    assert worker.flush()
    assert _counts()["dropped_records"] == 2
    assert [record.levelname for record in caplog.records if "spool" in record.message] == ["WARNING"]


def test_a_home_that_cannot_be_made(captured: Captured, home: Path) -> None:
    home.write_text("in the way")
    assert ask()
    assert worker.flush()
    assert _counts()["dropped_records"] == 1


def test_more_bytes_waiting_than_allowed(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_limit", 1000)
    assert ask()
    call = captured.one()
    assert call.http_status == 200
    assert "request_truncated" in call.flags
    assert "response_truncated" not in call.flags, "it is small: the request goes first"
    assert call.request_model == "gpt-4o-mini"
    assert call.request_bytes > 1000
    assert (call.request_hash, call.segments, call.usage.input_uncached_tokens) == (None, (), None)
    assert _counts()["dropped_bodies"] == 1
    assert worker._pending_bytes == 0


def test_no_byte_may_wait(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_limit", 0)
    assert ask()
    assert {"request_truncated", "response_truncated"} <= set(captured.one().flags)
    assert worker._pending_bytes == 0


def test_a_huge_prompt_is_not_read(captured: Captured) -> None:
    text = 'say "model": "not-this" ' * 120_000
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": text}], "model": "gpt-4o-mini", "stream": False}
    usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    answer = {
        "id": "1",
        "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": usage,
    }
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=answer))
    with httpx2.Client(transport=transport) as client:
        client.post(PATH, json=body)
    call = captured.one()
    assert "request_truncated" in call.flags
    assert (call.request_model, call.max_output_tokens, call.stream) == ("gpt-4o-mini", 9, False)
    assert call.request_bytes > len(text)
    assert (call.request_hash, call.simhash, call.segments) == (None, None, ())
    assert (call.usage.input_uncached_tokens, call.usage.output_tokens) == (7, 9)


def test_more_records_waiting_than_allowed(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otelcost.capture.worker.MAX_PENDING_RECORDS", 0)
    assert ask()
    assert captured.calls() == []
    assert _counts()["dropped_records"] == 1
    assert worker._pending_bytes == 0


def test_a_huge_stream_keeps_its_head_and_its_tail(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otelcost.capture.attempt.BODY_LIMIT_BYTES", 4096)
    monkeypatch.setattr("otelcost.capture.attempt.TAIL_BYTES", 1024)
    delta = b'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
    end = (
        b'data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9,'
        b'"total_tokens":16}}\n\ndata: [DONE]\n\n'
    )

    class Long(httpx2.SyncByteStream):
        def __iter__(self) -> Any:
            for _ in range(2000):
                yield delta
            yield end

    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Long())
    with (
        httpx2.Client(transport=httpx2.MockTransport(lambda request: answer)) as client,
        client.stream("POST", PATH, json=BODY) as response,
    ):
        assert sum(map(len, response.iter_raw())) == 2000 * len(delta) + len(end)
    call = captured.one()
    assert "response_truncated" in call.flags
    assert (call.usage.input_uncached_tokens, call.usage.output_tokens) == (7, 9)


def test_the_worker_is_started_again_if_it_died(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    died = threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda _: died.set())
        patch.setattr(wire, "decode_with_bodies", _fail)
        ask()  # our errors are strict here: this one ends the thread
        assert died.wait(60)
        assert worker._thread is not None
        assert not worker._thread.alive
    ask()
    assert captured.one().http_status == 200


def test_a_key_that_is_damaged_is_left_alone(captured: Captured, home: Path) -> None:
    home.mkdir()
    settings.key_path().write_bytes(b"short")
    ask()
    assert captured.one().request_hash is not None
    assert settings.key_path().read_bytes() == b"short"
    assert _counts()["error:key"] == 1


def _run(home: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of its own: what happens at its exit is what is looked at."""
    preamble = """
        import os, sys, threading, time, httpx2, otelcost
        otelcost.instrument()
        URL = "http://127.0.0.1/v1/chat/completions"
        SSE = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"hi"}}]}\\n\\n'
        class Stream(httpx2.SyncByteStream):
            def __iter__(self):
                while True:
                    yield SSE
        def answer(request):
            if request.url.path.startswith("/stream"):
                return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Stream())
            if request.url.path.startswith("/hang"):
                time.sleep(60)
            return httpx2.Response(200, json={"id": "1", "choices": []})
        client = httpx2.Client(transport=httpx2.MockTransport(answer))
        def ask():
            client.post(URL, json={"model": "m", "messages": []})
    """
    source = textwrap.dedent(preamble) + textwrap.dedent(script)
    variables = {**os.environ, "OTELCOST_HOME": str(home), **environment}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        env=variables, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def _clean(finished: subprocess.CompletedProcess[str]) -> None:
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""


def test_exit_right_after_a_call(home: Path) -> None:
    _clean(_run(home, "ask()"))
    (call,) = read_calls(home)
    assert call.http_status == 200
    assert not list((home / "spool").glob("*.open")), "the segment is sealed at exit"


def test_exit_with_a_stream_open_and_a_call_in_flight(home: Path) -> None:
    _clean(
        _run(
            home,
            """
            stream = client.send(client.build_request("POST", URL.replace("/v1", "/stream"), json={}), stream=True)
            chunks = stream.iter_raw()
            next(chunks)
            hanging = client.build_request("POST", URL.replace("/v1", "/hang"), json={})
            threading.Thread(target=client.send, args=(hanging,), daemon=True).start()
            time.sleep(0.2)
            """,
        )
    )
    assert sorted(call.status for call in read_calls(home)) == ["aborted", "aborted"]


def test_calls_from_other_threads_and_exit_handlers_after_ours(home: Path) -> None:
    script = """
        import atexit
        threading.Thread(target=lambda: (time.sleep(0.2), ask())).start()
        atexit.register(ask)
    """
    _clean(_run(home, script))
    assert len(read_calls(home)) == 2


def test_an_exit_handler_older_than_capture(home: Path) -> None:
    script = """
        import atexit, subprocess
        otelcost.uninstrument()
        atexit.register(ask)
        otelcost.instrument()
        ask()
    """
    _clean(_run(home, script))
    assert len(read_calls(home)) == 2


def test_forked_children_record_their_own_calls_once(home: Path) -> None:
    script = """
        ask()
        held = client.send(client.build_request("POST", URL.replace("/v1", "/stream"), json={}), stream=True)
        chunks = held.iter_raw()
        next(chunks)
        children = []
        for _ in range(4):
            child = os.fork()
            if not child:
                ask()
                os._exit(0 if otelcost.flush(60) else 1)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
        assert codes == [0, 0, 0, 0], codes
        ask()
        held.close()
    """
    _clean(_run(home, script))
    calls = read_calls(home)
    assert len(calls) == 7
    assert len({call.context.span_id for call in calls}) == 7
    assert len({call.context.pid for call in calls}) == 5


def test_fork_while_other_threads_call(home: Path) -> None:
    script = """
        stop = threading.Event()
        def loop():
            while not stop.is_set():
                ask()
        threads = [threading.Thread(target=loop) for _ in range(4)]
        [thread.start() for thread in threads]
        for _ in range(20):
            child = os.fork()
            if not child:
                ask()
                os._exit(0 if otelcost.flush(60) else 1)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        [thread.join() for thread in threads]
    """
    _clean(_run(home, script))
    calls = read_calls(home)
    assert len({call.context.pid for call in calls}) == 21
    assert len({call.context.span_id for call in calls}) == len(calls)


def test_multiprocessing_workers_flush(home: Path) -> None:
    script = """
        import multiprocessing
        ask()
        workers = [multiprocessing.get_context("fork").Process(target=ask) for _ in range(3)]
        [one.start() for one in workers]
        [one.join() for one in workers]
        assert [one.exitcode for one in workers] == [0, 0, 0]
    """
    _clean(_run(home, script))
    assert len(read_calls(home)) == 4


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_disk_that_is_full(home: Path, debug: str) -> None:
    script = """
        import resource, signal
        ask(); otelcost.flush(60)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        ask(); ask(); otelcost.flush(60)
        from otelcost import settings
        from otelcost.spool.diagnostics import diagnostics
        diagnostics.write(settings.spool_dir(), force=True)  # no room for this either
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        time.sleep(1.1)
        ask()
    """
    finished = _run(home, script, OTELCOST_DEBUG=debug)
    assert finished.returncode == 0
    assert finished.stderr.count("records are dropped") == (1 if debug else 0)
    assert debug or not finished.stderr
    assert len(read_calls(home)) == 2, "what came before and after is whole"
    (report,) = read_reports(home / "spool")
    assert isinstance(report, Report)
    assert report.counts["dropped_records"] == 2


def test_a_limit_of_one_files_size(home: Path) -> None:
    script = """
        import resource
        ask(); otelcost.flush(60)
        size = sum(entry.stat().st_size for entry in os.scandir(os.environ["OTELCOST_HOME"] + "/spool"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
        ask(); ask(); otelcost.flush(60)
    """
    _clean(_run(home, script))
    assert len(read_calls(home)) == 3, "each in a segment of its own"


def test_a_relative_home_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = """
        ask(); otelcost.flush(60)
        os.mkdir("below"); os.chdir("below")
        ask(); otelcost.flush(60)
        from otelcost.capture.worker import worker
        worker.move()
        ask()
    """
    _clean(_run(Path("here"), script))
    assert not (tmp_path / "below" / "here").exists()
    assert len(read_calls(tmp_path / "here")) == 3


def test_a_spool_that_is_unusable_is_told_elsewhere(home: Path, tmp_path: Path) -> None:
    home.write_text("in the way")
    (tmp_path / "tmp").mkdir()
    _clean(_run(home, "ask(); otelcost.flush(60)", TMPDIR=str(tmp_path / "tmp")))
    (found,) = (tmp_path / "tmp").glob("otelcost-*/*/diag-*.json")
    assert b"dropped_records" in found.read_bytes()
    assert found.parent.stat().st_mode & 0o777 == 0o700


def test_ctrl_c_in_a_call_ends_the_program_as_it_would_without_us(home: Path) -> None:
    script = """
        import signal
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        client.post(URL.replace("/v1", "/hang"), json={"model": "m", "messages": [{"role": "user", "content": "hi"}]})
    """
    for estimates in ("", "tiktoken"):
        finished = _run(home, script, OTELCOST_ESTIMATE=estimates)
        assert finished.returncode == -signal.SIGINT, finished.stderr
    assert [call.status for call in read_calls(home)] == ["cancelled"] * 2


def test_a_crash_loses_at_most_what_was_not_yet_written(home: Path) -> None:
    finished = _run(home, "ask(); otelcost.flush(60); os.kill(os.getpid(), 9)")
    assert finished.returncode == -9
    assert len(read_calls(home)) == 1


@pytest.mark.parametrize(
    ("error", "lower"), [(httpx2.ConnectError, False), (httpx2.ReadError, True), (httpx2.ConnectTimeout, False)]
)
def test_what_may_have_been_billed_is_marked(captured: Captured, error: Any, lower: bool) -> None:
    def fail(request: Any) -> Any:
        raise error("broken")

    with httpx2.Client(transport=httpx2.MockTransport(fail)) as client, pytest.raises(error):
        client.post(PATH, json=BODY)
    call = captured.one()
    assert ("lower_bound" in call.flags) == lower
    assert call.usage.input_uncached_tokens is None


class _Broken(httpx2.SyncByteStream):
    def __iter__(self) -> Any:
        yield b'{"id":'
        raise httpx2.RemoteProtocolError("cut")


class HookError(Exception):
    pass


def _raising(response: Any) -> None:
    raise HookError


@pytest.mark.parametrize("where", ["body", "hook"])
def test_a_response_that_broke_off_after_its_head_keeps_its_status(captured: Captured, where: str) -> None:
    answer = httpx2.Response(200, stream=_Broken()) if where == "body" else httpx2.Response(200, json={})
    hooks = {"response": [_raising]} if where == "hook" else {}
    with (
        httpx2.Client(transport=httpx2.MockTransport(lambda request: answer), event_hooks=hooks) as client,
        pytest.raises((httpx2.RemoteProtocolError, HookError)),
    ):
        client.post(PATH, json=BODY)
    call = captured.one()
    assert (call.status, call.http_status) == ("error", 200)
    assert "lower_bound" in call.flags
    assert call.usage.input_uncached_tokens
    assert call.usage.output_tokens is None


def test_one_request_sent_by_many_threads_at_once(captured: Captured) -> None:
    together = threading.Barrier(4)

    def answer(request: Any) -> Any:
        together.wait(10)
        return httpx2.Response(200, json={"id": "1", "choices": []})

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        request = client.build_request("POST", PATH, json=BODY)
        threads = [threading.Thread(target=client.send, args=(request,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(captured.calls()) == 4


def test_recorder_without_a_response(captured: Captured) -> None:
    def fail(request: Any) -> Any:
        raise httpx2.ConnectError("refused")

    with httpx2.Client(transport=httpx2.MockTransport(fail)) as client, pytest.raises(httpx2.ConnectError):
        client.post(PATH, json=BODY)
    call = captured.one()
    assert (call.status, call.http_status) == ("error", None)
    assert recording.Recorder()._host == call.context.host


def test_the_background_does_not_linger_when_somebody_waits(
    captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otelcost.capture.worker.REST_SECONDS", 300)
    ask()
    ask()
    assert worker.flush(60)
    assert len(captured.calls()) == 2


def test_the_background_does_not_linger_when_memory_fills(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otelcost.capture.worker.REST_SECONDS", 300)
    assert worker.flush(60)
    monkeypatch.setattr(worker, "_limit", 4 * len(json.dumps(BODY)))
    ask()
    deadline = time.monotonic() + 60
    while not read_calls(captured.home) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(read_calls(captured.home)) == 1
