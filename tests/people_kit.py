"""What tests of people share: a clock moved by hand, cheap passwords, and someone who signs in at a real page."""

import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from desk_kit import PASSWORD

from ingest.clock import to_ms
from search.desk.context import DeskSettings
from search.people import passwords


class Hand:
    """A clock that is moved by hand."""

    def __init__(self):
        self.moment = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

    def __call__(self):
        return self.moment

    def forward(self, **more):
        self.moment += timedelta(**more)

    @property
    def ms(self):
        return to_ms(self.moment)


def desk_with(room, **settings):
    """The desk of a newsroom with other settings."""
    return room.desk(settings=DeskSettings(**settings))


@contextmanager
def cheap_passwords():
    """Argon2 with its least parameters, for tests that sign in often."""
    usual, passwords._hasher = passwords._hasher, PasswordHasher.from_parameters(CHEAPEST)
    passwords._nobody.cache_clear()
    try:
        yield
    finally:
        passwords._hasher = usual
        passwords._nobody.cache_clear()


@contextmanager
def visiting(url, **headers):
    """Someone at the page, with what its script sends with every act."""
    with httpx.Client(base_url=url, timeout=20, headers=headers) as client:
        client.get("/sign-in")
        refresh(client)
        yield client


def refresh(client):
    """Reads the token of the page anew, as loading it does."""
    page = client.get("/sign-in", follow_redirects=True, headers={"Accept": "text/html"}).text
    token = re.search(r'data-form-token="([^"]+)"', page)[1]
    client.headers.update({"X-Form-Token": token, "Origin": str(client.base_url).rstrip("/"), "HX-Request": "true"})


def sign_in(client, name="Ana", password=PASSWORD, **more):
    """Signs in at the page; gives the answer."""
    answer = client.post("/sign-in", data={"name": name, "password": password, **more})
    if answer.status_code == 204:
        refresh(client)
    return answer
