"""One digest of one period, in every format it can leave in."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any, Final, Literal

import msgspec

from otelcost.digest import html
from otelcost.digest.blocks import blocks
from otelcost.digest.content import Preview
from otelcost.display import clean, iso
from otelcost.document import to_markdown, to_plain

SCHEMA_VERSION: Final = 1
"""Version of the JSON that webhooks get. Fields are only ever added under one version."""

Format = Literal["text", "md", "html", "json", "eml"]

_TIMES: Final = ("start", "end", "last_call", "waiting_since")
_NOWHERE: Final = "otelcost.invalid"

NOBODY: Final = f"otelcost <digest@{_NOWHERE}>"
"""Who sends where no mail server is configured."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A digest that is ready to leave. `period` is when it was due, ISO 8601; `moment` the same as naive UTC.

    The identity is the same for every attempt: mail programs and webhooks recognise a second copy by it.
    """

    digest: str
    channel: str
    period: str
    moment: datetime
    preview: Preview
    sender: str = NOBODY
    to: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """The identity: the same for every attempt at this digest, period and channel."""
        names = "\x00".join((self.digest, self.period, self.channel))
        return hashlib.sha256(names.encode()).hexdigest()[:32]

    @property
    def message_id(self) -> str:
        """The identity, as an e-mail's header has it."""
        domain = parseaddr(self.sender)[1].rpartition("@")[2] or _NOWHERE
        return f"<otelcost.{self.mark}@{domain}>"

    @property
    def subject(self) -> str:
        """The answer in one printable line."""
        return clean(self.preview.subject)

    def in_format(self, format_: Format) -> bytes:
        """The digest as a file of this format.

        Raises:
            OtelcostError: HTML, and what it is made with is not installed.
        """
        match format_:
            case "text":
                return to_plain(blocks(self.preview)).encode()
            case "md":
                return to_markdown(blocks(self.preview)).encode()
            case "html":
                return html.page(self.preview, self.digest).encode()
            case "json":
                return (json.dumps(self.as_json(), indent=2, allow_nan=False) + "\n").encode()
            case "eml":
                return self.as_email().as_bytes(policy=SMTP)

    def as_json(self) -> dict[str, Any]:
        """What programs get. Money is integer pico-dollars, times are UTC."""
        return {
            "schema_version": SCHEMA_VERSION,
            "digest": self.digest,
            "period": self.period,
            "message_id": self.message_id,
            "text": to_plain(blocks(self.preview)),
            **facts(self.preview),
        }

    def as_email(self) -> EmailMessage:
        """Plain text, and beside it HTML with its pictures where the extra `email` is installed.

        The same digest gives the same bytes: its date is when it was due, its boundaries come from its identity.
        """
        message = EmailMessage(policy=SMTP)
        message["Subject"] = self.subject
        message["From"] = _address(self.sender)
        message["To"] = [_address(one) for one in self.to] or "undisclosed-recipients:;"
        message["Date"] = format_datetime(self.moment.replace(tzinfo=UTC))
        message["Message-ID"] = self.message_id
        message["Auto-Submitted"] = "auto-generated"
        message["X-Otelcost-Digest"] = self.digest
        message.set_content(to_plain(blocks(self.preview)), cte="quoted-printable")
        if html.available():
            self._add_html(message)
        for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
            part.set_boundary(f"=={self.mark}=={number}")
        return message

    def _add_html(self, message: EmailMessage) -> None:
        page, pictures = html.email(self.preview, self.digest, self.mark[:12])
        message.add_alternative(page, subtype="html", cte="quoted-printable")
        beside = message.get_payload()
        assert isinstance(beside, list)  # noqa: S101  (an alternative was just added)
        part = beside[-1]
        assert isinstance(part, MIMEPart)  # noqa: S101
        for cid, picture in pictures.items():
            part.add_related(
                picture, "image", "png", cid=f"<{cid}>", disposition="inline", filename=f"{cid.partition('.')[0]}.png"
            )


def facts(preview: Preview) -> dict[str, Any]:
    """A digest's content as JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(preview)
    return found | {name: iso(getattr(preview, name)) for name in _TIMES}


def _address(text: str) -> Address:
    name, address = parseaddr(text)
    return Address(display_name=clean(name), addr_spec=address)
