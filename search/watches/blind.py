"""A watch's query and the packs -> what it cannot see, in plain words, so that silence is not taken for peace."""

from collections.abc import Iterator

from enrich.topics.packs import TopicPacks
from search.query.tree import Node, Not, Prefix, Term, parts_of

ASKS_EVENTS = frozenset({"topic", "link", "actor", "target"})


def blind_spots(tree: Node, packs: TopicPacks) -> str:
    """In which languages the watch cannot ring; empty where it asks for no event, for words and names have no such gap.

    >>> from search.query.parse import parse
    >>> blind_spots(parse("potash"), TopicPacks.load())
    ''
    >>> blind_spots(parse("topic:prisoners.released"), TopicPacks.load()).startswith("It sees its events in ")
    True
    """
    asked = sorted(set(_topics(tree, packs.rules.topics)))
    if not any(True for _ in _leaves(tree)):
        return ""
    seeing, gaps = [], dict[str, list[str]]()
    for code in sorted(packs.languages):
        pack = packs.language(code)
        missing = [topic for topic in asked if pack is None or not pack.sees(topic)]
        if missing:
            gaps.setdefault(", ".join(missing), []).append(code)
        else:
            seeing.append(code)
    said = [f"It sees its events in {', '.join(seeing)}." if seeing else "It sees its events in no language."]
    said += [f"In {', '.join(codes)} it cannot see {topics}." for topics, codes in sorted(gaps.items())]
    return " ".join([*said, "In any other language it cannot ring, whatever happens."])


def _leaves(node: Node) -> Iterator[Term | Prefix]:
    """The parts that ask for events; those under a NOT ask for none."""
    if isinstance(node, Term | Prefix) and node.field in ASKS_EVENTS:
        yield node
    elif not isinstance(node, Not):
        for part in parts_of(node):
            yield from _leaves(part)


def _topics(tree: Node, known: frozenset[str]) -> Iterator[str]:
    for leaf in _leaves(tree):
        yield from (topic for topic in known if topic in leaf.value)
