"""A word in any script -> the consonants that its spellings share, and ids made of them; the door of anyascii.

Johnson and Джонсон are NSN, Juncker and Юнкер NKR, Kaczyński and Качиньский KNSK. Source: ENTITIES.md, section 6.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from anyascii import anyascii

_CYRILLIC: Final = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "o", "ж": "ž", "з": "z", "и": "i", "й": "i",
        "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
        "х": "h", "ц": "c", "ч": "č", "ш": "š", "щ": "š", "ъ": "a", "ы": "i", "ь": "", "э": "e", "ю": "u", "я": "a",
        "і": "i", "ї": "i", "є": "e", "ґ": "g", "ў": "v", "ј": "i",
    }
)  # fmt: skip
_DIGRAPHS: Final = (
    ("chr", "kr"), ("tsch", "j"), ("tch", "j"), ("sch", "š"), ("szcz", "š"), ("sh", "š"), ("sz", "š"), ("ch", "j"),
    ("cz", "j"),
    ("č", "j"), ("rz", "r"), ("zh", "ž"), ("ph", "f"), ("th", "t"), ("ck", "k"), ("qu", "k"), ("gh", ""), ("dg", "j"),
    ("dž", "j"), ("ts", "c"), ("tz", "c"), ("kh", "h"), ("gg", "g"),
)  # fmt: skip
_CLASSES: Final = {
    **dict.fromkeys("bp", "P"), **dict.fromkeys("fvw", "F"), **dict.fromkeys("dt", "T"), **dict.fromkeys("gkq", "K"),
    **dict.fromkeys("szšžčǯćśźçş", "S"), **dict.fromkeys("lł", "L"), **dict.fromkeys("rř", "R"),
    **dict.fromkeys("nńñ", "N"), "m": "M", "x": "KS",
}  # fmt: skip
_SOFTENS_C = frozenset("eiyěéí")
_SILENT_LAST = frozenset("rtsdxz")
_VARIANTS: Final = (("ch", "sh"), ("ge", "že"), ("ge", "je"), ("gi", "ji"), ("gu", "g"), ("wi", "vi"))
_IN_A_WORD = re.compile(r"[^a-z0-9]+")
_LONGEST_ID = 60


def latin(low: str) -> str:
    """A folded word in Latin letters, by the table that skeletons use."""
    low = low.replace("дж", "j").replace("ч", "j")
    if low[:1] in ("ю", "я", "є", "ї"):
        low = "j" + low[1:]
    return low.translate(_CYRILLIC)


@lru_cache(maxsize=50_000)
def skeleton(low: str) -> str:
    """The classes of a word's consonants, doubles once; "A" for a vowel at its start.

    >>> skeleton("johnson"), skeleton("джонсон"), skeleton("hunt"), skeleton("хант")
    ('NSN', 'NSN', 'KNT', 'KNT')
    """
    word = latin(low)
    for written, heard in _DIGRAPHS:
        word = word.replace(written, heard)
    if word[:1] == "x":
        word = "s" + word[1:]
    if word[:2] in ("wr", "kn"):
        word = word[1:]
    found: list[str] = []
    for index, sign in enumerate(word):
        heard = _class(sign, index, word, not found)
        if heard and (not found or found[-1] != heard):
            found.append(heard)
    return "".join(found)


def _class(sign: str, index: int, word: str, first: bool) -> str:
    if sign in _CLASSES:
        return _CLASSES[sign]
    if not sign.isascii():
        sign = anyascii(sign).lower()[:1]
        if sign in _CLASSES:
            return _CLASSES[sign]
    if sign == "c":
        return "S" if word[index + 1 : index + 2] in _SOFTENS_C else "K"
    if sign == "h":
        return "K" if index == 0 else ""
    if sign and sign in "aeiouy":
        return "A" if first and index == 0 else ""
    return ""


def spellings(low: str) -> frozenset[str]:
    """The skeletons under which a name of a pack is looked up: Barnier is also Барнье, George also Джордж."""
    found = {low}
    if low and low[0] < "\u0370":
        for written, heard in _VARIANTS:
            found |= {one.replace(written, heard) for one in found}
        found |= {one[:-1] for one in found if len(one) > 4 and one[-1] in _SILENT_LAST}
    return frozenset(filter(None, map(skeleton, found)))


def name_id(stems: Sequence[str], *, person: bool) -> str:
    """The id of a name that no register knows: a function of its stems, and of a person's first and last one only.

    Letters of a-z, digits and hyphens. A word of capitals ("nabu") is given in capitals and stays as it is.

    >>> name_id(["christopher", "w", "smith"], person=True), name_id(["NABU"], person=False)
    ('x-krstfr-smt', 'x-nabu')
    """
    chosen = [stems[0], stems[-1]] if person and len(stems) > 2 else stems
    parts = [_part(stem) for stem in chosen]
    said = "-".join(filter(None, parts))[:_LONGEST_ID].strip("-")
    return "x-" + (said or hashlib.sha256(" ".join(stems).encode("utf-8", "surrogatepass")).hexdigest()[:12])


def slug_id(name: str) -> str:
    """The id of a name that a pack knows without a Wikidata id: the name itself in letters of a-z.

    >>> slug_id("Лука Лукич"), slug_id("People's Front")
    ('x-luka-lukich', 'x-people-s-front')
    """
    return "x-" + (_IN_A_WORD.sub("-", anyascii(name).lower()).strip("-") or "name")


def _part(stem: str) -> str:
    if stem.isupper() and len(stem) > 1:
        return _IN_A_WORD.sub("", anyascii(stem).lower())
    said = skeleton(stem).lower()
    return said if len(said) > 1 else _IN_A_WORD.sub("", anyascii(latin(stem)).lower())
