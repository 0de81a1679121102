"""Webhooks against a real server on loopback, files and standard output."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .facts import Office, settings

SECRET = "k3y-of-the-hook"


class Hook(ThreadingHTTPServer):
    """Answers with the next of its statuses; 0 hangs up without an answer."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/t0ken-in-path"


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "digests.sqlite3")


def text(url: str) -> str:
    return f"""
[digest.weekly]
retry_s = [0.01]
[digest.weekly.channels.hook]
kind = "webhook"
url = "{url}"
secret = "{SECRET}"
"""


def state(office: Office) -> tuple[str, int, str]:
    (row,) = office.ledger.all()
    return row.state, row.attempts, row.detail


def test_the_body_is_signed_and_has_an_identity(office: Office, hook: Hook, tmp_path: Path) -> None:
    assert office.run_due(settings(tmp_path, text(hook.url)))[0][1] == "sent"
    ((headers, body),) = hook.got
    assert headers["X-Otelcost-Signature"] == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    said = json.loads(body)
    assert (said["schema_version"], said["digest"], said["period"]) == (1, "weekly", "2026-11-23T07:30:00Z")
    assert headers["Idempotency-Key"] == said["message_id"].strip("<>")
    assert said["spend_picousd"] == 100 * 10**12
    assert said["last_call"] == "2026-11-23T06:30:00.000000Z"
    assert state(office) == ("sent", 1, "HTTP 204")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([503], ("sent", 2, "HTTP 204")),
        ([429, 500], ("failed", 2, "HTTP 500")),
        ([403], ("failed", 1, "HTTP 403")),
        ([302], ("failed", 1, "HTTP 302")),
    ],
)
def test_what_an_answer_means(
    office: Office, hook: Hook, tmp_path: Path, statuses: list[int], expected: tuple[str, int, str]
) -> None:
    hook.statuses = list(statuses)
    office.run_due(settings(tmp_path, text(hook.url)))
    assert state(office) == expected


def test_no_answer_is_unknown(office: Office, hook: Hook, tmp_path: Path) -> None:
    hook.statuses = [0]
    digests = settings(tmp_path, text(hook.url))
    assert office.run_due(digests)[0][1] == "unknown"
    office.now += timedelta(hours=9)
    assert office.run_due(digests) == []
    assert len(hook.got) == 1


def test_nobody_there_is_tried_again_and_secrets_stand_nowhere(office: Office, hook: Hook, tmp_path: Path) -> None:
    url = hook.url.replace(str(hook.server_address[1]), "1")
    office.run_due(settings(tmp_path, text(url)))
    assert state(office)[:2] == ("failed", 2)
    kept = office.ledger.path.read_bytes()
    assert b"t0ken" not in kept
    assert SECRET.encode() not in kept
    assert office.ledger.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("format_", "start"), [("md", b"# LLM spend"), ("html", b"<!DOCTYPE html>"), ("json", b"{")])
def test_a_file_is_written_whole(office: Office, tmp_path: Path, format_: str, start: bytes) -> None:
    digests = settings(
        tmp_path,
        f'[digest.weekly.channels.f]\nkind = "file"\npath = "out/{{digest}}-{{date}}.x"\nformat = "{format_}"\n',
    )
    assert office.run_due(digests)[0][1] == "sent"
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == "weekly-2026-11-23.x"
    assert path.read_bytes().startswith(start)


def test_a_secret_from_a_command_a_file_and_a_variable(
    office: Office, hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "word").write_text(f"{hook.url}\n")
    monkeypatch.setenv("HOOK_ADDRESS", hook.url)
    ways = ('{command = ["cat", "' + str(tmp_path / "word") + '"]}', '{file = "word"}', '{env = "HOOK_ADDRESS"}')
    channels = "".join(
        f'[digest.weekly.channels.c{number}]\nkind = "webhook"\nurl = {way}\n' for number, way in enumerate(ways)
    )
    assert [one for _, one in office.run_due(settings(tmp_path, channels, 0o644))] == ["sent"] * 3
    assert len(hook.got) == 3


@pytest.mark.filterwarnings("default::DeprecationWarning")  # of modules that apprise itself loads
def test_apprise_posts_to_what_it_knows(office: Office, hook: Hook, tmp_path: Path) -> None:
    pytest.importorskip("apprise")
    address = hook.url.replace("http://", "json://")
    digests = settings(tmp_path, f'[digest.weekly.channels.a]\nkind = "apprise"\nurl = "{address}"\n')
    hook.statuses = [200]
    assert office.run_due(digests)[0][1] == "sent"
    assert json.loads(hook.got[0][1])["title"].startswith("LLM spend")
    hook.statuses = [500]
    office.now += timedelta(days=7)
    assert office.run_due(digests)[0][1] == "failed"
    assert state_of_newest(office) == "apprise could not deliver it"


def state_of_newest(office: Office) -> str:
    return office.ledger.all()[0].detail
