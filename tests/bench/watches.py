"""Twenty thousand watches and a few hundred articles -> what one article costs, and what the watches take of memory.

    python tests/bench/watches.py [watches]

The articles are real texts of ../shared/data where that is present, else the bundled newsroom's, each through the
enricher. The watches are generated from what those articles hold, so that they are tempting: half ask for a topic and
an entity only, a twentieth have no term that every match must hold (as a desk would write by mistake), the rest mix
words, phrases and beginnings.
"""

import contextlib
import ctypes
import gc
import gzip
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TypeVar

from enrich.article import ToldArticle
from enrich.enricher import Enricher
from ingest.article import Article
from ingest.entry import Origin
from search.document import Document, document
from search.matching import Matcher
from search.query.parse import parse
from search.query.predicate import Prepared, predicate
from search.query.tree import Node

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
WATCHES, ARTICLES, CHECKED = 20_000, 400, 3
TARGET_MS = 2.0
Given, Made = TypeVar("Given"), TypeVar("Made")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Milliseconds and counts, one value an article, unless named otherwise."""

    source: str
    watches: int
    distinct: int
    broad: int
    weight: "Weight"
    documents: list[float] = field(default_factory=list)
    matching: list[float] = field(default_factory=list)
    tried: list[int] = field(default_factory=list)
    matched: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Weight:
    """What the watches take before any article comes; seconds of processor time."""

    parse_seconds: float
    put_seconds: float
    memory_mib: float  # trees and matcher


def measure(watches: int = WATCHES, seed: int = 1) -> Measure:
    """Fills a matcher and has it match every article; the answers for a few are checked against trying every watch."""
    source, told = enriched()
    documents, costs = timed(document, told)
    queries = list(islice(generated(documents, random.Random(seed)), watches))
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as fresh:
        # Here they would grow into the room that the enricher left, and seem to weigh a third of what they do.
        weight = fresh.submit(weigh, queries).result()
    matcher = filled([parse(query) for query in queries])
    answers, matching = timed(matcher.match, documents, rounds=3)
    check(queries, documents[:: max(1, len(documents) // CHECKED)], matcher)
    return Measure(
        source=source,
        watches=len(matcher),
        distinct=len(set(queries)),
        broad=matcher.broad,
        weight=weight,
        documents=costs,
        matching=matching,
        tried=[len(matcher.candidates(Prepared(each))) for each in documents],
        matched=[len(answer) for answer in answers],
    )


def weigh(queries: Sequence[str]) -> Weight:
    """Run it in a process of its own."""
    filled([parse(query) for query in queries[:50]])  # the parser builds its tables once
    before, began = resident(), time.process_time()
    trees = [parse(query) for query in queries]
    parsed = time.process_time()
    matcher = filled(trees)
    done = time.process_time()
    del trees
    grown = resident() - before
    assert len(matcher) == len(queries)
    return Weight(parse_seconds=parsed - began, put_seconds=done - parsed, memory_mib=grown / 2**20)


def filled(trees: Sequence[Node]) -> Matcher:
    matcher = Matcher()
    for number, tree in enumerate(trees):
        matcher.put(f"watch-{number:05}", tree)
    return matcher


def timed(work: Callable[[Given], Made], given: Sequence[Given], rounds: int = 1) -> tuple[list[Made], list[float]]:
    """What `work` makes of each, and the milliseconds of processor time that each took in its best round."""
    made: list[Made] = []
    spent = [float("inf")] * len(given)
    for _ in range(rounds):
        made.clear()
        for number, each in enumerate(given):
            began = time.process_time()
            made.append(work(each))
            spent[number] = min(spent[number], (time.process_time() - began) * 1000)
    return made, spent


def check(queries: Sequence[str], documents: Sequence[Document], matcher: Matcher) -> None:
    """Raises: AssertionError where the matcher and trying every watch differ."""
    tests = [predicate(parse(query)) for query in queries]
    for each in documents:
        prepared = Prepared(each)
        expected = [f"watch-{number:05}" for number, test in enumerate(tests) if test(prepared)]
        assert matcher.match(each) == expected, f"{each.id}: the matcher and trying every watch differ"


def resident() -> int:
    """Bytes of memory in use, once what was freed has been given back."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # the GNU library only
        ctypes.CDLL(None).malloc_trim(0)
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no Linux: the most that it ever was
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def enriched() -> tuple[str, list[ToldArticle]]:
    """Articles as the route tells them, and where they are from."""
    texts = list(islice(shared_texts(), ARTICLES))
    source = "real texts"
    if not texts:
        texts, source = list(demo_texts()), "texts of the bundled newsroom"
    with TemporaryDirectory() as cache:
        enricher = Enricher.load(Path(cache))
        return source, [
            ToldArticle(enriched=enricher.enrich(article(number, *text)), story=f"story-{number}")
            for number, text in enumerate(texts)
        ]


