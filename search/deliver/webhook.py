"""A message -> a signed POST, by the Standard Webhooks specification."""

import base64
import hmac

from ingest import wire
from ingest.clock import Clock
from ingest.verdict import Reject, Retry
from search.deliver.message import Message, shown
from search.deliver.sender import Poster
from search.deliver.settings import ChannelSettings, secret_bytes

GONE = 410


class Webhook:
    """Posts JSON whose sender the receiver can verify. Its id is that of the delivery, so repeats can be told."""

    def __init__(self, channel: ChannelSettings, poster: Poster, clock: Clock) -> None:
        self._channel, self._poster, self._clock = channel, poster, clock
        self._key = secret_bytes(channel.secret, channel.name)

    async def send(self, message: Message) -> str:
        body = wire.encode(payload(message))
        at = str(int(self._clock().timestamp()))
        headers = {
            "content-type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": at,
            "webhook-signature": sign(self._key, message.id, at, body),
        }
        answer = await self._poster.post(self._channel.url, body=body, headers=headers)
        if 200 <= answer.status < 300:
            return f"accepted, status {answer.status}"
        if answer.status == GONE:
            raise Reject(f"the receiver says 410, gone: take the channel {self._channel.name} out of the settings")
        raise Retry(f"the receiver answered {answer.status}", after_seconds=answer.retry_after_seconds)


def sign(key: bytes, delivery: str, timestamp: str, body: bytes) -> str:
    """The header webhook-signature.

    Source: Standard Webhooks 1.0, symmetric signatures: HMAC-SHA256 over "id.timestamp.body".
    """
    signed = f"{delivery}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def payload(message: Message) -> dict[str, object]:
    """The body: stable names, `schema` counts their versions, times are RFC 3339 UTC."""
    data: dict[str, object] = {"schema": 1, "delivery": message.id, "subject": message.subject, "url": message.url}
    event, alert = message.event, message.alert
    if event is not None and alert is not None:
        data |= {
            "event": {"id": event.id, "kind": event.kind, "reason": event.reason, "at": event.at},
            "alert": {
                "id": alert.id,
                "watch": alert.watch,
                "watch_name": alert.watch_name,
                "desk": alert.desk,
                "severity": alert.severity,
                "state": alert.state,
                "story": alert.story,
                "gloss": alert.gloss,
                "rang": alert.rang,
            },
            "why": event.why or alert.why,
            "passages": [
                {"article": telling.article, "language": telling.language, "passage": passage}
                for telling, passage in shown(alert)
            ],
            "tellings": [
                {
                    "article": telling.article,
                    "revision": telling.revision,
                    "url": telling.url,
                    "title": telling.title,
                    "source": telling.source,
                    "language": telling.language,
                    "published": telling.published,
                    "seen": telling.seen,
                    "copy_of": telling.copy_of,
                    "withdrawn": telling.withdrawn,
                    "said": telling.said,
                }
                for telling in alert.tellings
            ],
        }
    if message.notice is not None:
        return {"type": f"notice.{message.kind}", "timestamp": message.at, "data": data | message.notice.data}
    return {"type": f"alert.{message.kind}", "timestamp": message.at, "data": data}
