"""A real SMTP server on loopback that can be told to refuse, to be slow, or to hang up."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

OK = "250 taken"
HANG_UP = "hang up"


class Script:
    """What the server does; every mail whose data arrived is kept, taken or not."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refused: dict[str, str] = {}
        self.arrived = threading.Event()
        self.hold = threading.Event()
        self.hold.set()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return OK

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append((list(envelope.rcpt_tos), message_from_bytes(envelope.content, policy=default)))  # type: ignore[arg-type]
        self.arrived.set()
        while not self.hold.is_set():
            await asyncio.sleep(0.01)
        answer = self.answers.pop(0) if self.answers else OK
        if answer == HANG_UP:
            server.transport.abort()
        return answer

    @property
    def ids(self) -> list[str]:
        """The identities of what arrived."""
        return [str(mail["Message-ID"]) for _, mail in self.mails]


def _authenticator(users: dict[str, str]) -> Callable[..., AuthResult]:
    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and users.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=known, handled=known)

    return check


class _OnFreePort(Controller):
    """The controller tries its own port once: it has to be the one that was found."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def serving(
    script: Script, *, users: dict[str, str] | None = None, tls: ssl.SSLContext | None = None, implicit: bool = False
) -> Iterator[int]:
    """Serve on a free port; yields it.

    Args:
        script: what to do.
        users: name to password; with them nothing is taken without a login.
        tls: the server's certificate: for STARTTLS, or from the first byte with `implicit`.
    """
    options: dict[str, Any] = {}
    if users:
        options = {"authenticator": _authenticator(users), "auth_required": True, "auth_require_tls": tls is not None}
    if tls is not None and not implicit:
        options |= {"tls_context": tls, "require_starttls": True}
    controller = _OnFreePort(
        script,
        hostname="127.0.0.1",
        port=0,
        server_hostname="mail.test",
        ssl_context=tls if implicit else None,
        **options,
    )
    controller.start()
    try:
        yield controller.port
    finally:
        script.hold.set()
        controller.stop()
