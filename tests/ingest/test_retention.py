import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import fields
from datetime import timedelta

import pytest
from pages_kit import START, Time
from sqlalchemy import insert, select, update

from ingest import rejected
from ingest.archive import Archive, ArchiveSettings, Capture, files
from ingest.clock import to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import articles as article_tables
from ingest.ledger.tables import feeds as feed_tables
from ingest.ledger.tables import stream
from ingest.queue import STAGE, State
from ingest.retention import BATCH, RetentionSettings, Swept, sweep

READERS = {"entries": ["extract"], "told": ["index", "watch"]}
NOTHING = Swept(**{field.name: 0 for field in fields(Swept)})


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger.open(tmp_path / "ledger.sqlite", clock=Time())
    yield opened
    opened.close()


@pytest.fixture
def swept(ledger, tmp_path):
    """Sweeps so many days after START; gives what was removed, by name, where it was anything."""

    def run(days, readers=READERS, **settings):
        found = sweep(
            ledger, tmp_path / "archive", START + timedelta(days=days), RetentionSettings(**settings), readers=readers
        )
        return {field.name: getattr(found, field.name) for field in fields(found) if getattr(found, field.name)}

    return run


def put(ledger, table, **values):
    with ledger.begin() as tx:
        tx.execute(insert(table).values(**values))


def ids(ledger, table):
    (key,) = table.primary_key.columns
    with ledger.read() as connection:
        return set(connection.execute(select(key)).scalars())


def put_entry(ledger, name, *, shown=START, feed="feed-a", state=State.DONE, article=None):
    """An entry that its feed showed last at `shown`, and its fetch in `state`, where it has one."""
    at = to_ms(shown)
    article = article or f"article of {name}"
    hashed = {"content_hash": "x", "origin": "live", "first_seen": at, "last_seen": at}
    put(ledger, feed_tables.entries, id=name, feed=feed, link="l", article=article, **hashed)
    if state is not None:
        put_fetch(ledger, f"fetch of {name}", name, state, finished=at, article=article)


def put_fetch(ledger, name, entry, state, *, finished=0, article="", reason="new"):
    ended = state not in (State.WAITING, State.LEASED)
    where = {"url": "u", "host": "h", "reason": reason, "record": b"", "due": 0, "at": to_ms(START)}
    values = {"id": name, "entry": entry, "article": article, "state": state, "finished": finished if ended else None}
    put(ledger, feed_tables.fetches, **values, **where)


def put_article(ledger, name, *, changed=START):
    told = dict.fromkeys(("url", "text_hash", "title", "feed", "source", "state", "origin", "path"), "x")
    put(ledger, article_tables.articles, id=name, revision=1, seen=0, changed=to_ms(changed), **told)


def put_rejected(ledger, record, state, *, at=START, kind=""):
    with ledger.begin() as tx:
        name = rejected.reject(tx, stage=STAGE, record=record, reason="r", kind=kind, data=b"b", at_ms=to_ms(at))
        rows = article_tables.rejected.c
        tx.execute(update(article_tables.rejected).where(rows.id == name).values(state=state))
    return name


def shows(ledger, day, feed="feed-a"):
    """The feed showed another entry `day` days after START."""
    put_entry(ledger, f"newest of {feed}", shown=START + timedelta(days=day), feed=feed)


def test_an_empty_ledger_without_an_archive_has_nothing_to_sweep(ledger, tmp_path):
    assert sweep(ledger, tmp_path / "archive", START) == NOTHING


@pytest.mark.parametrize("name", [field.name for field in fields(RetentionSettings)])
def test_a_time_to_keep_below_one_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 0; write 1 or more"):
        RetentionSettings(**{name: 0})


def test_an_old_entry_that_has_served_goes_with_its_fetches(ledger, swept):
    put_entry(ledger, "old")
    put_fetch(ledger, "an edit", "old", State.UNCHANGED)
    put_fetch(ledger, "a check", "old", State.DONE, reason="check-1h")
    shows(ledger, 100)
    assert swept(180) == {}
    assert swept(181) == {"entries": 1, "fetches": 3}
    assert ids(ledger, feed_tables.entries) == {"newest of feed-a"}
    assert ids(ledger, feed_tables.fetches) == {"fetch of newest of feed-a"}


