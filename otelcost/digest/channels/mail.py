"""E-mail by SMTP: what the server said decides, and the moment it could have taken the mail is marked."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.policy import SMTP
from email.utils import parseaddr
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import msgspec

from otelcost.digest.channels.base import Outcome, failed, unknown

if TYPE_CHECKING:
    from otelcost.digest.message import Message
    from otelcost.digest.settings import Smtp

_PORTS: Final = {"starttls": 587, "ssl": 465, "none": 25}
_START: Final = 354
_LEADING_DOT: Final = re.compile(rb"(?m)^\.")


class _RefusedError(Exception):
    """The server answered, and not what was hoped for. Nothing was taken."""

    def __init__(self, code: int, reply: bytes | str) -> None:
        text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
        super().__init__(f"{code} {text}")
        self.again = 400 <= code < 500


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """Sends through one server to some people. `password` is the secret itself."""

    smtp: Smtp
    password: str | None
    to: tuple[str, ...]

    def send(self, message: Message, leaving: Callable[[], None]) -> Outcome:
        """One connection, one attempt.

        Until DATA nothing can have arrived; after the last line only the server's word says what did.
        """
        mail = msgspec.structs.replace(message, sender=self.smtp.sender, to=self.to).as_email()
        body = _LEADING_DOT.sub(b"..", mail.as_bytes(policy=SMTP))
        try:
            server = self._connected()
        except _RefusedError as error:
            return failed(error, again=error.again)
        except (OSError, smtplib.SMTPException) as error:
            return self._unreached(_not_begun(error))
        try:
            return self._delivered(server, body, leaving)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()

    def _delivered(self, server: smtplib.SMTP, body: bytes, leaving: Callable[[], None]) -> Outcome:
        try:
            refused = self._envelope(server)
            _expect(server.docmd("DATA"), _START)
        except _RefusedError as error:
            return failed(error, again=error.again)
        except (OSError, smtplib.SMTPException) as error:
            return _not_begun(error)
        leaving()
        try:
            server.send(body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n"))
            code, reply = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            return unknown(f"cut off after the mail had left ({_words(error)})")
        if code // 100 != 2:
            said = _RefusedError(code, reply)
            return failed(said, again=said.again)
        return Outcome("sent", f"refused for {', '.join(refused)}" if refused else "")

    def _unreached(self, outcome: Outcome) -> Outcome:
        port = self.smtp.port or _PORTS[self.smtp.security]
        return msgspec.structs.replace(outcome, detail=f"{self.smtp.host}:{port}: {outcome.detail}")

    def _connected(self) -> smtplib.SMTP:
        smtp = self.smtp
        port = smtp.port or _PORTS[smtp.security]
        context = ssl.create_default_context(cafile=smtp.ca_file)
        server: smtplib.SMTP
        if smtp.security == "ssl":
            server = smtplib.SMTP_SSL(
                smtp.host, port, timeout=smtp.timeout_s, context=context, local_hostname=_own_name()
            )
        else:
            server = smtplib.SMTP(smtp.host, port, timeout=smtp.timeout_s, local_hostname=_own_name())
        try:
            server.ehlo_or_helo_if_needed()
            if smtp.security == "starttls":
                server.starttls(context=context)
                server.ehlo()
            if smtp.user is not None:
                self._login(server, smtp.user)
        except BaseException:
            server.close()
            raise
        return server

    def _login(self, server: smtplib.SMTP, user: str) -> None:
        if self.smtp.security == "none" and not _is_loopback(self.smtp.host):
            raise _RefusedError(530, "no password is sent without encryption: set smtp.security to starttls or ssl")
        try:
            server.login(user, self.password or "")
        except smtplib.SMTPAuthenticationError as error:
            raise _RefusedError(error.smtp_code, error.smtp_error) from error

    def _envelope(self, server: smtplib.SMTP) -> Sequence[str]:
        """Say from whom and to whom; the addresses the server refuses, where it takes others."""
        _expect(server.mail(parseaddr(self.smtp.sender)[1]), 250)
        refused, last, again = [], (550, b"nobody would get it"), False
        for address in self.to:
            last = server.rcpt(parseaddr(address)[1])
            if last[0] not in {250, 251}:
                refused.append(address)
                again = again or 400 <= last[0] < 500
        if len(refused) == len(self.to):
            error = _RefusedError(*last)
            error.again = again
            raise error
        return refused


def _expect(answer: tuple[int, bytes], code: int) -> None:
    if answer[0] != code:
        raise _RefusedError(*answer)


def _not_begun(error: Exception) -> Outcome:
    """Nothing had left. What a server or a certificate said for good is not asked again."""
    if isinstance(error, smtplib.SMTPResponseException):
        refused = _RefusedError(error.smtp_code, error.smtp_error)
        return failed(refused, again=refused.again)
    lasting = isinstance(error, ssl.SSLCertVerificationError | smtplib.SMTPNotSupportedError)
    return failed(_words(error), again=not lasting)


def _words(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
    return reason or str(error) or type(error).__name__


def _own_name() -> str:
    """How this machine presents itself. The default asks a name server, which may take long to answer nothing."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "localhost"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
