"""An alert and one more article of its story -> what happened to it: whether it rings, and why or why not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ingest.entry import Origin
from search.alert import Alert, AlertEvent, EventKind, Telling, Why
from search.alerts.fold import standing
from search.alerts.ids import alert_id, event_id
from search.watch import SEVERITIES, Watch

SILENT = {
    Origin.FIRST_POLL: "was older than a day when its feed was polled for the first time: it does not ring",
    Origin.BACKFILL: "back-fill does not ring",
    Origin.REPLAY: "replay does not ring",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One watch over one article of one story."""

    watch: Watch
    story: str
    telling: Telling
    why: Why | None  # None where the article does not, or no longer, say what the watch asks for


def decide(alert: Alert | None, match: Match, now: datetime) -> list[AlertEvent]:
    """What `match` does to the alert of its watch and story: at most one event, none where it tells nothing new.

    Each level rings once: the first live match, each event of the watch once it is told as done and once it is sure,
    each higher severity, and a match that comes after all words were withdrawn. A copy of a text that is there live
    rings nothing.
    """
    telling = match.telling
    if not is_news(alert, telling.article, telling.revision, telling.origin):
        return []
    gone = match.why is None or telling.withdrawn
    found = _gone(alert, match) if gone else _said(alert, match)
    return [_event(match, found, now)] if found else []


def is_news(alert: Alert | None, article: str, revision: int, origin: str) -> bool:
    """Whether this revision of the article can change the alert."""
    known = told_by(alert, article)
    if known is None or revision != known.revision:
        return known is None or revision > known.revision
    return origin == Origin.LIVE and known.origin != Origin.LIVE and not known.withdrawn


def told_by(alert: Alert | None, article: str) -> Telling | None:
    """What the alert keeps of the article."""
    return next((known for known in alert.tellings if known.article == article), None) if alert else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    kind: EventKind
    reason: str
    telling: Telling


def _gone(alert: Alert | None, match: Match) -> _Found | None:
    telling, known = match.telling, told_by(alert, match.telling.article)
    if alert is None:
        page_gone = match.why is not None
        return (
            _Found(kind="matched", reason="the page is gone: it does not ring", telling=telling) if page_gone else None
        )
    if known is None or known.withdrawn:
        return None
    what = "its page is gone" if telling.withdrawn else "the words that rang it are gone"
    # What rang stays readable: the earlier words, marked as withdrawn.
    lost = replace(known, revision=telling.revision, withdrawn=True, new=telling.new)
    others = [other for other in standing(alert.tellings) if other.article != telling.article]
    if others:
        more = f"{len(others)} other article{'s' if len(others) > 1 else ''} still say so"
        return _Found(kind="amended", reason=f"{telling.source}: {what}; {more}", telling=lost)
    return _Found(kind="withdrawn", reason=f"{telling.source}: {what}", telling=lost)


def _said(alert: Alert | None, match: Match) -> _Found:
    telling = match.telling
    silent = SILENT.get(Origin(telling.origin), "")
    if silent:
        return _Found(kind="amended" if alert else "matched", reason=silent, telling=telling)
    if alert is None:
        return _Found(kind="rang", reason="first live match", telling=telling)
    if alert.rang is None:
        return _Found(kind="rang", reason="first live match; it was silent so far", telling=telling)
    if reasons := list(dict.fromkeys(_escalations(alert, match))):
        return _Found(kind="escalated", reason="; ".join(reasons), telling=telling)
    return _Found(kind="amended", reason=_in_short(telling), telling=telling)


def _in_short(telling: Telling) -> str:
    if telling.copy_of:
        return f"{telling.source}: a copy of a text that is counted already"
    return "; ".join(telling.new) or f"{telling.source} tells it too"


def _escalations(alert: Alert, match: Match) -> Iterator[str]:
    """Why the alert rings again, a reason each."""
    if _is_copy(alert, match.telling):
        return
    if alert.state == "withdrawn":
        yield "told again after the words that rang it were gone"
    if SEVERITIES.index(match.watch.severity) > SEVERITIES.index(alert.severity):
        yield f"the watch is now {match.watch.severity}, it was {alert.severity}"
    before = _levels(alert)
    for said in match.telling.said:
        reached = before.get(said.topic)
        if not said.matched or reached is None:
            continue
        if said.modality == "done" and "done" not in reached:
            yield f"{said.topic}: now told as done"
        if said.sure and "sure" not in reached:
            yield f"{said.topic}: now sure"


def _is_copy(alert: Alert, telling: Telling) -> bool:
    """Whether the same text is in the alert, live. An edited copy speaks for itself."""
    text = telling.copy_of or telling.article
    return telling.revision == 1 and any(
        known.origin == Origin.LIVE and known.article != telling.article and text in (known.article, known.copy_of)
        for known in alert.tellings
    )


def _levels(alert: Alert) -> dict[str, set[str]]:
    """For each event of the watch, what people were told of it live: its modalities, and "sure"."""
    levels: dict[str, set[str]] = {}
    for event in alert.events:
        if event.telling is None or (event.telling.origin != Origin.LIVE):
            continue
        for said in event.telling.said:
            if said.matched:
                levels.setdefault(said.topic, set()).update({said.modality, "sure"} if said.sure else {said.modality})
    return levels


def _event(match: Match, found: _Found, now: datetime) -> AlertEvent:
    watch, telling = match.watch, found.telling
    alert = alert_id(watch.id, match.story)
    return AlertEvent(
        id=event_id(alert, found.kind, telling.article, telling.revision),
        alert=alert,
        kind=found.kind,
        at=now,
        reason=found.reason,
        telling=telling,
        why=match.why,
        watch_version=watch.version,
        severity=watch.severity,
        story=match.story,
        watch=watch.id,
        watch_name=watch.name,
        desk=watch.desk,
    )