def test_what_the_feed_showed_last_never_goes_however_old(ledger, swept):
    put_entry(ledger, "one")
    put_entry(ledger, "other")
    put_entry(ledger, "of another feed", feed="feed-b")
    shows(ledger, 1000, feed="feed-b")
    assert swept(2000) == {"entries": 1, "fetches": 1}
    assert {"one", "other", "newest of feed-b"} == ids(ledger, feed_tables.entries)


@pytest.mark.parametrize("state", [State.WAITING, State.LEASED])
def test_what_is_in_flight_stays(ledger, swept, state):
    put_entry(ledger, "old")
    put_fetch(ledger, "an edit", "old", state)
    shows(ledger, 1000)
    assert swept(2000) == {}


def test_an_entry_of_which_the_queue_knows_nothing_stays_for_the_account_to_show_it(ledger, swept):
    put_entry(ledger, "lost", state=None)
    shows(ledger, 1000)
    assert swept(2000) == {}


@pytest.mark.parametrize("state", ["open", "retried"])
def test_what_people_may_still_try_again_stays_and_can_be_tried(ledger, swept, state):
    put_entry(ledger, "rejected", state=State.REJECTED)
    put_entry(ledger, "read from its feed", state=State.DONE)  # its page was set aside
    names = [put_rejected(ledger, record, state) for record in ("rejected", "read from its feed")]
    shows(ledger, 1000)
    assert swept(2000) == {}
    for name in names:
        rejected.retry(ledger, name, START)


def test_a_fetch_that_a_retry_needs_stays_when_its_entry_is_gone(ledger, swept):
    put_fetch(ledger, "fetch", "entry", State.REJECTED)
    name = put_rejected(ledger, "entry", "open")
    assert swept(2000) == {}
    rejected.retry(ledger, name, START)


def test_what_was_resolved_goes_after_its_time(ledger, swept):
    put_entry(ledger, "old", state=State.REJECTED)
    put_rejected(ledger, "old", "resolved")
    shows(ledger, 1000)
    assert swept(90, entries_days=9999) == {}
    assert swept(91, entries_days=9999) == {"rejected": 1}
    assert swept(2000) == {"entries": 1, "fetches": 1}


def test_an_entry_stays_while_the_stage_has_not_passed_what_came_since(ledger, swept):
    put_entry(ledger, "old")
    shows(ledger, 1000)
    put(ledger, stream.records, topic="entries", key="h", value=b"{}", at=to_ms(START))
    assert swept(2000) == {}
    put(ledger, stream.groups, name="extract", topic="entries", position=1, at=0)
    assert swept(2000) == {"records": 1, "entries": 1, "fetches": 1}


def test_an_article_stays_as_long_as_an_entry_or_a_fetch_tells_of_it(ledger, swept):
    for name in ("told", "checked", "forgotten"):
        put_article(ledger, name)
        put(ledger, article_tables.aliases, url=f"url of {name}", article=name, kind="link")
    put_entry(ledger, "entry", article="told")
    put_fetch(ledger, "check", "", State.WAITING, article="checked", reason="check-24h")
    assert swept(400) == {}
    assert swept(401) == {"articles": 1, "aliases": 1}
    assert ids(ledger, article_tables.articles) == {"told", "checked"}
    assert ids(ledger, article_tables.aliases) == {"url of told", "url of checked"}


def test_an_article_that_changed_lately_stays(ledger, swept):
    put_article(ledger, "edited", changed=START + timedelta(days=1))
    assert swept(401) == {}
    assert swept(402) == {"articles": 1}


def test_an_old_entry_takes_its_article_along_in_one_sweep(ledger, swept):
    put_article(ledger, "article")
    put_entry(ledger, "old", article="article")
    shows(ledger, 1)
    assert swept(401) == {"entries": 1, "fetches": 1, "articles": 1}


def test_records_stay_until_every_reader_has_passed_them_and_48_hours_are_over(ledger, swept):
    for topic in ("entries", "told", "told", "told", "elsewhere"):
        put(ledger, stream.records, topic=topic, key="k", value=b"{}", at=to_ms(START))
    put(ledger, stream.groups, name="extract", topic="entries", position=1, at=0)
    put(ledger, stream.groups, name="index", topic="told", position=4, at=0)
    assert swept(2) == {}
    assert swept(3) == {"records": 1}
    put(ledger, stream.groups, name="watch", topic="told", position=3, at=0)
    assert swept(3) == {"records": 2}
    assert ids(ledger, stream.records) == {4, 5}


