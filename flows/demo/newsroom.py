"""The stock over time -> feeds and pages on loopback."""

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import quoteattr

from flows.demo import pages
from flows.demo.stock import Outlet, Stocked, stock
from ingest.clock import Clock, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What the newsroom has published, with what a right system does with it."""

    link: str
    article: Stocked


class Newsroom:
    """Serves the stock on 127.0.0.1. What stands in it depends only on the time since `opened`: it can be restarted."""

    def __init__(self, *, opened: datetime, port: int = 0, speed: float = 1.0, clock: Clock = now) -> None:
        """`port` 0 takes a free one. `speed` 10 publishes in a tenth of the time.

        Raises: OSError where the port is taken.
        """
        self.opened, self._speed, self._clock = opened, speed, clock
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def feeds_url(self) -> str:
        """The list of feeds, as OPML."""
        return f"{self.base}/feeds.opml"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def second(self) -> float:
        """Seconds of the schedule that have passed."""
        return (self._clock() - self.opened).total_seconds() * self._speed

    def published(self) -> list[Item]:
        """What stands in the newsroom now, oldest first."""
        second = self.second()
        return [Item(link=self.base + article.path, article=article) for article in stock() if article.at <= second]

    @property
    def seconds_left(self) -> float:
        """Until everything has been published and edited, in seconds of the clock."""
        last = max(max(article.at, article.edited_at or 0) for article in stock())
        return max(0.0, (last - self.second()) / self._speed)

    def date_of(self, article: Stocked) -> datetime:
        """The date that the outlet gives the article."""
        appeared = self.opened + timedelta(seconds=article.at / self._speed)
        return (appeared - timedelta(hours=article.late_hours)).replace(microsecond=0)

    def answer(self, path: str) -> tuple[bytes, str, datetime] | None:
        """Body, content type and time of the last change; None where there is nothing."""
        if path == "/feeds.opml":
            return _opml(self.base, {article.outlet for article in stock()}), "text/x-opml", self.opened
        standing = {item.article.path: item.article for item in self.published()}
        if path in standing:
            article = standing[path]
            body, kind = pages.page(article, self.base + path, self.date_of(article), article.text_at(self.second()))
            return body, kind, self.date_of(article)
        for outlet in {article.outlet for article in stock()}:
            if path == f"/{outlet.id}/feed.xml":
                return self._feed(outlet, standing.values())
        return None

    def _feed(self, outlet: Outlet, standing: Iterable[Stocked]) -> tuple[bytes, str, datetime]:
        own = [article for article in standing if article.outlet == outlet]
        shown = [(article, self.date_of(article), article.text_at(self.second())) for article in reversed(own)]
        body, kind = pages.feed(outlet, self.base, shown)
        return body, kind, max((date for _, date, _ in shown), default=self.opened)


def _opml(base: str, outlets: Iterable[Outlet]) -> bytes:
    lines = "".join(
        f"<outline type='rss' text={quoteattr(outlet.name)} xmlUrl={quoteattr(f'{base}/{outlet.id}/feed.xml')}/>"
        for outlet in sorted(outlets, key=lambda outlet: outlet.id)
    )
    head = "<head><title>Tocsin's bundled newsroom</title></head>"
    return f'<?xml version="1.0" encoding="utf-8"?><opml version="2.0">{head}<body>{lines}</body></opml>'.encode()


def _handler(newsroom: Newsroom) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = newsroom.answer(self.path.split("?")[0])
            if found is None:
                self.send_error(404)
                return
            body, kind, changed = found
            tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            unchanged = self.headers.get("If-None-Match") == tag
            self.send_response(304 if unchanged else 200)
            self.send_header("ETag", tag)
            self.send_header("Last-Modified", format_datetime(changed, usegmt=True))
            if not unchanged:
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if not unchanged:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own signature
            """Says nothing: the demo's terminal shows progress."""

    return Handler
