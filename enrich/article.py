"""The records that [enriched] and [told] carry: what an article says, with evidence for every claim."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Literal

from ingest.article import Article

Field = Literal["title", "text"]
Modality = Literal[
    "done", "ongoing", "promised", "proposed", "demanded", "threatened", "refused", "denied", "hypothetical",
    "historical", "uncertain",
]  # fmt: skip
Salience = Literal["lead", "part", "background"]
MODALITY_GROUP: dict[str, str] = {
    "done": "fact", "ongoing": "fact",
    "promised": "said", "proposed": "said", "demanded": "said", "threatened": "said",
    "refused": "not", "denied": "not",
    "hypothetical": "unclear", "historical": "unclear", "uncertain": "unclear",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Characters of the article's title or text; `end` is exclusive."""

    field: Field
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Another reading of an ambiguous name."""

    id: str
    name: str
    score: float  # 0 to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """One place where an entity is named."""

    id: str  # "Q184", "gn-625144", "x-..."; no colon
    name: str  # as people know it
    type: Literal["person", "place", "organisation", "product", "event", "other"]
    field: Field
    start: int
    end: int
    surface: str  # the text between start and end
    rule: str  # what found it: "known", "run", "short-form", ...
    pack: str  # pack and version of the alias or rule
    weak: bool = False  # a towns' alternate name and the like: seldom evidence by itself
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One event that the article tells: family.direction, modality and the words that say so."""

    topic: str  # "sanctions.eased"
    modality: Modality
    confidence: float  # 0 to 1
    sure: bool
    salience: Salience
    field: Field
    start: int  # the words that say it
    end: int
    sentence: tuple[int, int]  # in the same field; contains start and end
    cue: tuple[int, int] | None = None  # the words that decided the modality, in the same field
    actor: str = ""  # entity id, where the sentence says so
    target: str = ""
    number: int | None = None
    number_span: tuple[int, int] | None = None
    rule: str
    pack: str  # "id@4c1e9a02": language and content hash
    codes: dict[str, str] = dataclass_field(default_factory=dict)  # vocabulary -> code
    mentions: tuple[Span, ...] = ()  # every place that tells it, the evidence first


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two events of the article tied to each other."""

    link: Literal["in-exchange"]
    from_topic: int  # index into topics
    to_topic: int
    field: Field
    start: int  # the words that tie them
    end: int
    rule: str
    pack: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    code: str  # ISO 639-1, "und" where unknown
    score: float  # 0 to 1
    source: str  # "text", "declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryKeys:
    """What the stories stage counts: a pure function of the enriched article, small enough to keep 14 days."""

    day: int  # days since 1970 of publication, else of arrival
    entities: dict[str, int] = dataclass_field(default_factory=dict)  # id -> mentions
    title_entities: tuple[str, ...] = ()
    concepts: dict[str, int] = dataclass_field(default_factory=dict)  # topic or concept name -> times
    words: dict[str, int] = dataclass_field(default_factory=dict)  # six-letter word starts, folded
    shingles: tuple[int, ...] = ()  # sampled hashes of three-word shingles
    shingle_count: int = 0  # distinct shingles before sampling
    events: tuple[
        str, ...
    ] = ()  # "sanctions.eased proposed", "prisoners.released done 3": what a later telling may change


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichedArticle:
    article: Article
    language: Language
    entities: tuple[Mention, ...] = ()
    topics: tuple[Topic, ...] = ()
    links: tuple[Link, ...] = ()
    keys: StoryKeys
    schema: int = 1

    @property
    def key(self) -> str:
        return self.article.id


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldArticle:
    """An enriched article in its story."""

    enriched: EnrichedArticle
    story: str  # digest of the story's first article
    copy_of: str = ""  # id of the first article with this text
    new: tuple[
        str, ...
    ] = ()  # what it adds to the story, in a few words: "first telling", "sanctions.eased: proposed -> promised"
    joined: tuple[str, ...] = ()  # why it stands in this story: the strongest shared terms
    related: tuple[str, ...] = ()  # stories of the same affair: shown, never merged
    merged: tuple[str, ...] = ()  # stories that this article showed to be the same and that are now aliases of `story`
    schema: int = 1

    @property
    def key(self) -> str:
        return self.story
