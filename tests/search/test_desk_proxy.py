"""Where the desk page may answer, and whom it believes: proxies, public addresses, TLS."""

import httpx
import pytest
from desk_kit import newsroom, served
from people_kit import desk_with, sign_in, visiting

from ingest.verdict import Abort
from search.desk.bind import check_bind, has_tls, reachable
from search.desk.context import DeskSettings
from search.people.store import People

pytest_plugins = ("people_fixtures",)
pytestmark = pytest.mark.usefixtures("quick")


# A proxy before the page


BEHIND = {"proxy_header": "X-Forwarded-User", "proxy_addresses": ("127.0.0.1",)}


def test_whom_a_believed_proxy_names_is_let_in_with_their_own_role(room):
    room.add_person("Ben", role="editor", password="")
    with served(desk_with(room, **BEHIND)) as url, visiting(url, **{"X-Forwarded-User": "Ben"}) as ben:
        assert "<bdi>Ben</bdi>" in ben.get("/me").text
        assert ben.get("/audit").status_code == 403
        assert ben.post("/feeds", data={"address": "https://a.example/rss"}).status_code == 200
        assert ben.post("/feeds", headers={"Origin": "https://evil.example"}).status_code == 403
        assert ben.post("/sign-out").status_code == 409
        for own in ("Basic QmVuOng=", "Bearer eyJhbGciOi"):  # of the proxy itself, passed on
            assert ben.get("/me", headers={"Authorization": own}).status_code == 200
    assert room.audit(who="Ben")[-1][1] == "feeds added"


def test_a_header_from_elsewhere_is_refused_and_lets_nobody_in(room):
    settings = {**BEHIND, "proxy_addresses": ("10.0.0.5", "10.1.0.0/16")}
    with served(desk_with(room, **settings)) as url:
        for more in ({}, {"X-Forwarded-For": "10.0.0.5"}, {"Forwarded": "for=10.0.0.5"}):
            answer = httpx.get(url, headers={"X-Forwarded-User": "Ana", **more})
            assert answer.status_code == 403
            assert "comes from 127.0.0.1, which is not among desk.proxy_addresses" in answer.text
        assert httpx.get(url).status_code == 401


def test_a_header_that_no_setting_names_is_ignored(url):
    assert httpx.get(url, headers={"X-Forwarded-User": "Ana"}).status_code == 401


@pytest.mark.parametrize(("role", "status"), [("", 403), ("reader", 200)])
def test_whom_nobody_added_has_the_role_of_the_settings_or_none(room, role, status):
    with served(desk_with(room, **BEHIND, proxy_role=role)) as url:
        answer = httpx.get(url, headers={"X-Forwarded-User": "Зоя".encode()})
        assert answer.status_code == status
        assert "Зоя" in answer.text
        assert httpx.get(url + "/audit", headers={"X-Forwarded-User": "Zoe"}).status_code == 403


def test_a_proxy_that_names_someone_disabled_two_people_or_nobody_lets_nobody_in(room):
    room.add_person("Ben")
    People(room.ledger).switch("Ben", enabled=False, by="Ana")
    with served(desk_with(room, **BEHIND, proxy_role="reader")) as url:
        for sent in ([("X-Forwarded-User", "Ben")], [("X-Forwarded-User", "")], [("X-Forwarded-User", "Ana")] * 2):
            assert httpx.get(url, headers=sent).status_code == 403


def test_behind_a_proxy_a_try_counts_for_the_address_that_it_came_from(room):
    with served(desk_with(room, proxy_addresses=("127.0.0.1", "10.0.0.0/8"))) as url:
        hops = {"X-Forwarded-For": "203.0.113.9, 192.0.2.7, 10.0.0.4"}  # the first one was made up by the sender
        with visiting(url, **hops) as client:
            sign_in(client, password="wrong, all of it")
    assert room.audit(what="sign-in failed")[-1][2] == "192.0.2.7"


# Where it may answer


PUBLIC = {"host": "192.0.2.7"}


@pytest.mark.parametrize(
    ("settings", "people", "said"),
    [
        (PUBLIC, False, "tocsin people add"),
        ({"url": "https://desk.example"}, False, "tocsin people add"),
        ({**PUBLIC, "url": "https://desk.example"}, False, "tocsin people add"),
        (PUBLIC, True, "without TLS"),
        ({"url": "http://desk.example"}, True, "without TLS"),
        ({**PUBLIC, **BEHIND}, False, "without TLS"),
        ({"proxy_header": "X-Forwarded-User"}, True, "desk.proxy_addresses"),
        ({"proxy_addresses": ("10.0.0.5/8",)}, True, "write 10.0.0.5 or 10.0.0.0/24"),
        ({"certificate_file": "c.pem"}, True, "belong together"),
        ({"url": "desk.example"}, True, "without a path"),
        ({"url": "https://desk.example/tocsin"}, True, "without a path"),
    ],
)
def test_a_place_where_others_come_in_unseen_is_refused_with_what_to_do(settings, people, said):
    with pytest.raises(Abort, match=said):
        check_bind(DeskSettings(**settings), people=people)


@pytest.mark.parametrize(
    ("settings", "people"),
    [
        ({}, False),
        ({}, True),
        ({"url": "http://localhost:8740"}, False),
        ({**PUBLIC, "url": "https://desk.example"}, True),
        ({**PUBLIC, "certificate_file": "c.pem", "key_file": "k.pem"}, True),
        ({**PUBLIC, "insecure": True}, True),
        ({**PUBLIC, **BEHIND, "url": "https://desk.example"}, False),
        ({"url": "https://desk.example"}, True),
        (BEHIND, False),
    ],
)
def test_a_place_where_people_sign_in_over_tls_is_let_through(settings, people):
    check_bind(DeskSettings(**settings), people=people)


def test_a_page_that_others_may_reach_is_never_open_even_while_there_are_no_people(tmp_path):
    with newsroom(tmp_path) as room:
        for settings in (PUBLIC, BEHIND, {"url": "https://desk.example"}):
            assert reachable(DeskSettings(**settings))
            with served(desk_with(room, **settings)) as url:
                assert httpx.get(url).status_code == 401
        with served(room.desk()) as url:  # desk.example stands in desk.hosts: somebody made it known
            assert httpx.get(url).status_code == 200
            assert httpx.get(url, headers={"Host": "desk.example"}).status_code == 401
    assert not has_tls(DeskSettings(**PUBLIC))


def test_the_sign_in_page_of_a_folder_without_people_says_what_to_do(tmp_path):
    with newsroom(tmp_path) as room, served(desk_with(room, **BEHIND)) as url:
        assert "tocsin people add NAME" in httpx.get(url + "/sign-in").text
