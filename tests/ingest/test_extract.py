"""Pages, as outlets write them -> what is read out of them."""

import pickle
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from extract_kit import FETCHED, LINES, NAVIGATION, PARAGRAPHS, TEXT, URL, json_ld, page, read, whole

from flows.demo.pages import page as demo_page
from flows.demo.stock import stock
from ingest.archive import Capture
from ingest.article import Credit
from ingest.entry import Entry, Stamp
from ingest.extract import PageItem, extract_page, from_entry, page_item
from ingest.verdict import Reject

AT = datetime(2026, 3, 4, 9, 30, 20, tzinfo=UTC)
FEED_DATE = Stamp(value=AT, source="feed:published", raw="Wed, 04 Mar 2026 09:30:20 GMT", zone="GMT")
FORMS = {
    form: next(article for article in stock() if article.outlet.page == form)
    for form in ("json-ld", "open-graph", "meta", "bare", "legacy")
}


def an_entry(**told):
    known = {"id": "e1", "feed": "f1", "source": "Outlet", "link": URL, "url": URL, "title": "The ferry runs again"}
    return Entry(**{**known, "content_hash": "h", "seen": FETCHED, **told})


def read_demo(article, **told):
    url = f"https://demo.example{article.path}"
    body, kind = demo_page(article, url, AT, article.text)
    return read(body, url=url, kind=kind, source=article.outlet.name, published=FEED_DATE, **told)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_each_form_of_page_gives_its_article_whole_and_nothing_beside_it(form):
    article = FORMS[form]
    said = read_demo(article)
    assert said.title == article.title
    lines = [line for line in article.text.splitlines() if line.strip()]
    assert [line for line in said.text.splitlines() if article.author not in line] == lines
    assert said.language == article.outlet.language


def test_each_form_of_page_gives_its_date_with_the_place_where_it_stood():
    said = {form: read_demo(article).published for form, article in FORMS.items()}
    assert {form: stamp.source for form, stamp in said.items()} == {
        "json-ld": "ld:datePublished",
        "open-graph": "meta:article:published_time",
        "meta": "meta:date+feed:published",
        "bare": "time",
        "legacy": "feed:published",
    }
    assert {form: stamp.value for form, stamp in said.items() if form != "bare"} == dict.fromkeys(
        {*FORMS} - {"bare"}, AT
    )
    assert said["bare"].value == AT.replace(second=0)


@pytest.mark.parametrize("form", ["json-ld", "open-graph", "meta", "bare"])
def test_each_form_of_page_gives_its_author(form):
    assert [credit.name for credit in read_demo(FORMS[form]).authors] == [FORMS[form].author]


def test_a_path_is_told_for_each_page_and_only_short_articles_miss_the_cheap_one():
    paths = Counter((read_demo(article).path, len(article.text.encode()) > 320) for article in stock())
    assert set(paths) == {("cut", True), ("cut", False), ("full:few-runs", False)}


def test_items_and_what_is_read_can_be_sent_between_processes():
    capture = Capture(
        url=URL, status=200, headers={"content-type": "text/html; charset=utf-8"}, body=page(), fetched=FETCHED
    )
    item = page_item(capture, an_entry(language="en", published=FEED_DATE))
    sent = pickle.loads(pickle.dumps(item))
    assert sent == item
    assert (sent.kind, sent.link, sent.published) == ("text/html; charset=utf-8", URL, FEED_DATE)
    said = extract_page(sent)
    assert pickle.loads(pickle.dumps(said)) == said
    assert pickle.loads(pickle.dumps(extract_page)) is extract_page


# Text


def test_the_text_is_cut_out_of_the_page_without_its_navigation():
    said = read(page())
    assert (said.text, said.path) == (TEXT, "cut")


def test_a_title_that_stands_above_the_text_is_not_told_twice():
    said = read(page("<title>The ferry runs again</title>", "<h2>Islands</h2><p>The ferry runs again.</p>"))
    assert said.title == "The ferry runs again"
    assert said.text.splitlines()[:2] == ["Islands", "The ferry runs again."]
    assert read(page("", "<h1>The ferry runs again!</h1>")).text == TEXT


