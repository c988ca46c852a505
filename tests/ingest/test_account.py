import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from pages_kit import START, Time, again, entry
from sqlalchemy import Engine, delete, event, insert, select, text, update

from ingest import rejected, wire
from ingest.account import Account, account
from ingest.clock import to_ms
from ingest.entry import Entry
from ingest.ledger import Ledger
from ingest.ledger.tables import feeds, stream
from ingest.ledger.tables.articles import rejected as rejected_rows
from ingest.queue import (
    Delay,
    Ending,
    State,
    admit,
    finish,
    promote,
    release_all,
    retry_later,
    set_aside,
    take,
)
from ingest.retention import RetentionSettings, sweep

KIND = "application/json; topic=entries"
NOTHING = Account(seen=0, done=0, same=0, rejected=0, in_queue=0, in_stream=0, lost=0)
HOST = "http://a.example"


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger.open(tmp_path / "ledger.sqlite", clock=Time())
    yield opened
    opened.close()


def collect(ledger, *entries):
    """What the collect stage does with entries that a feed shows: notes them and puts them on the stream."""
    with ledger.begin() as tx:
        for told in entries:
            see(tx, told)
        ledger.publish(tx, "entries", [(told.key, wire.encode(told)) for told in entries])


def see(tx, told):
    rows = feeds.entries.c
    values = {"content_hash": told.content_hash, "last_seen": to_ms(told.seen)}
    if not tx.execute(update(feeds.entries).where(rows.id == told.id).values(values)).rowcount:
        fixed = {"id": told.id, "feed": told.feed, "link": told.link, "article": told.url, "origin": told.origin}
        tx.execute(insert(feeds.entries).values(**fixed, **values, first_seen=to_ms(told.seen)))


def pass_on(ledger, limit=100, now=START):
    """What the extract stage does with the stream: admits what it can read, rejects what it cannot."""
    with ledger.begin() as tx:
        group = stream.groups.c.name == "extract"
        position = tx.execute(select(stream.groups.c.position).where(group)).scalar() or 0
        rows = stream.records.c
        query = select(rows.position, rows.key, rows.value).where(rows.topic == "entries", rows.position > position)
        for record in tx.execute(query.order_by(rows.position).limit(limit)).all():
            try:
                admit(tx, [wire.decode(record.value, Entry)], now)
            except ValueError as error:
                rejected.reject(
                    tx, stage="extract", record=record.key, reason=str(error), kind=KIND, data=record.value, at_ms=0
                )
            tx.execute(delete(stream.groups).where(group))
            tx.execute(insert(stream.groups).values(name="extract", topic="entries", position=record.position, at=0))


def end(ledger, fetch, state, now=START):
    with ledger.begin() as tx:
        finish(tx, [Ending(id=fetch.id, state=state)], now)
        if state is State.REJECTED:
            set_aside(tx, fetch, "no text", now)
            promote(tx, fetch.article, now)
        else:
            rejected.resolve(tx, stage="extract", records=[fetch.entry.id])


def url(number):
    return f"{HOST}/{number}"


def test_an_empty_ledger_balances(ledger):
    assert account(ledger) == NOTHING
    assert account(ledger).balances


def test_every_class_is_counted(ledger):
    told = {name: entry(url(name)) for name in ("done", "unchanged", "rejected", "waiting", "leased", "late", "bad")}
    copy = entry(url("done"), feed="feed-b")
    for name in ("done", "unchanged", "rejected", "leased"):
        collect(ledger, told[name])
    collect(ledger, copy)
    pass_on(ledger)
    ends = {told["done"].id: State.DONE, told["unchanged"].id: State.UNCHANGED, told["rejected"].id: State.REJECTED}
    for fetch in take(ledger, START, 9, 60):
        if fetch.entry.id in ends:
            end(ledger, fetch, ends[fetch.entry.id])
    collect(ledger, told["waiting"])
    publish_unreadable(ledger, told["bad"])
    pass_on(ledger)
    collect(ledger, told["late"])
    lost = replace(entry(url("lost")), id="nobody-knows")
    with ledger.begin() as tx:
        see(tx, lost)
    assert account(ledger) == Account(
        seen=9, done=1, same=2, rejected=2, in_queue=2, in_stream=1, lost=1, lost_entries=("nobody-knows",),
        rejected_open=2,
    )  # fmt: skip
    assert account(ledger).in_flight == 3
    assert not account(ledger).balances


