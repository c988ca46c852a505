"""A query's tree -> SQL over the embedded index."""

from search.query.tree import TEXTS, TIMES, All, And, Exists, Near, Node, Not, Or, Phrase, Prefix, Range, Term

END = "\U0010ffff" * 4


def where(node: Node) -> tuple[str, list[object]]:
    """The condition on `doc` rows, and its values."""
    values: list[object] = []
    return _sql(node, values), values


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


def match_text(node: Node) -> str | None:
    """The FTS5 expression of a part, None where it has none: keywords, times, and NOT beside nothing positive."""
    match node:
        case Term(field=field, value=value) if field in TEXTS:
            return f"{field}:{_quoted(value)}"
        case Phrase(field=field, words=words):
            return f"{field}:{_quoted(' '.join(words))}"
        case Near(field=field, words=words, slop=slop):
            # FTS5 counts all words between the first and the last, so the inner ones are added.
            return f"{field}:NEAR({' '.join(map(_quoted, words))}, {slop + len(words) - 2})"
        case Prefix(field=field, value=value) if field in TEXTS:
            return f"{field}:{_quoted(value)}*"
        case Or(kids=kids):
            parts = [match_text(kid) for kid in kids]
            return None if None in parts else f"({' OR '.join(part for part in parts if part)})"
        case And(kids=kids):
            return _and_text(kids)
    return None


def _and_text(kids: tuple[Node, ...]) -> str | None:
    wanted = [match_text(kid) for kid in kids if not isinstance(kid, Not)]
    unwanted = [match_text(kid.kid) for kid in kids if isinstance(kid, Not)]
    if not wanted or None in wanted or None in unwanted:
        return None
    both = " AND ".join(part for part in wanted if part)
    but = f" NOT ({' OR '.join(part for part in unwanted if part)})" if unwanted else ""
    return f"(({both}){but})"


def _sql(node: Node, values: list[object]) -> str:
    expression = match_text(node)
    if expression is not None:
        values.append(expression)
        return "n IN (SELECT rowid FROM words WHERE words MATCH ?)"
    match node:
        case All():
            return "1"
        case And(kids=kids):
            return _joined(" AND ", kids, values, And)
        case Or(kids=kids):
            return _joined(" OR ", kids, values, Or)
        case Not(kid=kid):
            return f"NOT {_sql(kid, values)}"
        case _:
            return _leaf(node, values)


def _joined(word: str, kids: tuple[Node, ...], values: list[object], kind: type[And] | type[Or]) -> str:
    """Text parts as one expression; keywords of one field under OR as one list, for SQLite bounds the depth of both."""
    texts = [kid for kid in kids if match_text(kid) is not None]
    rest = [kid for kid in kids if match_text(kid) is None]
    parts: list[str] = []
    if kind is Or:
        lists: dict[str, list[str]] = {}
        for kid in rest:
            if isinstance(kid, Term):
                lists.setdefault(kid.field, []).append(kid.value)
        rest = [kid for kid in rest if not isinstance(kid, Term)]
        parts += [_any_of(field, found, values) for field, found in lists.items()]
    if texts:
        parts.append(_sql(kind(tuple(texts)) if len(texts) > 1 else texts[0], values))
    parts += [_sql(kid, values) for kid in rest]
    return f"({word.join(parts)})"


def _any_of(field: str, wanted: list[str], values: list[object]) -> str:
    marks = ",".join("?" * len(wanted))
    if field == "id":
        values.extend(wanted)
        return f"id IN ({marks})"
    values.extend([field, *wanted])
    return f"n IN (SELECT n FROM keywords WHERE field = ? AND value IN ({marks}))"  # noqa: S608 - marks only


def _leaf(node: Node, values: list[object]) -> str:
    match node:
        case Term(field=field, value=value):
            return _any_of(field, [value], values)
        case Prefix(field="id", value=value):
            values.extend([len(value), value])
            return "substr(id, 1, ?) = ?"
        case Prefix(field=field, value=value):
            values.extend([field, value, value + END, len(value), value])
            return (
                "n IN (SELECT n FROM keywords WHERE field = ? AND value >= ? AND value < ? AND substr(value, 1, ?) = ?)"
            )
        case Exists(field="id"):
            return "1"
        case Exists(field=field) if field in TIMES:
            return f"{field} IS NOT NULL"
        case Exists(field=field) if field in TEXTS:
            return f"{field} <> ''"
        case Exists(field=field):
            values.append(field)
            return "n IN (SELECT n FROM keywords WHERE field = ?)"
        case Range(field=field, start=start, end=end):
            conditions = [f"{field} IS NOT NULL"]
            for bound, sign in ((start, ">="), (end, "<")):
                if bound is not None:
                    conditions.append(f"{field} {sign} ?")
                    values.append(bound)
            return f"({' AND '.join(conditions)})"
    raise TypeError(f"no node of a query: {node!r}")
