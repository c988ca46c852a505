"""A folder and its settings -> the index made, made anew, looked at, and compared with the ledger."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby

from sqlalchemy import select

from flows.doctoring import on_the_way, rebuild, set_aside, told_on_stream
from flows.home import Home
from flows.opening import open_stream, reading, reading_index
from flows.recovering import Recovered, recover
from flows.settings import read_settings
from ingest.identity import digest
from ingest.ledger import Ledger
from ingest.ledger.tables import articles as article_tables
from search.index.embedded import VERSION, EmbeddedIndex
from search.index.merging import merged
from search.index.settings import IndexSettings
from search.query.tree import All

PAGE = 2_000
SHOWN = 5
PATIENT_SECONDS = 180.0  # for one request of a rebuild: a busy server must not cut it off


@dataclass(slots=True, kw_only=True)
class Verified:
    """The index against the ledger, by article."""

    ledger: int = 0  # articles that the ledger knows
    index: int = 0
    waiting: int = 0  # on their way, or rejected
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)  # the ledger does not know them any more
    different: list[str] = field(default_factory=list)  # another revision or another text
    twice: list[str] = field(default_factory=list)

    @property
    def fine(self) -> bool:
        return not (self.missing or self.extra or self.different or self.twice)


@dataclass(slots=True, kw_only=True)
class Reindexed:
    """What came of making the index anew."""

    articles: int  # from what the old index and the stream held
    refused: dict[str, str] = field(default_factory=dict)  # id -> why the index server does not take it
    recovered: Recovered = field(default_factory=Recovered)  # from ledger and archive

    @property
    def lost(self) -> dict[str, str]:
        """Articles that people cannot find now, and why."""
        return {**self.refused, **self.recovered.lost}


def sentences(done: Reindexed) -> Iterator[str]:
    """What came of it, for people."""
    yield f"{done.articles} articles indexed anew"
    back = done.recovered
    if back.articles:
        yield f"{back.articles} that were missing are read again out of the archive"
    if back.changed:
        some = ", ".join(back.changed[:SHOWN]) + (", ..." if len(back.changed) > SHOWN else "")
        yield f"{len(back.changed)} of them have another text than when they were published: {some}"
    for name, reason in done.lost.items():
        yield f"{name}: {reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    revision: int
    text_hash: str
    withdrawn: bool


def apply(home: Home) -> tuple[list[str], list[str]]:
    """Makes what is missing; gives what it made and what differs from this Tocsin's, a sentence each."""
    settings = read_settings(home).index
    if not settings.url:
        return [], []  # the file is made by whoever opens the folder
    from search.index.elastic.applying import apply as apply_there
    from search.index.elastic.server import Server

    server = Server(settings)
    try:
        return apply_there(server)
    finally:
        server.close()


def reindex(home: Home, *, over: bool = False, keep_old: bool = False) -> Reindexed:
    """Makes the index anew from its own records and the stream's, then brings back from the archive what is missing.

    Beyond one machine writers go on meanwhile. In a folder no other process may have it.
    Raises: Abort if the folder is in use, or another reindex runs; Retry if a server is away.
    """
    done = _rebuilt(home, over=over, keep_old=keep_old)
    found = verify(home)
    wanted = [name for name in sorted({*found.missing, *found.different}) if name not in done.refused]
    if wanted:
        done.recovered = recover(home, wanted)
    return done


def _rebuilt(home: Home, *, over: bool, keep_old: bool) -> Reindexed:
    settings = read_settings(home).index
    if not settings.url:
        return Reindexed(articles=rebuild(home))
    from search.index.elastic.rebuilding import Rebuilding
    from search.index.elastic.server import Server

    server = Server(replace(settings, timeout_seconds=max(settings.timeout_seconds, PATIENT_SECONDS)))
    try:
        with reading(home) as ledger:
            done = Rebuilding(server).run(told_on_stream(ledger), over=over, keep_old=keep_old)
        return Reindexed(articles=done.articles, refused=done.refused)
    finally:
        server.close()


