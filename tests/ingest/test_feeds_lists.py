"""Lists of feeds as operators have them."""

import gzip
import json
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.lists import ListedFeed, read_list
from ingest.verdict import Reject

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "feed_lists" / "awesome_rss_feeds.jsonl.gz"


def opml(body):
    return f'<?xml version="1.0"?><opml version="2.0"><head><title>t</title></head><body>{body}</body></opml>'.encode()


def test_outlines_around_a_feed_are_its_tags():
    found = read_list(
        opml(
            '<outline text="World"><outline title="Asia"><outline type="rss" text="A" xmlUrl="http://a.example/f"/></outline>'
            '<outline text="B" title="The B" xmlurl="http://b.example/f" language="de" category="/x/, y"/></outline>'
            '<outline text="http://c.example/" xmlUrl=" http://c.example/ "/>'
        ),
        "list.opml",
    )
    assert found == [
        ListedFeed(url="http://a.example/f", title="A", tags=("World", "Asia")),
        ListedFeed(url="http://b.example/f", title="The B", language="de", tags=("World", "x", "y")),
        ListedFeed(url="http://c.example/"),
    ]


def test_a_list_that_is_not_well_formed_is_read():
    found = read_list(
        opml(
            '<outline text="Q & A &eacute;" xmlUrl="http://a.example/?a=1&b=2&amp;c;&d;">'
            '<outline xmlUrl="http://b.example/"></outline>'
        ),
        "list.opml",
    )
    assert found[0].title == "Q & A é"
    assert [feed.url for feed in found] == ["http://a.example/?a=1&b=2&c;&d;", "http://b.example/"]


def test_a_list_that_can_be_read_only_in_part_is_an_error_that_says_where():
    body = opml('<outline xmlUrl="http://a.example/"/>\n<outline text="x\n<outline xmlUrl="http://b.example/"/>')
    with pytest.raises(Reject, match=r"list\.opml: \d of 2 feeds can be read, the first error is in line 3"):
        read_list(body, "list.opml")


def test_entities_of_a_list_reach_no_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("http://secret.example/")
    body = (
        f'<!DOCTYPE opml [<!ENTITY x SYSTEM "{secret.as_uri()}">]><opml><body>'
        '<outline xmlUrl="http://a.example/" text="a">&x;</outline></body></opml>'
    )
    assert read_list(body.encode(), "l") == [ListedFeed(url="http://a.example/", title="a")]


def test_an_address_that_stands_twice_is_one_feed_and_feed_schemes_become_http():
    body = opml(
        '<outline xmlUrl="feed://a.example/f"/><outline xmlUrl="http://a.example/f"/>'
        '<outline xmlUrl="feed:https://b.example/"/>'
    )
    assert [feed.url for feed in read_list(body, "l")] == ["http://a.example/f", "https://b.example/"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<rss version='2.0'><channel/></rss>", "not OPML; is it a feed"),
        (b"<html><body>x", "not OPML"),
        (opml("<outline xmlUrl=''/>"), "names no feed"),
        (b"<", "not OPML"),
        (b"<opml><body/></opml>", "names no feed"),
        (b"", "names no feed"),
        (b"feed = 3", "begin each feed with"),
        (b"[[feeds]]\nurl='x'", "'feeds' is not known"),
        (b"[[feed]]\ntitle='x'", r"feed 1: has no url"),
        (
            b"[[feed]]\nurl='http://a.example/'\n[[feed]]\nurl='http://b.example/'\nevry='1h'",
            r"feed 2 .*did you mean every",
        ),
        (b"[[feed]]\nurl='http://a.example/'\nevery='soon'", r"every is 'soon'; write a number with its unit"),
        (b"[[feed]]\nurl='http://a.example/'\nevery='0m'", "every is '0m'"),
        (b"[[feed]]\nurl='http://a.example/'\nevery=15", "every is 15"),
        (b"[[feed]]\nurl='http://a.example/'\ntags='x'", "tags is a list"),
        (b"[[feed]]\nurl='http://a.example/'\ntitle=1", "title is a text"),
        (b"[[feed]\nurl=1", "not TOML: .*line 1"),
        (b"url = '\xff'", "not in UTF-8"),
    ],
)
def test_a_list_that_cannot_be_used_says_what_and_where(data, said):
    with pytest.raises(Reject, match=said) as caught:
        read_list(data, "list")
    assert str(caught.value).startswith("list: ")


def test_a_list_in_toml_is_read():
    found = read_list(
        b'[[feed]]\nurl = "http://a.example/"\n[[feed]]\nurl = " http://b.example/ "\ntitle = "B"\nlanguage = "be"\n'
        b'tags = ["war, peace", "x", "x"]\nevery = "15m"\n',
        "feeds.toml",
    )
    assert found == [
        ListedFeed(url="http://a.example/"),
        ListedFeed(url="http://b.example/", title="B", language="be", tags=("war peace", "x"), every_seconds=900.0),
    ]


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: opml(text)))
def test_any_bytes_are_a_list_or_a_reject(data):
    try:
        assert read_list(data, "l")
    except Reject as verdict:
        assert str(verdict).startswith("l: ")  # noqa: PT017 - either is right


def test_hundreds_of_real_feeds_are_read():
    if not DATA.exists():
        pytest.skip("shared/data/feed_lists is not here")
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        feeds = [json.loads(line) for line in lines]
    body = "".join(
        f"<outline text={quoteattr(feed['group'] or '-')}><outline text={quoteattr(feed['title'])} "
        f"xmlUrl={quoteattr(feed['url'])}/></outline>"
        for feed in feeds
    )
    found = read_list(opml(body), "l")
    assert len(found) == len({feed["url"].strip() for feed in feeds}) > 700
    assert all(feed.tags for feed in found)