def test_a_page_without_paragraph_tags_is_read_by_its_lines():
    story = "<br><br>".join(LINES)
    said = read(whole("", f"{NAVIGATION}<div id='story'>{story}</div><div><a href='/'>more</a></div>"))
    assert all(line in said.text for line in LINES)
    assert said.path == "cut"


def test_a_table_that_arranges_the_page_is_no_table_and_one_of_data_stays_one():
    data = "<table><tr><th>Day</th><th>Ferries</th></tr><tr><td>Monday</td><td>4</td></tr></table>"
    said = read(whole("", f"<table><tr><td>·</td><td><h1>The ferry</h1>{PARAGRAPHS}{data}</td></tr></table>"))
    lines = said.text.splitlines()
    assert [line for line in lines if line in LINES] == list(LINES)
    assert "| Monday | 4 |" in lines


def test_a_page_in_one_form_as_old_servers_write_them_is_read_whole():
    said = read(whole("", f"<form action='/'>{NAVIGATION}<div>{PARAGRAPHS}</div></form>"))
    assert all(line in said.text for line in LINES)
    assert said.path == "full:few-runs"


def test_a_text_over_the_limit_is_cut_and_it_says_so():
    many = "".join(f"<p>Line {number} of a long report: {LINES[number % 4]}</p>" for number in range(2500))
    said = read(whole("", f"<article>{many}</article>"))
    assert len(said.text) <= 200_000
    assert said.flags == ("text-cut",)


GERMAN = (
    "Die Stadt hat am Montag beschlossen, die alte Brücke über den Fluss noch in diesem Jahr zu sanieren.",
    "Der Bürgermeister sagte, dass die Kosten von Land und Bund gemeinsam getragen werden, wenn der Rat dem zustimmt.",
)
HIDDEN = "Bcfs ejf Boxpiofs gsbhfo tjdi, xboo ejf Csýdlf xjslmjdi xjfefs hfpfggofu xfsefo lboo voe xfs ebgýs cf{bimu."


def test_garbled_paragraphs_behind_a_paywall_are_left_out_and_it_says_so():
    body = "".join(f"<p>{line}</p>" for line in (*GERMAN, *(f"{HIDDEN} {number}" for number in range(4))))
    said = read(whole("", f"<article>{body}</article>", language="de"))
    assert said.text == "\n".join(GERMAN)
    assert said.flags == ("garbled",)


def test_a_text_that_goes_on_in_another_language_is_not_taken_for_garbled():
    body = "".join(f"<p>{line}</p>" for line in (*GERMAN, *LINES))
    said = read(whole("", f"<article>{body}</article>", language="de"))
    assert said.text == "\n".join((*GERMAN, *LINES))
    assert said.flags == ()


def test_words_that_only_the_markup_says_are_flags_not_reasons_to_skip():
    live = json_ld({"@type": "LiveBlogPosting", "headline": "The ferry, live", "isAccessibleForFree": "False"})
    said = read(page(live))
    assert set(said.flags) == {"live-blog", "paywalled"}
    assert LINES[-1] in said.text


def test_a_live_blog_that_is_described_beside_an_article_is_flagged_and_one_elsewhere_is_not():
    article = {"@type": "NewsArticle", "headline": "The ferry runs again", "datePublished": "2026-03-04T09:00:00Z"}
    assert read(page(json_ld([article, {"@type": "LiveBlogPosting", "url": URL}]))).flags == ("live-blog",)
    assert read(page(json_ld([article, {"@type": "LiveBlogPosting", "url": URL + "-live"}]))).flags == ()


# Titles