def verify(home: Home) -> Verified:
    """Compares every article of the index with the ledger: its revision and the digest of its title and text."""
    every = read_settings(home)
    settings, found = every.index, Verified()
    with reading(home) as ledger, closing(open_stream(every, ledger)) as stream:
        # In this order: what moves on meanwhile is seen where it comes to.
        known = list(_published(ledger))
        waiting = on_the_way(stream) | set_aside(ledger)
        there = _there(settings) if settings.url else _in_folder(home)
        for pair in merged(known, _single(there, found)):
            if pair.left is not None:
                found.ledger += 1
            if pair.id in waiting:
                found.waiting += 1
            elif pair.right is None:
                found.missing.append(pair.id)
            elif pair.left is None:
                if not _is_known(ledger, pair.id):
                    found.extra.append(pair.id)
            elif _differ(pair.left, pair.right):
                found.different.append(pair.id)
    return found


def status(home: Home) -> list[tuple[str, str]]:
    """What stands there, as (name, what is said)."""
    settings = read_settings(home).index
    if not settings.url:
        index = reading_index(home)
        count = index.search(All(), limit=1).total
        size = home.index.stat().st_size
        return [
            ("kind", "embedded, a file in the folder"),
            ("version", VERSION),
            ("index.db", f"{count} articles, {size / 1e6:.1f} MB"),
        ]
    from search.index.elastic.surveying import survey

    said = survey(settings)
    lines = [
        ("kind", "Elasticsearch"),
        ("version", ", ".join(said.versions)),
        ("analyzers", ", ".join(said.analyzers) or "none for languages"),
    ]
    for one in said.indices:
        used = "" if one.used else ", NOT IN USE"
        what = f"{one.documents} {one.kind}, {one.bytes / 1e6:.1f} MB, mapping {one.mapping or 'unknown'}{used}"
        lines.append((one.name, what))
    if said.closing:
        lines.append(("writing", "closed: the index is being exchanged (`tocsin index reindex`)"))
    lines += [("without", line) for line in said.without]
    lines += [("different", line) for line in said.different]
    return lines


def _published(ledger: Ledger) -> Iterator[tuple[str, _Kept]]:
    rows = article_tables.articles.c
    after = ""
    while True:
        query = select(rows.id, rows.revision, rows.text_hash, rows.state).where(rows.id > after)
        with ledger.read() as connection:
            found = connection.execute(query.order_by(rows.id).limit(PAGE)).all()
        for row in found:
            yield row.id, _Kept(revision=row.revision, text_hash=row.text_hash, withdrawn=row.state == "withdrawn")
        if len(found) < PAGE:
            return
        after = found[-1].id


def _there(settings: IndexSettings) -> Iterator[tuple[str, _Kept]]:
    from search.index.elastic import mapping
    from search.index.elastic.keeping import kept
    from search.index.elastic.searching import searched
    from search.index.elastic.server import Server

    server = Server(settings)
    try:
        alias = mapping.alias(settings, "articles")
        searched(server, f"/{alias}/_refresh", None, {})
        for name, one in kept(server, alias):
            yield name, _Kept(revision=one.revision, text_hash=one.text_hash, withdrawn=one.withdrawn)
    finally:
        server.close()


def _in_folder(home: Home) -> Iterator[tuple[str, _Kept]]:
    for told in EmbeddedIndex(home.index, writable=False).all():
        article = told.enriched.article
        text_hash = digest(article.title, article.text)
        yield article.id, _Kept(revision=article.revision, text_hash=text_hash, withdrawn=article.withdrawn)


def _single(there: Iterator[tuple[str, _Kept]], found: Verified) -> Iterator[tuple[str, _Kept]]:
    for name, same in groupby(there, key=lambda one: one[0]):
        copies = [one for _, one in same]
        found.index += len(copies)
        if len(copies) > 1:
            found.twice.append(name)
        yield name, max(copies, key=lambda one: one.revision)


def _differ(ours: _Kept, theirs: _Kept) -> bool:
    # A page that is gone may have left no text behind; its digest is that of the last one.
    texts = not ours.withdrawn and ours.text_hash != theirs.text_hash
    return ours.revision != theirs.revision or ours.withdrawn != theirs.withdrawn or texts


def _is_known(ledger: Ledger, name: str) -> bool:
    rows = article_tables.articles.c
    with ledger.read() as connection:
        return connection.execute(select(rows.id).where(rows.id == name)).first() is not None
