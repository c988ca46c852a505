"""Readings -> revisions in the ledger and [articles], in one transaction for the batch."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from ingest import wire
from ingest.article import Article, Credit
from ingest.clock import to_ms
from ingest.identity import digest
from ingest.ledger.tables.articles import articles
from ingest.ledger.upsert import upsert
from ingest.links import site_of
from ingest.pages.identity import Address, Directory, Known, load
from ingest.pages.reading import Reading
from ingest.pages.tools import Extraction, Tools
from ingest.queue import STAGE, Ending, State, finish, forget_deaths, promote, retry_later, set_aside, still_held
from ingest.rejected import resolve

TOPIC = "articles"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    state: State
    detail: str = ""
    article: Article | None = None
    text_hash: str = ""


def publish(readings: Sequence[Reading], tools: Tools) -> Counter[str]:
    """Writes what became of a batch, durable when it returns; gives how many ended in which state, or `later`.

    Published articles, their revisions and addresses, and the ends of the fetches stand or fall together. A fetch that
    another process took since, as its lease had run out, is left to that one, and counts as `lost`.
    """
    now = tools.now()
    given = len(readings)
    with tools.ledger.begin("fetches") as tx:
        held = still_held(tx, [reading.fetch for reading in readings])
        readings = [reading for reading in readings if reading.fetch.id in held]
        ended = [reading for reading in readings if reading.later is None]
        directory = _directory(tx, ended, tools)
        results = [(reading, _result(reading, directory, now, tools)) for reading in ended]
        directory.save(tx)
        published = [result.article for _, result in results if result.article is not None]
        _save(tx, [(result.article, result.text_hash) for _, result in results if result.article is not None], now)
        tools.send(tx, TOPIC, [(article.key, wire.encode(article)) for article in published])
        retry_later(tx, [reading.later for reading in readings if reading.later is not None])
        finish(
            tx,
            [Ending(id=reading.fetch.id, state=result.state, detail=result.detail) for reading, result in results],
            now,
        )
        _tell_people(tx, results, now)
    tools.published([one.article for reading, one in results if one.article and not reading.fetch.is_check])
    counts = Counter(str(result.state) for _, result in results)
    counts["later"] = len(readings) - len(ended)
    if given > len(readings):
        counts["lost"] = given - len(readings)
    return counts


def _tell_people(tx: Connection, results: Iterable[tuple[Reading, _Result]], now: datetime) -> None:
    """Sets aside what could not be read, and closes what was set aside before and is read now."""
    resolved = []
    for reading, result in results:
        kept = reading.kept
        if result.state is State.REJECTED or (kept is not None and not reading.fetch.is_check):
            reason = kept.reason if kept else result.detail
            detail, kind, data = (kept.detail, kept.kind, kept.data) if kept else ("", "", b"")
            set_aside(tx, reading.fetch, reason, now, detail=detail, kind=kind, data=data)
        elif not reading.fetch.is_check:
            resolved.append(reading)
        if result.state is State.REJECTED:
            promote(tx, reading.fetch.article, now)
    resolve(tx, stage=STAGE, records=[reading.fetch.entry.id for reading in resolved])
    forget_deaths(tx, [reading.fetch.id for reading in resolved])


def _directory(tx: Connection, readings: Sequence[Reading], tools: Tools) -> Directory:
    urls = {address.url for reading in readings for address in addresses_of(reading, tools)}
    return load(tx, {reading.fetch.article for reading in readings}, urls)


def addresses_of(reading: Reading, tools: Tools) -> list[Address]:
    """The addresses that a reading tells of its page, the most certain first."""
    link = reading.fetch.entry.url
    found = [Address(url=link, kind="link")]
    said = reading.said
    if reading.url:
        found.append(Address(url=tools.clean(reading.url), kind="final"))
    if said is not None and said.canonical:
        canonical = tools.clean(said.canonical)
        sites = {site_of(address.url) for address in found}
        found.append(Address(url=canonical, kind="canonical" if site_of(canonical) in sites else "copy-at"))
    if said is not None and said.copy_at:
        found.append(Address(url=tools.clean(said.copy_at), kind="copy-at"))
    first: dict[str, Address] = {}
    for address in found:
        first.setdefault(address.url, address)
    return list(first.values())


def _result(reading: Reading, directory: Directory, now: datetime, tools: Tools) -> _Result:
    fetch, said = reading.fetch, reading.said
    known = directory.articles.get(fetch.article)
    if reading.withdrawn:
        return _withdrawal(reading, known, now)
    if said is None:
        has_article = fetch.is_check or known is not None
        return _Result(state=State.UNCHANGED if has_article else State.REJECTED, detail=reading.problem)
    if said.path.startswith("feed:") and known is not None and not known.path.startswith("feed:"):
        return _Result(state=State.UNCHANGED, detail=reading.problem)  # what the page said stands
    title = title_of(reading, said)
    text_hash = digest(title, said.text)
    addresses = addresses_of(reading, tools)
    other = directory.owner(fetch.article, addresses, title=title, text_hash=text_hash)
    if other:
        directory.add(other, addresses)
        return _Result(state=State.SAME, detail=f"the page of article {other}")
    directory.add(fetch.article, addresses)
    if known is not None and known.state != "withdrawn" and known.text_hash == text_hash:
        return _Result(state=State.UNCHANGED)
    revision = known.revision + 1 if known else 1
    article = article_of(reading, said, addresses, revision=revision, now=now)
    _note(directory, article, text_hash)
    return _Result(state=State.DONE, detail=reading.problem, article=article, text_hash=text_hash)


def _withdrawal(reading: Reading, known: Known | None, now: datetime) -> _Result:
    if known is None or known.state == "withdrawn":
        return _Result(state=State.UNCHANGED, detail=reading.problem)
    article = withdrawn_article(reading, title=known.title, path=known.path, revision=known.revision + 1, now=now)
    return _Result(state=State.DONE, detail=reading.problem, article=article, text_hash=known.text_hash)


def withdrawn_article(reading: Reading, *, title: str, path: str, revision: int, now: datetime) -> Article:
    """The revision that says that the page is gone at `now`, with the words it had where they are still known."""
    entry, said = reading.fetch.entry, reading.said
    return Article(
        id=reading.fetch.article,
        revision=revision,
        url=entry.url,
        feed=entry.feed,
        source=entry.source,
        title=title,
        text=said.text if said else "",
        language=(said.language if said else "") or entry.language,
        published=(said.published if said else None) or entry.published,
        authors=_authors(reading),
        path=path,
        flags=() if said else ("text-lost",),
        withdrawn=True,
        origin=entry.origin,
        seen=now,
    )


def title_of(reading: Reading, said: Extraction) -> str:
    """The page's title, else what its feed calls it."""
    return said.title or _one_line(reading.fetch.entry.title)


