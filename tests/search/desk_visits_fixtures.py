"""Rooms, their addresses and visitors, for tests of the desk page."""

import httpx
import pytest
from desk_kit import TOKEN, newsroom, served
from desk_visits_kit import as_page


@pytest.fixture
def room(tmp_path):
    with newsroom(tmp_path) as found:
        yield found


@pytest.fixture
def url(room):
    with served(room.desk()) as address:
        yield address


@pytest.fixture
def visitor(url):
    """Someone at the page, who has not given a name."""
    with httpx.Client(base_url=url, timeout=10) as client:
        page = client.get("/").text
        client.headers.update(as_page(url, page))
        yield client


@pytest.fixture(scope="module")
def empty_url(tmp_path_factory):
    """A page without anything in the folder, only to be looked at."""
    with newsroom(tmp_path_factory.mktemp("empty")) as room, served(room.desk()) as address:
        yield address


@pytest.fixture(scope="module")
def day_url(tmp_path_factory):
    """A page with a day in the folder, only to be looked at."""
    with newsroom(tmp_path_factory.mktemp("day")) as room:
        room.feed_the_day()
        room.add_feeds("https://a.example/rss", "https://b.example/rss")
        room.reject()
        with served(room.desk()) as address:
            yield address


@pytest.fixture
def ana(visitor):
    assert visitor.post("/me", data={"name": "Ana Petrova"}).status_code == 200
    return visitor


@pytest.fixture
def command(url):
    """One of the folder's own commands."""
    with httpx.Client(base_url=url, timeout=10, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client
