"""Forms: a model that hears or sees is named in a field beside the file, and the file belongs to the program."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import httpx2
import openai
import pytest
import requests

from otelcost.capture import forms, sketch
from otelcost.capture.attempt import Attempt, Head
from otelcost.capture.worker import worker

from .answers import Answer, Answers, answering
from .conftest import Captured

SOUND = b"RIFF" + b"\0" * 999
USAGE = {"type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19}
FIELDS = {"model": "gpt-4o-transcribe"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    monkeypatch.setenv("OTELCOST_TRUSTED_HOSTS", "127.0.0.1")
    with answering({"POST /v1/audio/transcriptions": [Answer({"text": "hello", "usage": USAGE})]}) as made:
        yield made


@pytest.mark.parametrize("file", [SOUND, BytesIO(SOUND)], ids=["bytes", "BytesIO"])
def test_the_sdks_upload(server: Answers, captured: Captured, file: Any) -> None:
    client = openai.OpenAI(api_key="sk-x", base_url=f"{server.url}/v1")
    client.audio.transcriptions.create(model=FIELDS["model"], file=("a.wav", file))
    call = captured.one()
    assert (call.request_model, call.usage.output_tokens, call.flags) == ("gpt-4o-transcribe", 5, ())
    assert [(part.kind, part.bytes) for part in call.segments] == [("audio", len(SOUND))]


def test_the_same_whoever_sends_it(server: Answers, captured: Captured) -> None:
    files = {"file": ("a.wav", SOUND, "audio/wav")}
    for post in (requests.post, httpx.post, httpx2.post):
        post(f"{server.url}/v1/audio/transcriptions", data=FIELDS, files=files)  # type: ignore[operator]
    calls = captured.calls()
    assert len({call.request_hash for call in calls}) == 1
    assert [(call.request_model, len(call.segments), call.flags) for call in calls] == [(FIELDS["model"], 1, ())] * 3


@pytest.mark.parametrize("module", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_what_is_no_file_or_not_there(server: Answers, captured: Captured, tmp_path: Path, module: Any) -> None:
    """A file that the program opened is not read, one too big neither: the record says so and names the model."""
    (tmp_path / "a.wav").write_bytes(SOUND)
    with (tmp_path / "a.wav").open("rb") as opened:
        big = ("b.wav", b"\0" * (sketch.LIMIT_BYTES + 1))
        for file in (opened, big, ("c.wav", "RIFF")):
            module.post(f"{server.url}/v1/audio/transcriptions", data=FIELDS, files={"file": file})
        assert opened.tell() == len(SOUND), "left where the library left it"
    calls = captured.calls()
    assert [call.request_model for call in calls] == [FIELDS["model"]] * 3
    assert [call.flags for call in calls] == [("request_truncated",), ("request_truncated",), ()]
    assert [len(call.segments) for call in calls] == [0, 0, 1]
    assert calls[1].request_bytes > sketch.LIMIT_BYTES


def test_a_file_closed_meanwhile(server: Answers, captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    file = BytesIO(SOUND)
    submit = worker.submit
    monkeypatch.setattr(worker, "submit", lambda attempt: (submit(attempt), file.close()))
    httpx.post(f"{server.url}/v1/audio/transcriptions", data=FIELDS, files={"file": ("a.wav", file)})
    call = captured.one()
    assert (call.request_model, call.flags) == (FIELDS["model"], ("request_truncated",))


def test_a_buffer_can_be_written_while_it_is_looked_at() -> None:
    """No view of it is ever made, which would keep its program from resizing it."""

    class Watched(BytesIO):
        def getbuffer(self) -> Any:
            raise AssertionError("a view")

    file = Watched(SOUND)
    request = httpx.Request("POST", "http://127.0.0.1/", data=FIELDS, files={"file": file})
    assert forms.held_bytes(request) == len(SOUND)
    body, cut = forms.body_of(request)
    file.truncate(0)
    file.close()
    assert (SOUND in body, cut) == (True, False)
    assert (forms.held_bytes(request), forms.body_of(request)[1]) == (0, True)


def test_a_form_counts_among_what_is_held_and_can_be_given_up() -> None:
    request = httpx.Request("POST", "http://127.0.0.1/v1/audio/transcriptions", data=FIELDS, files={"file": SOUND})
    attempt = Attempt(request, None, print)  # type: ignore[arg-type]
    assert attempt.held_bytes() == len(SOUND)
    head = Head(request)
    assert (b"gpt-4o-transcribe" in head.content, SOUND in head.content) == (True, False)
    assert head.size == int(request.headers["content-length"])
    chunked = httpx.Request("POST", request.url, content=iter([b"x"]))
    assert Head(chunked).size == 0
