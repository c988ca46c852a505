"""Addresses as identity has them."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.links import clean_link

DATA = Path(__file__).parents[2].parent / "shared" / "data"

SIGNS = "http:// HTTPS:// Example.org münchen.de [::1] :80 :443 :x / // ? & # #! % utm_source=a id=1 amp; = %7e %C3 é"
parts = st.sampled_from([*SIGNS.split(), " ", "\\", "@", "\ud800", "\x00", "ref=rss", "..", "\t"])
written = st.lists(parts, max_size=12).map("".join) | st.text()


@given(written)
@example("http://h/%%341")
@example("http://a/?b#!%41")
@example("http:///a")
@example("http://ⓔxample.org:080/")
def test_cleaning_never_raises_and_cleaning_again_changes_nothing(url):
    once = clean_link(url)
    assert clean_link(once) == once


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("http://example.org/a?utm_source=x&utm_medium=y", "http://example.org/a"),
        ("http://example.org/a?fbclid=1&id=7&gclid=2", "http://example.org/a?id=7"),
        ("https://www.bbc.co.uk/news/1?at_medium=RSS&at_campaign=KARANGA", "https://www.bbc.co.uk/news/1"),
        ("https://www.nytimes.com/a.html?partner=rss&emc=rss", "https://www.nytimes.com/a.html"),
        ("https://example.org/a?ref=rss", "https://example.org/a"),
        ("https://example.org/a?rss", "https://example.org/a"),
        ("https://example.org/a#comments", "https://example.org/a"),
        ("https://Example.ORG:443", "https://example.org/"),
        ("http://example.org:8080/a", "http://example.org:8080/a"),
        ("http://bücher.example/ü?q=ü", "http://xn--bcher-kva.example/%C3%BC?q=%C3%BC"),
        ("http://example.org/%7euser/%c3%bc", "http://example.org/~user/%C3%BC"),
        ("  http://example.org/a\n", "http://example.org/a"),
        ("http://example.org/a?id=1&amp;utm_source=x", "http://example.org/a?id=1"),
        ("http://example.org/a b", "http://example.org/a%20b"),
    ],
)
def test_what_does_not_name_the_article_goes(url, clean):
    assert clean_link(url) == clean


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://example.org/?cid=1", "http://example.org/?cid=2"),  # courlan drops each of these
        ("http://example.org/?uid=1", "http://example.org/?uid=2"),
        ("http://example.org/?source=a", "http://example.org/?source=b"),
        ("http://example.org/?a=1&a=2", "http://example.org/?a=2&a=1"),
        ("http://example.org/?b", "http://example.org/"),
        ("http://example.org/a", "http://example.org/a/"),
        ("http://example.org/a", "http://example.org/A"),
        ("http://example.org/a", "https://example.org/a"),
        ("http://example.org/a//b", "http://example.org/a/b"),
        ("http://example.org/a%2Fb", "http://example.org/a/b"),
        ("http://example.org/#!/news/1", "http://example.org/#!/news/2"),
        ("http://example.org/go?to=http://a.example/1", "http://a.example/1"),
        ("http://example.org/?from=rostov", "http://example.org/"),
        ("http://example.org:8001/a", "http://example.org:8002/a"),
    ],
)
def test_two_articles_never_become_one(one, other):
    assert clean_link(one) != clean_link(other)


@pytest.mark.parametrize(
    "url", ["", "mailto:a@example.org", "/news/1", "urn:uuid:1", "http://", "http://[::1", "not one"]
)
def test_what_is_no_address_comes_back_as_it_was(url):
    assert clean_link(url) == url


def test_the_first_links_of_real_feeds_stay_apart():
    index = DATA / "feeds_real" / "index.jsonl.gz"
    if not index.exists():
        pytest.skip("shared/data/feeds_real is not here")
    with gzip.open(index, "rt", encoding="utf-8") as lines:
        links = {row["first_link"] for row in map(json.loads, lines) if row["first_link"]}
    assert len(links) > 50
    assert len({clean_link(link) for link in links}) == len(links)
