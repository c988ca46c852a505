"""Who may do what on the desk page: every route with every role, whose desk it is, and what a refusal says."""

import re

import httpx
import pytest
from desk_kit import TOKEN, easing, newsroom, served, swap
from fastapi.routing import iter_route_contexts
from people_kit import cheap_passwords, visiting
from starlette.routing import Mount

from search.desk import alerts
from search.desk.app import create_app
from search.desk.roles import ANYBODY, ROUTES, needed
from search.people.person import ROLES, at_least

FILLED = {"alert": "a", "act": "acknowledged", "article": "x", "story": "s", "watch": "borders", "state": "on"}
FILLED |= {"name": "n", "channel": "hook", "order": "enable", "what": "digest"}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with cheap_passwords(), newsroom(tmp_path_factory.mktemp("roles")) as found:
        for role in ROLES:
            found.add_person(role.title(), role=role)
        found.add_person("Ben", role="editor", desks=("Sanctions",))
        found.add_person("Rea", role="reader", desks=("Sanctions",))
        yield found


@pytest.fixture(scope="module")
def url(room):
    with served(room.desk()) as address:
        yield address


@pytest.fixture(scope="module")
def bearers(room):
    """The API token of each role."""
    return {role: room.add_token(role.title(), role=role, name="matrix") for role in ROLES}


def ask(url, method, path, token="", **more):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.request(method, url + path, headers=headers, timeout=20, **more)


def filled(path):
    return re.sub(r"\{(\w+)\}", lambda found: FILLED[found[1]], path)


def test_every_route_of_the_page_says_which_role_it_needs(room):
    app = create_app(room.desk())
    found = {
        (method, context.path)
        for context in iter_route_contexts(app.routes)
        if not isinstance(context.original_route, Mount)
        for method in context.methods or ()
    }
    assert found == set(ROUTES)
    assert [route.path for route in app.routes if isinstance(route, Mount)] == ["/static"]


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] != "/live"])
def test_a_route_lets_in_who_has_its_role_and_nobody_else(url, bearers, method, path):
    wanted, place = ROUTES[method, path], filled(path)
    assert needed(method, place) == wanted
    for role in ROLES:
        answer = ask(url, method, place, bearers[role], json={"name": "nobody"} if method == "POST" else None)
        refused = answer.status_code == 403 and "This needs the role" in answer.text
        assert refused == (wanted != ANYBODY and not at_least(role, wanted)), (role, answer.text)
    without = ask(url, method, place).status_code
    assert without == 401 if wanted != ANYBODY else without != 401


def test_the_stream_is_for_those_who_are_let_in(url, bearers):
    assert ask(url, "GET", "/live").status_code == 401
    headers = {"Authorization": f"Bearer {bearers['reader']}"}
    with httpx.stream("GET", url + "/live", headers=headers, timeout=20) as stream:
        assert stream.status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/watches/a/b/c", "/api", "/alerts//"])
def test_what_is_no_route_is_told_to_nobody_who_is_signed_out(url, bearers, path):
    assert ask(url, "GET", path).status_code == 401
    assert ask(url, "GET", path, bearers["reader"]).status_code == 404
    assert ask(url, "DELETE", "/watches/borders", bearers["reader"]).status_code == 404


def test_a_refusal_says_the_role_and_who_can_give_it(url, bearers):
    said = ask(url, "POST", "/channels/hold", bearers["editor"]).text
    assert "needs the role operator" in said
    assert "Editor’s token 'matrix' has the role editor" in said
    assert "tocsin people role 'Editor' operator" in said
    with visiting(url) as reader:
        assert reader.post("/sign-in", data={"name": "Reader", "password": "no"}).status_code == 403


def test_an_act_of_a_program_stands_in_the_audit_with_its_person_and_token(room, url, bearers):
    ask(url, "POST", "/channels/hold", bearers["operator"])
    ask(url, "GET", "/channels", bearers["operator"])
    ask(url, "POST", "/channels/release", bearers["operator"])
    assert room.audit(who="Operator")[-4:] == [
        ("Operator", "token used", "matrix", "POST /channels/hold"),
        ("Operator", "deliveries held", "deliveries", ""),
        ("Operator", "token used", "matrix", "POST /channels/release"),
        ("Operator", "deliveries released", "deliveries", "0"),
    ]


# Whose desk it is


@pytest.fixture(scope="module")
def of_sanctions(room):
    """The tokens of an editor and a reader who belong to one desk."""
    return room.add_token("Ben", role="editor", name="b"), room.add_token("Rea", role="reader", name="r")


