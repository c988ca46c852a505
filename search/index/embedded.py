"""The index in an SQLite file of its own: FTS5 over our tokens, keywords in a table. The door of sqlite3."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice
from pathlib import Path

from enrich.article import ToldArticle
from ingest import wire
from ingest.verdict import Abort, Retry
from search.document import Document, document
from search.index.fts import where
from search.index.port import Found, Order
from search.query import normalise
from search.query.tree import All, Node

SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS doc (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, revision INTEGER NOT NULL, seen INTEGER NOT NULL, published INTEGER,
    story TEXT NOT NULL, terms TEXT NOT NULL, title_terms TEXT NOT NULL, record BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS doc_by_seen ON doc (seen);
CREATE TABLE IF NOT EXISTS keywords (
    field TEXT NOT NULL, value TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (field, value, n)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS keywords_by_article ON keywords (n);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    terms, title_terms, content = 'doc', content_rowid = 'n', tokenize = 'ascii', prefix = '3', columnsize = 0);
CREATE VIRTUAL TABLE IF NOT EXISTS vocabulary USING fts5vocab (words, 'row');
"""
REBUILD_BATCH = 200
VERSION = f"1.{normalise.VERSION}"


class EmbeddedIndex:
    """One writer, many readers. Everything in it can be built again from the stream and the archive."""

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        """Opens the file, made where it is missing.

        Raises: Abort if it was made by another version; FileNotFoundError if it is missing and not `writable`.
        """
        self._path = path
        self._lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        if writable:
            self._writer = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
            for pragma in ("journal_mode = WAL", "synchronous = FULL"):
                self._writer.execute(f"PRAGMA {pragma}").fetchall()
            self._writer.executescript(SCHEMA)
            self._writer.execute("INSERT OR IGNORE INTO about VALUES ('version', ?)", (VERSION,))
        elif not path.exists():
            raise FileNotFoundError(f"no index at {path}; has `tocsin run` been started with this folder?")
        with self._reader() as reader:
            found = reader.execute("SELECT value FROM about WHERE name = 'version'").fetchone()
        if not found or found[0] != VERSION:
            raise Abort(
                f"the index {path} has version {found and found[0]}, this Tocsin makes {VERSION}: "
                "run `tocsin doctor --rebuild-index`"
            )

    def check(self) -> None:
        """Nothing: it was looked at when it was opened."""

    def add(self, articles: Sequence[ToldArticle]) -> None:
        if self._writer is None:
            raise PermissionError("this index was opened for reading")
        rows = [(told, document(told)) for told in articles]
        with self._lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                for told, made in rows:
                    self._put(self._writer, told, made)
                self._writer.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise _translated(error, self._path) from error

    def _put(self, writer: sqlite3.Connection, told: ToldArticle, made: Document) -> None:
        old = writer.execute("SELECT n, revision, terms, title_terms FROM doc WHERE id = ?", (made.id,)).fetchone()
        if old is not None:
            if old[1] > made.revision:
                return
            _forget(writer, old[0], old[2], old[3])
        terms, title_terms = " ".join(made.terms), " ".join(made.title_terms)
        n = writer.execute(
            "INSERT INTO doc (id, revision, seen, published, story, terms, title_terms, record) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                made.id, made.revision, made.times["seen"], made.times.get("published"), told.story, terms, title_terms,
                wire.encode(told),
            ),
        ).lastrowid  # fmt: skip
        writer.execute("INSERT INTO words (rowid, terms, title_terms) VALUES (?, ?, ?)", (n, terms, title_terms))
        writer.executemany(
            "INSERT INTO keywords VALUES (?, ?, ?)",
            [(field, value, n) for field, values in made.keywords.items() for value in values],
        )

    def search(self, tree: Node, *, limit: int = 50, offset: int = 0, order: Order = "newest") -> Found:
        condition, values = where(tree)
        way = "DESC" if order == "newest" else "ASC"
        with self._reader() as reader:
            total = reader.execute(f"SELECT count(*) FROM doc WHERE {condition}", values).fetchone()[0]  # noqa: S608
            rows = reader.execute(
                f"SELECT record FROM doc WHERE {condition} ORDER BY seen {way}, id {way} LIMIT ? OFFSET ?",  # noqa: S608
                [*values, limit, offset],
            ).fetchall()
        return Found(articles=tuple(wire.decode(row[0], ToldArticle) for row in rows), total=total)

    def ids(self, tree: Node) -> set[str]:
        condition, values = where(tree)
        with self._reader() as reader:
            return {row[0] for row in reader.execute(f"SELECT id FROM doc WHERE {condition}", values)}  # noqa: S608

    def all(self) -> Iterator[ToldArticle]:
        """Every article, in the order of ids."""
        yield from _records(self._path)

    def per_day(self, tree: Node) -> list[tuple[str, int, int]]:
        condition, values = where(tree)
        with self._reader() as reader:
            return reader.execute(
                f"SELECT date(seen / 1000, 'unixepoch') AS day, count(*), count(DISTINCT story) FROM doc "  # noqa: S608
                f"WHERE {condition} GROUP BY day ORDER BY day",
                values,
            ).fetchall()

    def forms(self, prefix: str, limit: int = 20) -> list[tuple[str, int]]:
        words = normalise.words(prefix)
        if not words:
            return []
        with self._reader() as reader:
            return reader.execute(
                "SELECT term, doc FROM vocabulary WHERE term >= ? AND term < ? ORDER BY doc DESC, term LIMIT ?",
                (words[-1], words[-1] + "\U0010ffff", limit),
            ).fetchall()

    def remove_before(self, seen_ms: int) -> int:
        if self._writer is None:
            raise PermissionError("this index was opened for reading")
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            old = self._writer.execute("SELECT n, terms, title_terms FROM doc WHERE seen < ?", (seen_ms,)).fetchall()
            for n, terms, title_terms in old:
                _forget(self._writer, n, terms, title_terms)
            self._writer.execute("COMMIT")
        return len(old)

    def close(self) -> None:
        """Ends the writing connection."""
        if self._writer is not None:
            self._writer.close()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=30)) as reader:
            yield reader


