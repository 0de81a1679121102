"""Images and audio: forms in, pictures and sound out, tokens or seconds or nothing counted."""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.model import Usage
from otelcost.wire import multipart

FORM = {"content-type": "multipart/form-data; boundary=xyz"}


def form(*parts: tuple[str, str | bytes, str]) -> bytes:
    """A body of (name, value, content type); one with a type is a file."""
    out = b""
    for name, value, kind in parts:
        data = value.encode() if isinstance(value, str) else value
        file = f'; filename="f"\r\nContent-Type: {kind}' if kind else ""
        out += f'--xyz\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n"
    return out + b"--xyz--\r\n"


ASK = form(("model", "gpt-4o-transcribe", ""), ("prompt", "names", ""), ("file", b"\0" * 500, "audio/mpeg"))
COUNTS = {
    "type": "tokens",
    "input_tokens": 30,
    "output_tokens": 6,
    "total_tokens": 36,
    "input_token_details": {"text_tokens": 4, "audio_tokens": 26},
}


def test_a_transcript_that_counts_tokens(wire: Any) -> None:
    whole = wire.call("/v1/audio/transcriptions", ASK, {"text": "hello", "usage": COUNTS}, request_headers=FORM)
    events = [
        {"type": "transcript.text.delta", "delta": "hel"},
        {"type": "transcript.text.delta", "delta": "lo"},
        {"type": "transcript.text.segment"},
        {"type": "transcript.text.done", "text": "hello", "usage": COUNTS},
    ]
    ask = ASK.replace(b"--xyz--", form(("stream", "true", ""))[:-9] + b"--xyz--")
    streamed = wire.call("/v1/audio/transcriptions", ask, wire.sse(events), request_headers=FORM)
    for call in (whole, streamed):
        assert call.usage == Usage(
            input_uncached_tokens=30, input_audio_tokens=26, output_tokens=6, provider_total_tokens=36
        )
        assert (call.request_model, call.operation, call.status, call.flags) == (
            "gpt-4o-transcribe",
            "transcription",
            "ok",
            (),
        )
        assert [(segment.kind, segment.bytes) for segment in call.segments] == [("text", 5), ("audio", 500)]
    assert whole.output_hash == streamed.output_hash
    assert (whole.stream, streamed.stream) == (False, True)
    cut = wire.call("/v1/audio/transcriptions", ASK, wire.sse(events[:2]), request_headers=FORM, ended="closed")
    assert (cut.status, cut.usage) == ("aborted", Usage())


@pytest.mark.parametrize(
    ("response", "raw"),
    [
        ({"text": "hello", "usage": {"type": "duration", "seconds": 12}}, b'{"type":"duration","seconds":12}'),
        ({"text": "hello", "duration": 12.5, "segments": []}, b'{"duration":12.5}'),
        ({"text": "hello"}, b""),
        (b"1\n00:00:00,000 --> 00:00:01,000\nhello\n", b""),
    ],
)
def test_seconds_are_no_tokens(wire: Any, response: object, raw: bytes) -> None:
    call = wire.call("/v1/audio/transcriptions", ASK, response, request_headers=FORM)
    assert (call.usage, bytes(call.usage_raw), call.status, call.flags) == (Usage(), raw, "ok", ())
    assert call.output_bytes is not None
    assert call.output_bytes >= 5


def test_plain_text_that_was_not_read_to_its_end(wire: Any) -> None:
    call = wire.call("/v1/audio/transcriptions", ASK, b"hel", request_headers=FORM, ended="closed")
    assert (call.status, call.flags) == ("aborted", ("lower_bound",))
    failed = wire.call("/v1/audio/transcriptions", ASK, b"bad gateway", request_headers=FORM, status=502)
    assert (failed.status, failed.error_type) == ("error", "502")


def test_speech_is_sound_or_events(wire: Any) -> None:
    ask = {"model": "gpt-4o-mini-tts", "input": "On its way.", "instructions": "calm", "voice": "x"}
    sound = wire.call("/v1/audio/speech", ask, b"\xff\xf3" + bytes(400))
    assert (sound.status, sound.usage, sound.output_kind, sound.response_bytes) == ("ok", Usage(), "none", 402)
    assert [segment.bytes for segment in sound.segments] == [4, 11]
    counts = {"input_tokens": 5, "output_tokens": 40, "total_tokens": 45}
    events = [{"type": "speech.audio.delta", "audio": "AA"}, {"type": "speech.audio.done", "usage": counts}]
    call = wire.call("/v1/audio/speech", ask, wire.sse(events))
    assert (call.usage.input_uncached_tokens, call.usage.output_tokens, call.operation) == (5, 40, "speech")
    odd = wire.call("/v1/audio/speech", ask, wire.sse([{"type": "news"}, *events]))
    assert odd.flags == ("unknown_event",)
    late = wire.call("/v1/audio/speech", ask, wire.sse([events[0], {"type": "error", "error": {"code": "x"}}]))
    assert (late.status, late.error_type, late.flags) == ("error", "x", ("lower_bound",))


