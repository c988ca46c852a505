"""A told article -> the flat document that every engine gets: tokens, keywords, times."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from enrich.article import MODALITY_GROUP, Link, ToldArticle, Topic
from ingest.clock import to_ms
from search.query import normalise
from search.query.parse import keyword


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is searched. Empty values do not stand in it."""

    id: str
    revision: int
    terms: tuple[str, ...]  # title, a gap that no phrase crosses, text
    title_terms: tuple[str, ...]
    keywords: Mapping[str, frozenset[str]]  # every field of KEYWORDS but id that has a value
    times: Mapping[str, int]  # ms since 1970


def document(told: ToldArticle) -> Document:
    """The document of an article; a pure function of it and of the normaliser's version.

    `type` is what kind of article it is: original or copy; withdrawn; extraction's flags (live-blog, paywalled ...).
    """
    enriched, article = told.enriched, told.enriched.article
    title, text = _words(article.title), _words(article.text)
    gap = [normalise.GAP] * (normalise.MAX_SLOP + 1) if title and text else []
    values: dict[str, Iterable[str]] = {
        "topic": (path for topic in enriched.topics for path in topic_paths(topic)),
        "actor": (path for topic in enriched.topics for path in party_paths(topic, topic.actor)),
        "target": (path for topic in enriched.topics for path in party_paths(topic, topic.target)),
        "link": (path for link in enriched.links for path in link_paths(link, enriched.topics)),
        "entity": (mention.id for mention in enriched.entities),
        "story": (told.story,),
        "copy": (told.copy_of,),
        "source": (article.source,),
        "feed": (article.feed,),
        "language": (enriched.language.code,),
        "type": ("copy" if told.copy_of else "original", *(["withdrawn"] if article.withdrawn else []), *article.flags),
    }
    cleaned = {
        field: frozenset(value for given in found if (value := keyword(field, given)))
        for field, found in values.items()
    }
    times = {"seen": to_ms(article.seen)}
    if article.published is not None:
        times["published"] = to_ms(article.published.value)
    return Document(
        id=article.id,
        revision=article.revision,
        terms=(*title, *gap, *text),
        title_terms=title,
        keywords={field: found for field, found in cleaned.items() if found},
        times=times,
    )


@lru_cache(maxsize=128)  # the index and the watches ask for the same articles at nearly the same time
def _words(text: str) -> tuple[str, ...]:
    return tuple(normalise.words(text))


def topic_paths(topic: Topic) -> Iterable[str]:
    """Every way to ask for one event: family, topic, with modality or its group, each also `.sure`, `.lead`, both.

    >>> from enrich.article import Topic
    >>> told = Topic(topic="sanctions.eased", modality="promised", confidence=1, sure=True, salience="part",
    ...              field="text", start=0, end=1, sentence=(0, 1), rule="r", pack="p")
    >>> sorted(topic_paths(told))[:3]
    ['sanctions', 'sanctions.eased', 'sanctions.eased.promised']
    """
    family = topic.topic.split(".", 1)[0]
    bases = [family, topic.topic, f"{topic.topic}.{topic.modality}", f"{topic.topic}.{MODALITY_GROUP[topic.modality]}"]
    ends = [""] + [".sure"] * topic.sure
    if topic.salience == "lead":
        ends += [".lead"] + [".sure.lead"] * topic.sure
    return [base + end for end in ends for base in bases]


def party_paths(topic: Topic, party: str) -> Iterable[str]:
    """The party alone, and as that of this topic: `Q184`, `sanctions.eased.Q184`."""
    return (party, f"{topic.topic}.{party}") if party else ()


def link_paths(link: Link, topics: tuple[Topic, ...]) -> Iterable[str]:
    """The kind of link alone, and between its two topics in both orders."""
    one, other = topics[link.from_topic].topic, topics[link.to_topic].topic
    return (link.link, f"{one}.{link.link}.{other}", f"{other}.{link.link}.{one}")
