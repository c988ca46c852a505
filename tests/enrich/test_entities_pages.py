"""Real pages of the shared material: exact surfaces, and names in most pages of the languages that have a grammar."""

import gzip
import json
from collections import Counter

import pytest
from names_kit import SHARED, register

from enrich.entities.find import find
from enrich.entities.grammar import grammar
from enrich.language import detect

PAGES = SHARED / "data" / "pages" / "truth.jsonl.gz"

pytestmark = pytest.mark.skipif(not PAGES.exists(), reason="the shared pages are not on this machine")


def pages():
    with gzip.open(PAGES, "rt", encoding="utf-8") as lines:
        for line in lines:
            truth = json.loads(line)["truth"]
            yield truth["title"] or "", truth["text"] or ""


def test_names_on_real_pages_are_exact_and_half_of_the_pages_have_one():
    seen, with_names = Counter(), Counter()
    for title, text in pages():
        code = detect(title, text, "").code
        found = find(title, text, code, register())
        fields = {"title": title, "text": text}
        assert all(mention.surface == fields[mention.field][mention.start : mention.end] for mention in found)
        if grammar(code).known and len(text) > 200:
            seen[code] += 1
            with_names[code] += any(not mention.weak for mention in found)
    assert sum(seen.values()) >= 50
    assert {code: count for code, count in seen.items() if with_names[code] < count / 2} == {}
