"""The bytes of a page -> UTF-8 bytes that the HTML parser takes without surprises."""

import codecs
import re

from ingest.verdict import Reject

# Python's names of the encodings of the WHATWG standard. No others: some that Python knows take quadratic time.
_SINGLE = ("cp866", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "cp874", *(f"cp125{n}" for n in range(9)))
_ISO = tuple(f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16))
_EAST = ("gb18030", "big5hkscs", "euc_jp", "iso2022_jp", "cp932", "cp949")
KNOWN = frozenset(("utf-8", "utf-16", "utf-16-le", "utf-16-be", *_SINGLE, *_ISO, *_EAST))
WIDER = {  # what pages mean by the name
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
PLAIN_BYTES = frozenset({"iso2022_jp", "utf-16", "utf-16-le", "utf-16-be"})  # may look like UTF-8, and are not
MOST_BAD = 0.1  # share of bytes beyond ASCII that do not fit, above which the encoding is not the right one

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_META = re.compile(rb"<meta[^<>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^<>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{2,40})", re.IGNORECASE)
_LAST_OF_PLANE = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")  # U+FFFE and U+FFFF, which are no characters for XML
_ASCII = bytes(range(128))
_CONTROLS = bytes(sign for sign in range(32) if sign not in b"\t\n\r")
_BAD_DOCTYPE = re.compile(rb"<\s?!\s?doctype[^<>]*/[^<>]*>", re.IGNORECASE)
_CLOSED_HTML = re.compile(rb"(<html[^<>]{0,1000}?)\s*/>", re.IGNORECASE)
_OTHER_KINDS = (
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a picture or a sound (RIFF)"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"ID3", "a sound (MP3)"),
    (b"OggS", "a sound or film (Ogg)"),
    (b"\xd0\xcf\x11\xe0", "an Office file"),
)


def to_utf8(body: bytes, kind: str = "") -> bytes:
    """The page in UTF-8, without control characters and without a doctype that makes libxml2 lose the page.

    A byte order mark says the encoding; else the bytes are UTF-8 if all of them fit; else `kind` (the content-type
    header), then the page's first 4 kB, then windows-1252. A few bytes that do not fit are replaced.
    Raises: Reject for what begins as a PDF, a picture or an archive does.
    """
    for start, name in _OTHER_KINDS:
        if body.startswith(start):
            raise Reject(f"this is {name}, not a page; nothing was read")
    return _repaired(_decoded(body, kind).translate(None, _CONTROLS))


def _decoded(body: bytes, kind: str) -> bytes:
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body if name == "utf-8" else _recoded(body[len(mark) :], name)[0]
    said = _CHARSET.search(kind)
    header = _codec(said[1]) if said else ""
    found = _XML.search(body[:300]) or _META.search(body[:4096])
    within = _codec(found[1].decode("ascii", "ignore")) if found else ""
    if within.startswith("utf-16"):
        within = ""  # it was read as ASCII, so it is not
    if header in PLAIN_BYTES or within == "iso2022_jp":
        return _recoded(body, header if header in PLAIN_BYTES else within)[0]
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return _first_that_fits(body, (header, within, "utf-8"))
    return body


def _first_that_fits(body: bytes, names: tuple[str, ...]) -> bytes:
    most = MOST_BAD * len(body.translate(None, _ASCII))
    for name in filter(None, names):
        data, bad = _recoded(body, name)
        if bad <= most:
            return data
    return _recoded(body, "cp1252")[0]


def _recoded(body: bytes, name: str) -> tuple[bytes, int]:
    """In UTF-8, and how many signs had to be replaced."""
    text = body.decode(name, "replace")
    return text.encode("utf-8", "replace"), text.count("\ufffd")


def _codec(label: str) -> str:
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return ""
    name = WIDER.get(name, name)
    return name if name in KNOWN else ""


def _repaired(data: bytes) -> bytes:
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\xef" in data:  # one byte is looked for thirty times as fast as three
        for sign in _LAST_OF_PLANE:
            data = data.replace(sign, b"")
    # Bounded: on a long line of slashes such a pattern takes quadratic time.
    found = _BAD_DOCTYPE.match(data[:1024].lstrip().partition(b"\n")[0])
    if found:
        data = data.lstrip()[found.end() :]
    closed = _CLOSED_HTML.search(data[:4096])
    return data[: closed.start()] + closed[1] + b">" + data[closed.end() :] if closed else data
