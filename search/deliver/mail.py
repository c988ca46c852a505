"""A message -> an e-mail with a text and an HTML part."""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import urlsplit

from ingest.verdict import Reject, Retry
from search.deliver.message import Message, one_line
from search.deliver.sender import Allowed
from search.deliver.settings import ChannelSettings

PERMANENT = 500


class Mail:
    """Sends through the mail server of the settings, which must be opened for it."""

    def __init__(self, channel: ChannelSettings, allowed: Allowed) -> None:
        self._channel, self._allowed = channel, allowed

    async def send(self, message: Message) -> str:
        channel = self._channel
        if not self._allowed(channel.host, channel.port):
            raise Reject(
                f'{channel.host}:{channel.port} is not open: add "{channel.host}:{channel.port}" to egress_allow'
            )
        return await asyncio.to_thread(self._send, compose(message, channel))

    def _send(self, mail: EmailMessage) -> str:
        try:
            with self._connect() as server:
                refused = server.send_message(mail, self._channel.sender, self._channel.to)
        except smtplib.SMTPRecipientsRefused as error:
            raise _verdict(min(code for code, _ in error.recipients.values()), "no recipient was accepted") from error
        except smtplib.SMTPResponseException as error:
            said = one_line(_decoded(error.smtp_error))[:200]
            raise _verdict(error.smtp_code, f"the mail server said {error.smtp_code} {said}") from error
        except smtplib.SMTPNotSupportedError as error:
            raise Reject(f"the mail server cannot do what the settings ask for: {error}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Retry(f"the mail server is away: {one_line(str(error))[:200]}") from error
        if refused:
            return f"accepted, but not for {', '.join(sorted(refused))}"
        return "accepted by the mail server"

    def _connect(self) -> smtplib.SMTP:
        channel = self._channel
        if channel.encryption == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                channel.host, channel.port, timeout=channel.timeout_seconds, context=context
            )
        else:
            server = smtplib.SMTP(channel.host, channel.port, timeout=channel.timeout_seconds)
        try:
            if channel.encryption == "starttls":
                server.starttls(context=ssl.create_default_context())
            if channel.user:
                server.login(channel.user, channel.secret)
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
        return server


def compose(message: Message, channel: ChannelSettings) -> EmailMessage:
    """The mail: Message-ID is that of the delivery, so that a mail sent twice is seen once."""
    domain = urlsplit(message.url).hostname or "tocsin.invalid"
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = one_line(message.subject)[:250] or "Alert"
    mail["From"] = one_line(channel.sender)
    mail["To"] = ", ".join(one_line(address) for address in channel.to)
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{message.id}@{domain}>"
    mail["References"] = f"<alert.{message.thread}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Tocsin-Notice" if message.notice else "X-Tocsin-Alert"] = message.thread
    mail.set_content(message.text)
    mail.add_alternative(f"<!doctype html><html><body>{message.html}</body></html>", subtype="html")
    return mail


def _verdict(code: int, said: str) -> Reject | Retry:
    return Reject(said) if code >= PERMANENT else Retry(said)


def _decoded(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
