"""A text -> its sentences as character spans."""

import re
from typing import Final

_STOPS: Final = ".!?…。！？｡؟۔।॥"
_CLOSERS: Final = "\"'”’“»«›‹)]}」』】）〉》"
_OPENERS: Final = "\"'“”„«»‹›‘‚([{「『【（-–—¿¡•*"
_BREAK = re.compile(rf"[{re.escape(_STOPS)}]+[{re.escape(_CLOSERS)}]*|[\n\r\x0b\x0c\x85\u2028\u2029]+")
_ALWAYS: Final = frozenset("。！？｡")  # no space follows them
_UNCASED: Final = frozenset("؟۔।॥")
_LAST_WORD = re.compile(r"[^\W_]+\Z")
_LONGEST_ABBREVIATION = 12
_LAST_ORDINAL = 31

# Abbreviations that stand before the word they belong to, so that a capital behind them opens no sentence.
_BEFORE_A_WORD: Final = {
    "en": "mr mrs ms messrs dr prof rev hon gen lt col maj capt cpl sgt cmdr adm sen rep gov pres st vs jr sr",
    "de": "dr prof hr fr bzw ca evtl ggf inkl st abg dipl ing mag vgl usw zzgl sog",
    "fr": "m mm mme mlle me mgr dr pr st ste cf av",
    "es": "sr sra srta dr dra d da lic gral cnel sto sta",
    "it": "sig sigg dott avv ing prof sen gen",
    "pt": "sr sra dr dra exmo gen",
    "pl": "dr prof gen ks bp abp płk ppłk mjr kpt por mgr inż hab św im ul al os pl r w ds tzw tj np godz",
    "cs": "dr prof mgr ing bc judr mudr phdr rndr gen plk mjr kpt sv tzv tj např resp ul č r st tř p",
    "sl": "dr prof gen g ga sv t npr oz ul",
    "ru": "г гг ул им д кв пр просп т тыс млн млрд руб св акад проф ген полк стр гр обл р с п "
    "н э в м пос корп доц зам напр",
    "uk": "м вул ім р рр тис млн млрд грн св акад проф ген див стор обл с смт ст пр буд",
    "be": "г гг вул імя р тыс млн млрд руб св праф ген вобл гл",
    "bg": "г гр ул бул им проф доц д ген полк св хил млн млрд лв т н с чл",
    "id": "dr drs dra ir h hj kh jl tn ny prof jend letjen mayjen brigjen irjen komjen kol yth alm rp s m st sh mh",
    "tr": "dr prof doç av yrd org gen bkz vb sn hz",
    "lt": "dr prof gerb pvz m d g gen",
}
_ABBREVIATIONS = frozenset(" ".join(_BEFORE_A_WORD.values()).split())
# Abbreviations only where a number follows.
_BEFORE_A_NUMBER: Final = (
    "no nos nr nro art arts sec fig pp p vol ch par ok jan feb mar apr jun jul aug sep sept oct nov dec okt dez "
    "poz pkt ust č čl odst str s ст пп пункт рис гл разд стр зб янв фев апр авг сент окт нояб дек"
)
_NUMBERED = frozenset(_BEFORE_A_NUMBER.split())
_BEHIND_A_NUMBER = frozenset({"г", "гг", "р", "рр", "тыс", "тис", "млн", "млрд", "руб", "грн", "лв", "r", "zł", "kč"})
# After "5." a capital opens a sentence except in dates and names of ordinals; German writes these with capitals.
_AFTER_AN_ORDINAL = re.compile(
    r"\W*(?:Jan|Feb|März|Mär\.|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|Jahrhundert|Jahrestag|Weltkrieg|Bundestag|Sanktion|"
    r"Paket|Runde|Platz|Liga|Etage|Stock|Klasse|Geburtstag|Lebensjahr)"
)
_ORDINAL_POINTS = frozenset({"cs", "sk", "sl", "hr", "bs", "sr", "da", "no", "nb", "nn", "fi", "hu", "et", "lv", "tr"})


def sentences(text: str, language: str = "") -> list[tuple[int, int]]:
    """Start and end of every sentence, with its closing quotes and without the space around it.

    A line break always ends a sentence. Initials, abbreviations and ordinals do not. Time grows with the length only.

    >>> [text[a:b] for text in ["He met Gen. J. Smith. “Why?” she asked. 三人获释。他们"] for a, b in sentences(text)]
    ['He met Gen. J. Smith.', '“Why?” she asked.', '三人获释。', '他们']
    """
    found: list[tuple[int, int]] = []
    start = 0
    for stop in _BREAK.finditer(text):
        if _ends(text, stop, language):
            _add(found, text, start, stop.end())
            start = stop.end()
    _add(found, text, start, len(text))
    return found


def _add(found: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    inner = piece.strip()
    if inner:
        start += len(piece) - len(piece.lstrip())
        found.append((start, start + len(inner)))


def _ends(text: str, stop: re.Match[str], language: str) -> bool:
    signs, end = stop[0], stop.end()
    if signs[0].isspace() or end >= len(text) or not _ALWAYS.isdisjoint(signs):
        return True
    if not text[end].isspace():
        return False
    following = _next(text, end)
    if not following or not _UNCASED.isdisjoint(signs):
        return True
    if following.islower() or following in ",;":
        return False
    return signs != "." or not _abbreviates(text, stop.start(), end, following, language)


def _next(text: str, at: int) -> str:
    """The first letter or digit behind quotes and space; empty before a line break or the end."""
    for index in range(at, min(at + 8, len(text))):
        sign = text[index]
        if sign in "\n\r\u2028\u2029":
            return ""
        if not sign.isspace() and sign not in _OPENERS:
            return sign
    return text[at + 8 : at + 9]


def _abbreviates(text: str, at: int, end: int, following: str, language: str) -> bool:
    word = _LAST_WORD.search(text, max(0, at - _LONGEST_ABBREVIATION), at)
    if word is None:
        return False
    said = word[0]
    if said.isdigit():
        return len(said) <= 2 and int(said) <= _LAST_ORDINAL and _counts(text, end, following, language)
    if len(said) == 1 and said.isupper():
        return True
    low = said.lower()
    if low in _BEHIND_A_NUMBER and following.isupper() and text[max(0, at - len(said) - 2) : at][:1].isdigit():
        return False  # "in 1899 г. The": the abbreviation ends the phrase, not "г. Минск"
    return low in _ABBREVIATIONS or (following.isdigit() and low in _NUMBERED)


def _counts(text: str, end: int, following: str, language: str) -> bool:
    if _AFTER_AN_ORDINAL.match(text, end, end + 24):
        return True
    return language in _ORDINAL_POINTS and not following.isdigit()