def article(number: int, title: str, text: str, language: str) -> Article:
    return Article(
        id=f"article-{number}",
        revision=1,
        url=f"https://news.example/{number}",
        feed=f"feed-{number % 40}",
        source=f"Outlet {number % 40}",
        title=title,
        text=text,
        language=language,
        path="cut",
        origin=Origin.LIVE,
        seen=NOON + timedelta(minutes=number),
    )


def shared_texts() -> Iterator[tuple[str, str, str]]:
    """Title, text and language: texts of several sets in turn, spread over each set."""
    for name, step in (("slavic_ner", 20), ("crisis_stream", 3)):
        path = SHARED / name / "docs.jsonl.gz"
        if not path.exists():
            continue
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in islice(lines, 0, None, step):
                row = json.loads(line)
                title, _, rest = row["text"].partition("\n")
                yield row.get("title") or title[:200], rest or title, row["lang"]


def demo_texts() -> Iterator[tuple[str, str, str]]:
    from flows.demo.stock import stock

    for told in stock():
        yield told.title, told.text, told.outlet.language


def generated(documents: Sequence[Document], chance: random.Random) -> Iterator[str]:
    """Queries of watches without end."""
    held = {field: sorted({value for each in documents for value in each.keywords.get(field, ())}) for field in FIELDS}
    words = sorted({word for each in documents for word in each.terms if len(word) > 4 and word.isalpha()})
    topics = [topic for topic in held["topic"] if "." in topic] or ["sanctions.eased"]

    def entity() -> str:
        """One that stands in the articles, or as often one that does not."""
        return chance.choice(held["entity"]) if chance.random() < 0.5 else f"Q{chance.randrange(10**7)}"

    def language() -> str:
        return chance.choice(held["language"])

    def word() -> str:
        return chance.choice(words)

    def phrase() -> str:
        terms = chance.choice(documents).terms
        start = chance.randrange(max(1, len(terms) - 2))
        pair = [term for term in terms[start : start + 2] if term.isalnum()]
        return f'"{" ".join(pair)}"' if pair else word()

    topical = (
        lambda: f"topic:{chance.choice(topics)} AND entity:{entity()}",
        lambda: f"topic:{chance.choice(topics)} AND (entity:{entity()} OR entity:{entity()} OR entity:{entity()})",
        lambda: f"(topic:{chance.choice(topics)} OR topic:{chance.choice(topics)}) AND entity:{entity()}",
    )
    worded = (
        lambda: f"{word()} AND {word()}",
        lambda: f"({word()} OR {word()} OR {word()}) AND entity:{entity()}",
        lambda: f"{phrase()} AND NOT {word()}",
        lambda: f"{phrase()} AND topic:{chance.choice(topics)}",
        lambda: f"{word()[:5]}* AND {word()} AND NOT type:copy",
        lambda: f"title:{word()} OR {phrase()}",
        lambda: f'source:"{chance.choice(held["source"])}" AND {word()}',
    )
    broad = (
        lambda: f"* AND NOT topic:{chance.choice(topics)} AND NOT {word()} AND NOT language:{language()}",
        lambda: f"NOT {word()} AND NOT entity:{entity()} AND NOT type:original",
        lambda: f"seen:[2030-01-01 TO *] AND NOT {word()}",
        lambda: f"seen:[2026-0{chance.randrange(1, 10)}-01 TO *] AND NOT topic:{chance.choice(topics)}",
        lambda: f"entity:{entity()} OR NOT language:{language()}",
    )
    for number in range(sys.maxsize):
        kind = topical if number % 2 else broad if number % 20 == 0 else worded
        yield chance.choice(kind)()


FIELDS = ("entity", "topic", "source", "language")


def table(found: Measure) -> str:
    middle = median(found.matching)
    return "\n".join(
        [
            f"{found.watches:,} watches ({found.distinct:,} different, {found.broad:,} without a required term)"
            f" over {len(found.matching)} articles ({found.source})",
            f"built in {found.weight.parse_seconds + found.weight.put_seconds:.1f} s of processor time"
            f" ({found.weight.parse_seconds:.1f} s of it to parse), {found.weight.memory_mib:.0f} MiB",
            f"{'':10} {'median':>8} {'p99':>8} {'most':>8}",
            *(
                f"{name:10} {median(values):8.2f} {late(values):8.2f} {max(values):8.2f}"
                for name, values in (
                    ("match, ms", found.matching),
                    ("read, ms", found.documents),
                    ("tried", found.tried),
                    ("matched", found.matched),
                )
            ),
            f"the target of {TARGET_MS:g} ms an article in the median is {'met' if middle < TARGET_MS else 'MISSED'}",
        ]
    )


def late(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98]


if __name__ == "__main__":
    print(table(measure(int(sys.argv[1]) if len(sys.argv) > 1 else WATCHES)))