@pytest.mark.parametrize(
    ("head", "title", "source"),
    [
        (json_ld({"@type": "NewsArticle", "headline": "Ferry &amp; harbour"}), "Ferry & harbour", "ld:headline"),
        (json_ld({"@type": "WebPage", "name": "Welcome"}) + "<title>Ferry is back</title>", "Ferry is back", "title"),
        ("<meta property='og:title' content='Ferry is back | Outlet'>", "Ferry is back", "meta:og:title"),
        ("<title>Outlet - Ferry is back</title>", "Ferry is back", "title"),
        ("<title>The ferry runs again - Islands - Outlet</title>", "The ferry runs again", "title+h1"),
        ("<title>Outlet</title>", "The ferry runs again", "h1"),
        (
            json_ld({"@type": "NewsArticle", "headline": "The ferry runs again - after nine days"}),
            "The ferry runs again - after nine days",
            "ld:headline",
        ),
        (
            "<meta name='title' content='Some forty lorries had been…'>"
            "<title>Some forty lorries had been waiting</title>",
            "Some forty lorries had been waiting",
            "meta:title+longer",
        ),
    ],
)
def test_the_title_is_what_readers_see_without_site_and_section(head, title, source):
    said = read(page("<meta property='og:site_name' content='Outlet'>" + head))
    assert (said.title, said.title_source) == (title, source)


def test_the_feeds_title_settles_where_a_title_ends_and_stands_in_where_there_is_none():
    section = read(page("<title>Nine days without a ferry - Islands</title>"), title="Nine days without a ferry")
    assert (section.title, section.title_source) == ("Nine days without a ferry", "title+feed")
    nameless = read(whole("", f"<article>{PARAGRAPHS}</article>"), title="  Nine days\nwithout a ferry ")
    assert (nameless.title, nameless.title_source) == ("Nine days without a ferry", "feed")


# Dates


@pytest.mark.parametrize(
    ("head", "source", "value"),
    [
        ('<meta property="article:published_time" content="2026-03-03T23:30:00+02:00">', None, (3, 3, 21, 30)),
        ('<meta name="date" content="2026-03-03">', "meta:date", (3, 3, 0, 0)),
        ("<time datetime='2026-03-02T10:00Z' itemprop='datePublished'>today</time>", "time:published", (3, 2, 10, 0)),
        ("<time datetime='2026-03-02T10:00Z' class='updated'>now</time>", "feed:published", (3, 4, 9, 30)),
        ("", "feed:published", (3, 4, 9, 30)),
    ],
)
def test_a_date_is_the_pages_own_before_the_feeds(head, source, value):
    feed = Stamp(value=AT, source="feed:published", raw="now", zone="Z")
    said = read(page(head), published=feed).published
    assert said.source == (source or "meta:article:published_time")
    assert said.value.replace(second=0) == datetime(2026, *value, tzinfo=UTC)


def test_the_address_tells_a_day_and_a_time_on_the_page_completes_it():
    url = "https://www.outlet.example/2026/03/03/ferry"
    alone = read(page(), url=url).published
    assert (alone.source, alone.precision, alone.zone) == ("url", "day", "")
    full = read(page("<time datetime='2026-03-03T23:10:00-05:00'>x</time>"), url=url).published
    assert (full.source, full.precision, full.zone) == ("url+time", "second", "-05:00")
    assert full.value == datetime(2026, 3, 4, 4, 10, tzinfo=UTC)


def test_dates_that_cannot_be_are_refused():
    for bad in ("2026-03-09T00:00:00Z", "1970-01-01", "0000-00-00", "soon"):
        assert read(page(f'<meta name="date" content="{bad}">')).published is None


def test_neither_a_bare_year_nor_the_day_of_the_visit_is_a_date():
    for shown in ("© 2026 Outlet", "Wednesday, 4 March 2026", "Archive: March 2026"):
        assert read(whole("", f"<p>{shown}</p><article>{PARAGRAPHS}</article>")).published is None


def test_a_guess_from_the_words_of_the_page_is_marked_as_one():
    said = read(whole("", f"<p>Published on 12 February 2026</p><article>{PARAGRAPHS}</article>")).published
    assert (said.source, said.precision, said.value) == ("htmldate:guess", "day", datetime(2026, 2, 12, tzinfo=UTC))


