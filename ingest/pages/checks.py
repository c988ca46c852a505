"""An article behind a live alert -> its page is looked at again after 1, 6 and 24 hours."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from ingest import wire
from ingest.article import Article
from ingest.clock import to_ms
from ingest.entry import Entry
from ingest.identity import digest
from ingest.ledger.tables.feeds import fetches
from ingest.queue import State, insert_rows

HOURS = (1, 6, 24)


def plan_checks(tx: Connection, article: Article, now: datetime) -> int:
    """Plans the checks of an article within `tx`, once for each article; gives how many were new."""
    entry = replace(_entry(tx, article), url=article.url, origin=article.origin, seen=now)
    record = wire.encode(entry)
    return insert_rows(
        tx,
        (
            {
                "id": digest(article.id, f"check-{hours}h"),
                "entry": entry.id,
                "article": article.id,
                "url": article.url,
                "host": entry.key,
                "reason": f"check-{hours}h",
                "state": State.WAITING,
                "due": to_ms(now + timedelta(hours=hours)),
                "record": record,
                "at": to_ms(now),
            }
            for hours in HOURS
        ),
    )


def _entry(tx: Connection, article: Article) -> Entry:
    """The newest entry that told the article; one made from the article where none is kept."""
    rows = fetches.c
    query = select(rows.record).where(rows.article == article.id, ~rows.reason.startswith("check-"))
    record = tx.execute(query.order_by(rows.at.desc(), rows.id).limit(1)).scalar()
    if record is not None:
        return wire.decode(record, Entry)
    return Entry(
        id="",
        feed=article.feed,
        source=article.source,
        link=article.url,
        url=article.url,
        title=article.title,
        language=article.language,
        published=article.published,
        content_hash="",
        seen=article.seen,
    )