def watch_form(**more):
    return {"name": "Strikes, any", "query": "topic:protest.strike", **more}


def test_an_editor_changes_watches_of_their_desks_alone(room, url, of_sanctions):
    editor, _ = of_sanctions
    for path in ("/watches/borders/off", "/api/watches/borders/off", "/watches/vote/off"):
        said = ask(url, "POST", path, editor)
        assert said.status_code == 403
        assert "yours: Sanctions" in said.text
    assert room.watches.get("borders").enabled
    assert ask(url, "POST", "/api/watches/sanctions-eased/off", editor).status_code == 200
    assert room.watches.get("sanctions-eased").by == "Ben"
    assert ask(url, "POST", "/api/watches/sanctions-eased/on", editor).status_code == 200
    mine = watch_form(desk="Sanctions")
    assert ask(url, "POST", "/api/watches", editor, json=mine).status_code == 200
    assert ask(url, "POST", "/watches", editor, data=watch_form(desk="Baltic")).status_code == 403


def test_a_watch_is_neither_taken_from_another_desk_nor_given_to_one(room, url, of_sanctions):
    editor, _ = of_sanctions
    taken = watch_form(id="borders", name="Borders", desk="Sanctions")
    given = watch_form(id="sanctions-eased", name="Sanctions eased", desk="Baltic")
    for form in (taken, given):
        assert ask(url, "POST", "/api/watches", editor, json=form).status_code == 403
        assert ask(url, "POST", "/watches", editor, data=form).status_code == 403
    assert room.watches.get("borders").desk == "Baltic"
    assert room.watches.get("sanctions-eased").desk == "Sanctions"


def test_a_name_in_the_order_of_a_program_counts_for_nothing(room, url, of_sanctions):
    editor, _ = of_sanctions
    form = watch_form(name="Signed", desk="Sanctions", by="Operator")
    ask(url, "POST", "/api/watches", editor, json=form)
    assert room.watches.get("signed").by == "Ben"
    assert ask(url, "POST", "/api/watches", TOKEN, json={**form, "note": "n", "by": "Zoe"}).status_code == 200
    assert room.watches.get("signed").by == "Zoe"


def test_only_the_folders_own_commands_may_have_a_file_of_this_machine_read(room, url, of_sanctions, bearers):
    editor, _ = of_sanctions
    for token in (editor, bearers["operator"]):
        assert ask(url, "POST", "/api/feeds", token, json={"source": "/etc/passwd"}).status_code == 422
    assert ask(url, "POST", "/api/feeds", editor, json={"source": "https://a.example/rss"}).status_code == 200
    assert ask(url, "POST", "/api/feeds", TOKEN, json={"source": "/a/list.opml"}).status_code == 200
    assert room.asked[-2:] == [("feeds", "https://a.example/rss"), ("feeds", "/a/list.opml")]
    assert ("Ben", "feeds added", "https://a.example/rss", "1 feed added") in room.audit(who="Ben")


def test_a_reader_acts_on_alerts_of_their_desks_and_sees_them_first(room, url, of_sanctions):
    _, reader = of_sanctions
    room.feed(easing("a", story="one"), swap("id", "id"))
    room.feed(*(article for _, article in the_strike()))
    cards, _ = alerts.listed(room.ledger, limit=10)
    mine = next(card.alert.id for card in cards if card.alert.desk == "Sanctions")
    theirs = next(card.alert.id for card in cards if card.alert.desk == "Baltic")
    assert ask(url, "POST", f"/alerts/{mine}/acknowledged", reader).status_code == 200
    refused = ask(url, "POST", f"/alerts/{theirs}/acknowledged", reader)
    assert refused.status_code == 403
    assert "belongs to the desk Baltic; yours: Sanctions" in refused.text
    assert alerts.one(room.ledger, mine).events[-1].by == "Rea"
    shown = {path: ask(url, "GET", path, reader).text for path in ("/", "/?desk=*", "/?desk=Baltic")}
    assert f"alert-{theirs}" not in shown["/"]
    assert f"alert-{mine}" in shown["/"]
    assert 'data-desks=\'["Sanctions", ""]\'' in shown["/"]
    assert f"alert-{theirs}" in shown["/?desk=*"]
    assert f"alert-{mine}" in shown["/?desk=*"]
    assert f"alert-{mine}" not in shown["/?desk=Baltic"]


def the_strike():
    from desk_kit import the_day

    return [(minutes, article) for minutes, article in the_day() if article.story == "port"]
