"""Addresses of pages -> which article they belong to, as the ledger knows it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy import Column, Connection, select

from ingest.ledger.tables.articles import aliases, articles
from ingest.ledger.upsert import upsert

CHUNK = 500
COPY = "copy-at"  # a claim about another host: kept to be found by, never identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address of a page; `kind` is link, final, canonical or copy-at."""

    url: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Whose address it is."""

    article: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The newest revision of an article, as the ledger has it."""

    revision: int
    text_hash: str
    title: str
    path: str
    state: str  # live | withdrawn | retired


@dataclass(frozen=True, slots=True)
class Directory:
    """Articles and addresses that a batch touches, kept up to date while the batch is written."""

    articles: dict[str, Known] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    added: list[dict[str, str]] = field(default_factory=list)  # rows of `aliases`

    def owner(self, article: str, addresses: Sequence[Address], *, title: str, text_hash: str) -> str:
        """The other article whose page this is, empty where it is none.

        Final and given addresses say so by themselves. A canonical address is a claim that sites get wrong (each page
        naming the front page), so title or text must agree with it.
        """
        if article in self.articles:
            return ""
        for address in addresses:
            found = self.aliases.get(address.url)
            if (
                found is None
                or found.article == article
                or COPY in (address.kind, found.kind)
                or _is_front(address.url)
            ):
                continue
            other = self.articles.get(found.article)
            agrees = other is not None and (other.text_hash == text_hash or other.title == title)
            if agrees or "canonical" not in (address.kind, found.kind):
                return found.article
        return ""

    def add(self, article: str, addresses: Iterable[Address]) -> None:
        """Notes addresses of an article; those that belong to one already stay with it."""
        for address in addresses:
            found = self.aliases.get(address.url)
            if found is None or (found.kind == COPY and address.kind != COPY):
                self.aliases[address.url] = Alias(article=article, kind=address.kind)
                self.added.append({"url": address.url, "article": article, "kind": address.kind})

    def save(self, tx: Connection) -> None:
        """Writes the noted addresses."""
        if self.added:
            statement = upsert(tx, aliases)
            newer = {"article": statement.excluded.article, "kind": statement.excluded.kind}
            tx.execute(
                statement.on_conflict_do_update(index_elements=["url"], set_=newer, where=aliases.c.kind == COPY),
                self.added,
            )
            self.added.clear()


def load(tx: Connection, names: Collection[str], urls: Collection[str]) -> Directory:
    """What the ledger knows of the articles `names`, of the addresses `urls`, and of the articles they belong to."""
    directory = Directory()
    for row in _rows(tx, aliases.c.url, urls, (aliases.c.url, aliases.c.article, aliases.c.kind)):
        directory.aliases[row[0]] = Alias(article=row[1], kind=row[2])
    wanted = {*names, *(alias.article for alias in directory.aliases.values())}
    columns = articles.c
    kept = (columns.id, columns.revision, columns.text_hash, columns.title, columns.path, columns.state)
    for name, revision, text_hash, title, path, state in _rows(tx, columns.id, wanted, kept):
        directory.articles[name] = Known(revision=revision, text_hash=text_hash, title=title, path=path, state=state)
    return directory


def _rows(
    tx: Connection, key: "Column[str]", values: Collection[str], columns: "Sequence[Column[str] | Column[int]]"
) -> Iterator[tuple]:  # type: ignore[type-arg]
    given = sorted(values)
    for start in range(0, len(given), CHUNK):
        yield from map(tuple, tx.execute(select(*columns).where(key.in_(given[start : start + CHUNK]))))


def _is_front(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    return parts.path in ("", "/") and not parts.query