def test_when_the_page_was_changed_is_kept_apart_from_when_it_was_published():
    head = json_ld({"@type": "NewsArticle", "headline": "The ferry", "dateModified": "2026-03-04T11:00:00+01:00"})
    said = read(page(head))
    assert said.published is None
    assert (said.modified.source, said.modified.zone) == ("ld:dateModified", "+01:00")
    assert said.modified.value == datetime(2026, 3, 4, 11, tzinfo=timezone(timedelta(hours=1)))


# Authors


@pytest.mark.parametrize(
    ("author", "names"),
    [
        ("By Ada Roe and Ben Poe (Reuters)", ["Ada Roe", "Ben Poe"]),
        ([{"@type": "Person", "name": "Ada Roe"}, {"@type": "Person", "familyName": "Poe", "givenName": "Ben"}], None),
        ({"@id": "#ada"}, ["Ada Roe"]),
        ("https://www.outlet.example/people/ada", []),
        ("{{author}}", []),
        (["Ada Roe", "Ada Roe", None, 3, {"name": ["Ben Poe"]}], ["Ada Roe", "Ben Poe"]),
    ],
)
def test_authors_are_read_however_json_ld_names_them(author, names):
    facts = {"@type": "NewsArticle", "headline": "The ferry runs again", "author": author}
    said = read(page(json_ld({"@graph": [facts, {"@id": "#ada", "@type": "Person", "name": "Ada Roe"}]})))
    assert [credit.name for credit in said.authors] == (["Ada Roe", "Ben Poe"] if names is None else names)
    assert all(credit.source == "ld:author" and not credit.organisation for credit in said.authors)


def test_a_list_that_only_names_the_site_gives_way_to_people_and_else_is_marked():
    site = "<meta property='og:site_name' content='Outlet'>" + json_ld(
        {"@type": "NewsArticle", "headline": "The ferry runs again", "author": {"@type": "Person", "name": "Outlet"}}
    )
    assert read(page(site)).authors == (Credit(name="Outlet", source="ld:author", organisation=True),)
    people = read(page(site + "<meta name='author' content='Ada Roe'>"))
    assert people.authors == (Credit(name="Ada Roe", source="meta:author"),)


# Addresses and language


@pytest.mark.parametrize(
    ("head", "canonical", "copy_at"),
    [
        ("<link rel='canonical' href='/news/ferry#top'>", "https://www.outlet.example/news/ferry", ""),
        ("<link rel='canonical' href='https://other.example/ferry'>", "", "https://other.example/ferry"),
        (
            "<link rel='canonical' href='https://other.example/ferry'><meta property='og:url' content='/news/f'>",
            "https://www.outlet.example/news/f",
            "https://other.example/ferry",
        ),
        ("<link rel='canonical' href='https://www.outlet.example/'>", "", ""),
        ("<link rel='canonical' href='http://[bad'>", "", ""),
        ("<link rel='canonical' href='javascript:alert(1)'>", "", ""),
    ],
)
def test_a_canonical_address_on_another_host_is_a_claim_never_identity(head, canonical, copy_at):
    said = read(page(head))
    assert (said.canonical, said.copy_at) == (canonical, copy_at)


def test_the_language_is_as_declared_by_page_or_feed():
    assert read(page(language="de-AT")).language == "de"
    assert read(page(language="deu")).language == "de"
    assert read(page(language="{{lang}}"), language="uk-UA").language == "uk"


# Bytes

RUSSIAN = "Паром между островами снова ходит: шторм девять дней держал его в порту, и сорок грузовиков ждали у причала."
CHINESE = "渡轮自星期二起恢复通航此前因风暴停航九天四十辆载有食品和药品的卡车一直在码头等候第一辆于黎明渡海"


