"""Values -> HTML: the templates and what they call. The door of Jinja."""

from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from ingest.clock import from_ms
from search.alerts.acts import clean_name
from search.desk import marks

NAME_COOKIE = "tocsin_name"


def _iso(moment: datetime | int) -> str:
    return _moment(moment).isoformat(timespec="seconds").replace("+00:00", "Z")


def _clock(moment: datetime | int) -> str:
    return _moment(moment).strftime("%H:%M:%S")


def _moment(moment: datetime | int) -> datetime:
    return from_ms(moment) if isinstance(moment, int) else moment


def safe_link(url: str) -> str:
    """The address if a browser may follow it, else `#`.

    >>> safe_link("https://a.example/x"), safe_link("javascript:alert(1)"), safe_link("http://[bad")
    ('https://a.example/x', '#', '#')
    """
    try:
        return url if urlsplit(url).scheme in ("http", "https") else "#"
    except ValueError:
        return "#"


environment = Environment(
    loader=PackageLoader("search.desk"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.filters.update(
    iso=_iso,
    clock=_clock,
    quoted=marks.quoted,
    excerpt=marks.excerpt,
    direction=marks.direction,
    safe_link=safe_link,
)


def html(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A template as an answer."""
    return HTMLResponse(fragment(name, **values), status_code=status)


def fragment(name: str, **values: Any) -> str:
    """A template as text, for a part of a page."""
    return environment.get_template(name).render(**values)


def person(request: Request) -> str:
    """The name that the visitor gave, empty before."""
    return clean_name(unquote(request.cookies.get(NAME_COOKIE, "")))