def article_of(
    reading: Reading, said: Extraction, addresses: Sequence[Address], *, revision: int, now: datetime
) -> Article:
    """The record of a revision: a function of what was read, but for `now`, the arrival of what a check found."""
    entry = reading.fetch.entry
    own = [address.url for address in addresses if address.kind != "copy-at" and address.url != entry.url]
    copies = [address.url for address in addresses if address.kind == "copy-at"]
    return Article(
        id=reading.fetch.article,
        revision=revision,
        url=entry.url,
        aliases=tuple(own),
        copy_at=copies[0] if copies else "",
        feed=entry.feed,
        source=entry.source,
        title=title_of(reading, said),
        title_source=said.title_source if said.title else "feed",
        text=said.text,
        language=said.language or entry.language,
        published=said.published or entry.published,
        modified=said.modified,
        authors=_authors(reading),
        path=said.path,
        flags=tuple(said.flags),
        origin=entry.origin,
        seen=now if reading.fetch.is_check else entry.seen,
        archive=reading.archive,
    )


def _authors(reading: Reading) -> tuple[Credit, ...]:
    if reading.said is not None and reading.said.authors:
        return tuple(reading.said.authors)
    author = _one_line(reading.fetch.entry.author)
    return (Credit(name=author, source="feed"),) if author else ()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _note(directory: Directory, article: Article, text_hash: str) -> None:
    """Lets the rest of the batch see the article."""
    directory.articles[article.id] = Known(
        revision=article.revision, text_hash=text_hash, title=article.title, path=article.path, state="live"
    )


def _save(tx: Connection, revisions: Sequence[tuple[Article, str]], now: datetime) -> None:
    rows = [
        {
            "id": article.id,
            "url": article.url,
            "revision": article.revision,
            "text_hash": text_hash,
            "title": article.title,
            "feed": article.feed,
            "source": article.source,
            "state": "withdrawn" if article.withdrawn else "live",
            "origin": article.origin,
            "path": article.path,
            "archive": article.archive,
            "seen": to_ms(article.seen),
            "published": to_ms(article.published.value) if article.published else None,
            "changed": to_ms(now),
        }
        for article, text_hash in revisions
    ]
    if rows:
        statement = upsert(tx, articles)
        newest = {name: statement.excluded[name] for name in rows[0] if name not in ("id", "feed", "source", "seen")}
        tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_=newest), rows)
