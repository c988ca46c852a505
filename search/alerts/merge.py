"""An alert whose story turned out to be another one's -> the events that end it and carry over what it told."""

from dataclasses import replace
from datetime import datetime

from search.alert import Alert, AlertEvent
from search.alerts.decide import is_news
from search.alerts.ids import alert_id, carried_id, merge_id

ACTS = frozenset({"acknowledged", "assigned", "closed", "reopened", "judged"})


def merge(gone: Alert, kept: Alert | None, story: str, now: datetime) -> list[AlertEvent]:
    """What happens when `gone`'s story became `story`, of which `kept` is the alert if there is one. Nothing rings.

    Events of both alerts, the kept one's first. A ring of `gone` counts as a ring of the kept one, and what people did
    with `gone` holds for a kept one that did not ring by itself.
    """
    target = alert_id(gone.watch, story)
    carried = [
        AlertEvent(
            id=carried_id(target, f"{telling.article} {telling.revision}"),
            alert=target,
            kind="amended",
            at=now,
            reason="carried over: its story is the same",
            telling=telling,
            watch_version=_version(gone, telling.article),
            severity=gone.severity,
            other=gone.id,
            story=story,
            watch=gone.watch,
            watch_name=gone.watch_name,
            desk=gone.desk,
        )
        for telling in gone.tellings
        if is_news(kept, telling.article, telling.revision, telling.origin)
    ] or [_ring_alone(gone, target, story, now)]
    carried[0] = replace(carried[0], carried=gone.rang, why=gone.why)
    if kept is None or kept.rang is None:
        carried += [
            replace(event, id=carried_id(target, event.id), alert=target) for event in gone.events if event.kind in ACTS
        ]
    ended = AlertEvent(
        id=merge_id(gone.id, target), alert=gone.id, kind="merged", at=now, other=target, reason="its story is the same"
    )
    return [*carried, ended]


def _version(gone: Alert, article: str) -> int:
    """The version of the watch under which the alert took the article in."""
    versions = [event.watch_version for event in gone.events if event.telling and event.telling.article == article]
    return versions[-1] if versions else 0


def _ring_alone(gone: Alert, target: str, story: str, now: datetime) -> AlertEvent:
    """The ring carried over where the kept alert has all tellings."""
    return AlertEvent(
        id=carried_id(target, gone.id),
        alert=target,
        kind="amended",
        at=now,
        reason="the same story, told in another alert",
        other=gone.id,
        story=story,
        watch=gone.watch,
    )
