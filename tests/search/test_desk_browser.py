"""The desk page as people use it: a real Chromium at a real server on loopback."""

import pytest
from browser_kit import CONTRAST, chromium, needs_browser, opening
from desk_kit import SWAPS, easing, newsroom, served, swap, until

from search.alerts.acts import act
from search.desk import alerts

pytestmark = needs_browser
SCRIPT = "<script>document.title = 'taken'</script>"
WAIT_MS = 10_000


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def room(tmp_path):
    with newsroom(tmp_path) as found:
        yield found


@pytest.fixture
def url(room):
    with served(room.desk()) as address:
        yield address


@pytest.fixture
def visit(browser, url):
    """Opens a page as someone who has given a name, once it shows how the route is."""
    with opening(browser, url, wait_ms=WAIT_MS) as opened:

        def visited(path="/", name="Ana", **more):
            cookies = [{"name": "tocsin_name", "value": name, "url": url}] if name else []
            page = opened(path, cookies, **more)
            until(lambda: page.evaluate("document.querySelector('.pulse time, .pulse span') !== null"))
            return page

        yield visited


def alert_of(room, watch):
    cards, _ = alerts.listed(room.ledger, limit=50)
    return next(card.alert for card in cards if card.alert.watch == watch)


def test_an_alert_appears_on_the_open_page_with_the_words_of_its_evidence(room, visit):
    page = visit()
    assert "No alert" in page.inner_text("#alerts + .empty")
    room.feed(swap("id", "id"))
    card = page.locator("article.alert")
    card.wait_for()
    _, _, _, (freed, relief, _, belarus, _) = SWAPS["id"]
    assert card.locator("mark").all_inner_texts() == [freed, belarus, relief]
    assert "fresh" in card.get_attribute("class")
    assert page.locator(".empty#none").count() == 0
    until(lambda: page.evaluate("document.querySelector('[data-count=alerts]').textContent === '1'"))


def test_a_title_that_is_a_script_is_text_on_the_open_page_too(room, visit):
    page = visit()
    room.feed(easing("evil", title=SCRIPT, source=SCRIPT, story="evil"))
    page.locator("article.alert").wait_for()
    assert page.inner_text("article.alert .said-by") == SCRIPT
    page.click("article.alert h2 a")
    page.locator("#detail .gloss").wait_for()
    assert SCRIPT in page.inner_text("#detail")
    assert page.title() != "taken"


def test_keys_move_open_and_act(room, visit):
    room.feed_the_day()
    page = visit()
    page.keyboard.press("j")
    page.keyboard.press("j")
    relief = alert_of(room, "release-for-relief").id
    assert page.get_attribute("article.alert[aria-current=true]", "data-alert") == relief
    page.locator("#detail .gloss", has_text="three prisoners released").wait_for()
    for key, done in [
        ("a", "acknowledged"),
        ("y", "judged right"),
        ("n", "judged wrong"),
        ("s", "assigned"),
        ("c", "closed"),
    ]:
        page.keyboard.press(key)
        page.locator("#detail .line b", has_text=done).first.wait_for()
    kept = alerts.one(room.ledger, relief)
    assert (kept.state, kept.verdict, kept.assigned) == ("closed", "wrong", "Ana")
    page.wait_for_selector(f"#alert-{relief}.closed")
    page.keyboard.press("k")
    assert page.get_attribute("article.alert[aria-current=true]", "data-alert") != relief
    page.keyboard.press("Enter")
    until(lambda: page.evaluate("document.activeElement.classList.contains('gloss')"))
    page.keyboard.press("Escape")
    until(lambda: page.evaluate("document.activeElement.closest('article.alert') !== null"))
    page.keyboard.press("?")
    assert page.is_visible("#keys")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("jay")
    assert page.input_value("header.top input") == "jay"


def test_the_name_is_asked_once_and_recorded(room, visit):
    room.feed(swap("id", "id"))
    page = visit(name="")
    page.keyboard.press("j")
    page.locator("#detail #name").wait_for()
    page.keyboard.press("a")
    page.keyboard.type("Зоя Klein")
    page.keyboard.press("Enter")
    page.locator("#act-a").click()
    page.locator("#detail .line b", has_text="acknowledged").wait_for()
    page.reload()
    page.keyboard.press("j")
    page.locator("#act-c").wait_for()
    assert page.locator("#name").count() == 0
    assert alert_of(room, "release-for-relief").events[-1].by == "Зоя Klein"


def test_silencing_asks_first(room, visit):
    room.feed(swap("id", "id"))
    page = visit()
    asked = []

    def answer(dialog):
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", answer)
    page.keyboard.press("j")
    page.locator("#act-m").wait_for()
    page.keyboard.press("m")
    page.locator("#act-m", has_text="Switch this watch on").wait_for()
    assert "Release for relief" in asked[0]
    assert room.watches.get("release-for-relief").enabled is False


