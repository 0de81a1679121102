"""Slack, Teams and whatever else apprise knows."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import msgspec

from otelcost.digest.channels.base import Outcome, failed

if TYPE_CHECKING:
    from otelcost.digest.message import Message


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One service by its address, which is a secret."""

    url: str

    def send(self, message: Message, leaving: Callable[[], None]) -> Outcome:
        """Try once. Apprise says yes or no and not why, so a no is not tried again by itself."""
        if find_spec("apprise") is None:
            return failed("apprise is not installed: pip install 'otelcost[apprise]'")
        import apprise  # noqa: PLC0415  (an extra)

        service = apprise.Apprise()
        if not service.add(self.url):
            return failed("apprise does not know this kind of address")
        title, _, body = message.in_format("md").decode().partition("\n")
        leaving()
        if service.notify(title=title.lstrip("# "), body=body.strip() or message.subject, body_format="markdown"):
            return Outcome("sent")
        return failed("apprise could not deliver it")
