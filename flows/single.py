"""A file, an address or standard input -> one article, without a folder."""

import asyncio
import sys
from pathlib import Path
from typing import cast

from ingest.archive import Capture
from ingest.article import Article
from ingest.children import Children, ChildrenSettings, Done
from ingest.clock import now
from ingest.entry import Entry, Origin
from ingest.extract import Extraction, page_item
from ingest.extract.freeze import freeze
from ingest.fetch import Fetcher, FetchSettings
from ingest.identity import digest
from ingest.pages import JOBS, PAGE_JOB
from ingest.verdict import Abort, Reject

MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body", b"<article", b"<p>", b"<div")


def read_article(source: str, *, allow_loopback: bool = False) -> Article:
    """The article in a file, at an address, or on standard input where `source` is "-"; a page or plain text.

    The first line of plain text is its title where a blank line follows it.
    Raises: Abort if it cannot be had, Reject if nothing can be read from it.
    """
    capture = asyncio.run(_fetched(source, allow_loopback)) if "://" in source else _local(source)
    if "://" not in source and not capture.body.lstrip()[:200].lower().startswith(MARKUP):
        return _plain(source, capture.body)
    return asyncio.run(_page(source, capture))


def _local(source: str) -> Capture:
    try:
        body = sys.stdin.buffer.read() if source == "-" else Path(source).expanduser().read_bytes()
    except OSError as error:
        raise Abort(
            f"cannot read {source}: {error.strerror}; give a file, an address that begins with http, or -"
        ) from error
    return Capture(url=f"file:{source}", status=200, headers={"content-type": "text/html"}, body=body, fetched=now())


async def _fetched(source: str, allow_loopback: bool) -> Capture:
    async with Fetcher(FetchSettings(allow_loopback=allow_loopback)) as fetcher:
        response = await fetcher.get(source, kind="page")
    if response.status != 200:
        raise Abort(f"{source}: the server answers {response.status}; is the address right?")
    return Capture(
        url=response.url, status=response.status, headers=response.headers, body=response.body, fetched=now()
    )


def _plain(source: str, body: bytes) -> Article:
    text = freeze(body.decode("utf-8", "replace")).strip()
    if not text:
        raise Reject(f"{source} is empty; give a page or a text")
    title, blank, rest = text.partition("\n\n")
    has_title = bool(blank) and "\n" not in title and len(title) < 300
    return _article(source, title if has_title else "", rest.strip() if has_title else text, path="given")


async def _page(source: str, capture: Capture) -> Article:
    entry = Entry(
        id=digest(source), feed="", source="", link=capture.url, url=capture.url, title="", content_hash="", seen=now()
    )
    async with Children({PAGE_JOB: JOBS[PAGE_JOB]}, ChildrenSettings(count=1)) as children:
        (result,) = await children.run(PAGE_JOB, [page_item(capture, entry)])
    if not isinstance(result, Done):
        raise Reject(f"{source} cannot be read: {result.reason}")
    said = cast(Extraction, result.value)
    if not said.text.strip():
        raise Reject(f"{source}: no text was found on the page")
    return _article(source, said.title, said.text, path=said.path, said=said)


def _article(source: str, title: str, text: str, *, path: str, said: Extraction | None = None) -> Article:
    return Article(
        id=digest(source),
        revision=1,
        url=source,
        feed="",
        source="",
        title=title,
        title_source=said.title_source if said else "",
        text=text,
        language=said.language if said else "",
        published=said.published if said else None,
        modified=said.modified if said else None,
        authors=said.authors if said else (),
        path=path,
        flags=said.flags if said else (),
        origin=Origin.REPLAY,
        seen=now(),
    )
