"""Alert events -> Alert: what a desk sees, computed from what happened and nothing else."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from search.alert import Alert, AlertEvent, State, Telling
from search.gloss import gloss
from search.watch import SEVERITIES, Severity


def fold(events: Iterable[AlertEvent], *, language: str = "en") -> Alert:
    """The alert after its events, in order; an event that comes again changes nothing.

    `language` is the one of the first line.
    Raises: ValueError if there are no events, or the first is not one that an article caused.
    """
    alert: Alert | None = None
    for event in events:
        alert = after(alert, event, language=language)
    if alert is None:
        raise ValueError("an alert has at least one event")
    return alert


def after(alert: Alert | None, event: AlertEvent, *, language: str = "en") -> Alert:
    """The alert once `event` has happened to it."""
    if alert is None:
        alert = _begun(event)
    elif any(event.id == known.id for known in alert.events):
        return alert
    tellings = _with(alert.tellings, event.telling) if event.telling else alert.tellings
    # A quiet event tells nobody of a higher severity: the next ring must still find it higher.
    told = event.rings or event.carried or alert.rang is None
    times = [moment for moment in (alert.rang, event.at if event.rings else None, event.carried) if moment]
    return replace(
        alert,
        watch_name=event.watch_name or alert.watch_name,
        desk=event.desk or alert.desk,
        severity=highest(alert.severity, event.severity) if told else alert.severity,
        state=_state(alert, event, tellings),
        tellings=tellings,
        gloss=gloss(tellings, language) if event.telling else alert.gloss,
        why=event.why if event.why and (event.rings or alert.why is None) else alert.why,
        rang=min(times, default=None),
        changed=event.at,
        assigned=event.other if event.kind == "assigned" else alert.assigned,
        verdict=event.verdict or alert.verdict,
        events=(*alert.events, slim(event)),
    )


def highest(one: Severity, other: Severity | None) -> Severity:
    """The graver of two severities."""
    return one if other is None else max(one, other, key=SEVERITIES.index)


def standing(tellings: Iterable[Telling]) -> list[Telling]:
    """The tellings that still say what the watch asks for."""
    return [telling for telling in tellings if not telling.withdrawn]


def slim(event: AlertEvent) -> AlertEvent:
    """The event without what stands in the alert anyway: the tree, the passages, and what the watch does not ask."""
    telling = _pointed(event.telling, new=()) if event.telling else None
    return replace(event, telling=telling, why=None)


def _pointed(telling: Telling, **more: Any) -> Telling:
    """The telling without passages, and of its events only those that the watch asks for.

    A story that a thousand outlets copy is one alert, read and written with each of them.
    """
    kept = [number for number, said in enumerate(telling.said) if said.matched]
    at = {number: place for place, number in enumerate(kept)}
    said = tuple(telling.said[number] for number in kept)
    exchanges = tuple((at[one], at[other]) for one, other in telling.exchanges if one in at and other in at)
    return replace(telling, passages=(), said=said, exchanges=exchanges, **more)


def _begun(event: AlertEvent) -> Alert:
    if not event.watch or not event.story:
        raise ValueError(f"alert {event.alert}: its first event is {event.kind}, which names no watch and story")
    return Alert(
        id=event.alert,
        watch=event.watch,
        watch_name=event.watch_name,
        desk=event.desk,
        severity=event.severity or "low",
        story=event.story,
        state="silent",
        gloss="",
        tellings=(),
        why=None,
        rang=None,
        changed=event.at,
    )


def _with(tellings: tuple[Telling, ...], telling: Telling) -> tuple[Telling, ...]:
    """The newest revision of each article, in order of arrival. What a copy says at length, its original says."""
    if telling.copy_of and any(known.article == telling.copy_of for known in tellings):
        telling = _pointed(telling)
    if all(known.article != telling.article for known in tellings):
        return (*tellings, telling)
    return tuple(
        telling if known.article == telling.article and known.revision <= telling.revision else known
        for known in tellings
    )


def _state(alert: Alert, event: AlertEvent, tellings: tuple[Telling, ...]) -> State:
    if alert.state == "merged" or event.kind == "merged":
        return "merged"
    if event.rings or event.kind == "reopened":
        return "open"
    if event.kind in ("acknowledged", "closed", "withdrawn"):
        return event.kind
    if event.kind == "assigned":
        return "acknowledged" if alert.state == "open" else alert.state
    if event.kind in ("matched", "amended"):
        return _state_after_article(alert, event, bool(standing(tellings)))
    return alert.state


def _state_after_article(alert: Alert, event: AlertEvent, held_up: bool) -> State:
    if event.carried and not held_up:
        return "withdrawn"
    if event.carried and alert.state == "silent":
        return "open"
    if alert.state == "withdrawn" and held_up:
        return "open" if alert.rang else "silent"
    return alert.state
