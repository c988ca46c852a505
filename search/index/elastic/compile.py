"""A query's tree -> the Elasticsearch query that finds the same articles as every other engine."""

from typing import Any

from search.query.tree import All, And, Exists, Near, Node, Not, Or, Phrase, Prefix, Range, Term

Query = dict[str, Any]
EVERYTHING: Query = {"match_all": {}}


def compiled(node: Node) -> Query:
    """The query, to stand in a filter: it scores nothing.

    >>> compiled(Not(Term("language", "en")))
    {'bool': {'must_not': [{'term': {'language': 'en'}}]}}
    """
    match node:
        case All() | Exists(field="id"):
            return EVERYTHING
        case And(kids=kids):
            return _and(kids)
        case Or(kids=kids):
            return _or(kids)
        case Not(kid=kid):
            return {"bool": {"must_not": [compiled(kid)]}}
        case Term(field=field, value=value):
            return {"term": {field: value}}
        case Prefix(field=field, value=value):
            return {"prefix": {field: {"value": value}}}
        case Exists(field=field):
            return {"term": {"has": field}}  # `exists` would be true for an empty value
        case Phrase(field=field, words=words):
            return {"match_phrase": {field: " ".join(words)}}
        case Near(field=field, words=words, slop=slop):
            # The slop of match_phrase counts a word that moves back twice.
            asked = {"query": " ".join(words), "max_gaps": slop, "ordered": False}
            return {"intervals": {field: {"match": asked}}}
        case Range(field=field, start=start, end=end):
            bounds = {"gte": start, "lt": end}
            given = {sign: bound for sign, bound in bounds.items() if bound is not None}
            return {"range": {field: {**given, "format": "epoch_millis"}}} if given else {"term": {"has": field}}
    raise TypeError(f"no node of a query: {node!r}")


def _and(kids: tuple[Node, ...]) -> Query:
    wanted = [compiled(kid) for kid in kids if not isinstance(kid, Not)]
    unwanted = [compiled(kid.kid) for kid in kids if isinstance(kid, Not)]
    return {"bool": {name: parts for name, parts in (("filter", wanted), ("must_not", unwanted)) if parts}}


def _or(kids: tuple[Node, ...]) -> Query:
    """Equal fields as one list: a server bounds the number of clauses, not the length of a list."""
    lists: dict[str, list[str]] = {}
    for kid in kids:
        if isinstance(kid, Term):
            lists.setdefault(kid.field, []).append(kid.value)
    parts: list[Query] = [{"terms": {field: values}} for field, values in lists.items()]
    parts += [compiled(kid) for kid in kids if not isinstance(kid, Term)]
    return parts[0] if len(parts) == 1 else {"bool": {"should": parts, "minimum_should_match": 1}}
