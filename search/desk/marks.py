"""Text and spans -> HTML with marks: escaped, highlighted on the server, set in its own direction."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from search.alert import Passage

RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
COLOURS = 4  # parts of a watch beyond share them
EXCERPT = 100  # characters of a passage on a card: two lines with the outlet's name
CUT = "…"  # stands in for what is left out

Span = tuple[int, int, int]  # start, end, part


def marked(text: str, spans: Iterable[Span]) -> Markup:
    """`text` with each (start, end, part) marked; where spans overlap the earlier one stays whole.

    >>> str(marked("<b> set free", [(4, 12, 1)]))
    '&lt;b&gt; <mark class="m1">set free</mark>'
    """
    out, at = Markup(""), 0
    for start, end, part in sorted(spans):
        start, end = max(start, at), min(end, len(text))
        if end <= start:
            continue
        colour = (part - 1) % COLOURS + 1
        out += escape(text[at:start]) + Markup('<mark class="m%d">%s</mark>') % (colour, text[start:end])
        at = end
    return out + escape(text[at:])


def quoted(passage: Passage) -> Markup:
    """A passage with the words that rang."""
    return marked(passage.text, _spans(passage))


def excerpt(passage: Passage, limit: int = EXCERPT) -> Markup:
    """A passage cut to about `limit` characters around the first words of each part that rang; those always stay.

    >>> from search.alert import Mark
    >>> marks = (Mark(start=4, end=7, part=1), Mark(start=24, end=27, part=2))
    >>> str(excerpt(Passage(field="text", start=0, text="one two three four five six seven", marks=marks), 14))
    '… <mark class="m1">two</mark> … <mark class="m2">six</mark> …'
    """
    text, spans = passage.text, _spans(passage)
    if len(text) <= limit:
        return marked(text, spans)
    out, at = Markup(""), 0
    for low, high in _windows(text, spans, limit):
        inside = [(max(start, low) - low, min(end, high) - low, part) for start, end, part in spans]
        out += escape(CUT if low > at else "") + marked(text[low:high], inside)
        at = high
    return out + escape(CUT if at < len(text) else "")


def _windows(text: str, spans: list[Span], limit: int) -> list[tuple[int, int]]:
    """The stretches of `text` that an excerpt shows, in order, each ending between words."""
    firsts = list({part: (start, end) for start, end, part in sorted(spans, reverse=True)}.values()) or [(0, 0)]
    around = max(0, limit - sum(end - start for start, end in firsts)) // (2 * len(firsts))
    windows: list[tuple[int, int]] = []
    for start, end in sorted(firsts):
        # What the beginning of the text leaves free is given to the words behind.
        low, high = max(0, start - around), min(len(text), end + around + max(0, around - start))
        low = low and _next_space(text, low, start)
        high = high if high == len(text) else _last_space(text, end, high)
        if windows and low <= windows[-1][1]:
            low, high = windows[-1][0], max(high, windows[-1][1])
            windows.pop()
        windows.append((low, high))
    return windows


def _next_space(text: str, low: int, latest: int) -> int:
    """A space at or after `low`, before `latest`; `low` where words are not parted."""
    space = text.find(" ", low, latest)
    return space if space >= 0 else low


def _last_space(text: str, earliest: int, high: int) -> int:
    """Behind a space at or before `high`, after `earliest`; `high` where words are not parted."""
    space = text.rfind(" ", earliest, high + 1)
    return space + 1 if space >= 0 else high


def _spans(passage: Passage) -> list[Span]:
    return [(mark.start, mark.end, mark.part) for mark in passage.marks]


def direction(language: str) -> str:
    """ "rtl" or "ltr"; "auto" where the language is unknown: the first letter decides.

    >>> direction("ar"), direction("fa-AF"), direction("be"), direction("und")
    ('rtl', 'rtl', 'ltr', 'auto')
    """
    code = language.split("-")[0].lower()
    return "auto" if code in ("", "und") else "rtl" if code in RIGHT_TO_LEFT else "ltr"


def paragraphs(text: str, spans: Sequence[Span]) -> list[Markup]:
    """The text's lines with their marks; spans are of the whole text and may cross lines."""
    made, at = [], 0
    for line in text.split("\n"):
        end = at + len(line)
        inside = [(max(s, at) - at, min(e, end) - at, part) for s, e, part in spans if s < end and e > at]
        if line.strip():
            made.append(marked(line, inside))
        at = end + 1
    return made
