import io
import urllib.request
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError

import feedparser
import pytest

from flows.demo.newsroom import Newsroom
from flows.demo.stock import stock

OPENED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.second = 0.0

    def __call__(self):
        return OPENED + timedelta(seconds=self.second)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def newsroom(clock):
    newsroom = Newsroom(opened=OPENED, clock=clock)
    newsroom.start()
    yield newsroom
    newsroom.stop()


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
        return answer.read(), answer.headers


def test_the_stock_is_what_the_demo_promises():
    articles = stock()
    assert len(articles) >= 50
    assert len({article.outlet.language for article in articles}) >= 10
    assert max(max(article.at, article.edited_at or 0) for article in articles) <= 125
    tellings = [article for article in articles if article.event == "release" and not article.copy_of]
    assert {article.outlet.language for article in tellings} == {"en", "id", "ru", "pl", "de", "fr"}
    assert sum(bool(article.copy_of) for article in articles) >= 4
    assert sum(bool(article.negative) for article in articles) >= 14
    assert any(article.edited_at for article in articles)
    assert any(article.late_hours for article in articles)


def test_what_must_ring_is_a_watch_that_is_there():
    import tomllib
    from importlib.resources import files

    named = tomllib.loads((files("flows.demo") / "watches.toml").read_text(encoding="utf-8"))["watch"]
    ids = {watch["name"].lower().replace(",", "").replace(" ", "-") for watch in named}
    assert {ring for article in stock() for ring in article.rings} <= ids


def test_articles_appear_over_time_in_feeds_that_any_reader_understands(newsroom, clock):
    clock.second = 30
    before = len(newsroom.published())
    clock.second = 200
    assert before < len(newsroom.published()) == len(stock())
    shown = 0
    for outlet in {article.outlet for article in stock()}:
        body, headers = get(f"{newsroom.base}/{outlet.id}/feed.xml")
        parsed = feedparser.parse(
            io.BytesIO(body), response_headers={name.lower(): value for name, value in headers.items()}
        )
        assert not parsed.bozo
        assert parsed.feed.title == outlet.name
        shown += len(parsed.entries)
    assert shown == len(stock())


def test_a_page_shows_its_text_in_the_charset_it_declares(newsroom, clock):
    clock.second = 200
    for article in stock():
        body, headers = get(newsroom.base + article.path)
        text = body.decode(headers.get_content_charset())
        assert article.text_at(200).splitlines()[-1][:20].replace("'", "&#x27;")[:15] in text
    assert "Historická tramvaj".encode("cp1250") in get(f"{newsroom.base}/cs-vltavsky-list/tramvaj.html")[0]


def test_what_is_not_published_yet_is_not_there(newsroom):
    with pytest.raises(HTTPError, match="404"):
        get(f"{newsroom.base}/en-harbour-wire/minsk-release.html")


def test_an_unchanged_feed_answers_304_and_an_edit_changes_it(newsroom, clock):
    clock.second = 45
    url = f"{newsroom.base}/en-meridian-post/feed.xml"
    _, headers = get(url)
    with pytest.raises(HTTPError, match="304"):
        get(url, **{"If-None-Match": headers["ETag"]})
    clock.second = 71
    body, _ = get(url, **{"If-None-Match": headers["ETag"]})
    assert b"set free and released" in body


def test_a_restarted_newsroom_goes_on_where_it_was(newsroom, clock):
    clock.second = 60
    again = Newsroom(opened=OPENED, clock=clock)
    assert [item.article for item in again.published()] == [item.article for item in newsroom.published()]
    again._server.server_close()
