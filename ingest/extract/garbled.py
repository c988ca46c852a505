"""A text whose end is garbled, as some paywalls do it -> the part before. A door of pycld2.

Letters of the paid paragraphs are replaced one by one ("Ejf Gppe.Usvdlt" for "Die Food-Trucks"), so they are in no
language, and the detector's score per kilobyte tells it. Over 4,700 news texts it finds two: one garbled page, and one
text with Latin letters among its Cyrillic ones. With the last third of each moved by a letter it finds nine in ten.
Where script alone tells the language (Korean, Chinese, Japanese) it finds nothing, and the text stays.
"""

import pycld2

SHORTEST = 600  # characters: below it there is too little to be sure of
LONG_LINE = 100  # bytes; shorter ones, like headings between paragraphs, are often left as they were
LOOK = 1_500  # characters that the detector is given
STRANGE = 175.0  # score below which a line is in no language; lines of news lie at 700
LEAST_PERCENT = 20  # of the text that a language must have for its score to count
MOST_STRANGE = 0.8  # share of the long lines' characters from the first strange one on


def without_garbled(text: str) -> tuple[str, bool]:
    """The text up to its first garbled line, and whether it was garbled.

    Only where it begins in a language and goes on in none; a text that goes on in another language stays whole.
    """
    if len(text) < SHORTEST:
        return text, False
    if not _is_strange(max(text[len(text) // 2 :].splitlines(), key=len)):
        return text, False
    lines = [(line, _is_long(line), _is_strange(line)) for line in text.splitlines(keepends=True)]
    start, left = 0, sum(len(line) for line, is_long, _ in lines if is_long)
    strange = sum(len(line) for line, _, is_strange in lines if is_strange)
    for line, is_long, is_strange in lines:
        if is_strange and start and strange >= MOST_STRANGE * left:
            return text[:start].rstrip(), True
        start += len(line)
        left -= len(line) if is_long else 0
        strange -= len(line) if is_strange else 0
    return text, False


def _is_long(line: str) -> bool:
    return len(line.encode("utf-8", "ignore")) >= LONG_LINE


def _is_strange(line: str) -> bool:
    """Whether a line is long, and like no language; what the detector cannot read is not strange."""
    try:
        _, _, found = pycld2.detect(line[:LOOK].encode("utf-8", "ignore"), bestEffort=True)
    except pycld2.error:
        return False
    scores = (float(score) for _, code, share, score in found if code != "un" and share >= LEAST_PERCENT)
    return _is_long(line) and max(scores, default=0.0) < STRANGE
