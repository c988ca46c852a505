"""The desk page of the running demo in a real Chromium: alerts arrive while it is open, with the words that rang."""

import os
import re
from pathlib import Path

import pytest
from browser_kit import chromium, needs_browser
from desk_picture import packed
from route_kit import running

pytestmark = needs_browser
PICTURE = Path(__file__).parents[2] / "docs" / "desk.png"
WAIT_MS = 60_000


@pytest.fixture
def page():
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        opened.set_default_timeout(WAIT_MS)
        yield opened


def test_alerts_of_the_demo_arrive_on_the_open_page_and_one_story_is_one_card(tmp_path, page):
    with running("demo", "--speed", "6", "--port", "0", home=tmp_path / "home") as (process, said):
        address = re.search(r"http://\S+", said[-1])[0]
        page.goto(address)
        page.evaluate("window.loadedOnce = true")
        card = page.locator("article.alert", has_text="Release for relief")
        card.wait_for()
        card.locator(".meta", has_text="6 languages").wait_for()
        assert card.count() == 1
        assert page.evaluate("window.loadedOnce") is True, "the page was loaded again"
        card.locator("h2 a").click()
        detail = page.locator("#detail")
        detail.locator(".gloss", has_text="three prisoners released").wait_for()
        languages = {quote.inner_text() for quote in detail.locator("blockquote > i").all()}
        assert {"en", "id", "ru", "pl", "de", "fr"} <= languages
        marks = detail.locator("blockquote mark").all_inner_texts()
        assert any("в обмен" in words.lower() or "освобожден" in words.lower() for words in marks), marks
        detail.locator("h3", has_text="Blind spots").wait_for()
        page.mouse.move(0, 0)
        taken = page.screenshot()
        assert len(taken) > 20_000
        if os.environ.get("TOCSIN_PICTURE"):
            page.locator("article.alert").nth(5).wait_for()
            PICTURE.write_bytes(packed(page.screenshot()))
            assert PICTURE.stat().st_size < 250_000
    assert process.returncode == 0