def test_without_named_readers_those_that_the_ledger_knows_count(ledger, swept):
    for topic in ("told", "elsewhere"):
        put(ledger, stream.records, topic=topic, key="k", value=b"{}", at=to_ms(START))
    put(ledger, stream.groups, name="index", topic="told", position=1, at=0)
    assert swept(3, readers=None) == {"records": 1}
    assert ids(ledger, stream.records) == {2}


def test_old_polls_and_hosts_that_nobody_holds_go(ledger, swept):
    put(ledger, feed_tables.polls, feed="f", at=to_ms(START), outcome="new")
    late = to_ms(START + timedelta(days=10))
    for name, values in {"idle": {}, "asked later": {"next_start": late}, "robots": {"robots_due": late}}.items():
        put(ledger, feed_tables.hosts, host=name, **values)
    put(ledger, feed_tables.hosts, host="leased", lease=late)
    assert swept(30) == {"hosts": 1}
    assert swept(31) == {"polls": 1}
    assert ids(ledger, feed_tables.hosts) == {"asked later", "robots", "leased"}
    assert swept(41) == {"hosts": 3}


def test_archive_files_go_a_whole_day_at_a_time_and_the_newest_stays(ledger, swept, tmp_path):
    clock = Time()
    archive = Archive(tmp_path / "archive", clock, ArchiveSettings(file_limit_bytes=1))
    for _ in range(3):
        for _ in range(2):
            archive.append([Capture(url="http://a/", status=200, headers={}, body=b"x", fetched=clock())])
        clock.pass_(days=1)
    archive.close()
    kept = files(tmp_path / "archive")
    sizes = [path.stat().st_size for path in kept]
    assert len(kept) == 6
    assert swept(90.4) == {}
    assert swept(90.6) == {"archive_files": 2, "archive_bytes": sum(sizes[:2])}
    assert files(tmp_path / "archive") == kept[2:]
    assert swept(5000) == {"archive_files": 3, "archive_bytes": sum(sizes[2:5])}
    assert files(tmp_path / "archive") == kept[5:]


def test_more_than_a_batch_goes_in_one_sweep(ledger, swept):
    with ledger.begin() as tx:
        polls = [{"feed": "f", "at": to_ms(START), "outcome": "new"}] * (2 * BATCH)
        tx.execute(insert(feed_tables.polls), polls)
    assert swept(31) == {"polls": 2 * BATCH}


DYING = """
    import sys
    from datetime import datetime
    from pathlib import Path
    from ingest import retention
    from ingest.ledger import Ledger
    retention.BATCH = 1
    retention.sweep(Ledger.open(Path(sys.argv[1])), Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3]))
"""


@pytest.mark.file
def test_a_sweep_that_is_killed_has_broken_nothing_and_the_next_one_ends_it(ledger, swept, tmp_path):
    names = [f"old {number:04}" for number in range(1500)]
    at = to_ms(START)
    hashed = {"link": "l", "content_hash": "x", "origin": "live", "first_seen": at, "last_seen": at}
    fetched = {"url": "u", "host": "h", "reason": "new", "record": b"", "due": 0, "at": at}
    with ledger.begin() as tx:
        tx.execute(insert(feed_tables.entries), [{"id": n, "feed": "feed-a", "article": n, **hashed} for n in names])
        ended = {"state": "done", "finished": at}
        tx.execute(
            insert(feed_tables.fetches), [{"id": n, "entry": n, "article": n, **ended, **fetched} for n in names]
        )
    put_fetch(ledger, "an edit", names[0], State.WAITING)
    shows(ledger, 500)
    before = ids(ledger, feed_tables.fetches)
    now = START + timedelta(days=1000)
    arguments = [str(tmp_path / "ledger.sqlite"), str(tmp_path / "archive"), now.isoformat()]
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(DYING), *arguments])
    deadline = time.monotonic() + 20
    while len(ids(ledger, feed_tables.entries)) > 1450 and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    left = ids(ledger, feed_tables.entries)
    assert 2 < len(left) <= 1450
    assert ids(ledger, feed_tables.fetches) == before  # a fetch never goes before its entry
    assert swept(1000) == {"entries": len(left) - 2, "fetches": 1499}
    assert ids(ledger, feed_tables.entries) == {names[0], "newest of feed-a"}
    assert swept(1000) == {}
