"""Real pages of 111 outlets in 18 languages -> the quality that is promised; the pages are not ours to keep here."""

import unicodedata

import pytest
from bench.extraction import PAGES, as_said, judge, real_pages

from ingest.extract import extract_page

pytestmark = pytest.mark.skipif(not PAGES.is_dir(), reason="shared/data/pages is not beside the repository")


@pytest.fixture(scope="module")
def read():
    """Each page with what was read out of it."""
    return [(page, extract_page(page.item)) for page in real_pages()]


def test_real_pages_are_read_as_well_as_promised(read):
    quality = judge([as_said(said) for _, said in read], [page for page, _ in read])
    assert quality.f1 >= 0.93
    assert quality.recall >= 0.96
    assert quality.title >= 0.85
    assert quality.day >= 0.96
    assert quality.authors >= 0.85


def test_what_real_pages_give_is_frozen_and_tells_where_it_stood(read):
    for _, said in read:
        for text in (said.title, said.text):
            assert unicodedata.is_normalized("NFC", text)
            assert {sign for sign in text if unicodedata.category(sign) in ("Cc", "Cs")} <= {"\n", "\t"}
        assert said.title_source
        assert said.published is None or (said.published.source and said.published.raw)
        assert said.path.startswith(("cut", "full:"))


def test_most_real_pages_take_the_cheap_path(read):
    paths = [said.path for _, said in read]
    assert paths.count("cut") >= 0.85 * len(paths)


def test_the_one_page_whose_end_is_garbled_is_found_and_no_other(read):
    assert [page.name for page, said in read if "garbled" in said.flags] == ["de/WAZ_2023_06_20"]
