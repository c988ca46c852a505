"""Any text -> the text that all offsets count in: frozen once, never changed afterwards."""

import re
import unicodedata

TEXT_LIMIT = 200_000  # characters of an article's text that are kept
TITLE_LIMIT = 500

_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def freeze(text: str) -> str:
    """NFC, without surrogates and without control characters but newline and tab; every line break is a newline.

    All else stays as it is: marks of direction, joiners (Persian is written with ZWNJ), soft hyphens. Freezing what
    is frozen changes nothing.

    >>> freeze("cafe\\u0301\\r\\nne\\x00xt")
    'café\\nnext'
    """
    return unicodedata.normalize("NFC", _UNWANTED.sub("", _BREAKS.sub("\n", text)))


def one_line(text: str, limit: int = TITLE_LIMIT) -> str:
    """`text` frozen, on one line, at most `limit` characters."""
    return " ".join(freeze(text).split())[:limit].rstrip()


def cut(text: str, limit: int = TEXT_LIMIT) -> tuple[str, bool]:
    """The first `limit` characters of a frozen text, and whether there were more; ends at a line or word if it can."""
    if len(text) <= limit:
        return text, False
    kept = text[:limit]
    end = max(kept.rfind("\n", limit - 2000), kept.rfind(" ", limit - 200))
    return (kept[:end] if end > 0 else kept).rstrip(), True
