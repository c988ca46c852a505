"""Articles and alerts -> text for a terminal: the words that say it, marked in their sentence."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from enrich.article import MODALITY_GROUP, EnrichedArticle, Topic
from search.alert import Alert, Passage, Why

MARKS = ("black on yellow", "black on cyan", "black on green", "black on magenta")
GROUPS = {"fact": "bold reverse", "said": "bold", "not": "strike", "unclear": "dim"}


def console() -> Console:
    """Colour on a terminal, plain text elsewhere."""
    return Console(highlight=False, soft_wrap=True)


def chip(topic: str, modality: str, sure: bool = True) -> Text:
    """An event in a few words: reversed is told as done, struck as refused or denied."""
    return Text(f" {topic} · {modality}{'' if sure else '?'} ", style=GROUPS[MODALITY_GROUP[modality]])


def marked(text: str, spans: Iterable[tuple[int, int, int]]) -> Text:
    """`text` with each (start, end, part) in the colour of its part."""
    said = Text(text)
    for start, end, part in spans:
        said.stylize(MARKS[(part - 1) % len(MARKS)], start, end)
    return said


def show_article(enriched: EnrichedArticle) -> None:
    """One enriched article for people."""
    out = console()
    article = enriched.article
    out.print(Text(article.title, style="bold"))
    language = enriched.language
    out.print(f"{language.code} {language.score:.2f} · {len(article.text)} characters · {article.path}", style="dim")
    names = {mention.id: mention.name for mention in enriched.entities}
    for topic in enriched.topics:
        out.print()
        line = chip(topic.topic, topic.modality, topic.sure)
        line.append(f"  {topic.confidence:.2f} {topic.salience}{_parties(topic, names)}", style="dim")
        out.print(line)
        out.print(_sentence(enriched, topic))
        out.print(f"rule {topic.rule}, pack {topic.pack}", style="dim")
    for link in enriched.links:
        words = (article.title if link.field == "title" else article.text)[link.start : link.end]
        ends = (enriched.topics[link.from_topic].topic, enriched.topics[link.to_topic].topic)
        out.print(f"\n{ends[0]} ⇄ {ends[1]}: {link.link}, “{words}”")
    out.print()
    out.print(_names(enriched))


def _parties(topic: Topic, names: Mapping[str, str]) -> str:
    actor, target = names.get(topic.actor, topic.actor), names.get(topic.target, topic.target)
    parts = [("actor", actor), ("target", target), ("number", topic.number)]
    said = ", ".join(f"{name} {value}" for name, value in parts if value not in ("", None))
    return f" · {said}" if said else ""


def _sentence(enriched: EnrichedArticle, topic: Topic) -> Text:
    text = enriched.article.title if topic.field == "title" else enriched.article.text
    start, end = topic.sentence
    spans = [(topic.start - start, topic.end - start, 1)]
    if topic.cue is not None and start <= topic.cue[0] and topic.cue[1] <= end:
        spans.append((topic.cue[0] - start, topic.cue[1] - start, 2))
    return marked(text[start:end], spans)


def _names(enriched: EnrichedArticle) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("name", "type", "id", "as written", "rule"):
        table.add_column(column)
    found: dict[str, list[str]] = {}
    for mention in enriched.entities:
        found.setdefault(mention.id, []).append(mention.surface)
    for mention in {mention.id: mention for mention in reversed(enriched.entities)}.values():
        forms = ", ".join(dict.fromkeys(found[mention.id]))
        table.add_row(mention.name, mention.type, mention.id, forms, mention.rule + (" (weak)" if mention.weak else ""))
    return table


def show_alerts(alerts: Sequence[Alert]) -> None:
    """Alerts for people, newest first."""
    out = console()
    for alert in alerts:
        when = (alert.rang or alert.changed).strftime("%Y-%m-%d %H:%M:%S")
        out.print(
            Text.assemble((alert.gloss, "bold"), f"\n{alert.watch_name} · {alert.severity} · {alert.state} · {when}")
        )
        seen: set[str] = set()
        for telling in alert.tellings:
            if telling.copy_of or telling.language in seen or not telling.passages:
                continue
            seen.add(telling.language)
            out.print(Text(f"  {telling.language}  "), end="")
            out.print(passage(telling.passages[0]), Text(f" ({telling.source})", style="dim"))
        sources = dict.fromkeys(telling.source for telling in alert.tellings)
        out.print(f"  {len(sources)} sources: {', '.join(sources)}", style="dim")
        if alert.why is not None:
            show_why(out, alert.why, 1)
        out.print()


def passage(said: Passage) -> Text:
    """A passage with the words that rang."""
    return marked(said.text, [(mark.start, mark.end, mark.part) for mark in said.marks])


def show_why(out: Console, why: Why, depth: int) -> None:
    """The watch as a tree, with the words that made each part true."""
    line = Text("  " * depth + ("✓ " if why.true else "✗ ") + why.says)
    for found in why.evidence[:3]:
        line.append(f" — {found.words}")
        if found.note:
            line.append(f" ({found.note})", style="dim")
    out.print(line)
    for kid in why.kids:
        show_why(out, kid, depth + 1)
