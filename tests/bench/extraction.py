"""Real pages -> how fast and how well Tocsin reads them, beside plain trafilatura, page by page in one run.

    python tests/bench/extraction.py [rounds]

The 139 pages of ../shared/data/pages where that is present, else the bundled demo pages, whose truth is exact and easy.
Truth of the real pages is the output of fundus parsers, which mostly read JSON-LD: JSON-LD first is favoured.
"""

import gzip
import html
import json
import logging
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import mean, median

import trafilatura

from ingest.entry import Stamp
from ingest.extract import Extraction, PageItem, extract_page
from ingest.zones import distance

PAGES = Path(__file__).parents[2].parent / "shared" / "data" / "pages"
OURS, PLAIN = "tocsin", "trafilatura"
SHINGLE = 4

_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]|[^\W_]+")
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, kw_only=True)
class Truth:
    title: str
    text: str
    day: date
    authors: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A page and what a right reader says of it."""

    name: str
    item: PageItem
    truth: Truth


@dataclass(frozen=True, kw_only=True)
class Said:
    title: str
    text: str
    day: date | None
    authors: frozenset[str]
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Means over pages; `f1`, `precision`, `recall` by bags of words, over pages that have a true text."""

    f1: float
    precision: float
    recall: float
    shingles: float
    title: float
    title_loose: float
    day: float
    authors: float


@dataclass(frozen=True, kw_only=True)
class Measure:
    pages: int
    source: str
    seconds: dict[str, list[float]]  # of CPU, by reader, one for each round
    slowest: dict[str, list[float]]  # of CPU, by reader: the best time of each page
    quality: dict[str, Quality]
    paths: Counter[str] = field(default_factory=Counter)

    @property
    def ratios(self) -> list[float]:
        """How many times as fast ours is, in each round."""
        return [plain / ours for plain, ours in zip(self.seconds[PLAIN], self.seconds[OURS], strict=True)]


def measure(rounds: int = 3, every: int = 1) -> Measure:
    """Both readers over the pages, interleaved page by page, the order turned round every other page."""
    pages, source = (list(real_pages(every)), "139 pages") if PAGES.is_dir() else (list(demo_pages()), "demo pages")
    readers: dict[str, Callable[[PageItem], Said]] = {OURS: ours, PLAIN: plain}
    for page in pages[:5]:
        for read in readers.values():
            read(page.item)
    seconds: dict[str, list[float]] = {name: [0.0] * rounds for name in readers}
    best: dict[str, list[float]] = {name: [float("inf")] * len(pages) for name in readers}
    said: dict[str, list[Said]] = {name: [] for name in readers}
    for turn in range(rounds):
        for number, page in enumerate(pages):
            for name in sorted(readers, reverse=bool((turn + number) % 2)):
                start = time.process_time()
                answer = readers[name](page.item)
                spent = time.process_time() - start
                seconds[name][turn] += spent
                best[name][number] = min(best[name][number], spent)
                if turn == 0:
                    said[name].append(answer)
    return Measure(
        pages=len(pages),
        source=source,
        seconds=seconds,
        slowest={name: sorted(times) for name, times in best.items()},
        quality={name: judge(answers, pages) for name, answers in said.items()},
        paths=Counter(answer.path for answer in said[OURS]),
    )


def ours(item: PageItem) -> Said:
    return as_said(extract_page(item))


def as_said(found: Extraction) -> Said:
    authors = frozenset(map(_name, (credit.name for credit in found.authors)))
    day = _day(found.published) if found.published else None
    return Said(title=found.title, text=found.text, day=day, authors=authors, path=found.path)


def plain(item: PageItem) -> Said:
    found = trafilatura.bare_extraction(item.body, url=item.url, with_metadata=True, include_comments=False)
    if found is None:
        return Said(title="", text="", day=None, authors=frozenset())
    day = date.fromisoformat(found.date) if found.date else None
    authors = frozenset(filter(None, map(_name, (found.author or "").split(";"))))
    return Said(title=found.title or "", text=found.text or "", day=day, authors=authors)


def judge(answers: Sequence[Said], pages: Sequence[Labelled]) -> Quality:
    pairs = [(answer, page.truth) for answer, page in zip(answers, pages, strict=True)]
    bags = [_overlap(words(said.text), words(truth.text)) for said, truth in pairs if truth.text]
    shingles = [_overlap(_shingles(said.text), _shingles(truth.text))[0] for said, truth in pairs if truth.text]
    return Quality(
        f1=mean(bag[0] for bag in bags),
        precision=mean(bag[1] for bag in bags),
        recall=mean(bag[2] for bag in bags),
        shingles=mean(shingles),
        title=mean(_exact(said.title) == _exact(truth.title) for said, truth in pairs),
        title_loose=mean(_name(said.title) == _name(truth.title) for said, truth in pairs),
        day=mean(said.day == truth.day for said, truth in pairs),
        authors=mean(said.authors == truth.authors for said, truth in pairs),
    )


