"""Words of a page's markup -> one clean line, and a form in which two such lines compare."""

import html
import re
import unicodedata

LONGEST = 2_000  # characters of a field that are read at all

_TAG = re.compile(r"<[^<>]{1,200}>")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_SPACE = re.compile(r"\s+")
_NO_WORD = re.compile(r"[\W_]+")


def clean(text: str) -> str:
    r"""One line, NFC, without tags, entities (also twice escaped), `\uXXXX` and soft hyphens."""
    text = text[:LONGEST]
    if "<" in text:
        text = _TAG.sub("", text)
    if "&" in text:
        text = html.unescape(html.unescape(text))
    if "\\" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        text = text.replace('\\"', '"').replace("\\'", "'").replace("\\/", "/")
        text = "".join(sign for sign in text if not "\ud800" <= sign <= "\udfff")
    plain = text.replace("\u00ad", "").replace("\u200b", "")
    return unicodedata.normalize("NFC", _SPACE.sub(" ", plain)).strip()


def fold(text: str) -> str:
    """Letters and digits only, case folded.

    >>> fold("Daily-News: Today")
    'dailynewstoday'
    """
    return _NO_WORD.sub("", text.casefold())