@pytest.mark.parametrize(
    ("codec", "kind", "meta", "text"),
    [
        ("utf-8", "text/html", "", RUSSIAN),
        ("utf-8", "text/html; charset=windows-1251", "", RUSSIAN),
        ("cp1251", "text/html; charset=windows-1251", "", RUSSIAN),
        ("cp1251", "text/html", '<meta charset="windows-1251">', RUSSIAN),
        ("koi8-r", "text/html", "<meta http-equiv=Content-Type content='text/html; charset=koi8-r'>", RUSSIAN),
        ("utf-16", "text/html", "", RUSSIAN),
        ("utf-16-le", "text/html; charset=utf-16le", "", RUSSIAN),
        ("utf-8-sig", "text/html; charset=iso-8859-1", "", RUSSIAN),
        ("gb18030", "text/html; charset=gb2312", "", CHINESE),
        ("iso2022_jp", "text/html", '<meta charset="iso-2022-jp">', "船は火曜日から再び島の間を走っている"),
        ("cp1252", "text/html", "", "Die Fähre fährt wieder – „seit Dienstag“ übers Meer"),
        ("cp1252", "text/html; charset=unicode_escape", '<meta charset="punycode">', "Fähren übers Meer"),
    ],
)
def test_bytes_are_decoded_as_they_were_meant(codec, kind, meta, text):
    html = whole(meta, f"<article><h1>{text}</h1><p>{text}</p><p>{text} 2</p></article>").decode()
    said = read(html.encode(codec), kind=kind)
    assert said.title == text
    assert f"{text} 2" in said.text


def test_a_few_broken_bytes_do_not_change_the_encoding_of_a_page():
    html = whole("", f"<article><h1>{RUSSIAN}</h1><p>{RUSSIAN}</p><p>{RUSSIAN} 2</p></article>")
    said = read(html.replace(b"<p>", b"<p>\xff\xfe", 1), kind="text/html; charset=utf-8")
    assert said.title == RUSSIAN


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"%PDF-1.7\n1 0 obj", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\xff\xd8\xff\xe0", "a JPEG"),
        (b"GIF89a", "a GIF"),
        (b"PK\x03\x04", "a ZIP"),
    ],
)
def test_what_is_no_page_is_rejected_and_named(body, what):
    with pytest.raises(Reject, match=what):
        read(body)


@pytest.mark.parametrize("body", [b"", b"   ", b"hello world", b'{"html": "<p>x</p>"}', b"\x00\x00"])
def test_what_holds_no_html_gives_no_text_and_the_feeds_title(body):
    said = read(body, title="The ferry")
    assert (said.title, said.title_source, said.text, said.path) == ("The ferry", "feed", "", "refused:not-html")


# Entries


def test_an_entrys_own_body_becomes_paragraphs_marked_as_the_feeds():
    content = f"<h2>The ferry</h2><p>{LINES[0]}\nTruly&nbsp;so.</p><ul><li>One<li>Two</ul><script>bad()</script>"
    said = from_entry(an_entry(content=content, summary="short", author="Ada Roe", published=FEED_DATE, language="en"))
    assert said.text == f"The ferry\n{LINES[0]} Truly so.\nOne\nTwo"
    assert (said.path, said.title, said.title_source) == ("feed:content", "The ferry runs again", "feed")
    assert said.authors == (Credit(name="Ada Roe", source="feed"),)
    assert (said.published, said.language) == (FEED_DATE, "en")


def test_an_entry_without_a_body_gives_its_summary():
    said = from_entry(an_entry(summary="One\x00 line.\n\n  Another. "))
    assert (said.text, said.path) == ("One line.\nAnother.", "feed:summary")
    assert from_entry(an_entry(content="<img src='x.png'>", summary="Words.")).text == "Words."


def test_an_entrys_body_may_be_as_deep_and_as_broken_as_it_likes():
    deep = from_entry(an_entry(content="<div>" * 5_000 + "core" + "</b></p>" * 100))
    assert deep.path in ("feed:content", "feed:summary")
    assert len(from_entry(an_entry(content="<p>word word</p>" * 60_000)).text) <= 200_000
    assert from_entry(an_entry(content="\ud800<p>\x00</p>")).text == ""


def test_an_item_knows_nothing_but_its_page_where_the_feed_told_nothing():
    said = extract_page(PageItem(body=page(), url=URL, fetched=FETCHED))
    assert said.title == "The ferry runs again"
    assert said.authors == ()
