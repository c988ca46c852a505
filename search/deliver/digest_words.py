"""A digest -> a notice: subject, text, HTML, and plain values for machines."""

from datetime import datetime, tzinfo
from html import escape

from search.deliver.digest import Digest, Line, WatchCount
from search.deliver.message import one_line
from search.deliver.notices import Notice

SOURCES_SHOWN = 4
CELL = 'style="padding:.1em .8em .1em 0;text-align:left"'


def digest_notice(made: Digest, at: datetime, zone: tzinfo, desk_url: str) -> Notice:
    """What goes out; times stand in `zone`."""
    desk = made.period.desk or "all desks"
    when = _period(made, zone)
    alerts = f"{made.rang} alert{'' if made.rang == 1 else 's'}" if made.rang else "no alert"
    subject = one_line(f"Digest for {desk}, {when}: {alerts}")
    url = desk_url.rstrip("/")
    return Notice(
        id=made.period.id,
        kind="digest",
        at=at,
        subject=subject,
        text=_text(made, subject, zone, url),
        html=_html(made, subject, zone, url),
        url=url,
        data=_data(made, url),
    )


def link(desk_url: str, alert: str) -> str:
    """Where people read the alert."""
    return f"{desk_url.rstrip('/')}/alerts/{alert}"


def counted(count: WatchCount) -> str:
    """The counts of a watch in words.

    >>> counted(WatchCount(watch="w", name="Eased", rang=2, again=1, withdrawn=0, silent=0))
    '2 rang, 1 again'
    """
    named = (("rang", count.rang), ("again", count.again), ("withdrawn", count.withdrawn), ("silent", count.silent))
    return ", ".join(f"{number} {name}" for name, number in named if number) or "nothing"


def left_out(made: Digest) -> str:
    """What the limit left out, in words; empty where it left out nothing."""
    return f"{made.left_out} more rang; the desk page shows all" if made.left_out else ""


def _period(made: Digest, zone: tzinfo) -> str:
    since, until = made.period.since.astimezone(zone), made.period.until.astimezone(zone)
    return f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} {until.tzname() or ''}".rstrip()


def _sources(line: Line) -> str:
    shown = ", ".join(line.sources[:SOURCES_SHOWN])
    more = len(line.sources) - SOURCES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _text(made: Digest, subject: str, zone: tzinfo, url: str) -> str:
    lines = [subject, "", *(f"{one_line(count.name)}: {counted(count)}" for count in made.counts)]
    for line in made.lines:
        when = f"{line.rang.astimezone(zone):%Y-%m-%d %H:%M}"
        lines += ["", one_line(line.gloss), f"  {one_line(line.watch)}, {line.severity}, {when}"]
        lines += [f"  {one_line(_sources(line))}", f"  {link(url, line.alert)}"]
    if made.left_out:
        lines += ["", left_out(made)]
    return "\n".join([*lines, "", url]) + "\n"


def _html(made: Digest, subject: str, zone: tzinfo, url: str) -> str:
    rows = "".join(
        f'<tr><td {CELL}><bdi dir="auto">{escape(one_line(count.name))}</bdi></td><td {CELL}>{counted(count)}</td></tr>'
        for count in made.counts
    )
    items = "".join(_item(line, zone, url) for line in made.lines)
    more = f"<p>{left_out(made)}</p>" if made.left_out else ""
    return (
        f'<h1 style="font-size:18px;margin:0 0 .3em">{escape(subject)}</h1><table>{rows}</table>'
        f'<ul style="padding-left:1em">{items}</ul>{more}<p><a href="{escape(url)}">Open the desk page</a></p>'
    )


def _item(line: Line, zone: tzinfo, url: str) -> str:
    when = f"{line.rang.astimezone(zone):%Y-%m-%d %H:%M}"
    return (
        f'<li style="margin:0 0 .6em"><a href="{escape(link(url, line.alert))}" rel="noreferrer noopener">'
        f'<bdi dir="auto">{escape(one_line(line.gloss))}</bdi></a><br><span style="color:#66625a">'
        f'<bdi dir="auto">{escape(one_line(line.watch))}</bdi> · {line.severity} · {when} · '
        f'<bdi dir="auto">{escape(one_line(_sources(line)))}</bdi></span></li>'
    )


def _data(made: Digest, url: str) -> dict[str, object]:
    return {
        "desk": made.period.desk,
        "since": made.period.since,
        "until": made.period.until,
        "watches": made.counts,
        "alerts": [{"alert": line, "url": link(url, line.alert)} for line in made.lines],
        "left_out": made.left_out,
    }