def test_everything_is_reached_by_the_tab_key_with_a_visible_focus(room, visit):
    room.feed(swap("id", "id"))
    page = visit(f"/alerts/{alert_of(room, 'release-for-relief').id}")
    reached, rings = set(), set()
    for _ in range(70):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "(() => { const e = document.activeElement; return [e.id || e.name || e.textContent.trim(),"
            " getComputedStyle(e).outlineStyle, e.tagName] })()"
        )
        reached.add(found[0].split("\n")[0])
        rings.add(found[1] if found[2] != "BODY" else "solid")  # the browser itself has the focus between two rounds
    assert {"q", "act-a", "act-c", "act-y", "act-n", "act-m", "read the article", "To the content"} <= reached
    assert any(name.startswith("Watches") for name in reached)
    assert any(name.startswith("Belarus: three prisoners") for name in reached)
    assert rings == {"solid"}, rings


def test_a_watch_is_previewed_tried_and_saved(room, visit):
    room.feed_the_day()
    page = visit("/watches/sanctions-eased")
    assert "1 article" in page.inner_text("#preview")
    page.fill("#watch-query", "topic:sanctions.eased")
    page.locator("#preview", has_text="8 more, 0 fewer").wait_for()
    page.fill("#watch-query", "*eased")
    page.locator("#preview .error").wait_for()
    page.fill("#watch-query", "topic:sanctions.eased.fact")
    page.get_by_text("Preview and try the examples").click()
    page.locator("#preview", has_text="2 of 2 pass").wait_for()
    page.get_by_text("Save as version 2").click()
    page.get_by_text("Save as version 3").wait_for()
    assert room.watches.get("sanctions-eased").query == "topic:sanctions.eased.fact"


def test_a_watch_that_cannot_be_used_is_explained_on_the_page(visit):
    page = visit("/watches/new?query=*two")
    page.fill("#watch-name", "Two")
    page.get_by_role("button", name="Save").click()
    page.locator("#told", has_text="only at the end of a word").wait_for()
    page.complaints.clear()  # Chromium notes the refusal itself


def test_the_search_marks_what_it_found(room, visit):
    room.feed_the_day()
    page = visit()
    page.fill("header.top input", "topic:prisoners.released AND language:ar")
    page.keyboard.press("Enter")
    page.locator(".hit mark").first.wait_for()
    assert page.inner_text(".hit mark") == SWAPS["ar"][3][0]
    assert page.evaluate("getComputedStyle(document.querySelector('.hit .words')).direction") == "rtl"


def test_a_rejected_record_is_put_back(room, visit):
    room.add_feeds("https://a.example/rss")
    room.reject()
    page = visit("/rejected")
    page.get_by_role("button", name="Retry").click()
    page.get_by_text("put back on the route").wait_for()


def test_a_lost_server_is_said_and_what_was_missed_comes_without_a_reload(room, visit, browser):
    with served(room.desk()) as url:
        port = int(url.rsplit(":", 1)[1])
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector(".pulse time, .pulse span")
        page.evaluate("window.stayed = true")
        room.feed(easing("before", story="one"))
        page.locator("article.alert").wait_for()
    page.locator(".pulse.lost", has_text="the server is away").wait_for()
    room.feed(easing("while", story="two"), swap("id", "id"))
    with served(room.desk(), port=port):
        until(lambda: page.locator("article.alert").count() == 3, seconds=20)
        page.locator(".pulse:not(.lost)", has_text="live").wait_for()
        assert page.evaluate("window.stayed") is True
        context.close()


def test_the_number_of_new_alerts_stands_in_the_title_while_nobody_looks(room, visit):
    page = visit()
    page.evaluate("document.hasFocus = () => false")
    room.feed(easing("a", story="one"), swap("id", "id"))
    until(lambda: page.evaluate("document.title.startsWith('(2) ')"))
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    assert page.title() == "Alerts · Tocsin"


def test_a_phone_shows_one_column_and_a_way_back(room, visit):
    room.feed_the_day()
    page = visit(viewport={"width": 390, "height": 800}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("article.alert h2 a")
    page.locator("#detail .gloss").wait_for()
    assert not page.is_visible("#alerts")
    page.click("[data-back]")
    assert page.is_visible("#alerts")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(room, visit, scheme):
    room.feed_the_day()
    act(room.ledger, alert_of(room, "borders").id, "acknowledged", by="Ben")
    page = visit(f"/alerts/{alert_of(room, 'release-for-relief').id}", color_scheme=scheme)
    faint = page.evaluate(CONTRAST)
    assert faint == []


def test_about_eight_alerts_stand_on_a_laptop_screen(room, visit):
    room.feed(*(easing(f"a{number}", story=f"s{number}") for number in range(12)))
    page = visit(viewport={"width": 1440, "height": 900})
    whole = (
        "[...document.querySelectorAll('article.alert')].filter(e => e.getBoundingClientRect().bottom <= innerHeight)"
    )
    assert page.evaluate(f"{whole}.length") >= 7


def test_nothing_moves_for_those_who_asked_for_less_motion(room, visit):
    page = visit(reduced_motion="reduce")
    room.feed(swap("id", "id"))
    page.locator("article.alert.fresh").wait_for()
    assert page.evaluate("getComputedStyle(document.querySelector('.fresh')).animationName") == "none"
