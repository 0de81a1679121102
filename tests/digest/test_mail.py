"""E-mail over a real SMTP server: what it takes, refuses, delays and cuts off."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from otelcost.digest.settings import Named
from otelcost.errors import UsageError

from .conftest import Certificate
from .facts import Office, mail_settings, settings
from .mailserver import HANG_UP, Script, serving

PERIOD = "2026-11-23T07:30:00Z"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "ledger" / "digests.sqlite3")


def only(office: Office) -> tuple[str, int, str]:
    (row,) = office.ledger.all()
    return row.state, row.attempts, row.detail


def test_a_mail_arrives_once_with_both_halves(office: Office, tmp_path: Path) -> None:
    script = Script()
    with serving(script) as port:
        digests = settings(tmp_path, mail_settings(port))
        assert office.run_due(digests) == [(PERIOD, "sent")]
        assert office.run_due(digests) == []
    ((to, mail),) = script.mails
    assert to == ["team@example.com", "ann@example.com"]
    assert mail["Subject"].startswith("LLM spend, last 7 days: $100.00, up 61%")
    assert mail["Bcc"] is None
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "image/png"]
    html = next(part for part in mail.walk() if part.get_content_type() == "text/html").get_content()
    for picture in (part for part in mail.walk() if part.get_content_type() == "image/png"):
        assert f"cid:{picture['Content-ID'].strip('<>')}" in html
        assert picture.get_content().startswith(b"\x89PNG")
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html
    assert "\x1b" not in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert only(office) == ("sent", 1, "")


def test_451_then_250_is_one_digest(office: Office, tmp_path: Path) -> None:
    script = Script("451 busy, come again")
    with serving(script) as port:
        assert office.run_due(settings(tmp_path, mail_settings(port))) == [(PERIOD, "sent")]
    assert office.slept == [0.01]
    assert only(office) == ("sent", 2, "")
    assert len(set(script.ids)) == 1, "both attempts have one identity"


def test_451_for_good_fails_and_later_runs_try_ever_more_seldom(office: Office, tmp_path: Path) -> None:
    script = Script(*["451 busy"] * 4)
    with serving(script) as port:
        digests = settings(tmp_path, mail_settings(port))
        assert office.run_due(digests) == [(PERIOD, "failed")]
        assert only(office) == ("failed", 3, "451 busy")
        assert office.run_due(digests) == [], "not before its pause is over"
        office.now += timedelta(hours=1)
        assert office.run_due(digests) == [(PERIOD, "sent")]
    assert only(office) == ("sent", 5, "")


def test_a_cut_after_the_data_is_unknown_and_never_sent_again_by_itself(office: Office, tmp_path: Path) -> None:
    script = Script(HANG_UP)
    with serving(script) as port:
        digests = settings(tmp_path, mail_settings(port))
        assert office.run_due(digests) == [(PERIOD, "unknown")]
        for _ in range(3):
            office.now += timedelta(hours=9)
            assert office.run_due(digests) == []
        assert len(script.mails) == 1
        assert "cut off after the mail had left" in only(office)[2]
        with office.ledger.only_sender():
            with pytest.raises(UsageError, match="mail unknown"):
                office.post().resend(digests["weekly"], force=False)
            (row,) = office.post().resend(digests["weekly"], force=True)
    assert row.state == "sent"
    assert len(set(script.ids)) == 1


def test_what_is_refused_for_good_is_not_asked_again(office: Office, tmp_path: Path) -> None:
    script = Script("554 no spam here")
    with serving(script) as port:
        digests = settings(tmp_path, mail_settings(port))
        assert office.run_due(digests) == [(PERIOD, "failed")]
        office.now += timedelta(hours=9)
        assert office.run_due(digests) == []
        assert only(office) == ("failed", 1, "554 no spam here")
        with office.ledger.only_sender():
            assert office.post().resend(digests["weekly"], force=False)[0].state == "sent"


def test_some_people_refused_the_others_get_it(office: Office, tmp_path: Path) -> None:
    script = Script()
    script.refused = {"team@example.com": "550 nobody here"}
    with serving(script) as port:
        assert office.run_due(settings(tmp_path, mail_settings(port))) == [(PERIOD, "sent")]
    assert [to for to, _ in script.mails] == [["ann@example.com"]]
    assert only(office)[2] == "refused for team@example.com"


def test_everybody_refused_is_a_failure(office: Office, tmp_path: Path) -> None:
    script = Script()
    script.refused = dict.fromkeys(["team@example.com", "ann@example.com"], "550 nobody here")
    with serving(script) as port:
        assert office.run_due(settings(tmp_path, mail_settings(port))) == [(PERIOD, "failed")]
    assert only(office) == ("failed", 1, "550 nobody here")
    assert script.mails == []


def test_no_server_is_tried_again_by_a_later_run(office: Office, tmp_path: Path) -> None:
    with serving(Script()) as port:
        pass
    assert office.run_due(settings(tmp_path, mail_settings(port))) == [(PERIOD, "failed")]
    assert only(office) == ("failed", 3, f"127.0.0.1:{port}: Connection refused")
    script = Script()
    office.now += timedelta(hours=1)
    with serving(script) as port:
        assert office.run_due(settings(tmp_path, mail_settings(port))) == [(PERIOD, "sent")]


def secure(certificate: Certificate, port: int, security: str = "starttls") -> str:
    return mail_settings(
        port,
        f'security = "{security}"\nca_file = "{certificate.file}"\nuser = "costs"\npassword = "s3cr-t/word"\n',
    )


@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_login_over_tls(office: Office, tmp_path: Path, certificate: Certificate, security: str) -> None:
    script = Script()
    users = {"costs": "s3cr-t/word"} if security == "starttls" else None
    with serving(script, users=users, tls=certificate.context, implicit=security == "ssl") as port:
        text = secure(certificate, port, security)
        if users is None:
            text = text.replace('user = "costs"\n', "")
        assert office.run_due(settings(tmp_path, text)) == [(PERIOD, "sent")]
    assert len(script.mails) == 1


def test_a_wrong_password_fails_once_and_stands_nowhere(
    office: Office, tmp_path: Path, certificate: Certificate
) -> None:
    script = Script()
    with serving(script, users={"costs": "another"}, tls=certificate.context) as port:
        assert office.run_due(settings(tmp_path, secure(certificate, port))) == [(PERIOD, "failed")]
    state, attempts, detail = only(office)
    assert (state, attempts) == ("failed", 1), detail
    assert "535" in detail
    assert b"s3cr-t" not in office.ledger.path.read_bytes()


def test_a_certificate_nobody_trusts_is_not_talked_to(office: Office, tmp_path: Path, certificate: Certificate) -> None:
    script = Script()
    with serving(script, tls=certificate.context) as port:
        text = mail_settings(port, 'security = "starttls"')
        assert office.run_due(settings(tmp_path, text)) == [(PERIOD, "failed")]
    assert script.mails == []
    assert only(office)[1] == 1
    assert "certificate verify failed" in only(office)[2]


def test_a_password_never_goes_unencrypted_to_another_machine(office: Office, tmp_path: Path) -> None:
    with serving(Script()) as port:
        text = mail_settings(port, 'security = "none"\nuser = "u"\npassword = "pass-word"\n').replace(
            'host = "127.0.0.1"', 'host = "localhost.localdomain"'
        )
        digests = settings(tmp_path, text)
        assert office.run_due(digests)[0][1] == "failed"


def test_a_slow_server_is_waited_for_and_a_dead_one_is_not(office: Office, tmp_path: Path) -> None:
    script = Script()
    script.hold.clear()
    with serving(script) as port:
        digests = settings(tmp_path, mail_settings(port, 'security = "none"\ntimeout_s = 0.3'))
        assert office.run_due(digests) == [(PERIOD, "unknown")], "it may still take the mail"
    assert len(script.mails) == 1


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_secret_in_a_readable_file_is_refused(office: Office, tmp_path: Path, mode: int) -> None:
    text = mail_settings(1, 'user = "u"\npassword = "hunter2-long"')
    digests: dict[str, Named] = settings(tmp_path, text, mode)
    assert office.run_due(digests) == [(PERIOD, "failed")]
    assert "chmod 600" in only(office)[2]
    assert "hunter2" not in only(office)[2]
