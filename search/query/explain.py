"""A query's tree and one article -> the tree with its truth, and the words that made each part true."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from enrich.article import Mention, ToldArticle, Topic
from search.alert import Evidence, Mark, Passage, Why
from search.document import document, link_paths, party_paths, topic_paths
from search.query import normalise
from search.query.predicate import Prepared, near_window, phrase_places, predicate
from search.query.tree import TEXTS, And, Near, Node, Not, Or, Phrase, Prefix, Term, parts_of
from search.query.words import written

MOST_EVIDENCE = 8  # of one leaf
SENTENCE_ENDS = ("\n", ". ", "! ", "? ", "。", "؟ ")


@dataclass(slots=True)
class _Reading:
    """An article with what explaining looks up in it."""

    told: ToldArticle
    prepared: Prepared
    leaf: int = 0
    tokens: dict[str, list[normalise.Token]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        article = self.told.enriched.article
        return article.title if name == "title" else article.text

    def token(self, name: str) -> list[normalise.Token]:
        if name not in self.tokens:
            self.tokens[name] = list(normalise.tokens(self.text(name)))
        return self.tokens[name]

    def span(self, field_name: str, first: int, last: int) -> tuple[str, int, int]:
        """Field and characters of the words `first` to `last`, numbers of `terms` or `title_terms`."""
        title = self.token("title")
        gap = normalise.MAX_SLOP + 1 if title and self.prepared.document.terms[len(title) :] else 0
        if field_name == "title_terms" or first < len(title):
            return "title", title[first].start, title[last].end
        text = self.token("text")
        shift = len(title) + gap
        return "text", text[first - shift].start, text[last - shift].end

    def evidence(self, name: str, start: int, end: int, note: str = "") -> Evidence:
        return Evidence(words=self.text(name)[start:end], field=name, start=start, end=end, note=note)


def explain(tree: Node, told: ToldArticle) -> Why:
    """The watch as a tree over one article; leaves are numbered from 1 in the order they are written."""
    return _explain(tree, _Reading(told, Prepared(document(told))))


def _explain(node: Node, reading: _Reading) -> Why:
    true = predicate(node)(reading.prepared)
    kids = parts_of(node)
    if kids:
        name = {And: "AND", Or: "OR", Not: "NOT"}[type(node)]
        return Why(says=name, true=true, kids=tuple(_explain(kid, reading) for kid in kids))
    reading.leaf += 1
    part = reading.leaf
    found = tuple(_first(_evidence(node, reading), MOST_EVIDENCE)) if true else ()
    return Why(says=written(node), true=true, part=part, evidence=found)


def _first(found: Iterable[Evidence], limit: int) -> Iterator[Evidence]:
    seen: set[tuple[str, str]] = set()
    for evidence in found:
        key = (evidence.words.casefold(), evidence.note)
        if key not in seen:
            seen.add(key)
            yield evidence
        if len(seen) == limit:
            return


def _evidence(node: Node, reading: _Reading) -> Iterator[Evidence]:
    match node:
        case Term(field=name, value=value) | Prefix(field=name, value=value) if name not in TEXTS:
            yield from _of_keyword(name, value, isinstance(node, Prefix), reading)
        case Term(field=name, value=word):
            yield from (_words(reading, name, at, at) for at in reading.prepared.places[name].get(word, ()))
        case Prefix(field=name, value=start):
            for word, places in reading.prepared.places[name].items():
                if word.startswith(start):
                    yield from (_words(reading, name, at, at) for at in places)
        case Phrase(field=name, words=words):
            for at in phrase_places(reading.prepared, name, words):
                yield _words(reading, name, at, at + len(words) - 1)
        case Near(field=name, words=words, slop=slop):
            window = near_window(reading.prepared, name, words, slop) or ()
            yield from (_words(reading, name, at, at) for at in sorted(window))
        case _:
            return


def _words(reading: _Reading, name: str, first: int, last: int) -> Evidence:
    return reading.evidence(*reading.span(name, first, last))


def _of_keyword(name: str, value: str, prefix: bool, reading: _Reading) -> Iterator[Evidence]:
    enriched = reading.told.enriched

    def meant(values: Iterable[str]) -> bool:
        return any(found.lower().startswith(value.lower()) if prefix else found == value for found in values)

    if name in ("topic", "actor", "target"):
        for topic in sorted(enriched.topics, key=lambda topic: (topic.salience != "lead", not topic.sure)):
            party = {"actor": topic.actor, "target": topic.target}.get(name, "")
            if meant(topic_paths(topic) if name == "topic" else party_paths(topic, party)):
                yield _of_topic(topic, reading)
    elif name == "entity":
        yield from (_of_mention(mention, reading) for mention in enriched.entities if meant([mention.id]))
    elif name == "link":
        for link in enriched.links:
            if meant(link_paths(link, enriched.topics)):
                note = f"rule {link.rule}, pack {link.pack}"
                yield reading.evidence(link.field, link.start, link.end, note)
    else:
        shown = [found for found in reading.prepared.values(name) if meant([found])]
        yield from (Evidence(words=found, field=name) for found in sorted(shown))


def _of_topic(topic: Topic, reading: _Reading) -> Evidence:
    cue = ""
    if topic.cue is not None:
        cue = f": “{reading.text(topic.field)[topic.cue[0] : topic.cue[1]]}”"
    note = f"{topic.modality}{cue}; rule {topic.rule}, pack {topic.pack}"
    return reading.evidence(topic.field, topic.start, topic.end, note)


def _of_mention(mention: Mention, reading: _Reading) -> Evidence:
    note = "" if mention.rule == "known" else f"rule {mention.rule}"
    return reading.evidence(mention.field, mention.start, mention.end, note)


def leaves(why: Why) -> Iterator[Why]:
    """The leaves of the tree, in order; those below a NOT are left out."""
    if why.says == "NOT" and why.kids:
        return
    if not why.kids:
        yield why
    for kid in why.kids:
        yield from leaves(kid)


def passages(why: Why, told: ToldArticle, limit: int = 3) -> tuple[Passage, ...]:
    """The sentences with the words that made the watch true, those with most parts first.

    A sentence is that of the topic where evidence is a topic, else the line or sentence around the words.
    """
    article = told.enriched.article
    sentences = _sentences(told)
    marks: dict[tuple[str, int, int], list[Mark]] = {}
    for leaf in leaves(why):
        for found in leaf.evidence if leaf.true else ():
            if found.field not in ("title", "text"):
                continue
            text = article.title if found.field == "title" else article.text
            start, end = _around(sentences, found.field, text, found.start, found.end)
            mark = Mark(start=found.start - start, end=found.end - start, part=leaf.part)
            marks.setdefault((found.field, start, end), []).append(mark)

    def telling(item: tuple[tuple[str, int, int], list[Mark]]) -> tuple[int, bool, int]:
        (name, start, _), found_marks = item
        return -len({mark.part for mark in found_marks}), name != "text", start

    ranked = sorted(marks.items(), key=telling)
    made = []
    for (name, start, end), found_marks in ranked[:limit]:
        text = article.title if name == "title" else article.text
        ordered = tuple(sorted(set(found_marks), key=lambda mark: (mark.start, mark.end)))
        field_name: Literal["title", "text"] = "title" if name == "title" else "text"
        made.append(Passage(field=field_name, start=start, text=text[start:end], marks=ordered))
    return tuple(made)


def _sentences(told: ToldArticle) -> set[tuple[str, int, int]]:
    return {(topic.field, *topic.sentence) for topic in told.enriched.topics}


def _around(sentences: set[tuple[str, int, int]], name: str, text: str, start: int, end: int) -> tuple[int, int]:
    known = [(low, high) for field_name, low, high in sentences if field_name == name and low <= start and end <= high]
    if known:
        return min(known, key=lambda span: span[1] - span[0])
    if name == "title":
        return 0, len(text)
    lows = [at + len(sign) for sign in SENTENCE_ENDS if (at := text.rfind(sign, 0, start)) >= 0]
    highs = [at + len(sign.rstrip()) for sign in SENTENCE_ENDS if (at := text.find(sign, end)) >= 0]
    return max(lows, default=0), min(highs, default=len(text))