def words(text: str) -> list[str]:
    """Words in lower case; Chinese, Japanese, Korean and Thai by the sign."""
    return _WORDS.findall(unicodedata.normalize("NFC", text).lower())


def _shingles(text: str) -> list[tuple[str, ...]]:
    found = words(text)
    return [tuple(found[start : start + SHINGLE]) for start in range(max(1, len(found) - SHINGLE + 1))] if found else []


def _overlap(said: Sequence[object], true: Sequence[object]) -> tuple[float, float, float]:
    """F1, precision and recall of one bag against another."""
    common = sum((Counter(said) & Counter(true)).values())
    precision, recall = common / len(said) if said else 0.0, common / len(true) if true else 0.0
    return (2 * precision * recall / (precision + recall) if common else 0.0), precision, recall


def _exact(title: str) -> str:
    plain = unicodedata.normalize("NFC", html.unescape(title)).replace("\u00ad", "").replace("\u200b", "")
    return " ".join(plain.split())


def _name(text: str) -> str:
    """Without case, quotes and punctuation."""
    return _NO_WORD.sub(" ", _exact(text).casefold()).strip()


def _day(stamp: Stamp) -> date:
    """The day at the place where the date was written."""
    known = distance(stamp.zone) if stamp.zone else None
    return (stamp.value.astimezone(known[0]) if known else stamp.value).date()


def real_pages(every: int = 1) -> Iterator[Labelled]:
    """Each `every`th of the shared pages. Fetched, as far as a reader may know, the day after they were collected."""
    truths = {row["id"]: row for row in _lines(PAGES / "truth.jsonl.gz")}
    for number, row in enumerate(_lines(PAGES / "pages.jsonl.gz")):
        if number % every:
            continue
        told = truths[row["id"]]
        fetched = datetime.fromisoformat(told["crawl_date"][:10]).replace(tzinfo=UTC) + timedelta(days=1)
        truth = told["truth"]
        yield Labelled(
            name=row["id"],
            item=PageItem(
                body=row["html"].encode("utf-8", "replace"), url=row["url"], fetched=fetched, kind="text/html"
            ),
            truth=Truth(
                title=truth["title"] or "",
                text=truth["text"] or "",
                day=datetime.fromisoformat(truth["publishing_date"]).date(),
                authors=frozenset(map(_name, truth["authors"] or ())),
            ),
        )


def _lines(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def demo_pages() -> Iterator[Labelled]:
    """The newsroom's pages, in their five forms."""
    from flows.demo.pages import page
    from flows.demo.stock import stock

    at = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
    for article in stock():
        url = f"https://demo.example{article.path}"
        body, kind = page(article, url, at, article.text)
        yield Labelled(
            name=article.path,
            item=PageItem(body=body, url=url, kind=kind, fetched=at + timedelta(hours=1), source=article.outlet.name),
            truth=Truth(
                title=article.title, text=article.text, day=at.date(), authors=frozenset({_name(article.author)})
            ),
        )


def table(found: Measure) -> str:
    lines = [f"{found.pages} pages ({found.source}), {len(found.ratios)} rounds, CPU time"]
    lines.append(
        f"{'':12} {'ms/page':>8} {'p50':>6} {'p99':>6} {'text F1':>8} {'P':>6} {'R':>6} {'sh':>6}"
        f" {'title':>6} {'loose':>6} {'day':>6} {'authors':>7}"
    )
    for name in (PLAIN, OURS):
        quality, times = found.quality[name], found.slowest[name]
        each = median(found.seconds[name]) / found.pages * 1000
        middle, late = times[len(times) // 2] * 1000, times[int(len(times) * 0.99) - 1] * 1000
        lines.append(
            f"{name:12} {each:8.2f} {middle:6.1f} {late:6.1f} {quality.f1:8.4f} {quality.precision:6.3f}"
            f" {quality.recall:6.3f} {quality.shingles:6.3f} {quality.title:6.3f} {quality.title_loose:6.3f}"
            f" {quality.day:6.3f} {quality.authors:7.3f}"
        )
    ratios = sorted(found.ratios)
    lines.append(f"{median(ratios):.2f} times as fast ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    lines.append("paths: " + ", ".join(f"{path} {count}" for path, count in found.paths.most_common()))
    return "\n".join(lines)


def main() -> None:
    for name in ("trafilatura", "htmldate"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    print(table(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 3)))


if __name__ == "__main__":
    main()