def publish_unreadable(ledger, told):
    """On the stream, but with a field that nobody can read."""
    record = {**msgspec.to_builtins(told), "seen": "soon"}
    with ledger.begin() as tx:
        see(tx, told)
        ledger.publish(tx, "entries", [(told.key, msgspec.json.encode(record))])


def test_two_unreadable_entries_of_one_host_are_both_kept(ledger):
    publish_unreadable(ledger, entry(url(1)))
    publish_unreadable(ledger, entry(url(2)))
    pass_on(ledger)
    assert account(ledger) == replace(NOTHING, seen=2, rejected=2, rejected_open=2)
    for kept in rejected.listing(ledger, 9):
        rejected.retry(ledger, kept.id, START)
    assert account(ledger) == replace(NOTHING, seen=2, in_stream=2)
    pass_on(ledger)
    assert account(ledger) == replace(NOTHING, seen=2, rejected=2, rejected_open=2)
    assert {kept.times for kept in rejected.listing(ledger, 9)} == {2}


def test_an_entry_that_was_retried_and_then_vanished_is_lost(ledger):
    publish_unreadable(ledger, entry(url(1)))
    pass_on(ledger)
    rejected.retry(ledger, rejected.listing(ledger, 1)[0].id, START)
    with ledger.begin() as tx:
        tx.execute(delete(stream.records))
    assert account(ledger) == replace(NOTHING, seen=1, lost=1, lost_entries=(entry(url(1)).id,))


def test_an_entry_counts_once_however_many_versions_it_had(ledger):
    told = entry(url(1))
    changed = again(told, title="Better", seen=START + timedelta(hours=1))
    collect(ledger, told)
    pass_on(ledger)
    end(ledger, *take(ledger, START, 1, 60), State.DONE)
    collect(ledger, changed)
    assert account(ledger) == replace(NOTHING, seen=1, done=1)
    pass_on(ledger)
    assert account(ledger) == replace(NOTHING, seen=1, in_queue=1)
    end(ledger, *take(ledger, START, 1, 60), State.REJECTED)
    assert account(ledger) == replace(NOTHING, seen=1, done=1, rejected_open=1)


@pytest.mark.parametrize(("first", "second"), [(State.SAME, State.REJECTED), (State.REJECTED, State.UNCHANGED)])
def test_an_entry_that_told_nothing_counts_as_its_newest_version_ended(ledger, first, second):
    told = entry(url(1))
    for version, state in ((told, first), (again(told, title="Better", seen=START + timedelta(hours=1)), second)):
        collect(ledger, version)
        pass_on(ledger)
        end(ledger, *take(ledger, START, 1, 60), state)
    rejected_now = int(second is State.REJECTED)
    assert account(ledger) == replace(
        NOTHING, seen=1, rejected=rejected_now, same=1 - rejected_now, rejected_open=rejected_now
    )


def test_a_check_of_a_page_is_no_entry(ledger):
    collect(ledger, entry(url(1)))
    pass_on(ledger)
    end(ledger, *take(ledger, START, 1, 60), State.DONE)
    with ledger.begin() as tx:
        for name, told in (("check-1h", entry(url(1)).id), ("check-6h", "")):
            values = {"entry": told, "article": "x", "url": "x", "host": "x", "reason": name, "record": b""}
            tx.execute(insert(feeds.fetches).values(id=name, **values, state=State.WAITING, due=0, at=0))
    assert account(ledger) == replace(NOTHING, seen=1, done=1)


def test_the_account_names_some_of_what_is_lost_and_counts_all(ledger):
    with ledger.begin() as tx:
        for number in range(30):
            see(tx, replace(entry(url(number)), id=f"entry-{number:02}"))
    found = account(ledger)
    assert (found.lost, found.lost_entries) == (30, tuple(f"entry-{number:02}" for number in range(20)))


def test_the_account_sees_one_state_while_the_stage_moves_on(ledger):
    collect(ledger, *(entry(url(number)) for number in range(3)))
    statements = []

    def move_on(_connection, _cursor, statement, *_rest):
        if statement.startswith("SELECT") and not statements:
            statements.append(statement)
            pass_on(ledger)

    event.listen(Engine, "after_cursor_execute", move_on)
    try:
        found = account(ledger)
    finally:
        event.remove(Engine, "after_cursor_execute", move_on)
    assert statements
    assert found == replace(NOTHING, seen=3, in_stream=3)
    assert account(ledger) == replace(NOTHING, seen=3, in_queue=3)


