"""Title, text and what the page declares -> the language of an article: the door of pycld2 and py3langid."""

import math
import re
from typing import Final

import pycld2
from py3langid import rank

from enrich.article import Language

MOST_CHARACTERS = 1000
UNKNOWN = "und"
_FEW_LETTERS = 24  # with fewer, names decide and not words, so what the page declares is worth more
_NO_LETTERS = 3
_SURE_PERCENT = 70
_RANKED = 3
_UNSURE_SCORE = 0.5
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]|https?://\\S+")
_LETTER = re.compile(r"[^\W\d_]")
_DECLARED = re.compile(r"\s*([a-zA-Z]{2,3})(?:[-_].*)?\s*", re.DOTALL)
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_WORTH = 2  # letters that a sign of these scripts is worth beyond one
_WORD = re.compile(r"[^\W\d_]+")
_OTHER_CODES: Final = {  # codes of the detectors and of pages -> ISO 639-1
    "iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "fil": "tl", "eng": "en", "rus": "ru",
    "ukr": "uk", "bel": "be", "pol": "pl", "ger": "de", "deu": "de", "fre": "fr", "fra": "fr", "ind": "id", "may": "ms",
    "msa": "ms", "zsm": "ms", "zho": "zh", "chi": "zh", "cmn": "zh", "ara": "ar", "fas": "fa", "per": "fa", "prs": "fa",
    "spa": "es", "ita": "it", "por": "pt", "tur": "tr", "cze": "cs", "ces": "cs", "bul": "bg", "slv": "sl", "lit": "lt",
}  # fmt: skip
# Malay and Indonesian share most words; these belong to one of them.
_ONLY_INDONESIAN: Final = (
    "bahwa karena mengatakan bisa kantor polisi senin jumat sedangkan pihaknya berbeda mobil uang saat kemarin ujar "
    "pemilu nomor sementara usai terkait maret agustus juni juli minggu"
)
_ONLY_MALAY: Final = (
    "bahawa kerana berkata beliau ialah isnin jumaat khamis manakala bagaimanapun semasa polis pejabat kereta wang "
    "semalam berbanding boleh sekatan julai ogos mac disember kerajaan pilihanraya"
)
_INDONESIAN, _MALAY = frozenset(_ONLY_INDONESIAN.split()), frozenset(_ONLY_MALAY.split())


def detect(title: str, text: str, declared: str) -> Language:
    """The language of the words, as ISO 639-1, "und" where nobody can tell.

    cld2 decides where it is sure. Else py3langid is asked, and what the page declares counts where it is among their
    guesses, or where there are too few letters to guess from. Looks at the first 1,000 characters. Never raises.

    >>> detect("", "Беларусь вызваліла трох палітвязняў пасля перамоў", "ru").code
    'be'
    >>> detect("12:30", "", "pl-PL")
    Language(code='pl', score=0.5, source='declared')
    """
    sample = _UNREADABLE.sub(" ", f"{title[:MOST_CHARACTERS]}\n{text[:MOST_CHARACTERS]}")[: MOST_CHARACTERS + 200]
    letters = len(_LETTER.findall(sample)) + _WORTH * len(_UNSPACED.findall(sample))
    said = _normal(declared)
    if letters <= _NO_LETTERS:
        return _declared_or_unknown(said)
    code, sure, percent = _cld2(sample)
    if sure and percent >= _SURE_PERCENT and (letters >= _FEW_LETTERS or said in (code, "")):
        return Language(code=_sibling(code, sample), score=percent / 100, source="text")
    return _unsure(sample, letters, said, code)


def _unsure(sample: str, letters: int, said: str, code: str) -> Language:
    ranked = _langid(sample)
    guesses = [guess for guess, _ in ranked]
    if said and (letters < _FEW_LETTERS or said in guesses or said == code):
        return Language(code=said, score=_UNSURE_SCORE, source="declared")
    if not guesses:
        return _declared_or_unknown(said)
    first, share = ranked[0]
    if first == code or (letters >= _FEW_LETTERS and share >= _UNSURE_SCORE):
        return Language(code=_sibling(first, sample), score=min(0.9, max(share, _UNSURE_SCORE)), source="text")
    return _declared_or_unknown(said)


def _declared_or_unknown(said: str) -> Language:
    if said:
        return Language(code=said, score=_UNSURE_SCORE, source="declared")
    return Language(code=UNKNOWN, score=0.0, source="text")


def _cld2(sample: str) -> tuple[str, bool, int]:
    """The best guess of cld2, whether it calls it reliable, and what part of the text it covers, in per cent."""
    try:
        reliable, _, guesses = pycld2.detect(sample, bestEffort=True)
    except (pycld2.error, ValueError):
        return UNKNOWN, False, 0
    _, code, percent, _ = guesses[0]
    normal = _normal(code)
    return normal or UNKNOWN, bool(reliable and normal), int(percent)


def _langid(sample: str) -> list[tuple[str, float]]:
    """The best guesses of py3langid, each with its share of the belief in the best ones."""
    best = [(code, float(score)) for code, score in rank(sample)[:_RANKED]]
    highest = best[0][1]
    weights = [(_normal(code), math.exp(max(-50.0, (score - highest) / 10))) for code, score in best]
    total = sum(weight for _, weight in weights)
    return [(code, weight / total) for code, weight in weights if code]


def _normal(code: str) -> str:
    """ISO 639-1 of "en-US", "in" or "zho"; empty where it is no code of a language."""
    found = _DECLARED.fullmatch(code)
    if found is None:
        return ""
    low = found[1].lower()
    low = _OTHER_CODES.get(low, low)
    return "" if len(low) != 2 or low in {"un", "xx"} else low


def _sibling(code: str, sample: str) -> str:
    if code not in {"id", "ms"}:
        return code
    words = [word.casefold() for word in _WORD.findall(sample)]
    indonesian, malay = sum(word in _INDONESIAN for word in words), sum(word in _MALAY for word in words)
    return code if indonesian == malay else "id" if indonesian > malay else "ms"
