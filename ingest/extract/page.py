"""A page and what its feed says of it -> what is kept of it as an article."""

from dataclasses import replace

from ingest.article import Credit
from ingest.entry import Stamp
from ingest.extract.authors import credits_of
from ingest.extract.body import read_byline, read_text
from ingest.extract.decode import to_utf8
from ingest.extract.freeze import cut, freeze, one_line
from ingest.extract.garbled import without_garbled
from ingest.extract.guess import guess_date
from ingest.extract.item import Extraction, PageItem
from ingest.extract.metadata import Metadata, read_metadata
from ingest.extract.tree import Page, parse, strip
from ingest.extract.wording import fold


def read(item: PageItem) -> Extraction:
    """Parsed once; markup read in one pass; the text from the article's container where that can be believed.

    `path` is "cut" or "full:<reason>"; "refused:elements" for a page too large to read, of which the head is still
    told; "refused:not-html" for what is no page. Text is empty with a refusal, and may be with others.
    Raises: Reject for bytes of another kind (PDF, pictures, archives).
    """
    page = parse(to_utf8(item.body, item.kind))
    if page is None:
        title = one_line(item.title)
        return Extraction(title=title, title_source="feed" if title else "", text="", path="refused:not-html")
    said = read_metadata(page.root, item)
    authors = said.authors or _byline(page, said)
    published = said.published or _guess(page, item, said.modified)
    title = one_line(said.title.value)
    text, path, flags = _text(page, item, title)
    return Extraction(
        title=title,
        title_source=said.title.source if title else "",
        text=text,
        language=said.language,
        published=_frozen(published),
        modified=_frozen(said.modified),
        authors=authors,
        canonical=said.canonical,
        copy_at=said.copy_at,
        path=path,
        flags=said.flags + flags,
    )


def _text(page: Page, item: PageItem, title: str) -> tuple[str, str, tuple[str, ...]]:
    """Frozen text, path and flags; takes the tree apart."""
    if page.refused:
        return "", f"refused:{page.refused}", ()
    strip(page.root)
    found, path = read_text(page.root, item.url)
    text, is_cut = cut(_without_title(freeze(found).strip(), title))
    text, is_garbled = without_garbled(text)
    flags = (("garbled", is_garbled), ("text-cut", is_cut))
    return text, path, tuple(flag for flag, holds in flags if holds)


def _without_title(text: str, title: str) -> str:
    """Without a first line that is the title again: it is a field of its own, and would be told twice."""
    first, _, rest = text.partition("\n")
    return rest.lstrip() if rest and fold(first) == fold(title) else text


def _byline(page: Page, said: Metadata) -> tuple[Credit, ...]:
    """Authors from where readers see them, for pages whose markup names none."""
    if page.refused:
        return ()
    return tuple(credits_of(read_byline(page.root).split("; "), "byline", said.sites))


def _guess(page: Page, item: PageItem, modified: Stamp | None) -> Stamp | None:
    return None if page.refused else guess_date(page.root, item, modified)


def _frozen(stamp: Stamp | None) -> Stamp | None:
    return replace(stamp, raw=freeze(stamp.raw)) if stamp else None
