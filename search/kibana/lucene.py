"""A query's tree -> the string that finds the same articles in Kibana's query bar, set to Lucene."""

from datetime import UTC, datetime
from itertools import permutations

from search.query.parse import QueryRefused
from search.query.tree import All, And, Exists, Near, Node, Not, Or, Phrase, Prefix, Range, Term

MOST_NEAR_WORDS = 4  # each order of the words is a phrase of its own: 24 of them
EVERYTHING = "*:*"
_SIGNS = frozenset("+-!(){}[]^\"'~*?:\\/<>&|=")


def lucene(node: Node) -> str:
    """The string, with every bracket written, over the fields of the articles' mapping.

    Elasticsearch reads such a string with rules of its own for AND beside OR and for NOT alone, so that neither is
    ever left to it.

    >>> from search.query.parse import parse
    >>> lucene(parse("topic:sanctions.eased.fact -(pota* OR title:match)"))
    '(topic:"sanctions.eased.fact" AND (*:* NOT (terms:pota* OR title_terms:"match")))'
    >>> lucene(parse('"freed prisoners"~2'))
    '(terms:"freed prisoners"~2 OR terms:"prisoners freed"~2)'

    Raises: QueryRefused for what cannot be said there.
    """
    match node:
        case All() | Exists(field="id"):
            return EVERYTHING
        case And(kids=kids):
            return "(" + " AND ".join(map(lucene, kids)) + ")"
        case Or(kids=kids):
            return "(" + " OR ".join(map(lucene, kids)) + ")"
        case Not(kid=kid):
            return f"({EVERYTHING} NOT {lucene(kid)})"
        case _:
            return _leaf(node)


def _leaf(node: Node) -> str:
    match node:
        case Term(field=field, value=value):
            return f"{field}:{_quoted(value)}"
        case Prefix(field=field, value=value):
            return f"{field}:{_escaped(value)}*"
        case Phrase(field=field, words=words):
            return f"{field}:{_quoted(' '.join(words))}"
        case Near(field=field, words=words, slop=slop):
            return _near(field, words, slop)
        case Exists(field=field) | Range(field=field, start=None, end=None):
            return f'has:"{field}"'  # `_exists_` would be true for an empty value
        case Range(field=field, start=start, end=end):
            return f"{field}:[{_time(start)} TO {_time(end)}}}"
    raise TypeError(f"no node of a query: {node!r}")


def _near(field: str, words: tuple[str, ...], slop: int) -> str:
    """Every order as a phrase: the slop of a phrase counts a word that moves back twice, so one does not say it."""
    if len(words) > MOST_NEAR_WORDS:
        raise QueryRefused(
            f'"{" ".join(words)}"~{slop} cannot be said in Kibana: at most {MOST_NEAR_WORDS} words stand near one '
            "another there; leave out the commonest, or use `tocsin find`"
        )
    return "(" + " OR ".join(f"{field}:{_quoted(' '.join(order))}~{slop}" for order in permutations(words)) + ")"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(value: str) -> str:
    return "".join("\\" + sign if sign.isspace() or sign in _SIGNS else sign for sign in value)


def _time(at: int | None) -> str:
    """With its zone, for Kibana adds that of the browser where none is written."""
    if at is None:
        return "*"
    seconds, ms = divmod(at, 1000)
    return f'"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"'
