"""The digests of `otelcost.toml`: who gets which, when, over what, and where the passwords come from.

    [smtp]
    host = "smtp.example.com"
    user = "costs"
    password = {env = "SMTP_PASSWORD"}   # or {file = "..."}, or {command = ["secret-tool", "lookup", ...]}
    sender = "otelcost <costs@example.com>"

    [digest.support]
    schedule = "30 7 * * 1"              # cron; 07:30 on Mondays without it
    timezone = "Europe/Berlin"           # the file's own timezone without it
    window = "7d"
    task = "support-*"                   # globs over task, feature and service; label is key=value

    [digest.support.channels.mail]
    kind = "email"                       # email, webhook, file, stdout or apprise
    to = ["team@example.com"]

A secret that stands in the file itself is taken only where nobody but its owner can read the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import tzinfo
from difflib import get_close_matches
from email.utils import parseaddr
from typing import Any, Final, Literal

import msgspec

from otelcost.config import Config, zone_of
from otelcost.digest import schedule
from otelcost.errors import UsageError
from otelcost.store.queries import Window
from otelcost.store.scope import Scope

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_UNKNOWN: Final = re.compile(r"unknown field `(?P<name>[^`]*)`")
_ADDRESS: Final = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+|[^\r\n<>]*<[^\s@<>]+@[^\s@<>]+>")

FileFormat = Literal["text", "md", "html", "json", "eml"]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret comes from: exactly one of a variable, a file, and a command that prints it."""

    env: str | None = None
    file: str | None = None
    command: tuple[str, ...] | None = None


Secret = str | Source


class Smtp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mail server. Without a port: 587, 465 with `ssl`, 25 with `none`."""

    host: str
    sender: str
    port: int | None = None
    security: Literal["starttls", "ssl", "none"] = "starttls"
    user: str | None = None
    password: Secret | None = None
    ca_file: str | None = None  # certificates to trust instead of the system's
    timeout_s: float = 30.0


class Email(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="email"):
    """An e-mail, through `[smtp]`."""

    to: tuple[str, ...]


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="webhook"):
    """A POST of the digest as JSON, signed where there is a secret."""

    url: Secret
    secret: Secret | None = None
    timeout_s: float = 30.0


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="file"):
    """A file; `{digest}` and `{date}` in its path are filled in."""

    path: str
    format: FileFormat = "md"


class Stdout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="stdout"):
    """Standard output: for jobs whose output somebody gets."""

    format: FileFormat = "text"


class Apprise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="apprise"):
    """Any service that apprise knows, by its address: `slack://...`, `msteams://...`."""

    url: Secret


Channel = Email | Webhook | File | Stdout | Apprise


class Digest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One digest, as it is written in the file."""

    schedule: str = schedule.DEFAULT
    timezone: str | None = None
    window: str = "7d"
    task: str | None = None
    feature: str | None = None
    service: str | None = None
    label: str | None = None
    retry_s: tuple[float, ...] = (5.0, 30.0, 120.0)  # pauses before a channel is tried again in the same run
    channels: dict[str, Channel] = {}


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A digest with what its file leaves to others."""

    name: str
    digest: Digest
    zone: tzinfo
    scope: Scope
    config: Config
    smtp: Smtp | None

    def key(self, channel: str, field: str) -> str:
        """The configuration's key of a channel's field."""
        return f"digest.{self.name}.channels.{channel}.{field}"


def named(config: Config) -> dict[str, Named]:
    """Every digest of the configuration, by name.

    Raises:
        UsageError: a key or value of one cannot be used; names the file's key.
    """
    smtp = _converted(config.settings.smtp, Smtp, "smtp") if config.settings.smtp else None
    if smtp is not None:
        _address(smtp.sender, "smtp.sender")
    return {name: _named(config, name, table, smtp) for name, table in config.settings.digest.items()}


def one(config: Config, name: str) -> Named:
    """A digest by its name.

    Raises:
        UsageError: nothing is called so, or it cannot be used.
    """
    found = named(config)
    if name not in found:
        near = get_close_matches(name, found, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(f"no digest is called {name!r}", f"{hint}write [digest.{name}] into otelcost.toml")
    return found[name]


def _named(config: Config, name: str, table: Any, smtp: Smtp | None) -> Named:
    where = f"digest.{name}"
    digest: Digest = _converted(table, Digest, where)
    for part in (name, *digest.channels):
        if not _NAME.fullmatch(part):
            raise UsageError(f"{where}: {part!r} cannot be a name", "use letters, digits, - and _")
    schedule.check(digest.schedule, where)
    if digest.label is not None and not all(digest.label.partition("=")):
        raise UsageError(f"{where}: label: {digest.label!r} cannot be used", "write it as key=value")
    _check_window(digest.window, where)
    for channel_name, channel in digest.channels.items():
        _check_channel(channel, f"{where}.channels.{channel_name}", smtp)
    zone = config.zone if digest.timezone is None else zone_of(digest.timezone, f"{where}.timezone")
    scope = Scope(task=digest.task, feature=digest.feature, service=digest.service, label=digest.label)
    return Named(name=name, digest=digest, zone=zone, scope=scope, config=config, smtp=smtp)


def _check_window(text: str, where: str) -> None:
    from datetime import datetime  # noqa: PLC0415  (only what is compared with matters)

    try:
        Window.parse(text, datetime(2026, 1, 1))  # noqa: DTZ001  (the store's times are naive UTC)
    except UsageError as error:
        raise UsageError(f"{where}: window: {error.what}", error.fix) from error


def _check_channel(channel: Channel, where: str, smtp: Smtp | None) -> None:
    if not isinstance(channel, Email):
        return
    if smtp is None:
        raise UsageError(f"{where}: an e-mail needs a mail server", "write [smtp] with host and sender")
    if not channel.to:
        raise UsageError(f"{where}: to: nobody gets it", "name at least one address")
    for address in channel.to:
        _address(address, f"{where}.to")


def _address(text: str, where: str) -> None:
    if not _ADDRESS.fullmatch(text) or not parseaddr(text)[1].isascii():
        raise UsageError(f"{where}: {text!r} is no e-mail address", "write it as name@example.com")


def _converted(table: Any, kind: type[Any], where: str) -> Any:
    try:
        return msgspec.convert(table, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _explained(str(error), kind, table, where) from error


def _explained(message: str, kind: type[Any], table: Any, where: str) -> UsageError:
    unknown = _UNKNOWN.search(message)
    if unknown is None:
        text = message.replace("`$.", "`").replace(" - at ", ", at ").replace("`$`", f"`{where}`")
        return UsageError(f"{where}: {text}", "see docs/how-to/send-digests.md")
    name = unknown["name"]
    place, known = where, kind.__struct_fields__
    for channel, below in _tables(table.get("channels") if isinstance(table, Mapping) else None):
        if name in below and "`$.channels" in message:
            fields = {
                one.__struct_config__.tag: one.__struct_fields__ for one in (Email, Webhook, File, Stdout, Apprise)
            }
            place, known = f"{where}.channels.{channel}", ("kind", *fields.get(below.get("kind"), ()))
    near = get_close_matches(name, known, n=1)
    return UsageError(
        f"unknown key {f'{place}.{name}'!r}", f"did you mean {near[0]!r}" if near else f"known here: {', '.join(known)}"
    )


def _tables(found: Any) -> list[tuple[str, Mapping[str, Any]]]:
    if not isinstance(found, Mapping):
        return []
    return [(str(name), below) for name, below in found.items() if isinstance(below, Mapping)]