def recount(ledger, known):
    """What became of each of `known`, by another way than the account: row by row, in Python."""
    with ledger.read() as connection:
        fetches = connection.execute(
            text("SELECT entry, state FROM fetches WHERE reason NOT LIKE 'check-%' ORDER BY at, id DESC")
        ).all()
        passed = connection.execute(text("SELECT position FROM groups WHERE name = 'extract'")).scalar() or 0
        waiting = text("SELECT value FROM records WHERE topic = 'entries' AND position > :passed")
        on_stream = [named(value) for value in connection.execute(waiting, {"passed": passed}).scalars()]
        aside = [named(row.bytes) for row in connection.execute(select(rejected_rows)) if "topic=" in row.kind]
    found = {}
    for name in known:
        states = [row.state for row in fetches if row.entry == name]
        if {"waiting", "leased"} & set(states):
            found[name] = "in_queue"
        elif "done" in states:
            found[name] = "done"
        elif states:
            found[name] = "rejected" if states[-1] == "rejected" else "same"
        else:
            found[name] = "in_stream" if name in on_stream else "rejected" if name in aside else "lost"
    return found


def named(value):
    return msgspec.json.decode(value)["id"]


SHORT = RetentionSettings(
    archive_days=1, stream_hours=1, polls_days=1, entries_days=1, articles_days=1, rejected_days=1, hosts_days=1
)
CLASSES = ("done", "same", "rejected", "in_queue", "in_stream", "lost")


@dataclass
class Route:
    """A ledger to which anything may happen, in any order."""

    ledger: Ledger
    folder: Path
    time: Time
    chance: random.Random
    shown: set = field(default_factory=set)  # ids of the entries that feeds showed, but for those that were swept
    leased: list = field(default_factory=list)
    swept: int = 0

    def act(self):
        self.time.pass_(minutes=self.chance.choice((1, 30, 60 * 20, 60 * 40)))
        acts = (self.show, self.show, self.damage, self.pass_on, self.take, self.end, self.delay, self.retry, self.die)
        self.chance.choice((*acts, self.sweep))()

    def show(self):
        feed, title = self.chance.choice("ab"), self.chance.choice("xyz")
        told = entry(url(self.chance.randrange(20)), feed=feed, seen=self.time(), title=title)
        self.shown.add(told.id)
        collect(self.ledger, told)

    def damage(self):
        told = entry(url(f"bad-{self.chance.randrange(100)}"), seen=self.time())
        self.shown.add(told.id)
        publish_unreadable(self.ledger, told)

    def pass_on(self):
        pass_on(self.ledger, self.chance.randrange(3, 9), self.time())

    def take(self):
        self.leased += take(self.ledger, self.time(), 3, 60)

    def end(self):
        if self.leased:
            state = self.chance.choice((State.DONE, State.UNCHANGED, State.SAME, State.REJECTED))
            end(self.ledger, self.leased.pop(), state, self.time())

    def delay(self):
        if self.leased:
            later = Delay(id=self.leased.pop().id, due=self.time() + timedelta(minutes=5), detail="503")
            with self.ledger.begin() as tx:
                retry_later(tx, [later])

    def retry(self):
        for kept in rejected.listing(self.ledger, 1):
            rejected.retry(self.ledger, kept.id, self.time())

    def die(self):
        self.leased.clear()
        release_all(self.ledger)

    def sweep(self):
        before = recount(self.ledger, self.shown)
        sweep(self.ledger, self.folder, self.time(), SHORT, readers={"entries": ["extract"]})
        with self.ledger.read() as connection:
            kept = set(connection.execute(text("SELECT id FROM entries UNION SELECT entry FROM fetches")).scalars())
        gone = self.shown - kept
        assert {before[name] for name in gone} <= {"done", "same", "rejected"}
        self.shown -= gone
        self.swept += len(gone)


def test_whatever_happened_the_account_is_what_a_recount_finds_and_nothing_is_lost(tmp_path):
    reached, swept = Counter(), 0
    for seed in range(12):
        folder = tmp_path / str(seed)
        folder.mkdir()
        ledger = Ledger.open(folder / "ledger.sqlite", clock=(time := Time()))
        route = Route(ledger=ledger, folder=folder, time=time, chance=random.Random(seed))
        try:
            for _ in range(60):
                route.act()
            recounted = Counter(recount(ledger, route.shown).values())
            found = account(ledger)
        finally:
            ledger.close()
        assert {name: getattr(found, name) for name in CLASSES} == {name: recounted[name] for name in CLASSES}, seed
        assert found.seen == len(route.shown)
        assert found.lost == 0
        reached += recounted
        swept += route.swept
    assert set(reached) == set(CLASSES) - {"lost"}  # the sequences came by every class
    assert swept > 10
