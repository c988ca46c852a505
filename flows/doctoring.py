"""A folder -> what is well with it and what is not, checked without trusting the counts that the stages keep."""

import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace

import msgspec
from sqlalchemy import func, select, text

from enrich.article import ToldArticle
from enrich.topics.packs import TopicPacks
from flows.doctoring_servers import Check, examine_servers
from flows.home import Home, Ownership
from flows.opening import is_shared, open_index, open_stream, reading
from flows.route import READERS
from flows.settings import Settings, read_settings
from flows.standing import stalled
from flows.stream import Stream
from ingest import wire
from ingest.account import account
from ingest.clock import now
from ingest.feeds.health import health
from ingest.ledger import Ledger
from ingest.ledger.migrate import HEAD, version
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables import articles as article_tables
from ingest.ledger.tables import stream as stream_tables
from ingest.verdict import Abort, Retry
from search.index.embedded import rebuilt
from search.query.tree import All

LEAST_FREE_BYTES = 500 * 1024 * 1024
SHOWN = 5


def examine(home: Home) -> list[Check]:
    """Every check of the folder and its servers.

    Raises: Abort if there is no ledger.
    """
    settings = read_settings(home)
    is_shared(settings)
    with reading(home) as ledger:
        checks = [_ledger(ledger)]
        try:
            stream = open_stream(_impatient(settings), ledger)
        except (Abort, Retry) as verdict:
            checks.append(Check(name="stream", fine=False, said=str(verdict)))
        else:
            with closing(stream):
                checks += [*examine_servers(settings, ledger, stream)]
                checks += [*_index(home, settings, ledger, stream), _entries(ledger, stream), _moving(ledger, stream)]
        checks += [_feeds(ledger), _rejected(ledger), _deliveries(ledger)]
    return [*checks, _disk(home), _packs()]


def _impatient(settings: Settings) -> Settings:
    """A server that is away is told at once, not waited for."""
    return replace(settings, stream=replace(settings.stream, wait_seconds=0.0))


def rebuild(home: Home) -> int:
    """Makes the index anew from what the old one and the stream still hold; gives how many articles it has.

    Raises: Abort if another process has the folder.
    """
    ownership = Ownership.take(home)
    try:
        ledger = Ledger.open(home.ledger)
        try:
            return rebuilt(home.index, told_on_stream(ledger))
        finally:
            ledger.close()
    finally:
        ownership.release()


def told_on_stream(ledger: Ledger) -> Iterator[ToldArticle]:
    """What stands on [told], in order."""
    rows = stream_tables.records.c
    with ledger.read() as connection:
        for value in connection.execute(
            select(rows.value).where(rows.topic == "told").order_by(rows.position)
        ).scalars():
            yield wire.decode(value, ToldArticle)


def _ledger(ledger: Ledger) -> Check:
    with ledger.read() as connection:
        found = version(connection)
        in_file = connection.dialect.name == "sqlite"
        said = str(connection.execute(text("PRAGMA quick_check(1)")).scalar()) if in_file else "ok"
        server = "" if in_file else str(connection.execute(text("SHOW server_version")).scalar())
    if found != HEAD:
        return Check(
            name="ledger", fine=False, said=f"version {found}, this Tocsin has {HEAD}: start `tocsin run` once"
        )
    if said != "ok":
        return Check(name="ledger", fine=False, said=f"the file is damaged: {said}; restore it from a backup")
    whole = "whole" if in_file else f"on PostgreSQL {server} at {ledger.name}"
    return Check(name="ledger", fine=True, said=f"version {found}, {whole}")


def _index(home: Home, settings: Settings, ledger: Ledger, stream: Stream) -> Iterator[Check]:
    """Every article that was published must be indexed, on its way, or set aside."""
    try:
        index, close = open_index(home, settings, writable=False)
    except Abort as error:
        yield Check(name="index", fine=False, said=str(error))
        return
    try:
        index.check()
        with ledger.read() as connection:
            published = set(connection.execute(select(article_tables.articles.c.id)).scalars())
        # In this order: what moves on meanwhile is seen where it comes to.
        elsewhere = on_the_way(stream) | set_aside(ledger)
        there = index.ids(All())
    except (Abort, Retry) as verdict:
        yield Check(name="index", fine=False, said=str(verdict))
        return
    finally:
        close()
    missing = published - elsewhere - there
    if missing:
        some = ", ".join(sorted(missing)[:SHOWN])
        mend = "tocsin index reindex" if settings.index.url else "tocsin doctor --rebuild-index"
        said = f"{len(missing)} published articles are missing ({some}): run `{mend}`"
        yield Check(name="index", fine=False, said=said)
        return
    yield Check(name="index", fine=True, said=f"{len(there)} articles, none of {len(published)} published is missing")


class _Named(msgspec.Struct):
    id: str


class _Enriched(msgspec.Struct):
    article: _Named


class _Told(msgspec.Struct):
    enriched: _Enriched


