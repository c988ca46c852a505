"""A query's tree -> the string that means the same, with every bracket written."""

import re
from datetime import UTC, datetime

from search.query.tree import All, And, Exists, Near, Node, Not, Or, Phrase, Prefix, Range, Term

_SIGNS = "+-!(){}[]^\"'~*?:\\/<>&|“”„‟«»"
_PLAIN = re.compile("[A-Za-z0-9][A-Za-z0-9.-]*")
_OPERATORS = frozenset({"AND", "OR", "NOT", "TO"})
NAMES = {"terms": "", "title_terms": "title:"}


def written(node: Node) -> str:
    """The query with full brackets; parsing it gives the same tree.

    >>> from search.query.parse import parse
    >>> written(parse("sanctions -(title:match OR pota*)"))
    '(sanctions AND NOT (title:match OR pota*))'
    """
    match node:
        case All():
            return "*"
        case And(kids=kids):
            return "(" + " AND ".join(written(kid) for kid in kids) + ")"
        case Or(kids=kids):
            return "(" + " OR ".join(written(kid) for kid in kids) + ")"
        case Not(kid=kid):
            return f"NOT {written(kid)}"
        case Exists(field=field):
            return f"{NAMES.get(field, field + ':').rstrip(':') or 'terms'}:*"
        case Range(field=field, start=start, end=end):
            return f"{field}:[{_time(start)} TO {_time(end)}}}"
        case Near(field=field, words=words, slop=slop):
            return f'{NAMES[field]}"{" ".join(words)}"~{slop}'
        case Phrase(field=field, words=words):
            return f'{NAMES[field]}"{" ".join(words)}"'
        case Prefix(field=field, value=value):
            return f"{NAMES.get(field, field + ':')}{_escaped(value)}*"
        case Term(field=field, value=value):
            return f"{NAMES[field]}{_word(value)}" if field in NAMES else f"{field}:{_keyword(value)}"


def _time(at: int | None) -> str:
    if at is None:
        return "*"
    seconds, ms = divmod(at, 1000)
    return f'"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"'


def _word(value: str) -> str:
    return value if value.isalnum() and value.isascii() and value.upper() not in _OPERATORS else f'"{value}"'


def _keyword(value: str) -> str:
    if _PLAIN.fullmatch(value) and value not in _OPERATORS:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _escaped(value: str) -> str:
    return "".join("\\" + sign if sign.isspace() or sign in _SIGNS else sign for sign in value)
