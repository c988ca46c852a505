"""Pages that want to stop their reader: each is read, or refused with a reason, in bounded time of the processor."""

import json
import time

import pytest
from extract_kit import LINES, PARAGRAPHS, TEXT, json_ld, page, read, whole
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from ingest.extract.freeze import freeze
from ingest.verdict import Reject

MOST_SECONDS = 6.0  # of CPU; a child is killed after 10. Most take far under 1
TITLE = "<title>The ferry runs again</title>"


def paragraphs(number):
    return "".join(f"<p>{number}: {LINES[number % 4]}</p>" for number in range(number))


def attributes(number):
    return " ".join(f'data-number-{name:06}="value-{name:06}"' for name in range(number))


def nodes(number):
    return json_ld(
        {"@graph": [{"@type": "NewsArticle", "headline": f"{name}", "url": f"/{name}"} for name in range(number)]}
    )


def script(text):
    return f'{TITLE}<script type="application/ld+json">{text}</script>'


def quoted(number):
    return " ".join(f"a{name}='>'" for name in range(number))


HOSTILE = {  # name: (makes the page, how its path begins)
    "a doctype of slashes": (lambda: b"<!DOCTYPE " + b"/" * 4_000_000, "refused:not-html"),
    "a million paragraphs": (lambda: whole(TITLE, "<p>word</p>" * 600_000), "refused:elements"),
    "paragraphs never closed": (lambda: whole(TITLE, "<p>" * 2_100_000), "refused:elements"),
    "just too many elements": (lambda: whole(TITLE, "<p>word</p>" * 25_100), "refused:elements"),
    "sixty thousand attributes in a tag": (lambda: page(TITLE, f"<div {attributes(60_000)}>x</div>"), "cut"),
    "attributes that hide in quotes": (lambda: page(TITLE, f"<div {quoted(15_000)}>x</div>"), ""),
    "a hundred thousand links": (lambda: whole(TITLE, "<a href='/'>some words</a>" * 100_000), "refused:elements"),
    "fifty thousand headings": (lambda: whole(TITLE, "<h1>x y z</h1>" * 50_000), "refused:elements"),
    "many metas": (lambda: page(TITLE + "<meta name='author' content='a b'>" * 24_000), "cut"),
    "json nested deeply": (lambda: page(script("[" * 100_000 + "]" * 100_000)), "cut"),
    "json of many nodes": (lambda: page(nodes(25_000)), "cut"),
    "json that is none": (lambda: page(script('{"a":,') * 5_000), "cut"),
    "json of commas": (lambda: page(script(f",{' ' * 1_900_000},")), "cut"),
    "elements nested deeply": (lambda: whole(TITLE, "<div>" * 100_000 + PARAGRAPHS), ""),
    "tables within tables": (lambda: whole(TITLE, "<table><tr><td>" * 80 + "<td>x" * 20_000 + PARAGRAPHS), ""),
    "a title of separators": (lambda: page(f"<title>{'a - ' * 250_000}</title>"), "cut"),
    "a title of spaces": (lambda: page(f"<title>{' ' * 2_000_000}</title>"), "cut"),
    "a comment never closed": (lambda: whole(TITLE, "<!--" * 1_000_000), "refused:elements"),
    "an html tag of spaces": (lambda: b"<html" + b" " * 4_000_000 + b"/>", ""),
    "one text of megabytes": (lambda: whole(TITLE, f"<p>{'word ' * 400_000}</p>"), "full:"),
    "many real paragraphs": (lambda: whole(TITLE, f"<article>{paragraphs(6_000)}</article>"), ""),
    "bytes of no encoding": (lambda: b"<p>" + b"\xff" * 1_000_000, ""),
    "an encoding that says another": (lambda: page("<meta charset='utf-7'>" * 100), "cut"),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_page_is_read_or_refused_in_bounded_time(name):
    make, path = HOSTILE[name]
    body = make()
    start = time.process_time()
    said = read(body, title="The feed's title")
    spent = time.process_time() - start
    assert spent < MOST_SECONDS
    assert said.path.startswith(path)
    assert len(said.text) <= 200_000
    assert len(said.title) <= 500


def test_a_page_too_large_to_read_still_tells_its_head():
    said = read(whole(f'{TITLE}<meta name="date" content="2026-03-03">', "<p>word</p>" * 400_000))
    assert (said.title, said.published.source, said.text) == ("The ferry runs again", "meta:date", "")


def test_tags_with_too_many_attributes_lose_them_and_nothing_else():
    said = read(page(TITLE, f"<div {attributes(60_000)}>The crew is well.</div>"))
    assert said.text == f"The crew is well.\n{TEXT}"


def test_controls_and_halves_of_signs_never_reach_what_is_kept():
    facts = (
        r'{"@type":"NewsArticle","headline":"Fer\ud800ry \u0000is back","author":"Ada\udfff Roe","inLanguage":"\u0001"}'
    )
    said = read(
        page(script(facts) + "<link rel=canonical href='/\x01ferry&#xD800;'>").replace(b"ferry", b"fer\x00\x1bry")
    )
    for value in (said.title, said.text, said.canonical, *(credit.name for credit in said.authors)):
        assert freeze(value) == value
    assert said.title == "Ferry is back"
    assert LINES[0] in said.text


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["@type", "@id", "@value", "name", "url", "familyName", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
KEYS = ("@id", "@graph", "@type", "author", "creator", "dateModified", "datePublished", "hasPart", "headline")
MORE_KEYS = ("inLanguage", "isAccessibleForFree", "mainEntityOfPage", "name", "publisher", "url")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(KEYS + MORE_KEYS), ANY_JSON))
@example({"@type": ["NewsArticle", 3, None], "author": [[["x"]]], "mainEntityOfPage": {"@id": {"@id": 1}}})
@example({"@type": "NewsArticle", "url": "http://[", "publisher": [None], "headline": {"@value": 1}})
@example({"@type": "NewsArticle", "datePublished": float("inf"), "dateModified": 10**400})
def test_json_ld_of_any_shape_is_read(facts):
    said = read(page(f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", **facts})}</script>'))
    assert said.text.endswith(TEXT)


PIECES = (
    *("<", ">", "</", "/>", "&", "<p>", "</p>", "<article>", "</article>", "<html", "<head>", "</body>", "<!--", "-->"),
    *(
        "<table><td>",
        "<title>",
        "<h1>",
        "<svg>",
        "<template>",
        "<![CDATA[",
        "<!doctype /html>",
        "\x00",
        "\ud800",
        "\ufeff",
    ),
    *("<base href='http://['>", "<link rel=canonical href='http://[::1'>", "<time datetime=99999-99-99>", "&#x110000;"),
    *("<meta charset=utf-16>", "<meta property=og:title content='&#xD800;&#0;'>", "\uffff", LINES[0], PARAGRAPHS),
    *(
        "<?xml version='1.0' encoding='utf-7'?>",
        "<script type=application/ld+json>",
        '{"@type":"Article",',
        "</script>",
    ),
)
MARKUP = st.lists(st.sampled_from(PIECES), max_size=25).map(
    lambda pieces: "".join(pieces).encode("utf-8", "surrogatepass")
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MARKUP | st.binary())
@example(b"<!doctype html/>")
@example(b"<html/>")
@example(b"<p></p>")
@example(b"</body>")
@example(b"<!-- -->")
def test_no_bytes_make_reading_fail(body):
    try:
        said = read(body)
    except Reject:  # Hypothesis found how pictures begin
        assume(False)
    for text in (said.title, said.text, said.language, said.canonical, said.copy_at):
        assert freeze(text) == text
