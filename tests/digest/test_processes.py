"""Real processes: two at once, and one that is killed at its worst moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from otelcost.digest.ledger import Ledger

from .facts import mail_settings
from .mailserver import Script, serving

NOW = "2026-11-23T09:00:00Z"


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "COVERAGE"))}
    return subprocess.Popen(
        [sys.executable, "-m", "otelcost.cli", "digest", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
        env={**kept, "OTELCOST_HOME": str(home), "OTELCOST_NOW": NOW},
    )


def run(home: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(home, *arguments)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.fixture
def home(tmp_path: Path) -> Path:  # type: ignore[override]
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def write(home: Path, text: str) -> None:
    (home / "otelcost.toml").write_text(text, encoding="utf-8")


def test_two_processes_at_once_send_one_message(home: Path) -> None:
    script = Script()
    with serving(script) as port:
        write(home, mail_settings(port))
        both = [start(home, "run", "--due") for _ in range(2)]
        said = [process.communicate(timeout=120)[1] for process in both]
        assert [process.returncode for process in both] == [0, 0], said
    assert len(script.mails) == 1
    assert sum("mail: sent" in text for text in said) == 1
    assert sum("nothing to send now" in text for text in said) == 1


def test_killed_while_the_server_decides_is_unknown(home: Path) -> None:
    script = Script()
    script.hold.clear()
    with serving(script) as port:
        write(home, mail_settings(port))
        process = start(home, "run", "--due")
        assert script.arrived.wait(60)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        script.hold.set()
        code, _, err = run(home, "run", "--due")
        assert (code, "nothing to send now" in err) == (0, True), err
        (row,) = Ledger(home / "digests.sqlite3").all()
        assert (row.state, len(script.mails)) == ("unknown", 1)
        code, _, err = run(home, "resend", "weekly")
        assert code == 2
        assert "--force" in err
        code, _, err = run(home, "resend", "weekly", "--force")
        assert (code, "mail: sent" in err) == (0, True), err
    assert len(script.mails) == 2
    assert len(set(script.ids)) == 1


def test_killed_before_the_server_could_have_it_is_sent_by_the_next_run(home: Path) -> None:
    script = Script("451 busy")
    with serving(script) as port:
        write(home, mail_settings(port).replace("retry_s = [0.01, 0.02]", "retry_s = [600]"))
        process = start(home, "run", "--due")
        ledger, deadline = Ledger(home / "digests.sqlite3"), time.monotonic() + 60
        while not any(row.detail for row in ledger.all()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert [row.state for row in ledger.all()] == ["pending"]
        code, _, err = run(home, "run", "--due")
    assert (code, "mail: sent" in err) == (0, True), err
    assert len(set(script.ids)) == 1


def test_a_trial_goes_to_its_people_only_and_counts_for_nothing(home: Path) -> None:
    script = Script()
    with serving(script) as port:
        write(home, mail_settings(port))
        code, _, err = run(home, "send", "weekly", "--to", "me@example.com")
        assert code == 0, err
        assert [to for to, _ in script.mails] == [["me@example.com"]]
        code, _, err = run(home, "run", "--due")
        assert (code, len(script.mails)) == (0, 2), err
        code, out, _ = run(home, "status", "--format", "csv")
    assert code == 0
    assert [line.split(",")[2:4] for line in out.splitlines()[1:]] == [["to", "sent"], ["mail", "sent"]]


def test_a_failure_says_so_and_ends_with_1(home: Path) -> None:
    with serving(Script()) as port:
        pass
    write(home, mail_settings(port))
    code, _, err = run(home, "run", "--due")
    assert code == 1
    assert f"weekly of 2026-11-23T07:30:00Z, mail: failed (127.0.0.1:{port}: Connection refused)" in err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[digest.weekly]\ncolour = 1", "unknown key 'digest.weekly.colour'"),
        ('[digest.w.channels.m]\nkind = "email"\ntoo = ["a@b.c"]', "unknown key 'digest.w.channels.m.too'"),
        ('[digest.w.channels.m]\nkind = "pigeon"', "pigeon"),
        ('[digest.w.channels.m]\nkind = "email"\nto = ["a@b.c"]', "write [smtp]"),
        ('[digest.weekly]\nschedule = "soon"', "schedule"),
        ('[digest.weekly]\ntimezone = "Mars/Crater"', "Mars/Crater"),
        ('[digest.weekly]\nlabel = "acme"', "key=value"),
        ('[digest.weekly]\nwindow = "soon"', "window"),
    ],
)
def test_a_mistake_in_the_settings_is_one_line_that_names_it(home: Path, text: str, complaint: str) -> None:
    write(home, text)
    code, _, err = run(home, "status")
    assert code == 2
    assert complaint in err
    assert len(err.splitlines()) == 1


def test_secrets_are_not_shown_with_the_settings(home: Path) -> None:
    text = mail_settings(25, 'user = "u"\npassword = "hunter2-long"')
    hook = '[digest.weekly.channels.h]\nkind = "webhook"\nurl = "https://example.com/t0ken"\nsecret = {env = "S"}\n'
    write(home, text + hook)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "COVERAGE"))}
    for format_ in ("table", "json"):
        shown = subprocess.run(
            [sys.executable, "-m", "otelcost.cli", "config", "show", "--format", format_],
            capture_output=True, text=True, cwd=home, env={**kept, "OTELCOST_HOME": str(home)}, check=True, timeout=60,
        ).stdout  # fmt: skip
        assert "hunter2" not in shown
        assert "t0ken" not in shown
        assert "***" in shown
        assert "digest.weekly.channels.h.kind" in shown.replace("\n", "")


def test_a_digest_without_a_channel_says_so(home: Path) -> None:
    write(home, "[digest.weekly]\n")
    code, _, err = run(home, "run", "--due")
    assert code == 0
    assert "weekly goes nowhere: write [digest.weekly.channels.mail]" in err
    code, _, err = run(home, "send", "weekly")
    assert code == 2
    assert "has no channel" in err
