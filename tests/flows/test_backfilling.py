"""Backfill: what was captured before, or is only an address, comes in silently and is accounted for."""

import gzip
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from flows.backfilling import BackfillAsked, backfill_once, sentences
from flows.home import Home
from flows.opening import owning
from flows.running import drain_once
from ingest import archive, wire
from ingest.account import account
from ingest.article import Article
from ingest.entry import Origin
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables.stream import records
from ingest.verdict import Abort, Reject
from search.watch import Watch

MAY = datetime(2025, 5, 5, 12, 0, tzinfo=UTC)
EASED = "Washington eased its sanctions on Belarus on Monday after three prisoners were released in Minsk."


def page(title, words=EASED):
    paragraphs = "".join(f"<p>{words} {part}</p>" for part in ("The ministry said so.", "Diplomats welcomed it.") * 4)
    head = f"<title>{title}</title><meta property='article:published_time' content='2025-05-05T10:00:00Z'>"
    body = f"<article><h1>{title}</h1>{paragraphs}</article>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>".encode()


def warc(path, *answers, packed=True):
    """A WARC file as another program writes it: (url, body, headers, status, fetched)."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=packed, warc_version="1.0")
        for url, body, *more in answers:
            headers, status, fetched = [*more, *({}, "200 OK", MAY)[len(more) :]]
            given = [("Content-Type", "text/html; charset=utf-8"), *headers.items()]
            dated = {"WARC-Date": fetched.strftime("%Y-%m-%dT%H:%M:%SZ")}
            http = StatusAndHeaders(status, given, protocol="HTTP/1.1")
            record = writer.create_warc_record(
                url, "response", payload=io.BytesIO(body), length=len(body), http_headers=http, warc_headers_dict=dated
            )
            writer.write_record(record)
    return path


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def articles(home):
    with owning(home) as parts, parts.ledger.read() as connection:
        values = connection.execute(select(records.c.value).where(records.c.topic == "articles")).scalars()
        return {article.url: article for article in (wire.decode(value, Article) for value in values)}


def outcomes(done):
    return {source.source: source.outcomes for source in done.sources}


def accounted(home):
    with owning(home) as parts:
        found = account(parts.ledger)
    assert found.lost == 0
    return found.seen, found.done, found.rejected


def test_pages_of_a_warc_file_come_in_as_backfill_with_their_bytes_in_the_archive(home, tmp_path):
    squeezed = {"Content-Encoding": "gzip"}
    chunked = {"Transfer-Encoding": "chunked"}
    third = page("Third")
    file = warc(
        tmp_path / "other.warc.gz",
        ("https://a.example/1", page("First")),
        ("https://a.example/2", gzip.compress(page("Second")), squeezed),
        ("https://a.example/3", b"%x\r\n%s\r\n0\r\n\r\n" % (len(third), third), chunked),
    )
    done = backfill_once(home, BackfillAsked(source="files", files=(str(file),)))
    assert outcomes(done) == {"other.warc.gz": {"published": 3}}
    found = articles(home)
    assert {url: one.title for url, one in found.items()} == {
        "https://a.example/1": "First", "https://a.example/2": "Second", "https://a.example/3": "Third",
    }  # fmt: skip
    assert {one.origin for one in found.values()} == {Origin.BACKFILL}
    with owning(home) as parts:
        assert parts.archive.record(found["https://a.example/2"].archive).body == page("Second")
    assert accounted(home) == (3, 3, 0)


def test_brought_in_again_nothing_is_published_twice(home, tmp_path):
    file = warc(tmp_path / "other.warc", ("https://a.example/1", page("First")), packed=False)
    backfill_once(home, BackfillAsked(source="files", files=(str(file),)))
    again = backfill_once(home, BackfillAsked(source="files", files=(str(file),)))
    assert outcomes(again) == {"other.warc": {"known": 1}}
    assert len(articles(home)) == 1


def test_of_several_captures_of_a_page_the_newest_counts(home, tmp_path):
    newer = MAY + timedelta(days=1)
    one = warc(
        tmp_path / "one.warc",
        ("https://a.example/1", page("The newer telling of it"), {}, "200 OK", newer),
        packed=False,
    )
    two = warc(tmp_path / "two.warc", ("https://a.example/1?utm_source=x", page("Old")), packed=False)
    done = backfill_once(home, BackfillAsked(source="files", files=(str(one), str(two))))
    assert outcomes(done) == {"one.warc": {"published": 1}, "two.warc": {"older": 1}}
    assert [article.title for article in articles(home).values()] == ["The newer telling of it"]


def test_what_cannot_be_used_is_counted_and_said(home, tmp_path):
    file = warc(
        tmp_path / "mixed.warc",
        ("https://a.example/gone", b"gone", {}, "404 Not Found"),
        ("https://a.example/empty", b"<html><body></body></html>"),
        ("https://a.example/torn", b"not gzip", {"Content-Encoding": "gzip"}),
        ("http://user:secret@a.example/", page("No")),
        packed=False,
    )
    (tmp_path / "no.warc").write_bytes(b"this is no WARC file")
    absent = tmp_path / "absent.warc"
    done = backfill_once(home, BackfillAsked(source="files", files=(str(file), str(tmp_path / "no.warc"), str(absent))))
    (mixed, no, gone) = done.sources
    assert mixed.outcomes["not a page"] == 1
    assert mixed.outcomes["refused"] == 1
    assert mixed.outcomes["rejected"] + mixed.outcomes.get("unreadable", 0) == 2
    assert no.problem == "no.warc: no WARC file: there is no record in it"
    assert gone.problem == "cannot be read: No such file or directory"
    assert any("no text was found" in sentence for sentence in sentences(done))
    seen, published, rejected = accounted(home)
    assert (seen, published) == (rejected, 0)


def test_the_archive_gives_back_what_the_ledger_lost(home, tmp_path):
    file = warc(tmp_path / "other.warc.gz", *((f"https://a.example/{n}", page(f"Title {n}")) for n in range(5)))
    backfill_once(home, BackfillAsked(source="files", files=(str(file),)))
    first = articles(home)
    kept = list(archive.files(home.archive))
    with owning(home) as parts, parts.ledger.begin() as transaction:
        for table in ("articles", "aliases", "entries", "fetches", "records"):
            transaction.execute(text(f"DELETE FROM {table}"))
    done = backfill_once(home, BackfillAsked(source="archive"))
    assert sum(done.outcomes.values()) == done.outcomes["published"] == 5
    again = articles(home)
    assert {url: (one.id, one.title, one.archive) for url, one in again.items()} == {
        url: (one.id, one.title, one.archive) for url, one in first.items()
    }
    assert list(archive.files(home.archive)) == kept  # nothing was archived a second time


def test_captures_are_chosen_by_time(home, tmp_path):
    answers = [(f"https://a.example/{n}", page(f"T{n}"), {}, "200 OK", MAY + timedelta(days=n)) for n in range(4)]
    file = warc(tmp_path / "other.warc.gz", *answers)
    span = {"since": MAY + timedelta(days=1), "until": MAY + timedelta(days=3)}
    backfill_once(home, BackfillAsked(source="files", files=(str(file),), **span))
    assert set(articles(home)) == {"https://a.example/1", "https://a.example/2"}


def addresses(*urls, **more):
    return BackfillAsked(source="addresses", addresses=urls, **more)


def test_addresses_are_put_on_the_route_once_and_say_what_became_of_them(home, tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text("# old ones\nhttp://127.0.0.1:9/a\n\nhttp://127.0.0.1:9/b\nnonsense\n")
    asked = BackfillAsked(source="addresses", files=(str(listed),), addresses=("http://127.0.0.1:9/a",))
    done = backfill_once(home, asked, allow_loopback=True)
    assert outcomes(done) == {str(listed): {"queued": 2, "refused": 1}, "addresses": {"waiting": 1}}
    with owning(home) as parts, parts.ledger.read() as connection:
        values = connection.execute(select(records.c.value).where(records.c.topic == "entries")).scalars().all()
    assert len(values) == 2
    assert all(b'"origin":"backfill"' in value for value in values)
    again = backfill_once(home, addresses("http://127.0.0.1:9/a"), allow_loopback=True)
    assert [fate.outcome for fate in again.fates] == ["waiting"]


def watched(home):
    with owning(home) as parts:
        parts.watches.put(Watch(id="eased", name="Eased", query="topic:sanctions.eased"), by="Ana")


def alerts(home):
    with owning(home) as parts, parts.ledger.read() as connection:
        return [row.state for row in connection.execute(select(alert_tables.alerts.c.state))]


@pytest.mark.parametrize(("ring", "state"), [(False, "silent"), (True, "open")])
def test_backfill_rings_only_when_asked(home, tmp_path, ring, state):
    watched(home)
    file = warc(tmp_path / "other.warc.gz", ("https://a.example/1", page("Washington eases sanctions")))
    backfill_once(home, BackfillAsked(source="files", files=(str(file),), ring=ring))
    for stage in ("enrich", "stories", "index", "watch"):
        assert drain_once(home, stage)["after"] == 0
    assert alerts(home) == [state]


def test_what_cannot_be_asked_says_what_to_write(home, tmp_path):
    for wrong, said in (
        (BackfillAsked(source="files"), "name the WARC files"),
        (BackfillAsked(source="addresses"), "name addresses"),
        (BackfillAsked(source="archive", addresses=("https://a.example",)), "leave out files and addresses"),
        (replace(addresses("https://a.example"), since=datetime(2026, 1, 1)), "has no time zone"),
    ):
        with pytest.raises(Reject, match=said):
            backfill_once(home, wrong)
    with pytest.raises(Abort, match="cannot read the addresses"):
        backfill_once(home, BackfillAsked(source="addresses", files=(str(tmp_path / "absent"),)))
