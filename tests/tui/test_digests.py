"""Digests in the screens: read before they leave, sent once through the ledger, their state kept up to date."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from otelcost.digest.ledger import Ledger
from otelcost.errors import UsageError
from otelcost.tui.app import OtelcostApp
from otelcost.tui.digests import Desk
from otelcost.tui.loader import Loader
from otelcost.tui.snapshot import Period

from . import facts, look, traffic

WEEK = Period("7d")


class _Hook(BaseHTTPRequestHandler):
    """Answers with what its server says next."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.answers.pop(0))  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    """A webhook on loopback."""
    server = HTTPServer(("127.0.0.1", 0), _Hook)
    server.answers = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def loader(home: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """A store of nine days in a working directory of its own."""
    traffic.spool(home, traffic.week(facts.NOW))
    monkeypatch.chdir(home)
    return Loader(home / "store.duckdb", facts.NOW)


def configure(home: Path, channels: str) -> None:
    path = home / "otelcost.toml"
    path.write_text(f'[digest.team]\nschedule = "30 7 * * 5"\n[digest.team.channels]\n{channels}\n', encoding="utf-8")
    path.chmod(0o600)  # an address may be a secret


def test_what_is_shown_is_what_is_sent_and_it_is_sent_once(loader: Loader, home: Path) -> None:
    configure(home, 'paper = {kind = "file", path = "digest.txt", format = "text"}')
    shown = loader.digest("team", WEEK)
    assert shown.due is not None
    assert f"{shown.due:%a %H:%M}" == "Fri 07:30"
    assert shown.channels == ("paper",)
    (sent,) = loader.send_digest("team")
    assert (sent.channel, sent.state) == ("paper", "sent")
    assert (home / "digest.txt").read_text(encoding="utf-8") == shown.text
    assert loader.digests()[0].state == "sent"
    with pytest.raises(UsageError, match="paper sent"):
        loader.send_digest("team")
    after = loader.digest("team", WEEK)
    assert (after.due, after.channels) == (None, ())


def test_a_failure_is_told_at_once_and_sending_again_tries_again(loader: Loader, home: Path, hook: HTTPServer) -> None:
    configure(home, f'ops = {{kind = "webhook", url = "http://127.0.0.1:{hook.server_port}/x"}}')
    hook.answers = [503, 200]  # type: ignore[attr-defined]
    (failed,) = loader.send_digest("team")
    assert failed.state == "failed"
    (row,) = Ledger(home / "digests.sqlite3").all()
    assert row.attempts == 1
    assert row.retry_at is not None
    assert loader.digest("team", WEEK).channels == ("ops",)
    assert loader.send_digest("team")[0].state == "sent"
    assert hook.answers == []  # type: ignore[attr-defined]


def test_nothing_is_printed_over_the_screen(loader: Loader, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configure(home, 'job = {kind = "stdout"}')
    with pytest.raises(UsageError, match="only printed"):
        loader.send_digest("team")
    configure(home, 'job = {kind = "stdout"}\npaper = {kind = "file", path = "digest.txt"}')
    assert [row.channel for row in loader.send_digest("team")] == ["paper"]
    assert loader.digest("team", WEEK).channels == ()
    assert capfd.readouterr().out == ""


def test_somebody_else_who_is_sending_is_waited_for_and_then_named(loader: Loader, home: Path) -> None:
    configure(home, 'paper = {kind = "file", path = "digest.txt"}')
    desk = Desk(home / "store.duckdb", home / "spool", patience_s=0.05)
    with Ledger(home / "digests.sqlite3").only_sender(), pytest.raises(Exception, match="lock"):
        desk.send("team", facts.NOW)
    assert not (home / "digest.txt").exists()


def test_without_a_digest_one_can_see_what_one_would_say(loader: Loader) -> None:
    loader.refresh(WEEK, force=True)
    shown = loader.digest(None, WEEK)
    assert shown.due is None
    assert shown.subject.startswith("LLM spend, last 7 days: $")
    assert shown.text.startswith(shown.subject)


async def test_p_shows_it_s_asks_and_sends_and_esc_keeps_it() -> None:
    source = facts.Facts(facts.snapshot())
    app = OtelcostApp(source, clock=lambda: facts.NOW, live=False)
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await look.settle(pilot)

        async def press(*keys: str) -> str:
            for key in keys:
                await pilot.press(key)
                await look.settle(pilot)
            return look.text(app)

        shown = await press("6", "p")
        assert "6 Digests \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} team" in shown
        assert "of 16 Nov 06:30 UTC; not sent yet to mail: s sends it" in shown
        assert "November 2026: at least $1,390 so far" in shown
        assert "Send team, the one that was due last" in await press("s")
        await press("escape")
        assert source.sent == []
        await press("s", "y")
        assert source.sent == ["team"]
        assert [note.message for note in app._notifications][-2:] == [
            "team, mail: sent.",
            "team, ops: failed (HTTP 500).",
        ]
        await press("escape", "s", "y")
        assert source.sent == ["team", "team"]
        source.refusal = UsageError("digest team of 2026-11-16T06:30:00Z: mail sent", "resend it")
        await press("s", "y")
        assert "mail sent" in [note.message for note in app._notifications][-1]


async def test_what_another_process_sends_shows_by_itself() -> None:
    source = facts.Facts(facts.snapshot())
    app = OtelcostApp(source, clock=lambda: facts.NOW, live=False)
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.press("6")
        await look.settle(pilot)
        assert "? unknown" in look.text(app)
        source.states = ("sent",)
        for _ in range(5):
            app._tick()
        await look.settle(pilot)
        assert "✓ sent" in look.text(app)
