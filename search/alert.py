"""The records of an alert: what was told, why it rang, what happened since."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from search.watch import Severity

State = Literal["silent", "open", "acknowledged", "closed", "withdrawn", "merged"]
EventKind = Literal[
    "matched",  # silently: first poll, back-fill, replay, or a withdrawn page
    "rang",
    "amended",
    "escalated",  # rings again
    "withdrawn",  # the words that rang it are gone
    "merged",
    "acknowledged",
    "assigned",
    "closed",
    "reopened",
    "judged",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Words of a passage that made a part of the watch true."""

    start: int  # characters into Passage.text
    end: int
    part: int  # number of the part of the watch: colours follow it


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A sentence as the outlet wrote it, with the words that rang."""

    field: Literal["title", "text"]
    start: int  # of the sentence, characters into that field of the article
    text: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An event as one article tells it, in words for the gloss and the chips."""

    topic: str
    modality: str
    sure: bool
    salience: str
    confidence: float
    actor: str = ""  # entity id
    actor_name: str = ""
    target: str = ""
    target_name: str = ""
    number: int | None = None
    matched: bool = False  # it made a part of the watch true


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One article that an alert rests on."""

    article: str
    revision: int
    url: str
    title: str
    source: str
    feed: str
    language: str
    origin: str
    published: datetime | None
    seen: datetime
    copy_of: str = ""
    withdrawn: bool = False
    said: tuple[Said, ...] = ()
    exchanges: tuple[tuple[int, int], ...] = ()  # pairs of indexes into `said` that are tied in exchange
    passages: tuple[Passage, ...] = ()
    new: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why a leaf of the watch is true in this article."""

    words: str
    field: str  # "title", "text", or the name of a keyword field
    start: int = 0
    end: int = 0
    note: str = ""  # "proposed: “menawarkan”; rule ease-sanction, pack id@4c1e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The watch as a tree over one article."""

    says: str  # "AND", "OR", "NOT", or the leaf as written: "topic:sanctions.eased"
    true: bool
    part: int = 0  # number of a leaf, from 1; 0 for inner nodes
    evidence: tuple[Evidence, ...] = ()
    kids: tuple["Why", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    """Append-only: an alert is the fold of these. `id` is a pure function of what caused it."""

    id: str
    alert: str
    kind: EventKind
    at: datetime
    reason: str = ""  # for people: "modality moved to done", "back-fill does not ring"
    telling: Telling | None = None
    why: Why | None = None
    watch_version: int = 0
    severity: Severity | None = None
    by: str = ""  # the person, for what people did
    verdict: Literal["", "right", "wrong"] = ""
    other: str = ""  # the alert that this one was merged into, or carried over from; the person it is assigned to
    story: str = ""  # with `watch`, what the alert is about; on events that an article caused
    watch: str = ""
    watch_name: str = ""
    desk: str = ""
    carried: datetime | None = None  # when the alert that was merged into this one rang
    schema: int = 1

    @property
    def rings(self) -> bool:
        return self.kind in ("rang", "escalated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What a desk sees: the fold of an alert's events."""

    id: str  # digest of watch and story
    watch: str
    watch_name: str
    desk: str
    severity: Severity
    story: str
    state: State
    gloss: str  # a first line in the desk's language, put together from the tags
    tellings: tuple[Telling, ...]  # newest revision of each article, in order of arrival
    why: Why | None
    rang: datetime | None
    changed: datetime
    assigned: str = ""
    verdict: str = ""
    events: tuple[AlertEvent, ...] = ()
    schema: int = 1
