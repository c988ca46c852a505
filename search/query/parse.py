"""A query as people write it -> its tree, or a refusal that says what to write instead. The door of luqum."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from luqum import tree as lucene
from luqum.exceptions import ParseError
from luqum.thread import parse as parse_lucene

from search.query import normalise
from search.query.tree import (
    KEYWORDS,
    LOWERED,
    TIMES,
    All,
    Exists,
    Near,
    Node,
    Not,
    Phrase,
    Prefix,
    Range,
    Term,
    both,
    depth,
    either,
    size,
)

MOST_CHARACTERS = 100_000
MOST_PARTS = 5_000
MOST_LEVELS = 12
MOST_BRACKETS = 30
MOST_SIGNS = 3  # of - + NOT in a row
MOST_PHRASE_WORDS = 50
MOST_NEAR_WORDS = 8
LEAST_PREFIX = 2
LONGEST_KEYWORD = 200
FIELDS = KEYWORDS | TIMES | {"terms", "title"}
TEXT_FIELDS = {None: "terms", "terms": "terms", "title": "title_terms"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST, LATEST = -30_610_224_000_000, 253_370_764_800_000  # years 1000 and 9999: bounds beyond count as these
_QUOTED = re.compile(r'\\.|"(?:[^"\\]|\\.)*+"', re.DOTALL)
_CURLY = "“”„‟«»"  # as keyboards write quotation marks
_QUOTED_OR_CURLY = re.compile(rf"{_QUOTED.pattern}|[{_CURLY}]", re.DOTALL)
_SIGNS_IN_A_ROW = re.compile(rf"(?:(?:[-+!]|\b(?:NOT|AND|OR)\b)\s*+){{{MOST_SIGNS + 1}}}")
_OPERATORS = {"and": "AND", "or": "OR", "not": "NOT", "&&": "AND", "||": "OR"}


class QueryRefused(ValueError):  # noqa: N818 - a verdict on a query, not a failure
    """The query cannot be used; the message says what to write. `place` is the character where it went wrong."""

    def __init__(self, message: str, place: int | None = None) -> None:
        super().__init__(f"{message} (at character {place + 1})" if place is not None else message)
        self.place = place


def parse(text: str) -> Node:
    """The tree of a query.

    Raises: QueryRefused.
    """
    if len(text) > MOST_CHARACTERS:
        raise QueryRefused(f"a query of {len(text)} characters; at most {MOST_CHARACTERS}")
    if not text.strip():
        raise QueryRefused("empty query; write * for everything", 0)
    text = _QUOTED_OR_CURLY.sub(lambda found: '"' if found[0] in _CURLY else found[0], text)
    _check_depth(text)
    try:
        tree = _node(parse_lucene(text), None)
    except ParseError as error:
        raise QueryRefused(f"cannot read this: {_said(error)}", _place(error)) from error
    if size(tree) > MOST_PARTS:
        raise QueryRefused(f"{size(tree)} parts; at most {MOST_PARTS}")
    if depth(tree) > MOST_LEVELS:
        raise QueryRefused(f"nested {depth(tree)} deep; at most {MOST_LEVELS}")
    return tree


def _said(error: ParseError) -> str:
    return str(error).split(" at position")[0].replace("Illegal character", "unexpected sign")


def _place(error: ParseError) -> int | None:
    found = re.search(r"position (\d+)", str(error))
    return int(found.group(1)) if found else None


def _check_depth(text: str) -> None:
    """Counts before parsing, for the parser recurses."""
    bare = _QUOTED.sub(lambda found: "_" * len(found[0]), text)
    level = 0
    for found in re.finditer("[()]", bare):
        level += 1 if found[0] == "(" else -1
        if level > MOST_BRACKETS:
            raise QueryRefused(f"more than {MOST_BRACKETS} brackets inside one another", found.start())
    if signs := _SIGNS_IN_A_ROW.search(bare):
        raise QueryRefused("too many signs in a row", signs.start())


def _node(item: Any, field: str | None) -> Node:
    handler = _HANDLERS.get(type(item))
    if handler is None:
        raise QueryRefused(f"{type(item).__name__} is not supported", _at(item))
    return handler(item, field)


def _at(item: Any) -> int | None:
    place = getattr(item, "pos", None)
    return place if isinstance(place, int) else None


def _inside(item: Any, field: str | None) -> Node:
    return _node(item.children[0], field)


def _and(item: Any, field: str | None) -> Node:
    return both([_node(child, field) for child in item.children])


def _or(item: Any, field: str | None) -> Node:
    for child in item.children:
        if isinstance(child, lucene.Plus):
            raise QueryRefused("+ beside OR is unclear: write AND", _at(child))
        if isinstance(child, lucene.UnknownOperation):
            raise QueryRefused("OR next to words without an operator is unclear: add brackets", _at(child))
    return either([_node(child, field) for child in item.children])


def _side_by_side(item: Any, field: str | None) -> Node:
    # The parser reads `a OR b -c` one way and `a OR b NOT c` another: both are refused.
    if any(isinstance(child, lucene.OrOperation) for child in item.children):
        raise QueryRefused("OR next to words without an operator is unclear: add brackets", _at(item))
    return both([_node(child, field) for child in item.children])


def _not(item: Any, field: str | None) -> Node:
    kid = _node(item.children[0], field)
    return kid.kid if isinstance(kid, Not) else Not(kid)


def _refuse(message: str) -> Callable[[Any, str | None], Node]:
    def refuse(item: Any, field: str | None) -> Node:
        raise QueryRefused(message, _at(item))

    return refuse


def _field(item: Any, field: str | None) -> Node:
    name, inner = item.name, item.expr
    if field is not None:
        raise QueryRefused(f"{field}:{name}: a field inside a field; quote a value that holds a colon", _at(item))
    if name == "*":
        if isinstance(inner, lucene.Word) and inner.value == "*":
            return All()
        raise QueryRefused("*: searches no field; leave it out", _at(item))
    if name == "_exists_" and isinstance(inner, lucene.Word):
        return _exists(inner.value, item)
    if name not in FIELDS:
        raise QueryRefused(
            f"no field {name}; there are {', '.join(sorted(FIELDS))}; quote a word that holds a colon", _at(item)
        )
    if isinstance(inner, lucene.Prohibit):
        raise QueryRefused(f"{name}:-...: write -{name}:..., or quote a value that begins with -", _at(item))
    return _node(inner, name)


def _exists(name: str, item: Any) -> Node:
    if name not in FIELDS:
        raise QueryRefused(f"no field {name}; there are {', '.join(sorted(FIELDS))}", _at(item))
    return Exists(TEXT_FIELDS.get(name, name))


def _near(item: Any, field: str | None) -> Node:
    if field not in TEXT_FIELDS:
        raise QueryRefused("~ is for words in text", _at(item))
    try:
        slop = int(str(item.degree))
    except ValueError:
        raise QueryRefused('write "a b"~3 with a whole number', _at(item)) from None
    if not 0 <= slop <= normalise.MAX_SLOP:
        raise QueryRefused(f"~{slop}: at most {normalise.MAX_SLOP}", _at(item))
    words = _words(_unescaped(item.term.value[1:-1])[0], item)
    if len(words) == 1:
        return Term(TEXT_FIELDS[field], words[0])
    if len(words) > MOST_NEAR_WORDS:
        raise QueryRefused(f'at most {MOST_NEAR_WORDS} words in "..."~N', _at(item))
    if len(set(words)) < len(words):
        raise QueryRefused('the same word twice in "..."~N', _at(item))
    return Near(TEXT_FIELDS[field], words, slop)


def _phrase(item: Any, field: str | None) -> Node:
    text = _unescaped(item.value[1:-1])[0]
    if field not in TEXT_FIELDS:
        return _value(str(field), text, item)
    if re.search(r"\w\*|\*\w", text):
        raise QueryRefused("* does nothing inside quotes", _at(item))
    return _text(text, TEXT_FIELDS[field], item)


def _word(item: Any, field: str | None) -> Node:
    text, stars = _unescaped(item.value)
    if field is None and item.value in _OPERATORS:
        written = _OPERATORS[item.value]
        raise QueryRefused(f'{text}: write {written}, or "{text}" in quotation marks for the word', _at(item))
    if item.value.startswith("!"):
        raise QueryRefused(f"{text}: write NOT", _at(item))
    if '"' in item.value.replace('\\"', ""):
        raise QueryRefused(f"{text}: a quotation mark inside a word; put a space before it", _at(item))
    if text == "*" and stars:
        return _exists(field, item) if field else All()
    if stars:
        if stars != [len(text) - 1] or text[-1] != "*":
            raise QueryRefused(f"{text}: * only at the end of a word, ? not at all; write the forms with OR", _at(item))
        return _prefix(text[:-1], field, item)
    return _text(text, TEXT_FIELDS[field], item) if field in TEXT_FIELDS else _value(str(field), text, item)


def _unescaped(text: str) -> tuple[str, list[int]]:
    """The text without its escapes, and the places of the * and ? that were not escaped."""
    out: list[str] = []
    stars: list[int] = []
    signs = iter(text)
    for sign in signs:
        if sign == "\\":
            out.append(next(signs, "\\"))
            continue
        if sign in "*?":
            stars.append(len(out))
        out.append(sign)
    return "".join(out), stars


def _words(text: str, item: Any) -> tuple[str, ...]:
    words = tuple(normalise.words(text))
    if not words:
        raise QueryRefused(f"{text!r}: no letter, digit or sign to look for", _at(item))
    if len(words) > MOST_PHRASE_WORDS:
        raise QueryRefused(f"a phrase of {len(words)} words; at most {MOST_PHRASE_WORDS}", _at(item))
    return words


def _text(text: str, field: str, item: Any) -> Node:
    words = _words(text, item)
    return Term(field, words[0]) if len(words) == 1 else Phrase(field, words)


def _value(field: str, text: str, item: Any) -> Node:
    if field in TIMES:
        return Range(field, *_interval(text, item))
    return Term(field, _keyword(field, text, item))


def _keyword(field: str, text: str, item: Any) -> str:
    value = keyword(field, text)
    if not value:
        raise QueryRefused(f"{field}: empty value; write NOT {field}:* for articles without one", _at(item))
    return value


def keyword(field: str, text: str) -> str:
    """What producer and query both do to a keyword: no space around, no lone surrogate, no NUL, at most 200 signs."""
    value = re.sub("[\ud800-\udfff\0]", "", text)
    return (value.lower() if field in LOWERED else value).strip()[:LONGEST_KEYWORD].strip()


def _prefix(text: str, field: str | None, item: Any) -> Node:
    if field in TIMES:
        raise QueryRefused(f"{field}:{text}*: write a range, {field}:[2026-01-01 TO *]", _at(item))
    if field in KEYWORDS:
        return Prefix(str(field), _keyword(str(field), text, item))
    words = normalise.words(text)
    if words and all(normalise.unspaced(word) for word in words):
        return _text(text, TEXT_FIELDS[field], item)  # one token a character: the star adds nothing
    if len(words) != 1:
        raise QueryRefused(f"{text}*: * goes with one word", _at(item))
    if len(words[0]) < LEAST_PREFIX:
        raise QueryRefused(f"{text}*: at least {LEAST_PREFIX} letters before *", _at(item))
    return Prefix(TEXT_FIELDS[field], words[0])


_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:?\d\d)?)?)?)?"
)


def _interval(text: str, item: Any) -> tuple[int, int]:
    """[start, end) in ms of the year, month, day, minute, second or millisecond that was written."""
    found = _DATE.fullmatch(text.strip().upper())
    if not found:
        raise QueryRefused(f"{text!r} is no date: write 2026-05-01 or 2026-05-01T10:00:00Z", _at(item))
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        start = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError as error:
        raise QueryRefused(f"{text!r}: {error}", _at(item)) from error
    at = (start - EPOCH) // timedelta(milliseconds=1) - _zone_ms(zone)
    if fraction:
        at += int(fraction.ljust(6, "0")) // 1000
    lengths = ((fraction, 1), (second, 1_000), (hour, 60_000), (day, 86_400_000))
    length = next((length for given, length in lengths if given), None)
    end = at + length if length else _months_later(start, 1 if month else 12)
    return _clamped(at), _clamped(end)


def _months_later(start: datetime, months: int) -> int:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return LATEST if year > 9998 else (datetime(year, month + 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


def _clamped(at: int) -> int:
    return max(EARLIEST, min(at, LATEST))


def _zone_ms(zone: str | None) -> int:
    if not zone or zone == "Z":
        return 0
    return (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 60 + int(zone[-2:])) * 60_000


def _range(item: Any, field: str | None) -> Node:
    if field not in TIMES:
        raise QueryRefused("ranges are for times: seen:[2026-01-01 TO *]", _at(item))
    if isinstance(item, lucene.Range):
        low, high, with_low, with_high = _bound(item.low), _bound(item.high), item.include_low, item.include_high
    elif isinstance(item, lucene.From):
        low, high, with_low, with_high = _bound(item.a), None, item.include, True
    else:
        low, high, with_low, with_high = None, _bound(item.a), True, item.include
    if low is None and high is None:
        return Exists(str(field))
    start = None if low is None else _interval(low, item)[0 if with_low else 1]
    end = None if high is None else _interval(high, item)[1 if with_high else 0]
    return Range(str(field), start, end)


def _bound(item: Any) -> str | None:
    if isinstance(item, lucene.Prohibit):
        return f"-{_bound(item.children[0])}"
    text, stars = _unescaped(item.value[1:-1] if isinstance(item, lucene.Phrase) else item.value)
    return None if text == "*" and stars else text


_HANDLERS: dict[type, Callable[[Any, str | None], Node]] = {
    lucene.Group: _inside,
    lucene.FieldGroup: _inside,
    lucene.Plus: _inside,
    lucene.AndOperation: _and,
    lucene.OrOperation: _or,
    lucene.UnknownOperation: _side_by_side,
    lucene.Not: _not,
    lucene.Prohibit: _not,
    lucene.SearchField: _field,
    lucene.Proximity: _near,
    lucene.Phrase: _phrase,
    lucene.Word: _word,
    lucene.Range: _range,
    lucene.From: _range,
    lucene.To: _range,
    lucene.Boost: _refuse("^ weights nothing here: leave it out"),
    lucene.Fuzzy: _refuse("word~ (distance in spelling) is not supported: write word* or a list of spellings"),
    lucene.Regex: _refuse("/regular expressions/ are not supported; quote a value that holds slashes"),
}
