"""An alert and one of its events -> what a desk is told, as plain values, text and HTML."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import urlsplit

from enrich.article import MODALITY_GROUP
from search.alert import Alert, AlertEvent, Passage, Said, Telling
from search.alerts.fold import standing
from search.deliver.notices import Notice

MOST_PASSAGES = 4
BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
SIGN = {"rang": "", "escalated": "Again: ", "withdrawn": "Withdrawn: "}
CHIP = "display:inline-block;margin:0 .3em .3em 0;padding:0 .5em;border-radius:3px;font-size:12px;"
FRAME = {
    "fact": "background:#1c1b19;color:#fbfaf7;border:1px solid #1c1b19",
    "said": "border:1px dashed #1c1b19",
    "unclear": "border:1px dotted #66625a;color:#66625a",
    "not": "border:1px solid #b0aca3;color:#66625a;text-decoration:line-through",
}
MARK = ("#ffe58a", "#cfe8ff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One delivery in words, and the records behind it. One-line fields hold no control characters."""

    id: str  # of the delivery
    thread: str  # the alert's id: what belongs together
    kind: str  # of the event: "rang", "escalated", "withdrawn"; of a notice: "digest", "trouble"; "test"
    at: datetime
    subject: str
    url: str  # permalink
    text: str
    html: str
    event: AlertEvent | None = None
    alert: Alert | None = None
    notice: Notice | None = None


def message_of(delivery: str, alert: Alert, event: AlertEvent, desk_url: str) -> Message:
    """What a channel is told of `event`, the alert as it is now."""
    url = f"{desk_url.rstrip('/')}/alerts/{alert.id}"
    return Message(
        id=delivery,
        thread=alert.id,
        kind=event.kind,
        at=event.at,
        subject=one_line(f"{SIGN.get(event.kind, '')}{alert.gloss}"),
        url=url,
        text=_text(alert, event, url),
        html=_html(alert, event, url),
        event=event,
        alert=alert,
    )


def notice_message(delivery: str, notice: Notice) -> Message:
    """What a channel is told of a notice."""
    return Message(
        id=delivery,
        thread=notice.id,
        kind=notice.kind,
        at=notice.at,
        subject=one_line(notice.subject),
        url=notice.url,
        text=notice.text,
        html=notice.html,
        notice=notice,
    )


def trial_message(delivery: str, channel: str, by: str, at: datetime, desk_url: str) -> Message:
    """A ring by which a desk sees that a channel works."""
    said = f"This is a test of the channel {one_line(channel)}, asked for by {one_line(by)}. Nothing has happened."
    return Message(
        id=delivery,
        thread=delivery,
        kind="test",
        at=at,
        subject=f"Test of the channel {one_line(channel)}",
        url=desk_url,
        text=f"{said}\n\n{desk_url}\n",
        html=f"<p>{escape(said)}</p><p>{_link(desk_url, desk_url)}</p>",
    )


def one_line(text: str) -> str:
    """`text` without control characters and line breaks, fit for a header.

    >>> one_line("a\\r\\nBcc: b")
    'a Bcc: b'
    """
    return BREAKS.sub(" ", text).strip()


def shown(alert: Alert) -> list[tuple[Telling, Passage]]:
    """The passages to read first: one of each text that still stands, then more."""
    tellings = standing(alert.tellings) or list(alert.tellings)
    firsts = [(telling, telling.passages[0]) for telling in tellings if telling.passages]
    more = [(telling, passage) for telling in tellings for passage in telling.passages[1:]]
    return [*firsts, *more][:MOST_PASSAGES]


def events_said(alert: Alert) -> list[Said]:
    """The events that matched, each as it is told, without repeats."""
    tellings = standing(alert.tellings) or alert.tellings
    found = {(said.topic, said.modality): said for telling in tellings for said in telling.said if said.matched}
    return list(found.values())


def _sources(alert: Alert) -> str:
    names = list(dict.fromkeys(telling.source for telling in standing(alert.tellings) or alert.tellings))
    return ", ".join(names)


def _chip_text(said: Said) -> str:
    return f"{said.topic.replace('.', ' ').replace('-', ' ')} · {said.modality}{'' if said.sure else '?'}"


def _text(alert: Alert, event: AlertEvent, url: str) -> str:
    lines = [
        alert.gloss,
        f"{alert.watch_name} · {alert.severity}" + (f" · {alert.desk}" if alert.desk else ""),
        f"Why now: {event.reason}",
        "",
        *(f"[{_chip_text(said)}]" for said in events_said(alert)),
    ]
    for telling, passage in shown(alert):
        lines += ["", _starred(passage), f"  {telling.source} ({telling.language}), {telling.seen:%Y-%m-%d %H:%M} UTC"]
        lines += [f"  {telling.url}"] if _followable(telling.url) else []
    lines += ["", f"Sources: {_sources(alert)}", "", url]
    return "\n".join(one_line(line) if not line.startswith("  ") else f"  {one_line(line)}" for line in lines) + "\n"


def _starred(passage: Passage) -> str:
    return _marked(passage, lambda text: text, lambda text, _part: f"*{text}*")


def _html(alert: Alert, event: AlertEvent, url: str) -> str:
    chips = "".join(
        f'<span style="{CHIP}{FRAME[MODALITY_GROUP.get(said.modality, "unclear")]}">{escape(_chip_text(said))}</span>'
        for said in events_said(alert)
    )
    quotes = "".join(_quote(telling, passage) for telling, passage in shown(alert))
    desk = f" · {escape(alert.desk)}" if alert.desk else ""
    return (
        f'<h1 style="font-size:18px;margin:0 0 .3em">{_isolated(alert.gloss)}</h1>'
        f'<p style="margin:0 0 .6em;color:#66625a">{escape(alert.watch_name)} · {alert.severity}{desk} · '
        f"{_isolated(event.reason)}</p><p>{chips}</p>{quotes}"
        f"<p>Sources: {_isolated(_sources(alert))}</p><p>{_link(url, 'Open the alert')}</p>"
    )


def _quote(telling: Telling, passage: Passage) -> str:
    def marked(text: str, part: int) -> str:
        return f'<mark style="background:{MARK[(part - 1) % len(MARK)]}">{escape(text)}</mark>'

    words = _marked(passage, escape, marked)
    source = _link(telling.url, telling.source) if _followable(telling.url) else _isolated(telling.source)
    return (
        f'<blockquote style="margin:0 0 .8em;padding-left:.8em;border-left:2px solid #e3dfd6">'
        f'<span dir="auto" lang="{escape(telling.language)}">{words}</span><br>'
        f'<span style="color:#66625a">{source} · {escape(telling.language)} · '
        f"{telling.seen:%Y-%m-%d %H:%M} UTC</span></blockquote>"
    )


def _marked(passage: Passage, plain: Callable[[str], str], marked: Callable[[str, int], str]) -> str:
    pieces, at = [], 0
    for mark in sorted(passage.marks, key=lambda mark: (mark.start, mark.end)):
        if mark.start < at or mark.end > len(passage.text):
            continue
        pieces += [plain(passage.text[at : mark.start]), marked(passage.text[mark.start : mark.end], mark.part)]
        at = mark.end
    return "".join([*pieces, plain(passage.text[at:])])


def _isolated(text: str) -> str:
    return f'<bdi dir="auto">{escape(one_line(text))}</bdi>'


def _link(url: str, text: str) -> str:
    return f'<a href="{escape(url)}" rel="noreferrer noopener">{_isolated(text)}</a>'


def _followable(url: str) -> bool:
    return urlsplit(url).scheme in ("http", "https")