IMAGE = {"model": "gpt-image-1", "prompt": "a box", "n": 2, "size": "1024x1024"}
DETAILS = {"text_tokens": 10, "image_tokens": 40}


@pytest.mark.parametrize(
    ("counts", "output_image"),
    [
        ({}, 100),
        ({"output_tokens_details": {"image_tokens": 90, "text_tokens": 10}}, 90),
    ],
)
def test_images_that_count_tokens(wire: Any, counts: dict[str, Any], output_image: int) -> None:
    usage = {"input_tokens": 50, "output_tokens": 100, "total_tokens": 150, "input_tokens_details": DETAILS} | counts
    whole = wire.call("/v1/images/generations", IMAGE, {"data": [{"b64_json": "AA"}], "usage": usage})
    events = [
        {"type": "image_generation.partial_image", "b64_json": "AA"},
        {"type": "image_generation.completed", "b64_json": "AA", "usage": usage},
    ]
    streamed = wire.call("/v1/images/generations", IMAGE, wire.sse(events, named=True))
    for call in (whole, streamed):
        assert call.usage == Usage(
            input_uncached_tokens=50,
            input_image_tokens=40,
            output_tokens=100,
            output_image_tokens=output_image,
            provider_total_tokens=150,
        )
        assert (call.choices, call.operation, call.flags, call.status) == (2, "image_generation", (), "ok")


def test_an_edit_is_a_form_with_pictures(wire: Any) -> None:
    body = form(
        ("model", "gpt-image-1", ""), ("prompt", "a box", ""), ("n", "1", ""), ("image[]", b"12345678", "image/png")
    )
    call = wire.call("/v1/images/edits", body, {"data": [{}]}, request_headers=FORM)
    assert (call.request_model, call.choices, call.usage, call.status) == ("gpt-image-1", 1, Usage(), "ok")
    assert [(segment.kind, segment.bytes) for segment in call.segments] == [("text", 5), ("image", 8)]
    other = wire.call("/v1/images/edits", body.replace(b"5678", b"5679"), {"data": [{}]}, request_headers=FORM)
    assert other.request_hash != call.request_hash


def test_images_that_fail_in_a_stream(wire: Any) -> None:
    call = wire.call("/v1/images/generations", IMAGE, wire.sse([{"type": "error", "error": {"code": "x"}}]))
    assert (call.status, call.error_type) == ("error", "x")
    news = wire.call("/v1/images/generations", IMAGE, wire.sse([{"type": "news"}, {"type": "image_edit.completed"}]))
    assert (news.status, news.flags) == ("ok", ("unknown_event",))


@pytest.mark.parametrize(
    "path", ["/v1/videos", "/v1/videos/edits", "/v1/videos/extensions", "/v1/videos/video_1/remix"]
)
def test_videos_are_known_and_their_price_is_not(wire: Any, path: str) -> None:
    video = {
        "id": "video_2",
        "object": "video",
        "model": "sora-2",
        "status": "queued",
        "seconds": "8",
        "size": "720x1280",
    }
    call = wire.call(path, {"prompt": "a box"}, video)
    assert (call.operation, call.status, call.finish_reason, call.flags) == ("video_generation", "ok", "queued", ())
    assert (call.usage, bytes(call.usage_raw)) == (Usage(), b'{"seconds":"8","size":"720x1280"}')


@pytest.mark.parametrize(("kind", "segment"), [("document_url", "document"), ("image_url", "image")])
def test_ocr_counts_pages(wire: Any, kind: str, segment: str) -> None:
    pages = {"model": "mistral-ocr-2512", "pages": [{"markdown": "# Bill"}], "usage_info": {"pages_processed": 3}}
    call = wire.call("/v1/ocr", {"model": "mistral-ocr-latest", "document": {"type": kind, kind: "u"}}, pages)
    assert (call.provider, call.operation, call.status, call.flags) == ("mistral_ai", "ocr", "ok", ())
    assert (call.usage, bytes(call.usage_raw)) == (Usage(), b'{"pages_processed":3}')
    assert ([part.kind for part in call.segments], call.output_bytes) == ([segment], 6)


def test_forms() -> None:
    assert multipart.parse(b"{}", "application/json") is None
    empty = multipart.parse(b"x", "multipart/form-data")
    assert empty is not None
    assert (empty.fields.raw, empty.files) == ({}, [])
    quoted = 'Multipart/Form-Data; boundary="xyz"; charset=utf-8'
    body = form(
        ("a", "1.50", ""), ("b", "007", ""), ("c", "é", ""), ("d", b"\xff", "text/plain"), ("e", b"v", "video/mp4")
    )
    found = multipart.parse(body.replace(b'name="b"', b'name="b"\r\nX: y') + b"--xyz\r\nodd", quoted)
    assert found is not None
    values = {name: found.fields.value(name) for name in "abc"}
    assert values == {"a": 1.5, "b": "007", "c": "é"}
    assert [(part.kind, part.raw) for part in found.files] == [("document", b"\xff"), ("audio", b"v")]
    bare = multipart.parse(body.replace(b"Content-Type: text/plain", b"X: y"), quoted)
    assert bare is not None
    assert bare.files[0].kind == "document"
