"""A digest in every format: byte for byte, and nothing in a name gets its way.

After a change that is meant: `OTELCOST_WRITE_GOLDEN=1 python -m pytest tests/digest/test_formats.py`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from otelcost.digest import html
from otelcost.digest.message import Message
from otelcost.errors import OtelcostError

from .facts import HOSTILE, NOW, preview

GOLDEN = Path(__file__).parent / "golden"
FORMATS = ("text", "md", "html", "json", "eml")


def message(**more: Any) -> Message:
    return Message(
        digest="weekly", channel="mail", period="2026-11-23T09:00:00Z", moment=NOW, preview=preview(**more),
        sender="Costs <costs@example.com>", to=("team@example.com",),
    )  # fmt: skip


def without_pictures(body: bytes) -> bytes:
    """The bytes of a PNG are its library's."""
    return re.sub(rb"(?s)(Content-Type: image/png.*?\r\n\r\n).*?\r\n\r\n?--", rb"\1(picture)\r\n--", body)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("quiet", [False, True])
def test_formats_are_these(format_: Any, quiet: bool) -> None:
    body = without_pictures(message(quiet=quiet).in_format(format_))
    path = GOLDEN / f"{'quiet' if quiet else 'digest'}.{format_}"
    if os.environ.get("OTELCOST_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(body)
    assert body == path.read_bytes()


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_digest_gives_the_same_bytes(format_: Any) -> None:
    assert message().in_format(format_) == message().in_format(format_)


def test_a_hostile_name_stays_text() -> None:
    texts = {format_: message().in_format(format_).decode() for format_ in FORMATS}  # type: ignore[arg-type]
    for format_, text in texts.items():
        assert "\x1b" not in text, format_
        assert "\u202e" not in text, format_
        assert "\nBcc:" not in text, format_
    for format_ in ("md", "html"):
        assert not re.search(r"(?<!\\)<img src=x", texts[format_]), format_
    assert "\\<img src=x" in texts["md"]
    assert "\\*\\*x\\*\\*" in texts["md"]
    assert HOSTILE not in texts["text"]


def test_a_hostile_subject_is_one_header() -> None:
    mail = message(subject=HOSTILE).as_email()
    assert "Bcc" not in mail
    assert "\n" not in str(mail["Subject"])


def test_without_the_extra_a_mail_is_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "find_spec", lambda name: None)
    assert message().as_email().get_content_type() == "text/plain"
    with pytest.raises(OtelcostError, match="otelcost\\[email\\]"):
        message().in_format("html")


def test_a_quiet_week_is_one_line() -> None:
    assert message(quiet=True).in_format("text").decode().count("\n") == 1
