"""A query finds an article if and only if a watch with that query matches it."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from building import link, mention, told, topic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.document import document
from search.index.embedded import EmbeddedIndex
from search.matching import Matcher
from search.query.parse import QueryRefused, parse
from search.query.tree import KEYWORDS
from search.query.words import written

WORDS = [
    "sanctions", "Sanctions", "eased", "the", "a", "of", "it's", "O'Brien", "O’Brien", "l'accord", "rock-n-roll",
    "санкции", "Санкций", "пом'якшення", "Ёлка", "елка", "السجناء", "سَجين", "مى", "می\u200cشود", "制裁", "解除", "制",
    "🙂", "👩\u200d👩\u200d👧", "2024", "1,000", "U.S.", "Straße", "STRASSE", "İstanbul", "ﬁne", "więźniów", "wiezniow",
    "potash", "potato", "potatoes", "हिन्दी", "ไทย", "soft\u00adhyphen", "é", "e\u0301", "½", "\u202eabc", "ß",
    "\u00a0", "x_y",
]  # fmt: skip
word = st.one_of(st.sampled_from(WORDS), st.text(min_size=1, max_size=3), st.text("abc", min_size=1, max_size=2))
sentence = st.lists(word, max_size=14).map(" ".join)
keyword = st.sampled_from(
    ["Q184", "q184", "Q30", "gn-1", "en", "Outlet", "outlet", "x y", "é", "a*", "a:b", "\U0010ffff"]
)
topics = st.builds(
    topic,
    st.sampled_from(["sanctions.eased", "sanctions.imposed", "prisoners.released"]),
    st.sampled_from(["done", "promised", "denied", "hypothetical"]),
    sure=st.booleans(),
    salience=st.sampled_from(["lead", "part"]),
    actor=st.sampled_from(["", "Q30"]),
    target=st.sampled_from(["", "Q184"]),
)
DAY = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.builds(
    lambda hours, ms: DAY + timedelta(hours=hours, milliseconds=ms), st.integers(-30, 60), st.integers(-1, 1)
)


@st.composite
def articles(draw):
    made = []
    for number in range(draw(st.integers(1, 6))):
        tagged = draw(st.lists(topics, max_size=2))
        made.append(
            told(
                f"a{number}",
                title=draw(sentence),
                text=draw(sentence),
                language=draw(st.sampled_from(["en", "ru", "zh"])),
                topics=tagged,
                entities=[mention("x", id=name) for name in draw(st.lists(keyword, max_size=2))],
                links=[link()] if len(tagged) == 2 else [],
                story=draw(st.sampled_from(["s1", "s2"])),
                copy_of=draw(st.sampled_from(["", "a0"])),
                source=draw(keyword),
                feed=draw(st.sampled_from(["f1", "f2"])),
                seen=draw(moments),
                published=draw(st.none() | moments),
            )
        )
    return made


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


TOPIC_PATHS = [
    "sanctions", "sanctions.eased", "sanctions.eased.fact", "sanctions.imposed.said.sure", "prisoners.released.done",
    "prisoners.sure.lead", "sanctions.lead", "prisoners.released.not",
]  # fmt: skip
LINKS = ["in-exchange", "prisoners.released.in-exchange.sanctions.eased", "sanctions.eased.in-exchange.sanctions.eased"]
times = st.sampled_from(["2026", "2026-01", "2026-01-01", "2026-01-02T06:00", "2025-12-31T23:59:59.999Z", "*"])
leaves = st.one_of(
    st.sampled_from(WORDS),
    word,
    st.lists(word, min_size=1, max_size=3).map(lambda found: quoted(" ".join(found))),
    st.builds(lambda a, b, n: f"{quoted(f'{a} {b}')}~{n}", word, word, st.integers(0, 10)),
    st.builds(lambda found, n: f"{found[:n]}*", st.sampled_from(WORDS), st.integers(2, 4)),
    st.builds(lambda field, found: f"{field}:{quoted(found)}", st.sampled_from(sorted(KEYWORDS)), keyword),
    st.builds(lambda field, found: f"{field}:{found[:1]}*", st.sampled_from(["entity", "source", "id"]), keyword),
    st.sampled_from([f"topic:{path}" for path in TOPIC_PATHS] + [f"link:{path}" for path in LINKS]),
    st.sampled_from(["actor:Q30", "target:sanctions.eased.Q184", "story:s1", "copy:a0", "type:copy", "language:en"]),
    st.sampled_from([f"{field}:*" for field in sorted(KEYWORDS | {"title", "terms", "seen", "published"})] + ["*"]),
    st.builds(lambda found: f"title:{quoted(found)}", word),
    st.builds(lambda field, a, b: f"{field}:[{a} TO {b}}}", st.sampled_from(["seen", "published"]), times, times),
    st.builds("{}:{}{}".format, st.sampled_from(["seen", "published"]), st.sampled_from([">", "<=", ""]), times),
)  # fmt: skip
queries = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda parts, joiner: "(" + joiner.join(parts) + ")",
            st.lists(inner, min_size=2, max_size=3),
            st.sampled_from([" AND ", " OR ", " "]),
        ),
        inner.map(lambda part: f"NOT ({part})"),
        inner.map(lambda part: f"-{part}"),
    ),
    max_leaves=6,
)


def test_the_index_and_the_watches_find_the_same(tmp_path_factory):
    seen = Counter()

    @settings(
        max_examples=int(os.environ.get("TOCSIN_AGREEMENT_EXAMPLES", "120")),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(articles(), st.lists(queries, min_size=4, max_size=12))
    def agree(stock, asked):
        index = EmbeddedIndex(tmp_path_factory.mktemp("index") / "index.db")
        index.add(stock)
        documents = [document(article) for article in stock]
        matcher, trees = Matcher(), {}
        for number, text in enumerate(asked):
            try:
                trees[f"w{number}"] = parse(text)
            except QueryRefused:
                seen["refused"] += 1
                continue
            matcher.put(f"w{number}", trees[f"w{number}"])
        matched = {found.id: matcher.match(found) for found in documents}
        for watch, tree in trees.items():
            by_watch = {name for name, watches in matched.items() if watch in watches}
            assert index.ids(tree) == by_watch, written(tree)
            assert index.ids(parse(written(tree))) == by_watch, written(tree)
            seen["asked"] += 1
            seen["found"] += bool(by_watch)
        index.close()

    agree()
    assert seen["found"] >= seen["asked"] / 3, seen


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('"three prisoners"', True),
        ('"prisoners three"', False),
        ('"prisoners three"~0', True),
        ('"prisoners freed"~0', False),
        ('"prisoners freed"~1', True),
        ("prison*", True),
        ("title:three", False),
        ("topic:prisoners.released.fact.sure AND entity:Q184", True),
        ("topic:prisoners.released.said", False),
        ("topic:prisoners.lead", True),
        ("target:prisoners.released.Q9 OR language:en", True),
        ("-sanctions", True),
        ("seen:2026-03-02", True),
        ("seen:[2026-03-03 TO *]", False),
        ("published:*", False),
        ("copy:*", False),
    ],
)
def test_a_query_means_what_people_read_in_it(tmp_path, query, found):
    text = "Three prisoners were freed in Minsk"
    article = told(
        title="From Minsk", text=text, topics=[topic("prisoners.released", text=text, words="freed")],
        entities=[mention("Minsk", text=text)],
    )  # fmt: skip
    index = EmbeddedIndex(tmp_path / "index.db")
    index.add([article])
    matcher = Matcher()
    matcher.put("w", parse(query))
    assert bool(index.ids(parse(query))) is found
    assert matcher.match(document(article)) == (["w"] if found else [])
