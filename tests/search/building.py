"""Small articles for tests, told the way the stages tell them."""

from datetime import UTC, datetime

from enrich.article import EnrichedArticle, Language, Link, Mention, StoryKeys, ToldArticle, Topic
from ingest.article import Article
from ingest.entry import Origin, Stamp

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def topic(
    name="sanctions.eased", modality="done", *, words="", text="", field="text", sure=True, salience="lead",
    number=None, actor="", target="", cue="",
):  # fmt: skip
    """A topic whose evidence is `words` in `text`; its sentence is the whole line."""
    start = max(text.find(words), 0)
    line = text.rfind("\n", 0, start) + 1
    end = text.find("\n", start)
    at = text.find(cue) if cue else -1
    return Topic(
        topic=name, modality=modality, confidence=0.9, sure=sure, salience=salience, field=field, start=start,
        end=start + len(words), sentence=(line, end if end >= 0 else len(text)), rule="rule", pack="en@test",
        number=number, actor=actor, target=target, cue=(at, at + len(cue)) if at >= 0 else None,
    )  # fmt: skip


def mention(name, *, id="Q184", text="", type="place", field="text"):  # noqa: A002 - the record's own word
    """An entity named `name` in `text`."""
    start = max(text.find(name), 0)
    return Mention(
        id=id, name=name, type=type, field=field, start=start, end=start + len(name), surface=name, rule="known",
        pack="names@test",
    )  # fmt: skip


def told(
    id="a", *, title="", text="", language="en", topics=(), entities=(), links=(), story="", copy_of="",  # noqa: A002
    source="Outlet", feed="feed", origin=Origin.LIVE, seen=NOON, published=None, revision=1, withdrawn=False, new=(),
    merged=(), flags=(), url="",
):  # fmt: skip
    """An article in its story, with what it tells."""
    article = Article(
        id=id, revision=revision, url=url or f"https://news.example/{id}", feed=feed, source=source, title=title,
        text=text, path="cut", origin=origin, seen=seen, withdrawn=withdrawn, flags=tuple(flags),
        published=Stamp(value=published, source="feed:published", raw="") if published else None,
    )  # fmt: skip
    enriched = EnrichedArticle(
        article=article,
        language=Language(code=language, score=1.0, source="text"),
        entities=tuple(entities),
        topics=tuple(topics),
        links=tuple(links),
        keys=StoryKeys(day=0),
    )
    return ToldArticle(
        enriched=enriched, story=story or f"story-{id}", copy_of=copy_of, new=tuple(new), merged=tuple(merged)
    )


def link(one=0, other=1, *, words="", text=""):
    """Two topics of an article in exchange for each other."""
    start = max(text.find(words), 0)
    return Link(
        link="in-exchange", from_topic=one, to_topic=other, field="text", start=start, end=start + len(words),
        rule="exchange", pack="en@test",
    )  # fmt: skip
