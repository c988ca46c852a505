"""Two ordered runs of ids -> pairs, so that indices of any size are compared in little memory."""

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

Left = TypeVar("Left")
Right = TypeVar("Right")


class Pair(NamedTuple, Generic[Left, Right]):
    """What two sides have for an id; None where a side has not got it."""

    id: str
    left: Left | None
    right: Right | None


def merged(left: Iterable[tuple[str, Left]], right: Iterable[tuple[str, Right]]) -> Iterator[Pair[Left, Right]]:
    """Both runs as one; each is in the order of its ids, and an id may come again.

    >>> [tuple(pair) for pair in merged([("a", 1), ("c", 2)], [("b", 3), ("c", 4)])]
    [('a', 1, None), ('b', None, 3), ('c', 2, 4)]
    """
    ones, others = iter(left), iter(right)
    one, other = next(ones, None), next(others, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            yield Pair(one[0], one[1], None)
            one = next(ones, None)
        elif one is None or other[0] < one[0]:
            yield Pair(other[0], None, other[1])
            other = next(others, None)
        else:
            yield Pair(one[0], one[1], other[1])
            one, other = next(ones, None), next(others, None)
