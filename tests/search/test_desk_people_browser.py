"""Signing in as people do it: a real Chromium at a real server on loopback."""

import os
from pathlib import Path

import pytest
from browser_kit import CONTRAST, chromium, needs_browser, opening
from desk_kit import PASSWORD, newsroom, served, until
from people_kit import cheap_passwords

from search.people.store import People

pytestmark = needs_browser
WAIT_MS = 20_000
UNLABELLED = """[...document.querySelectorAll("input:not([type=hidden], [hidden]), select, textarea")]
  .filter((element) => !element.labels.length && !element.ariaLabel).map((element) => element.name)"""
PICTURES = os.environ.get("TOCSIN_PICTURES")  # a folder: each page that was opened is kept there as people see it


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def room(tmp_path):
    with cheap_passwords(), newsroom(tmp_path) as found:
        found.feed_the_day()
        found.add_person("Ana")
        found.add_person("Rea", role="reader", desks=("Sanctions", "Baltic"))
        found.add_person("Ben", role="editor", desks=("Prisoners",), password="")
        found.add_token("Ana", role="editor", name="nightly export")
        yield found


@pytest.fixture
def url(room):
    with served(room.desk()) as address:
        yield address


@pytest.fixture
def visit(browser, url):
    """Opens a page as someone who signs in; without a name, as nobody."""
    with opening(browser, url, wait_ms=WAIT_MS) as opened:

        def visited(path="/", name="", **more):
            page = opened(path, **more)
            if name:
                page.fill("#name", name)
                page.fill("#password", PASSWORD)
                page.keyboard.press("Enter")
                page.locator("header.top .who", has_text=name).wait_for()
            return page

        yield visited


def keep(page, name):
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


def test_a_reader_signs_in_sees_alerts_is_refused_in_words_and_signs_out(room, visit):
    page = visit("/?show=open", name="Rea")
    assert page.url.endswith("/?show=open")
    page.locator("article.alert", has_text="Release for relief").locator("h2 a").click()
    page.locator("#act-a").click()
    page.locator("#detail .line b", has_text="acknowledged").first.wait_for()
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#act-m").click()
    page.locator("#told", has_text="This needs the role editor, and you, Rea, have the role reader.").wait_for()
    keep(page, "refused")
    page.complaints.clear()  # Chromium notes the refusal itself
    page.get_by_role("button", name="Sign out").click()
    page.locator("#password").wait_for()
    page.go_back()
    page.locator("#password").wait_for()
    assert room.watches.get("release-for-relief").enabled


def test_a_wrong_password_is_said_and_the_name_stays(visit):
    page = visit("/")
    page.fill("#name", "Rea")
    page.fill("#password", "wrong, all of it")
    page.keyboard.press("Enter")
    page.locator("#told", has_text="No person of this name has this password.").wait_for()
    assert page.input_value("#name") == "Rea"
    assert page.locator("#told").get_attribute("role") == "alert"
    keep(page, "wrong")
    page.complaints.clear()


def test_own_desks_come_first_and_all_are_one_click_away(room, visit):
    page = visit("/", name="Rea")
    shown = set(page.locator("article.alert .meta > b").all_inner_texts())
    assert "Prisoners, Caucasus" not in shown
    assert "Release for relief" in shown
    keep(page, "own-desks")
    page.get_by_role("link", name="all desks").click()
    page.locator("article.alert", has_text="Prisoners, Caucasus").wait_for()


def test_an_open_page_of_someone_who_was_disabled_says_so_and_shows_no_more(room, visit):
    page = visit("/", name="Rea")
    until(lambda: page.locator(".pulse time, .pulse span").count())
    People(room.ledger).switch("Rea", enabled=False, by="Ana")
    page.locator(".pulse.lost", has_text="you are signed out").wait_for()
    page.complaints.clear()  # Chromium notes that the stream was refused


def test_an_operator_changes_a_role_and_the_audit_says_so(room, visit):
    page = visit("/people", name="Ana")
    page.get_by_label("Role of Rea").select_option("editor")
    until(lambda: People(room.ledger).get("Rea").role == "editor")
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("tr", has_text="Ben").get_by_role("button", name="Disable").click()
    page.locator("tr.off", has_text="Ben").wait_for()
    page.goto(page.url.replace("/people", "/audit?who=Ana"))
    assert page.locator("td", has_text="person disabled").count() == 1
    assert page.locator("td", has_text="role changed").count() == 1


def test_everything_on_the_way_in_is_labelled_and_reached_by_the_tab_key(visit):
    page = visit("/")
    assert page.evaluate("document.activeElement.id") == "name"
    reached = []
    for _ in range(3):
        reached.append(
            page.evaluate("document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent")
        )
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Tab")
    assert reached == ["Name", "Password", "Sign in"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_of_people_are_clear_in_light_and_dark_and_on_a_phone(visit, scheme, width):
    look = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    page = visit("/", **look)
    assert page.evaluate(CONTRAST) == []
    keep(page, f"sign-in-{scheme}-{width}")
    page.fill("#name", "Ana")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.locator("header.top .who").wait_for()
    for path in ("/", "/people", "/audit", "/me"):
        page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + path)
        until(lambda: page.evaluate("document.querySelector('.pulse time, .pulse span') !== null"))
        keep(page, f"{path.strip('/') or 'alerts'}-{scheme}-{width}")
        assert page.evaluate(CONTRAST) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(UNLABELLED) == [], path