_ARTICLE_IN = {
    "articles": lambda value: msgspec.json.decode(value, type=_Named).id,
    "enriched": lambda value: msgspec.json.decode(value, type=_Enriched).article.id,
    "told": lambda value: msgspec.json.decode(value, type=_Told).enriched.article.id,
}


def on_the_way(stream: Stream) -> set[str]:
    """Articles on the stream that a stage before the index, or the index itself, has not passed."""
    found: set[str] = set()
    for arrow in READERS:
        if arrow.reads in _ARTICLE_IN and arrow.stage != "watch":
            for record in stream.waiting(arrow.stage, arrow.reads):
                with suppress(msgspec.MsgspecError):  # bytes that are no record name no article
                    found.add(_ARTICLE_IN[arrow.reads](record.value))
    return found


def set_aside(ledger: Ledger) -> set[str]:
    """Articles whose record was rejected on the stream."""
    rows = article_tables.rejected.c
    found: set[str] = set()
    with ledger.read() as connection:
        query = select(rows.kind, rows.bytes).where(rows.kind.contains("topic="), rows.state != "resolved")
        for kind, data in connection.execute(query):
            topic = kind.partition("topic=")[2].split(";")[0].strip()
            if topic in _ARTICLE_IN:
                try:
                    found.add(_ARTICLE_IN[topic](data))
                except msgspec.MsgspecError:
                    continue  # bytes that are no record name no article
    return found


def _entries(ledger: Ledger, stream: Stream) -> Check:
    first = READERS[0]
    found = account(ledger, lambda: (record.value for record in stream.waiting(first.stage, first.reads)))
    said = (
        f"{found.seen} seen = {found.done} published + {found.same} same article again + {found.rejected} rejected"
        f" + {found.in_flight} in flight"
    )
    if not found.balances:
        some = ", ".join(found.lost_entries[:SHOWN])
        return Check(name="entries", fine=False, said=f"{said} + {found.lost} LOST ({some}): please report this")
    return Check(name="entries", fine=True, said=said)


def _moving(ledger: Ledger, stream: Stream) -> Check:
    wrong = stalled(ledger, stream, now)
    if wrong:
        return Check(name="stages", fine=False, said=f"{wrong}: is `tocsin run` running? see tocsin.log in the folder")
    waiting = sum(stream.lag(arrow.stage, arrow.reads) for arrow in READERS)
    return Check(name="stages", fine=True, said=f"{waiting} records wait" if waiting else "nothing waits")


def _feeds(ledger: Ledger) -> Check:
    found = health(ledger, now(), 1_000_000)
    failing = [feed for feed in found if feed.failures >= 3]
    silent = [feed for feed in found if feed.silent]
    if not found:
        return Check(name="feeds", fine=False, said="no feed is read: `tocsin feeds add FILE|URL`")
    if failing:
        some = ", ".join(feed.title or feed.url for feed in failing[:SHOWN])
        said = f"{len(failing)} of {len(found)} fail again and again ({some}): `tocsin feeds list` says why"
        return Check(name="feeds", fine=False, said=said)
    quiet = f", {len(silent)} silent for longer than usual" if silent else ""
    return Check(name="feeds", fine=True, said=f"{len(found)} read{quiet}")


def _rejected(ledger: Ledger) -> Check:
    rows = article_tables.rejected.c
    with ledger.read() as connection:
        count = connection.execute(
            select(func.count()).select_from(article_tables.rejected).where(rows.state == "open")
        ).scalar_one()
    return Check(name="rejected", fine=True, said=f"{count} open: `tocsin rejected list`" if count else "none")


def _deliveries(ledger: Ledger) -> Check:
    rows = alert_tables.deliveries.c
    with ledger.read() as connection:
        found = connection.execute(select(rows.state, func.count()).group_by(rows.state))
        counts = {state: int(count) for state, count in found}
    failed, held = counts.get("failed", 0), counts.get("held", 0)
    if failed:
        return Check(
            name="deliveries", fine=False, said=f"{failed} failed: see Channels on the desk page, mend the channel"
        )
    sent, waiting = counts.get("sent", 0), counts.get("waiting", 0)
    return Check(name="deliveries", fine=True, said=f"{sent} sent, {waiting} waiting, {held} held")


def _disk(home: Home) -> Check:
    free = shutil.disk_usage(home.path).free
    said = f"{free / 2**30:.1f} GiB free"
    return Check(
        name="disk", fine=free >= LEAST_FREE_BYTES, said=said if free >= LEAST_FREE_BYTES else f"{said}: make room"
    )


def _packs() -> Check:
    """What the packs can see, so that silence is never mistaken for "nothing happened"."""
    packs = TopicPacks.load()
    blind: dict[str, list[str]] = {}
    for code in sorted(packs.languages):
        pack = packs.language(code)
        if pack is not None and pack.blind:
            blind.setdefault(", ".join(sorted(pack.blind)), []).append(code)
    said = f"events in {', '.join(sorted(packs.languages))}; other languages: names only"
    return Check(
        name="packs",
        fine=True,
        said="; ".join([said, *(f"{', '.join(codes)}: not {what}" for what, codes in blind.items())]),
    )
