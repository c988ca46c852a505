"""A tree -> what its markup says about the page, read in one pass and not judged yet."""

from collections.abc import Mapping
from dataclasses import dataclass

from lxml.html import HtmlElement

from ingest.extract.wording import LONGEST, clean

READ = ("html", "base", "meta", "link", "title", "script", "h1", "time")
MOST_HEADINGS, MOST_TIMES, MOST_SCRIPTS, MOST_TWINS = 6, 12, 50, 20
SCRIPT_LIMIT = 2_000_000  # characters of one JSON-LD script
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """A <time> with a machine's date."""

    written: str
    published: bool  # it says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What stands in the markup, in the order of the page."""

    metas: Mapping[str, tuple[str, ...]]  # by property, name or itemprop, in lower case
    scripts: tuple[str, ...]  # JSON-LD
    headings: tuple[str, ...]  # h1
    times: tuple[Time, ...]
    title: str
    canonical: str  # as written
    language: str
    base: str

    def meta(self, name: str) -> str:
        """The first content of a meta, empty where there is none."""
        return self.metas.get(name, ("",))[0]


class _Reader:
    """Collects while the tree is walked; one method for each element."""

    def __init__(self) -> None:
        self.metas: dict[str, list[str]] = {}
        self.scripts: list[str] = []
        self.headings: list[str] = []
        self.times: list[Time] = []
        self.once: dict[str, str] = {}

    def meta(self, element: HtmlElement) -> None:
        get = element.get
        content = get("content")
        name = get("property") or get("name") or get("itemprop") or get("http-equiv")
        if content and name:
            kept = self.metas.setdefault(name.strip().lower(), [])
            if len(kept) < MOST_TWINS:
                kept.append(content)

    def script(self, element: HtmlElement) -> None:
        text, kind = element.text, element.get("type")
        if text and kind and "ld+json" in kind.lower() and len(text) <= SCRIPT_LIMIT:
            self.scripts.append(text) if len(self.scripts) < MOST_SCRIPTS else None

    def link(self, element: HtmlElement) -> None:
        rel = element.get("rel")
        if rel and "canonical" in rel.lower().split():
            self.once.setdefault("canonical", element.get("href") or "")

    def time(self, element: HtmlElement) -> None:
        written = element.get("datetime") or element.get("content")
        if not written or len(self.times) >= MOST_TIMES:
            return
        said = (element.get("itemprop") or "").lower()
        look = f"{element.get('class') or ''} {element.get('pubdate') or ''}".lower()
        if "modif" in said or "updat" in look or "modif" in look:
            return
        published = "publish" in said or element.get("pubdate") is not None
        self.times.append(Time(written=written[:LONGEST], published=published))

    def h1(self, element: HtmlElement) -> None:
        if len(self.headings) < MOST_HEADINGS and (text := _words(element, " ")):
            self.headings.append(text)

    def title(self, element: HtmlElement) -> None:
        if "title" not in self.once and (text := _words(element, "")):
            self.once["title"] = text

    def html(self, element: HtmlElement) -> None:
        self.once.setdefault("language", element.get("lang") or element.get(XML_LANG) or "")

    def base(self, element: HtmlElement) -> None:
        self.once.setdefault("base", element.get("href") or "")


def _words(element: HtmlElement, between: str) -> str:
    """The text inside, cleaned; what is beyond the limit is not gathered."""
    parts: list[str] = []
    length = 0
    for part in element.itertext():
        parts.append(part[:LONGEST])
        length += len(part)
        if length > LONGEST:
            break
    return clean(between.join(parts))


def read_marks(root: HtmlElement) -> Marks:
    """What the markup says; hostile numbers of anything are capped."""
    reader = _Reader()
    do = {name: getattr(reader, name) for name in READ}
    for element in root.iter(*READ):
        do[str(element.tag)](element)
    once = reader.once
    return Marks(
        metas={name: tuple(contents) for name, contents in reader.metas.items()},
        scripts=tuple(reader.scripts),
        headings=tuple(reader.headings),
        times=tuple(reader.times),
        title=once.get("title", ""),
        canonical=once.get("canonical", ""),
        language=once.get("language", ""),
        base=once.get("base", ""),
    )
