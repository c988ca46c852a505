"""Text and HTML as feeds hold them -> plain text without what would break a record, a log or a mail."""

import re

from lxml import etree

UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
SKIPPED = frozenset({"script", "style", "template", "head", "noscript", "iframe", "object", "svg"})
BLOCKS = frozenset(
    """
    address article aside blockquote br dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6
    header hr li main nav ol p pre section table td th tr ul
    """.split()  # noqa: SIM905 - a list for people to read
)
MARKUP = re.compile(r"[<&]")


def clean(text: str) -> str:
    """`text` without control characters and lone surrogates; line ends are newlines."""
    return UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """`text` cleaned, its spaces and line ends as single spaces."""
    return " ".join(clean(text).split())


def plain(html: str) -> str:
    """The words of a piece of HTML, a line for each block.

    >>> plain("<p>One &amp; <b>two</b></p><script>x</script><p>three")
    'One & two\\nthree'
    """
    html = clean(html)
    if not MARKUP.search(html):
        return _tidy(html)
    parser = etree.HTMLParser(recover=True, no_network=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(f"<html><body><div>{html}</div></body></html>", parser)
    return _tidy("".join(_words(root))) if root is not None else ""


def _words(root: etree._Element) -> list[str]:
    words: list[str] = []
    depth = 0  # inside elements that are skipped
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            depth += tag in SKIPPED
            words.append("\n" if tag in BLOCKS else "")
            words.append(element.text or "" if not depth else "")
        else:
            depth -= tag in SKIPPED
            words.append("\n" if tag in BLOCKS else "")
            words.append(element.tail or "" if not depth else "")
    return words


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)