def _forget(writer: sqlite3.Connection, n: int, terms: str, title_terms: str) -> None:
    writer.execute(
        "INSERT INTO words (words, rowid, terms, title_terms) VALUES ('delete', ?, ?, ?)", (n, terms, title_terms)
    )
    writer.execute("DELETE FROM keywords WHERE n = ?", (n,))
    writer.execute("DELETE FROM doc WHERE n = ?", (n,))


def _translated(error: sqlite3.OperationalError, path: Path) -> Exception:
    if "full" in str(error) or "disk I/O" in str(error):
        return Abort(f"the index {path} cannot be written: {error}; make room on the disk, then start again")
    return Retry(f"the index {path} is busy: {error}")


def rebuilt(path: Path, more: Iterable[ToldArticle]) -> int:
    """Makes the index in the file anew from the records of the old one, whatever its version, and from `more`.

    The old file stays until the new one is whole. Gives how many articles it has.
    """
    fresh = path.with_name(path.name + ".new")
    _remove(fresh)
    index = EmbeddedIndex(fresh)
    try:
        for batch in _batches(chain(_records(path), more)):
            index.add(batch)
        count = len(index.ids(All()))
        if index._writer is not None:
            index._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        index.close()
    _remove(path)
    fresh.replace(path)
    return count


def _records(path: Path) -> Iterator[ToldArticle]:
    if not path.exists():
        return
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as reader:
        for (record,) in reader.execute("SELECT record FROM doc ORDER BY id"):
            yield wire.decode(record, ToldArticle)


def _batches(articles: Iterable[ToldArticle]) -> Iterator[list[ToldArticle]]:
    left = iter(articles)
    while batch := list(islice(left, REBUILD_BATCH)):
        yield batch


def _remove(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
