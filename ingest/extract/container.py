"""A stripped tree -> the element that holds the article, found by where running text stands."""

from collections.abc import Mapping
from dataclasses import dataclass

from lxml.html import HtmlElement

SHARE = 0.75  # of the running text that the container holds; F1 moves by .003 at most between .65 and .95
LEAST_RUNS, LEAST_BYTES = 2, 250
SHORTEST_RUN = 60  # bytes, for a line of Chinese says as much in a third of the characters
SHORTEST_LOOK = 20  # characters below which a text is not even measured

_NO_RUNS = frozenset(
    ["a", "button", "option", "script", "style", "label", "title", "textarea", "template", "time", "figcaption", "h1"]
)  # what stands directly in these is no running text
_NOT_WITHIN = ("aside", "form", "a", "button", "template")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """Where the article stands."""

    element: HtmlElement
    inside: int  # bytes of running text in it
    everywhere: int  # bytes of running text on the page


def find_container(root: HtmlElement) -> tuple[Container | None, str]:
    """The container; or None and the reason, one word: the page's own text runs are too few or nowhere together.

    The lowest element with most of the running text, widened to the outermost <article>, else to the <main>, around
    it: the lead often stands beside the body.
    """
    runs, number = _runs(root)
    everywhere = sum(runs.values())
    if number < LEAST_RUNS or everywhere < LEAST_BYTES:
        return None, "few-runs"
    held = _held(runs)
    enough = [element for element, size in held.items() if size >= SHARE * everywhere]
    if not enough:
        return None, "no-container"
    lowest = max(enough, key=lambda element: sum(1 for _ in element.iterancestors()))
    chosen = _widened(lowest)
    if chosen.tag in ("body", "html"):
        return None, "no-container"
    return Container(element=chosen, inside=held[chosen], everywhere=everywhere), ""


def size_of(text: str) -> int:
    """Its length in bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "ignore"))


def _runs(root: HtmlElement) -> tuple[dict[HtmlElement, int], int]:
    """Bytes of running text directly in each element, and how many runs: paragraphs, or lines parted by <br>."""
    found: dict[HtmlElement, list[int]] = {}
    for element in root.iter("*"):
        if element.tag not in _NO_RUNS and (size := _run(element.text)):
            found.setdefault(element, []).append(size)
        parent = element.getparent()
        if parent is not None and (size := _run(element.tail)):
            found.setdefault(parent, []).append(size)
    kept = {
        element: sizes
        for element, sizes in found.items()
        if element.tag not in _NOT_WITHIN and next(element.iterancestors(*_NOT_WITHIN), None) is None
    }
    return {element: sum(sizes) for element, sizes in kept.items()}, sum(map(len, kept.values()))


def _run(text: str | None) -> int:
    if not text or len(text) < SHORTEST_LOOK:
        return 0
    size = size_of(text.strip())
    return size if size >= SHORTEST_RUN else 0


def _held(runs: Mapping[HtmlElement, int]) -> dict[HtmlElement, int]:
    """Bytes of running text in each element and all that is in it."""
    held: dict[HtmlElement, int] = {}
    for element, size in runs.items():
        above: HtmlElement | None = element
        while above is not None:
            held[above] = held.get(above, 0) + size
            above = above.getparent()
    return held


def _widened(lowest: HtmlElement) -> HtmlElement:
    chain = [lowest, *lowest.iterancestors()]
    articles = [element for element in chain if element.tag == "article"]
    mains = [element for element in chain if element.tag == "main" or element.get("role") == "main"]
    return articles[-1] if articles else mains[0] if mains else lowest
