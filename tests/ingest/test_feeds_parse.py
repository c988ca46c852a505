"""Bodies of answers as feeds."""

import gzip
import io
import json
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path

import feedparser
import pytest
from feeds_kit import START, URL, item, parsed, rss
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import wire
from ingest.feeds.parsed import Limits
from ingest.identity import digest

DATA = Path(__file__).parents[2].parent / "shared" / "data"
POISON = "<description>&#x110000;</description>"
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="pl" {base}><title>Outlet</title>
<link href="https://example.org/"/>{entries}</feed>"""


def atom(entries, base=""):
    return ATOM.format(entries=entries, base=base)


def only(body, **changes):
    (entry,) = parsed(body, **changes).entries
    return entry


def test_an_item_of_rss_becomes_an_entry():
    found = parsed(
        rss(
            "<item><title>A &amp;amp; B</title><link>https://Example.org/a?utm_source=rss</link><guid>g1</guid>"
            "<pubDate>Sun, 01 Mar 2026 10:00:00 +0100</pubDate><author>Jane Roe</author>"
            "<description>&lt;p&gt;First.&lt;/p&gt;&lt;p&gt;Second.&lt;/p&gt;</description></item>",
            head="<language>en-GB</language><ttl>30</ttl>",
        )
    )
    (entry,) = found.entries
    assert (found.title, found.site, found.language, found.floor_seconds) == (
        "The Outlet",
        "https://example.org/",
        "en-GB",
        1800.0,
    )
    assert entry.id == digest("f", "g1")
    assert (entry.link, entry.url) == ("https://Example.org/a?utm_source=rss", "https://example.org/a")
    assert (entry.title, entry.summary, entry.content) == ("A & B", "First.\nSecond.", "")
    assert (entry.author, entry.language) == ("Jane Roe", "en-GB")
    assert entry.published.value == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert (entry.published.source, entry.published.raw) == ("feed:published", "Sun, 01 Mar 2026 10:00:00 +0100")


def test_an_entry_of_atom_has_its_content_and_its_language():
    entry = only(
        atom(
            '<entry><id>urn:1</id><title type="html">&lt;b&gt;Bold&lt;/b&gt;</title><link href="/a/1"/>'
            "<updated>2026-03-01T10:00:00Z</updated>"
            '<content type="html">&lt;p&gt;Tekst &amp;amp; cd.&lt;/p&gt;</content></entry>'
        )
    )
    assert (entry.title, entry.summary, entry.content) == ("Bold", "Tekst & cd.", "<p>Tekst &amp; cd.</p>")
    assert (entry.link, entry.language, entry.published.source) == ("https://example.org/a/1", "pl", "feed:updated")


def test_relative_links_stand_on_xml_base_then_on_the_feeds_link_then_on_its_address():
    entry = '<entry><id>urn:1</id><title>t</title><link href="a/1"/></entry>'
    assert only(atom(entry, base='xml:base="https://base.example/x/"')).link == "https://base.example/x/a/1"
    assert only(atom(entry)).link == "https://example.org/a/1"
    assert only(rss(item(1, link="a/1"), link="")).link == "http://feeds.example.org/news/a/1"


def test_a_guid_is_the_link_where_it_may_be_one_and_there_is_no_other():
    def guid(attributes, text):
        return rss(f"<item><title>t</title><guid{attributes}>{text}</guid></item>")

    assert only(guid("", "https://example.org/a")).link == "https://example.org/a"
    assert parsed(guid(' isPermaLink="false"', "https://example.org/a")).entries == ()
    assert parsed(guid("", "12345")).entries == ()


def test_an_item_without_a_link_is_set_aside_with_its_bytes_and_the_others_go_on():
    bad = item(2, link="", guid="g2")
    found = parsed(rss(item(1), bad, item(3, link="javascript:alert(1)")))
    assert [entry.title for entry in found.entries] == ["Title 1"]
    assert found.bad[0].data == bad.encode()
    assert "no link" in found.bad[0].reason
    assert "no web address" in found.bad[1].reason
    assert found.bad[0].record == digest("f", "g2")


def test_a_guid_that_several_articles_bear_does_not_make_them_one():
    found = parsed(rss(*(item(number, guid="same") for number in (1, 2, 3))))
    assert len({entry.id for entry in found.entries}) == 3


def test_an_item_that_stands_twice_is_one_entry():
    assert len(parsed(rss(1, 1, 2)).entries) == 2


def test_the_content_hash_tells_words_and_not_markup():
    def hash_of(**changes):
        return only(rss(item(1, guid="g", **changes))).content_hash

    said = hash_of(extra="<description>&lt;p class='x7'&gt;Words.&lt;/p&gt;</description>")
    assert said == hash_of(extra="<description>&lt;p class='y8'&gt; Words. &lt;/p&gt;&lt;img src='3'&gt;</description>")
    assert said != hash_of(extra="<description>Other words.</description>")
    assert said != hash_of(extra="<description>Words.</description>", title="Other")


def test_a_page_is_no_feed_and_says_its_title():
    found = parsed("<!DOCTYPE html><html><head><title>503 Sorry</title></head><body><item>x</item></body></html>")
    assert (found.problem, found.detail) == ("not-a-feed", "the answer is a page: 503 Sorry")


@pytest.mark.parametrize("body", ["", "  \n", "\ufeff"])
def test_a_body_without_anything_is_empty(body):
    assert parsed(body).problem in ("empty", "not-a-feed")


@pytest.mark.parametrize("body", ["plain words", "<xml/>", "{", "[]", "\x00\x01", "<?xml", '{"a": 1}', "<"])
def test_what_is_something_else_is_no_feed(body):
    assert parsed(body).problem == "not-a-feed"


def test_a_feed_without_items_is_a_feed():
    found = parsed(rss())
    assert (found.problem, found.entries, found.whole) == ("", (), True)


def test_a_document_that_breaks_off_gives_its_closed_items_and_says_so():
    body = rss(1, 2, 3)
    found = parsed(body[: body.index(b"Title 3") + 3])
    assert [entry.title for entry in found.entries] == ["Title 1", "Title 2"]
    assert not found.whole
    assert "breaks off" in found.detail


def test_feedparser_raises_on_a_sign_beyond_unicode():
    with pytest.raises(ValueError, match="not in range"):
        feedparser.parse(io.BytesIO(rss(item(1, extra=POISON))))


def test_an_item_on_which_feedparser_raises_does_not_lose_the_others():
    poison = item(7, extra=POISON)
    found = parsed(rss(*range(1, 7), poison, *range(8, 11)))
    assert [entry.title for entry in found.entries] == [f"Title {n}" for n in (1, 2, 3, 4, 5, 6, 8, 9, 10)]
    (bad,) = found.bad
    assert bad.data == poison.encode()
    assert "cannot be read: ValueError" in bad.reason
    assert bad.detail.startswith("Traceback")
    assert found.detail == "1 of 10 items could not be read"


def test_a_head_on_which_feedparser_raises_does_not_lose_the_items():
    assert len(parsed(rss(1, 2, head=POISON)).entries) == 2
    entries = '<entry><id>urn:1</id><title>t</title><link href="http://a.example/1"/></entry>'
    assert only(atom(f"{POISON}{entries}")).title == "t"


def test_feedparser_is_given_bytes_and_never_the_address(monkeypatch):
    seen = []
    real = feedparser.parse

    def watched(stream, **options):
        seen.append((type(stream).__name__, options))
        return real(stream, **options)

    monkeypatch.setattr(feedparser, "parse", watched)
    parsed(rss(1), content_type="text/xml")
    assert seen == [
        (
            "BytesIO",
            {
                "response_headers": {"content-type": "text/xml"},
                "sanitize_html": False,
                "resolve_relative_uris": False,
            },
        )
    ]


def test_items_over_the_limit_are_counted_and_the_newest_are_taken():
    limits = Limits(entries=3)
    dated = [item(n, date=START.replace(hour=n)) for n in range(1, 8)]
    falling, rising = parsed(rss(*reversed(dated)), limits=limits), parsed(rss(*dated), limits=limits)
    assert falling.capped == rising.capped == 4
    assert {entry.title for entry in falling.entries} == {entry.title for entry in rising.entries}
    assert {entry.title for entry in falling.entries} == {"Title 5", "Title 6", "Title 7"}


def test_long_texts_are_cut_and_counted():
    limits = Limits(content_characters=100, summary_characters=20)
    long = f"<description>&lt;p&gt;{'word ' * 50}&lt;/p&gt;</description>"
    found = parsed(rss(item(1, extra=long), 2), limits=limits)
    assert found.cut == 1
    assert len(found.entries[0].summary) == 20
    assert len(found.entries[0].content) <= 100
    short = parsed(rss(item(1, extra=long)), limits=Limits(summary_characters=20))
    assert short.cut == 0
    assert short.entries[0].content.count("word") == 50  # nothing of it is lost


def test_dates_in_the_words_of_their_language_are_read_and_kept_as_written():
    entry = only(rss(item(1, date="вс, 01 мар 2026 15:00:00 MSK"), head="<language>ru</language>"))
    assert entry.published.value == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert entry.published.raw == "вс, 01 мар 2026 15:00:00 MSK"
    assert only(rss(item(1, date="soon"))).published is None


def test_a_json_feed_is_read():
    items = [
        {
            "id": "1",
            "url": "/a/1",
            "title": "One",
            "content_html": "<p>Text</p>",
            "date_published": "2026-03-01T10:00:00Z",
        },
        {"id": "https://example.org/a/2", "content_text": "Two\nlines & more", "authors": [{"name": "Jane"}]},
        {"id": 3, "title": "no link"},
        "no object",
        {"id": "4", "url": "https://example.org/\ud800", "title": "a\ud800b", "tags": 7, "author": "x"},
    ]
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Outlet",
        "home_page_url": "https://example.org/",
        "language": "en",
        "items": items,
    }
    found = parsed(json.dumps(document))
    one, two, four = found.entries
    assert (one.link, one.content, one.summary, one.language) == (
        "https://example.org/a/1",
        "<p>Text</p>",
        "Text",
        "en",
    )
    assert one.published.source == "feed:date_published"
    assert (two.link, two.author) == ("https://example.org/a/2", "Jane")
    assert two.content == "<p>Two</p><p>lines &amp; more</p>"
    assert four.title == "ab"
    assert len(found.bad) == 2
    assert wire.encode(found.entries)


def test_control_characters_and_markup_leave_titles():
    entry = only(rss(item(1, title="Line\n one\ttwo<br>\u202f<b>&eacute;</b>&#7;&nbsp;x")))
    assert entry.title == "Line one two é x"


def test_a_document_in_a_wide_encoding_is_read():
    text = rss(item(1, title="Ünï")).decode().replace('encoding="utf-8"', 'encoding="utf-16"')
    assert only(text.encode("utf-16")).title == "Ünï"
    assert only(text.encode("utf-16"), content_type="text/xml; charset=iso-8859-1").title == "Ünï"


def test_a_body_that_is_not_in_the_encoding_of_its_header_is_read():
    body = rss(item(1, title="Привет")).decode().replace("utf-8", "windows-1251").encode("windows-1251")
    assert only(body, content_type="text/xml; charset=utf-8").title == "Привет"


def test_how_often_a_feed_wants_to_be_polled():
    sy = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
    head = "<sy:updatePeriod> hourly </sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>"
    body = rss(1, head=head).decode().replace("<rss ", f"<rss {sy} ")
    assert parsed(body).floor_seconds == 1800
    assert parsed(rss(1, head="<ttl>1e9</ttl>")).floor_seconds == 0
    assert parsed(rss(1, head="<ttl>999999</ttl>")).floor_seconds == 86_400


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_mutated_feed_never_raises_and_its_entries_go_on_the_wire(data):
    body = bytearray(rss(item(1, date=START, extra="<description>&lt;p&gt;x</description>"), item(2, guid="g")))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 8))] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"<", b"]]>", b"<!--"])
        )
    wire.encode(parsed(bytes(body)).entries)


def test_a_feed_of_ten_megabytes_is_read_within_its_limits():
    words = "word " * 900
    body = rss(*(item(n, extra=f"<description>{words}</description>") for n in range(2_200)))
    assert len(body) > 10_000_000
    started = time.process_time()
    found = parsed(body)
    assert (len(found.entries), found.capped) == (2_000, 200)
    assert time.process_time() - started < 9  # of the ten that a child has


def test_hostile_markup_is_read_in_bounded_time():
    started = time.process_time()
    for text in ("<!--" * 30_000, "<div>" * 10_000, "<a " * 30_000, "&" * 60_000, "<![CDATA[" * 15_000):
        parsed(f'<rss version="2.0"><channel><item><title>t</title><link>http://a.example/</link>{text}')
        parsed(rss(item(1, extra=f"<description><![CDATA[{text}]]></description>")))
    assert time.process_time() - started < 8


def corpus(name, archive, step=1):
    """Every `step`th document with what is known of it."""
    folder = DATA / name
    if not folder.exists():
        pytest.skip(f"shared/data/{name} is not here")
    with gzip.open(folder / "index.jsonl.gz", "rt", encoding="utf-8") as lines:
        index = {one["file"]: one for one in map(json.loads, lines)}
    with tarfile.open(folder / archive) as files:
        for number, member in enumerate(files):
            if member.isfile() and number % step == 0:
                yield index.get(member.name.removeprefix("./"), {}), files.extractfile(member).read()


def test_real_feeds_are_read_and_every_item_is_accounted_for():
    entries = dated = 0
    for told, body in corpus("feeds_real", "feeds.tar.gz"):
        found = parsed(body)
        wire.encode(found.entries)
        entries += len(found.entries)
        dated += sum(entry.published is not None for entry in found.entries)
        missing = told["n_entries"] - len(found.entries) - len(found.bad) - found.capped
        assert missing <= 1, told["file"]  # an item that stands twice, or the last one of a document that breaks off
    assert entries >= 3_310
    assert dated >= 3_090  # feedparser alone dates 2,887


def test_no_document_of_the_conformance_suites_raises():
    files = problems = 0
    for told, body in corpus("feeds_conformance", "files.tar.gz", step=10):
        found = parsed(body)
        wire.encode(found.entries)
        files += 1
        problems += bool(found.problem)
        if found.problem:
            assert not told.get("n_entries"), told["file"]
    assert files > 500
    assert problems < files / 5


def test_a_body_says_where_it_came_from():
    assert only(rss(item(1, link="/a"), link=""), url="https://other.example/x/feed").link == "https://other.example/a"
    assert URL.startswith("http://feeds.example.org/")
