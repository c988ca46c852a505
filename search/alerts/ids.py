"""What caused it -> its id: pure functions, so that a replay writes nothing twice."""

from ingest.identity import digest


def alert_id(watch: str, story: str) -> str:
    """The one alert of a watch and a story."""
    return digest("alert", watch, story)


def event_id(alert: str, kind: str, article: str, revision: int) -> str:
    """What one revision of one article did to an alert."""
    return digest("alert-event", alert, kind, article, str(revision))


def merge_id(alert: str, into: str) -> str:
    """The end of an alert whose story is another one's."""
    return digest("alert-merged", alert, into)


def carried_id(alert: str, cause: str) -> str:
    """What an alert took over from a merged one; `cause` is the other's event, or article and revision."""
    return digest("alert-carried", alert, cause)


def act_id(alert: str, kind: str, by: str, at_ms: int) -> str:
    """What a person did, at that moment."""
    return digest("alert-act", alert, kind, by, str(at_ms))


def delivery_id(event: str, channel: str) -> str:
    """One alert event on its way through one channel."""
    return digest("delivery", event, channel)
