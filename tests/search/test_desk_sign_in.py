"""Signing in as a client of HTTP sees it: sessions, what ends them, forged acts."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from desk_kit import PASSWORD, TOKEN, easing, newsroom, served, until
from people_kit import Hand, desk_with, refresh, sign_in, visiting

from search.desk import alerts
from search.people.store import People

pytest_plugins = ("people_fixtures",)
pytestmark = pytest.mark.usefixtures("quick")
HTML = {"Accept": "text/html"}
COOKIE = "tocsin_session"


@pytest.fixture
def ana(url):
    with visiting(url) as client:
        assert sign_in(client).status_code == 204
        yield client


# Coming in


def test_as_soon_as_there_are_people_everybody_signs_in(tmp_path):
    with newsroom(tmp_path) as room, served(room.desk()) as url:
        assert httpx.get(url).status_code == 200
        room.add_person("Ana")
        assert httpx.get(url).status_code == 401
        answer = httpx.get(url + "/watches?limit=5", headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/watches%3Flimit%3D5")


def test_the_page_is_seen_once_one_is_signed_in_and_leads_on_to_what_was_asked(url):
    with visiting(url) as client:
        answer = sign_in(client, next="/watches?limit=5")
        assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/watches?limit=5")
        page = client.get("/", headers={"HX-Request": ""}).text
        assert '<a href="/me" title="operator, all desks"><bdi>Ana</bdi></a>' in page
        assert client.get("/sign-in?next=/feeds").headers["location"] == "/feeds"


@pytest.mark.parametrize(
    "away", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/\r\nSet-Cookie: a=b"]
)
def test_signing_in_leads_nowhere_else(url, away):
    with visiting(url) as client:
        assert sign_in(client, next=away).headers["hx-redirect"] == "/"


def test_a_wrong_password_says_no_more_than_that(room, url):
    with visiting(url) as client:
        said = {sign_in(client, name, "wrong, all of it").text for name in ("Ana", "Nobody")}
        assert said == {"No person of this name has this password."}
        assert COOKIE not in client.cookies


def test_too_many_tries_are_told_to_wait(url):
    with visiting(url) as client:
        answers = [sign_in(client, password="wrong, all of it") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    assert "try again in 1 s" in answers[-1].text


def test_the_cookie_of_a_session_is_kept_from_scripts_and_from_acts_of_other_sites(url):
    with visiting(url) as client:
        cookie = sign_in(client).headers["set-cookie"].lower()
    assert cookie.startswith(f"{COOKIE}=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie  # so that a link in a mail leads into the page


def test_with_tls_the_cookies_are_bound_to_this_very_host(room):
    with served(desk_with(room, url="https://desk.example")) as url, httpx.Client(base_url=url) as client:
        client.headers["Host"] = "desk.example"
        answer = client.get("/sign-in")
        form, token = answer.headers["set-cookie"], answer.text.split('data-form-token="')[1].split('"')[0]
        assert form.startswith("__Host-tocsin_form=")
        assert "max-age" in answer.headers["strict-transport-security"]
        act = {"Cookie": form.split(";")[0], "X-Form-Token": token, "Origin": "https://desk.example"}
        given = {"name": "Ana", "password": PASSWORD}
        session = client.post("/sign-in", data=given, headers=act).headers["set-cookie"]
        assert session.startswith("__Host-tocsin_session=")
        assert "; Secure" in session
        assert "Path=/;" in session
        assert "domain" not in session.lower()
        plain = {**act, "Origin": "http://desk.example"}
        assert client.post("/sign-in", data=given, headers=plain).status_code == 403


# What a session is, and what ends it


def test_a_session_that_was_given_before_is_not_taken_over(url):
    with visiting(url) as client:
        client.cookies.set(COOKIE, "planted", domain="127.0.0.1", path="/")
        sign_in(client)
        assert client.cookies[COOKIE] != "planted"
        first = client.cookies[COOKIE]
        sign_in(client)
        second = client.cookies[COOKIE]
    assert first != second
    assert httpx.get(url + "/me", cookies={COOKIE: first}).status_code == 401  # of the same browser: it ended
    assert httpx.get(url + "/me", cookies={COOKIE: second}).status_code == 200
    assert httpx.get(url + "/me", cookies={COOKIE: "planted"}).status_code == 401


def test_signing_out_ends_the_session_on_the_server(room, url, ana):
    token = ana.cookies[COOKIE]
    assert ana.post("/sign-out").headers["hx-redirect"] == "/sign-in"
    assert COOKIE not in ana.cookies
    assert httpx.get(url + "/me", cookies={COOKIE: token}).status_code == 401
    assert [line[1] for line in room.audit(who="Ana")][-2:] == ["signed in", "signed out"]


def test_sessions_run_out_unused_and_in_any_case(room):
    clock = room.clock = Hand()
    with served(desk_with(room, session_idle_minutes=60, session_hours=10)) as url, visiting(url) as ana:
        sign_in(ana)
        for _ in range(11):
            clock.forward(minutes=50)
            assert ana.get("/me").status_code == 200
        clock.forward(minutes=55)
        assert ana.get("/me").status_code == 401
        refresh(ana)
        assert sign_in(ana).status_code == 204
        clock.forward(minutes=61)
        assert ana.get("/me").status_code == 401


def test_an_open_page_that_only_listens_does_not_keep_a_session_alive(room):
    clock = room.clock = Hand()
    with served(desk_with(room, session_idle_minutes=60)) as url, visiting(url) as ana:
        sign_in(ana)
        clock.forward(minutes=40)
        with ana.stream("GET", "/live") as stream:
            assert stream.status_code == 200
        clock.forward(minutes=30)
        assert ana.get("/me").status_code == 401


def test_a_stream_ends_with_the_session_that_opened_it(room, url, ana):
    room.feed(easing("a", story="one"))
    with ana.stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        until(lambda: "pulse" in next(lines))
        room.add_person("Ben")
        People(room.ledger).sign_out("Ana", by="Ben")
        room.feed(easing("b", story="two"))
        for _line in lines:
            pass  # it ends by itself


def test_a_new_password_ends_every_other_session_and_needs_the_old_one(room, url, ana):
    with visiting(url) as other:
        sign_in(other)
        form = {"old": "wrong, all of it", "new": "another row of words"}
        assert ana.post("/me/password", data=form).status_code == 403
        assert other.get("/me").status_code == 200
        assert "12" in ana.post("/me/password", data={"old": PASSWORD, "new": "short"}).text
        before = ana.cookies[COOKIE]
        assert ana.post("/me/password", data={**form, "old": PASSWORD}).headers["hx-redirect"] == "/me"
        assert ana.cookies[COOKIE] != before
        assert ana.get("/me").status_code == 200
        assert other.get("/me").status_code == 401
        refresh(other)
        assert "has this password" in sign_in(other).text
        assert sign_in(other, password="another row of words").status_code == 204


def test_people_see_where_they_are_signed_in_and_end_the_others(url, ana):
    with visiting(url, **{"User-Agent": "Lynx/2 <b>"}) as other:
        sign_in(other)
        page = ana.get("/me").text
        assert page.count("<b>this one</b>") == 1
        assert "Lynx/2 &lt;b&gt;" in page
        ana.post("/me/sessions/end")
        assert other.get("/me").status_code == 401
        assert ana.get("/me").status_code == 200


def test_an_operator_disables_someone_at_once_and_changes_a_role(room, url, ana):
    room.add_person("Ben", role="reader")
    token = room.add_token("Ben")
    with visiting(url) as ben:
        sign_in(ben, "Ben")
        assert ben.post("/channels/hold").status_code == 403
        assert ana.post("/people/role", data={"name": "Ben", "role": "operator"}).status_code == 204
        assert ben.post("/channels/hold").status_code == 204
        assert ana.post("/people/disable", data={"name": "Ben"}).status_code == 204
        assert ben.get("/me").status_code == 401
        refresh(ben)
        assert "has this password" in sign_in(ben, "Ben").text
    assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert "nobody would be left" in ana.post("/people/disable", data={"name": "Ana"}).text
    page = ana.get("/people").text
    assert '<span class="bad">disabled</span>' in page
    assert [line[1] for line in room.audit(subject="Ben")] == [
        "person added", "token added", "role changed", "person disabled"
    ]  # fmt: skip


def test_the_audit_is_listed_newest_first_and_filtered(room, url, ana):
    with visiting(url) as guesser:
        sign_in(guesser, "<script>", "wrong, all of it")
    page = ana.get("/audit").text
    assert page.index(">sign-in failed</td>") < page.index(">signed in</td>") < page.index(">person added</td>")
    assert "<script>" not in page.split("<h1>")[1]
    only = ana.get("/audit", params={"what": "sign-in failed"}).text
    assert "<td>signed in</td>" not in only
    assert "<td><bdi>unknown</bdi></td>" in only
    assert "Nobody did this" in ana.get("/audit?who=nobody").text
    assert "left out" in ana.get("/audit?limit=1").text


# What is refused


def test_an_act_needs_the_token_of_the_page_of_the_same_session(url, ana):
    with visiting(url) as other:
        sign_in(other)
        foreign = other.headers["X-Form-Token"]
    own = ana.headers["X-Form-Token"]
    for token in ("", "0" * 64, foreign):
        assert ana.post("/channels/hold", headers={"X-Form-Token": token}).status_code == 403
    assert ana.post("/channels/hold", headers={"Origin": "https://evil.example"}).status_code == 403
    sign_in(ana)
    assert ana.post("/channels/hold", headers={"X-Form-Token": own}).status_code == 403  # of the session before
    assert ana.post("/channels/hold").status_code == 204


def test_signing_in_is_no_act_of_another_site(url):
    given = {"name": "Ana", "password": PASSWORD}
    assert httpx.post(url + "/sign-in", data=given).status_code == 403
    with visiting(url) as client:
        assert client.post("/sign-in", data=given, headers={"Origin": "https://evil.example"}).status_code == 403
        assert client.post("/sign-in", data=given, headers={"X-Form-Token": ""}).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_the_host_is_looked_at_before_anything_else(room, url, ana, host):
    headers = {"Host": host, "Authorization": f"Bearer {room.add_token('Ana')}"}
    for path in ("/", "/sign-in", "/healthz", "/static/desk.css"):
        answer = ana.get(path, headers=headers)
        assert answer.status_code in (400, 403)
        assert answer.status_code == 400 or "does not answer for the host" in answer.text


@pytest.mark.parametrize("host", ["localhost/static/?", "localhost/healthz#", "127.0.0.1/static/", "x@localhost"])
def test_a_host_with_a_path_in_it_opens_no_other_path(url, host):
    for path in ("/", "/people", "/api/people/add"):
        assert httpx.get(url + path, headers={"Host": host}).status_code in (400, 403)


def test_of_someone_who_is_not_let_in_no_large_body_is_read(url):
    with visiting(url) as client:
        large = {"name": "Ana", "password": "x" * 20_000}
        assert client.post("/sign-in", data=large).status_code == 413
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        chunks = client.post("/sign-in", content=iter([b"name=Ana&", b"password=x"]), headers=form)
        assert chunks.status_code == 413


@pytest.mark.parametrize("path", ["/", "/sign-in", "/me", "/people", "/audit", "/nothing", "/healthz"])
def test_no_answer_is_kept_on_the_way(url, ana, path):
    for answer in (ana.get(path), httpx.get(url + path)):
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_who_is_signed_out_sees_nothing_of_the_folder(room, url):
    room.feed(easing("a", story="one"))
    room.wrong = "nothing was fetched from https://secret.example"
    for path in ("/", "/nothing", "/sign-in", "/heartbeat", "/alerts/x", "/live"):
        for headers in ({}, HTML, {"HX-Request": "true"}):
            said = httpx.get(url + path, headers=headers).text
            assert "Sanctions" not in said
            assert "secret.example" not in said
    assert httpx.get(url + "/heartbeat").json() == {"status": "wrong"}
    invalid = httpx.post(url + "/sign-in", content=b"\xff", headers={"Content-Type": "multipart/form-data"})
    assert "Sanctions" not in invalid.text


def test_a_name_that_was_typed_counts_for_nothing_once_people_sign_in(room, ana):
    room.feed(easing("a", story="one"))
    (card,), _ = alerts.listed(room.ledger, limit=2)
    ana.cookies.set("tocsin_name", "Zoe")
    assert ana.post("/me", data={"name": "Zoe"}).status_code == 409
    ana.post(f"/alerts/{card.alert.id}/acknowledged")
    assert alerts.one(room.ledger, card.alert.id).events[-1].by == "Ana"


@pytest.mark.parametrize("sent", ["Bearer", "Bearer wrong", "Basic YTpi", "Bearer tocsin_" + "x" * 43])
def test_a_token_that_is_not_good_is_refused(url, sent):
    answer = httpx.get(url + "/", headers={"Authorization": sent})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_the_token_of_the_folder_is_for_this_machine(room):
    given = {"Authorization": f"Bearer {TOKEN}"}
    with served(desk_with(room, proxy_addresses=("127.0.0.1",))) as url:
        assert httpx.post(url + "/api/deliveries/hold", headers=given).status_code == 200
        outside = {**given, "X-Forwarded-For": "192.0.2.7"}
        assert httpx.post(url + "/api/deliveries/hold", headers=outside).status_code == 403


def test_a_token_that_is_over_is_refused(room, url):
    gone = room.add_token("Ana", until=datetime.now(UTC) - timedelta(seconds=1))
    assert httpx.get(url, headers={"Authorization": f"Bearer {gone}"}).status_code == 401


def test_the_form_of_a_page_that_was_loaded_before_signing_in_is_too_old(url):
    with visiting(url) as client:
        before = client.headers["X-Form-Token"]
        client.post("/sign-in", data={"name": "Ana", "password": PASSWORD})
        assert client.post("/channels/hold", headers={"X-Form-Token": before}).status_code == 403
        refresh(client)
        assert client.post("/channels/hold").status_code == 204
