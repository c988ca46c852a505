"""An alert -> what its card shows: counts, chips and the passages to read first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from enrich.article import MODALITY_GROUP, ToldArticle
from search.alert import Alert, Passage, Said, Telling
from search.alerts.fold import standing
from search.alerts.telling import telling_of

FIRST_LANGUAGES = 2  # shown before an alert is opened
RANK = {"fact": 0, "said": 1, "unclear": 2, "not": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """An event in a few words; `group` decides how its frame is drawn."""

    text: str
    group: str  # fact | said | not | unclear | link
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A passage as one outlet wrote it."""

    telling: Telling
    passage: Passage
    copies: int  # of this text, in other outlets


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the list shows of an alert."""

    alert: Alert
    when: datetime  # it rang last; silent ones: changed last
    again: bool  # it rang more than once
    sources: int
    languages: int
    texts: int
    chips: tuple[Chip, ...]
    quotes: tuple[Quote, ...]  # one a language, the first telling of each
    hidden_languages: int


def card(alert: Alert) -> Card:
    """What the alert's card shows."""
    told = standing(alert.tellings) or list(alert.tellings)
    quotes = quotes_of(told)
    firsts = list({quote.telling.language: quote for quote in reversed(quotes)}.values())[::-1]
    rings = [event.at for event in alert.events if event.rings]
    return Card(
        alert=alert,
        when=max(rings, default=alert.rang or alert.changed),
        again=len(rings) > 1,
        sources=len({telling.source for telling in told}),
        languages=len({telling.language for telling in told}),
        texts=len([telling for telling in told if not telling.copy_of]),
        chips=chips(told),
        quotes=tuple(firsts[:FIRST_LANGUAGES]),
        hidden_languages=max(0, len(firsts) - FIRST_LANGUAGES),
    )


def quotes_of(tellings: Iterable[Telling]) -> list[Quote]:
    """Every passage, in order of arrival; copies have none of their own and are counted."""
    told = list(tellings)
    return [
        Quote(telling=telling, passage=passage, copies=sum(other.copy_of == telling.article for other in told))
        for telling in told
        if not telling.copy_of
        for passage in telling.passages
    ]


def chips(tellings: list[Telling]) -> tuple[Chip, ...]:
    """The events that made the watch true, each in its firmest modality, then the links between them."""
    best: dict[str, Said] = {}
    for telling in tellings:
        for said in telling.said:
            if said.matched and (said.topic not in best or _rank(said) < _rank(best[said.topic])):
                best[said.topic] = said
    return (*(chip_of(said) for said in best.values()), *_tied(tellings))


def chips_of(told: ToldArticle) -> tuple[Chip, ...]:
    """The events that lead one article, without repeats, then the links between them."""
    telling = telling_of(told, None)
    said = {(said.topic, said.modality): chip_of(said) for said in telling.said}
    return (*said.values(), *_tied([telling]))


def _tied(tellings: list[Telling]) -> tuple[Chip, ...]:
    tied = any(telling.exchanges for telling in tellings)
    return (Chip(text="in exchange", group="link", title="Told as one in return for the other"),) if tied else ()


def _rank(said: Said) -> tuple[int, float]:
    return RANK[MODALITY_GROUP.get(said.modality, "unclear")], -said.confidence


def chip_of(said: Said) -> Chip:
    """One event as a chip.

    >>> said = Said(topic="sanctions.eased", modality="proposed", sure=True, salience="lead", confidence=0.9)
    >>> chip_of(said).text, chip_of(said).group
    ('sanctions eased · proposed', 'said')
    """
    name = said.topic.replace(".", " ").replace("-", " ")
    detail = f"confidence {said.confidence:.0%}, {said.salience}" + ("" if said.sure else "; not sure")
    group = MODALITY_GROUP.get(said.modality, "unclear")
    return Chip(text=f"{name} · {said.modality}{'' if said.sure else '?'}", group=group, title=detail)
