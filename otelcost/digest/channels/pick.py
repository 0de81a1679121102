"""From what the configuration says to something that sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otelcost.digest.channels.local import InFile, OnStdout
from otelcost.digest.channels.mail import Mail
from otelcost.digest.channels.services import Service
from otelcost.digest.channels.web import Web
from otelcost.digest.settings import Apprise, Email, File, Named, Stdout, Webhook

if TYPE_CHECKING:
    from otelcost.digest.channels.base import Sender
    from otelcost.digest.secrets import Vault


def pick(named: Named, name: str, vault: Vault) -> Sender:
    """The sender of a digest's channel, its secrets fetched.

    Raises:
        UsageError: a secret is not where the configuration says.
    """
    channel = named.digest.channels[name]
    match channel:
        case Email(to=to):
            return mail(named, to, vault)
        case Webhook(url=url, secret=secret, timeout_s=timeout_s):
            signing = None if secret is None else vault.reveal(secret, named.key(name, "secret"))
            return Web(url=vault.reveal(url, named.key(name, "url")), secret=signing, timeout_s=timeout_s)
        case File(path=path, format=format_):
            return InFile(path=named.config.beside(named.key(name, "path"), path), format=format_)
        case Stdout(format=format_):
            return OnStdout(format=format_)
        case Apprise(url=url):
            return Service(url=vault.reveal(url, named.key(name, "url")))


def mail(named: Named, to: tuple[str, ...], vault: Vault) -> Mail:
    """E-mail to some people through the configuration's server.

    Raises:
        UsageError: the password is not where the configuration says.
    """
    smtp = named.smtp
    assert smtp is not None  # noqa: S101  (an e-mail channel without a server was refused)
    password = None if smtp.password is None else vault.reveal(smtp.password, "smtp.password")
    return Mail(smtp=smtp, password=password, to=to)
