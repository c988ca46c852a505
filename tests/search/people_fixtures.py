"""A room that Ana may enter, its address, and passwords that cost little, for tests of signing in."""

import pytest
from desk_kit import newsroom, served
from people_kit import cheap_passwords


@pytest.fixture
def quick():
    with cheap_passwords():
        yield


@pytest.fixture
def room(tmp_path):
    with newsroom(tmp_path) as found:
        found.add_person("Ana")
        yield found


@pytest.fixture
def url(room):
    with served(room.desk()) as address:
        yield address
