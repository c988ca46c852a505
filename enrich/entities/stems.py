"""A word form -> the stems it may have: names in a pack and names in a text meet where they share one.

A pack holds nominatives only. The stems of a nominative are few; a form in a text has one stem for each ending of its
language that it may bear, with the consonant that the ending softened put back. Source: the rules of the entities
prototype (ENTITIES.md, section 2), which beat lemma dictionaries there because foreign names stand in none.
"""

from functools import lru_cache

from enrich.entities.grammar import Grammar

_LOST_BY_A_NOMINATIVE = frozenset("аоеиыйьяіїєуюaáeéěiíoyýůąęęóėų")
_ENDINGS = "ый ий ая яя ое ее ые ие ій ський цький ky ki ý ská ský ą ът ят ия та то те ята ата ys is as us"
_NOMINATIVE_ENDINGS = {last: tuple(e for e in _ENDINGS.split() if e[-1] == last) for last in {*_ENDINGS} - {" "}}
_VOWELS = frozenset("aeiouyаеиоуяюій")
_FLEETING = frozenset("eěoеоь")
_CHANGING = {"і": ("о", "е", "є"), "ї": ("є",), "ó": ("o",), "ů": ("o",)}
_SOFT_LAST = {"ś": "s", "ń": "n", "ź": "z", "ć": "c"}  # Białoruś, Białorusi
_SHORTEST_STEM = 3
_LONGEST = 40  # a longer "word" is no word


@lru_cache(maxsize=10_000)
def bases(low: str) -> tuple[str, ...]:
    """The stems of a nominative, itself first.

    >>> bases("лукашенко")
    ('лукашенко', 'лукашенк')
    >>> "bidn" in bases("biden"), "києв" in bases("київ")
    (True, True)
    """
    found = [low]
    if low.endswith("'s"):
        found.append(low[:-2])
    if low[-1:] in _SOFT_LAST and len(low) > _SHORTEST_STEM:
        found.append(low[:-1] + _SOFT_LAST[low[-1]])
    if len(low) > _SHORTEST_STEM and low[-1] in _LOST_BY_A_NOMINATIVE:
        found.append(low[:-1])
    found += [
        low[: -len(ending)]
        for ending in _NOMINATIVE_ENDINGS.get(low[-1:], ())
        if low.endswith(ending) and len(low) - len(ending) >= _SHORTEST_STEM
    ]
    for stem in list(found):
        found += _with_changed_vowel(stem)
    return tuple(dict.fromkeys(found))


def _with_changed_vowel(stem: str) -> list[str]:
    if len(stem) < 4:
        return []
    vowel, last = stem[-2], stem[-1]
    if vowel in _FLEETING and last not in _VOWELS:
        return [stem[:-2] + last]
    return [stem[:-2] + other + last for other in _CHANGING.get(vowel, ())]


@lru_cache(maxsize=20_000)
def candidates(low: str, grammar: Grammar) -> tuple[str, ...]:
    """Every stem that a form in a text may have, itself first, then the longest.

    >>> from enrich.entities.grammar import grammar
    >>> "лукашенк" in candidates("лукашенкам", grammar("ru")), "szwecj" in candidates("szwecji", grammar("pl"))
    (True, True)
    """
    if len(low) > _LONGEST:
        return (low,)
    found = [low]
    found += [
        low[len(clitic) :]
        for clitic in grammar.clitics
        if low.startswith(clitic) and len(low) - len(clitic) >= _SHORTEST_STEM
    ]
    for ending in grammar.endings.get(low[-1:], ()):
        if not low.endswith(ending) or len(low) - len(ending) < (2 if len(ending) == 1 else _SHORTEST_STEM):
            continue
        stem = low[: -len(ending)]
        found.append(stem)
        if len(stem) > 2:
            found += [stem[: -len(soft)] + hard for soft, hard in grammar.softening if stem.endswith(soft)]
    return tuple(dict.fromkeys(found))


def likeliest_base(word: str, low: str, grammar: Grammar) -> str:
    """A stem for a form that stands alone: without its likeliest ending; capitals alone stay."""
    if word.isupper() and len(word) <= 6:
        return low
    for ending in grammar.likeliest:
        if low.endswith(ending) and len(low) - len(ending) >= _SHORTEST_STEM:
            return low[: -len(ending)]
    return low
