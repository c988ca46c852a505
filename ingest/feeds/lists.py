"""A list of feeds as OPML or TOML -> ListedFeed records."""

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import name2codepoint
from typing import Any

from lxml import etree

from ingest.feeds.pieces import narrow
from ingest.verdict import Reject

UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
EVERY = re.compile(r"\s*(\d{1,6}(?:\.\d{1,3})?)\s*([smhd])\s*")
KEYS = ("url", "title", "language", "tags", "every")
COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
NAMED = re.compile(rb"\bxmlurl\s*=\s*[\"']\s*[^\s\"']", re.IGNORECASE)
AMPERSAND = re.compile(rb"&(?:(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)?")
XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})
LONGEST_DEPTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFeed:
    """One feed as an operator names it. What is empty is told by the feed itself."""

    url: str
    title: str = ""
    language: str = ""
    tags: tuple[str, ...] = ()
    every_seconds: float | None = None  # None: the interval is learned


def read_list(data: bytes, source: str) -> list[ListedFeed]:
    """The feeds of a list, each address once, in order; `source` is where it stands, for errors.

    Raises: Reject saying what is wrong with it and where.
    """
    start = data[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
    is_xml = start.startswith((b"<", b"\xff\xfe", b"\xfe\xff"))
    found = _read_opml(data, source) if is_xml else _read_toml(data, source)
    feeds = {feed.url: feed for feed in reversed(found)}
    if not feeds:
        raise Reject(
            f"{source}: names no feed; an OPML list has outlines with xmlUrl, a TOML list has [[feed]] with url"
        )
    return list(reversed(feeds.values()))


def _read_opml(data: bytes, source: str) -> list[ListedFeed]:
    data = AMPERSAND.sub(_escaped, narrow(data))
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Reject(f"{source}: not OPML: {error}") from error
    if root is None or etree.QName(root).localname.lower() != "opml":
        raise Reject(f"{source}: XML, but not OPML; is it a feed? Then give its address alone")
    found = list(_outlines(root, (), 0))
    named = len(NAMED.findall(COMMENT.sub(b"", data)))
    if len(found) < named:  # a list read in part would end the feeds that could not be read
        raise Reject(f"{source}: {len(found)} of {named} feeds can be read{_where(parser)}; mend the XML there")
    return found


def _escaped(found: "re.Match[bytes]") -> bytes:
    """An ampersand as XML has it: recovery would drop it, and with `&b` half of an address."""
    name = (found[1] or b"").decode()
    if name.startswith("#") or name in XML_ENTITIES:
        return found[0]
    return f"&#{name2codepoint[name]};".encode() if name in name2codepoint else b"&amp;" + found[0][1:]


def _where(parser: etree.XMLParser) -> str:
    """The first error that the parser could not pass over."""
    errors = [error for error in parser.error_log if error.level_name in ("ERROR", "FATAL")]
    return f", the first error is in line {errors[0].line} ({errors[0].message})" if errors else ""


def _outlines(parent: etree._Element, tags: tuple[str, ...], depth: int) -> Iterator[ListedFeed]:
    """Feeds below `parent`, each with the names of the outlines around it as tags."""
    for element in parent.iterchildren():
        if not isinstance(element.tag, str):
            continue
        values = {str(name).lower(): " ".join(str(value).split()) for name, value in element.attrib.items()}
        name = values.get("title") or values.get("text") or ""
        inside = tags
        if url := values.get("xmlurl"):
            own = tuple(part.strip(" /") for part in values.get("category", "").split(",") if part.strip(" /"))
            yield ListedFeed(
                url=re.sub(r"^feed:(?://)?(?=https?:)", "", re.sub(r"^feed://", "http://", url)),
                title="" if name == url else name,
                language=values.get("language", ""),
                tags=_tags((*tags, *own)),
            )
        elif etree.QName(element).localname.lower() == "outline" and name:
            inside = (*tags, name)
        if depth < LONGEST_DEPTH:
            yield from _outlines(element, inside, depth + 1)


def _read_toml(data: bytes, source: str) -> list[ListedFeed]:
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Reject(f"{source}: not in UTF-8 (byte {error.start}): write the list as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise Reject(f"{source}: not TOML: {error}") from error
    rows = table.get("feed", [])
    unknown = sorted(set(table) - {"feed"})
    if unknown or not isinstance(rows, list):
        raise Reject(
            f"{source}: {unknown[0] if unknown else 'feed'!r} is not known here; begin each feed with [[feed]]"
        )
    return [_row(row, f"{source}: feed {number}") for number, row in enumerate(rows, 1)]


def _row(row: Any, where: str) -> ListedFeed:
    if not isinstance(row, dict):
        raise Reject(f"{where}: begin each feed with [[feed]]")
    url = row.get("url")
    if not isinstance(url, str) or not url.strip():
        raise Reject(f'{where}: has no url; write url = "https://..."')
    where = f"{where} ({url.strip()[:200]})"
    for key in row:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            raise Reject(f"{where}: {key} is not known{f'; did you mean {near[0]}?' if near else ''}")
    tags = row.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Reject(f'{where}: tags is a list of texts; write tags = ["a", "b"]')
    for key in ("title", "language"):
        if not isinstance(row.get(key, ""), str):
            raise Reject(f"{where}: {key} is a text; write it in quotes")
    return ListedFeed(
        url=url.strip(),
        title=" ".join(row.get("title", "").split()),
        language=row.get("language", "").strip(),
        tags=_tags(tags),
        every_seconds=_every(row["every"], where) if "every" in row else None,
    )


def _every(value: Any, where: str) -> float:
    found = EVERY.fullmatch(value) if isinstance(value, str) else None
    if found is None or not float(found[1]):
        raise Reject(f'{where}: every is {value!r}; write a number with its unit, as in "30s", "15m", "2h", "1d"')
    return float(found[1]) * UNITS[found[2]]


def _tags(tags: "tuple[str, ...] | list[str]") -> tuple[str, ...]:
    """Each tag once, without the comma that parts tags in the ledger."""
    return tuple(dict.fromkeys(" ".join(tag.replace(",", " ").split()) for tag in tags if tag.strip(" ,")))
