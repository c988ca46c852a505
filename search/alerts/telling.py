"""ToldArticle and why it matched -> Telling: what an alert keeps of an article."""

from collections.abc import Callable, Iterable, Iterator

from enrich.article import ToldArticle, Topic
from search.alert import Passage, Said, Telling, Why
from search.document import link_paths, party_paths, topic_paths

PATHS: dict[str, Callable[[Topic], Iterable[str]]] = {
    "topic": topic_paths,
    "actor": lambda topic: party_paths(topic, topic.actor),
    "target": lambda topic: party_paths(topic, topic.target),
}


def telling_of(told: ToldArticle, why: Why | None, passages: tuple[Passage, ...] = ()) -> Telling:
    """What an alert keeps of `told`; `why` is None where the watch does not match it."""
    article = told.enriched.article
    said, exchanges = _said(told, why)
    return Telling(
        article=article.id,
        revision=article.revision,
        url=article.url,
        title=article.title,
        source=article.source,
        feed=article.feed,
        language=told.enriched.language.code,
        origin=str(article.origin),
        published=article.published.value if article.published else None,
        seen=article.seen,
        copy_of=told.copy_of,
        withdrawn=article.withdrawn,
        said=said,
        exchanges=exchanges,
        passages=passages,
        new=told.new,
    )


def _said(told: ToldArticle, why: Why | None) -> tuple[tuple[Said, ...], tuple[tuple[int, int], ...]]:
    """The events that matched, lead the article or are tied in exchange; and the ties, as indexes into them."""
    topics, links = told.enriched.topics, told.enriched.links
    matched = matched_topics(told, why) if why is not None else set[int]()
    linked = {end for link in links for end in (link.from_topic, link.to_topic)}
    kept = [at for at, topic in enumerate(topics) if at in matched or at in linked or topic.salience == "lead"]
    place = {at: new for new, at in enumerate(kept)}
    names = {mention.id: mention.name for mention in told.enriched.entities}
    said = tuple(_one(topics[at], names, at in matched) for at in kept)
    return said, tuple((place[link.from_topic], place[link.to_topic]) for link in links)


def _one(topic: Topic, names: dict[str, str], matched: bool) -> Said:
    return Said(
        topic=topic.topic,
        modality=topic.modality,
        sure=topic.sure,
        salience=topic.salience,
        confidence=topic.confidence,
        actor=topic.actor,
        actor_name=names.get(topic.actor, topic.actor),
        target=topic.target,
        target_name=names.get(topic.target, topic.target),
        number=topic.number,
        matched=matched,
    )


def matched_topics(told: ToldArticle, why: Why) -> set[int]:
    """Indexes of the article's events that made a part of the watch true."""
    topics = told.enriched.topics
    found: set[int] = set()
    for leaf in true_leaves(why):
        field, _, written = leaf.says.partition(":")
        if field in PATHS:
            found |= {at for at, topic in enumerate(topics) if _asked(written, PATHS[field](topic))}
        elif field == "link":
            ties = [link for link in told.enriched.links if _asked(written, link_paths(link, topics))]
            found |= {end for link in ties for end in (link.from_topic, link.to_topic)}
    return found


def true_leaves(why: Why) -> Iterator[Why]:
    """The leaves that hold the tree up: true, and under no NOT."""
    if not why.true or why.says == "NOT":
        return
    if not why.kids:
        yield why
    for kid in why.kids:
        yield from true_leaves(kid)


def _asked(written: str, paths: Iterable[str]) -> bool:
    """Whether the value of a leaf, as written, is one of `paths` or begins one."""
    value = written.strip('"').lower()
    if value.endswith("*"):
        return any(path.lower().startswith(value[:-1]) for path in paths)
    return any(path.lower() == value for path in paths)
