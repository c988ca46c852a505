"""What tests of the desk page share: a real folder with a newsroom's day in it, served on loopback."""

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from building import link, mention, told, topic
from sqlalchemy import insert

from enrich.article import EnrichedArticle
from ingest import rejected
from ingest.clock import to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import feeds, stories
from ingest.ledger.upsert import upsert
from search.alerts.engine import Engine
from search.alerts.stage import WatchStage
from search.alerts.why_not import Asking, why_not
from search.deliver.settings import ChannelSettings
from search.desk.app import create_app
from search.desk.context import Desk, DeskSettings
from search.index.embedded import EmbeddedIndex
from search.people import audit
from search.people.person import Person, Token
from search.people.store import People
from search.people.tokens import add_token
from search.query.parse import parse
from search.query.tree import Term
from search.watch import Watch
from search.watches import WatchStore

TOKEN = "the-token-of-the-folder"
PASSWORD = "harbour lamp seven oaks"
WATCHES = (
    Watch(
        id="release-for-relief",
        name="Release for relief",
        query="topic:prisoners.released AND topic:sanctions.eased AND entity:Q184",
        desk="Sanctions",
        severity="high",
        channels=("hook",),
    ),
    Watch(
        id="sanctions-eased",
        name="Sanctions eased, any country",
        query="topic:sanctions.eased.fact AND NOT topic:prisoners",
        desk="Sanctions",
        must_ring=("The Treasury lifted its sanctions on two banks.",),
        must_not_ring=("The Treasury will not lift its sanctions.",),
    ),
    Watch(id="prisoners", name="Prisoners, Caucasus", query="topic:prisoners AND entity:Q227", desk="Prisoners"),
    Watch(id="harbour", name="Strikes in ports", query="topic:protest.strike", desk="Baltic", severity="low"),
    Watch(id="borders", name="Borders", query="topic:border", desk="Baltic"),
    Watch(id="vote", name="Elections called or moved", query="topic:election", severity="low"),
)
COUNTRIES = {"Q184": "Belarus", "Q30": "United States", "Q227": "Azerbaijan", "Q142": "France", "Q212": "Ukraine"}


def named(surface, of, text):
    """A mention of a country by a word that stands for it."""
    return replace(mention(surface, id=of, text=text), name=COUNTRIES[of])


def swap(name, language, *, modality="proposed", source="", story="relief", **more):
    """An article that tells of a release and, in exchange, of eased sanctions."""
    outlet, title, text, (freed, relief, tie, belarus, america) = SWAPS[language]
    return told(
        name,
        title=title,
        text=text,
        language=language,
        source=source or outlet,
        story=story,
        topics=[
            topic("prisoners.released", words=freed, text=text, actor="Q184", number=3),
            topic("sanctions.eased", modality, words=relief, text=text, actor="Q30"),
        ],
        entities=[named(belarus, "Q184", text), named(america, "Q30", text)],
        links=[link(0, 1, words=tie, text=text)],
        **more,
    )


def one_event(name, language, text, words, event, *, source, title, party=(), **more):
    """An article that tells of one event."""
    said, modality = event
    entities = [named(*party, text)] if party else []
    actor = party[1] if party else ""
    return told(
        name,
        title=title,
        text=text,
        language=language,
        source=source,
        topics=[topic(said, modality, words=words, text=text, actor=actor)],
        entities=entities,
        **more,
    )


def easing(name="late", words="lifted its sanctions", *, title="Treasury lifts curbs", modality="done", **more):
    """An article that rings "Sanctions eased, any country"."""
    text = f"The Treasury on Friday {words} on two banks, an official said."
    event = ("sanctions.eased", modality)
    return one_event(name, "en", text, words, event, title=title, **{"source": "Morning Wire", **more})


SWAPS = {  # language -> outlet, title, text, and the words for release, relief, their tie, Belarus, the United States
    "id": (
        "Harian Pagi",
        "Utusan AS ke Minsk, tiga tahanan bebas",
        "Tiga tahanan dibebaskan di Minsk pekan ini; sebagai imbalan, Washington menawarkan melonggarkan sanksi atas "
        "dua bank dan ekspor kalium, kata seorang pejabat yang mengetahui perundingan itu.",
        ("Tiga tahanan dibebaskan", "melonggarkan sanksi", "sebagai imbalan", "Minsk", "Washington"),
    ),
    "ru": (
        "Вести дня",
        "Минск освободил троих",
        "Освобождены трое заключённых, сообщили в Минске; в обмен США готовы смягчить санкции против двух банков.",
        ("Освобождены трое заключённых", "смягчить санкции", "в обмен", "Минске", "США"),
    ),
    "ar": (
        "صباح الخير",
        "بيلاروس تفرج عن ثلاثة سجناء",
        "أفرجت بيلاروس عن ثلاثة سجناء سياسيين، وفي المقابل عرضت الولايات المتحدة تخفيف العقوبات على المصارف.",
        ("أفرجت بيلاروس عن ثلاثة سجناء", "تخفيف العقوبات", "في المقابل", "بيلاروس", "الولايات المتحدة"),
    ),
    "pl": (
        "Kurier",
        "Trzech więźniów na wolności",
        "Mińsk uwolnił trzech więźniów, a Waszyngton zapowiedział w zamian złagodzenie sankcji na banki.",
        ("uwolnił trzech więźniów", "złagodzenie sankcji", "w zamian", "Mińsk", "Waszyngton"),
    ),
    "en": (
        "Harbour Wire",
        "Minsk frees three as Washington weighs relief",
        "Three political prisoners walked free in Belarus on Monday. In return, the United States will ease its "
        "sanctions.",
        ("Three political prisoners walked free", "ease its sanctions", "In return", "Belarus", "United States"),
    ),
}


def the_day():
    """(minutes ago, article) in order of arrival: a story in five languages, and others told once."""
    yield 310, one_event(
        "court", "az", "Məhkəmə redaktorun azad edilməsini rədd etdi, vəkili bildirdi.", "azad edilməsini rədd etdi",
        ("prisoners.released", "refused"), source="Xəbər", title="Məhkəmə redaktoru azad etmədi",
        party=("Məhkəmə", "Q227"), story="court",
    )  # fmt: skip
    yield 240, one_event(
        "port", "et", "Sadamatöölised alustasid streiki kell kuus hommikul.", "alustasid streiki",
        ("protest.strike", "ongoing"), source="Rannaleht", title="Sadam seisab", story="port",
    )  # fmt: skip
    yield 200, one_event(
        "vote", "fr", "Le président a promis de convoquer des élections avant l'été.", "convoquer des élections",
        ("election.called", "promised"), source="Le Courrier du Port", title="Des élections avant l'été ?",
        party=("président", "Q142"), story="vote",
    )  # fmt: skip
    yield 120, one_event(
        "border", "uk", "Уряд закрив два пункти пропуску на кордоні, повідомили прикордонники.",
        "закрив два пункти пропуску", ("border.closed", "done"), source="Північний вісник",
        title="Кордон: два пункти закрито", party=("Уряд", "Q212"), story="border",
    )  # fmt: skip
    yield 95, easing("treasury", title="Treasury lifts curbs on two banks", party=("Treasury", "Q30"), story="banks")
    yield 60, swap("id", "id", new=("first telling",))
    yield 52, swap("ru", "ru", new=("names the three",))
    for number, source in enumerate(("Утро", "Город", "Хроника"), 1):
        yield 52 - number, swap(f"ru{number}", "ru", source=source, copy_of="ru")
    yield 40, swap("ar", "ar")
    yield 25, swap("pl", "pl", modality="promised", new=("sanctions.eased: proposed -> promised",))
    yield 12, swap("en", "en", modality="promised")
    yield 9, one_event(
        "union", "en", "The strike in the northern port was called off, the union denied.", "strike",
        ("protest.strike", "denied"), source="Harbour Wire", title="Union denies end of strike", story="port2",
    )  # fmt: skip


@dataclass
class Newsroom:
    """A folder with its parts; `feed` sends articles down the route, at `now` or `minutes` before it."""

    folder: Path
    ledger: Ledger
    index: EmbeddedIndex
    watches: WatchStore
    stage: WatchStage
    moment: datetime | None = None
    wrong: str = ""  # what `alive` says
    asked: list[tuple[str, ...]] = field(default_factory=list)  # test rings and feeds that were asked for

    def clock(self):
        return self.moment or datetime.now(UTC)

    def feed(self, *articles, minutes=0):
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        self.moment = at if minutes else None
        arrived = [_arrived(article, at) for article in articles]
        self.index.add(arrived)
        self._note_stories(arrived)
        self.stage.handle(arrived)
        self.moment = None

    def feed_the_day(self):
        for minutes, article in the_day():
            self.feed(article, minutes=minutes)

    def add_feeds(self, *addresses):
        """Rows of feeds that were polled a moment ago; the last one fails."""
        with self.ledger.begin() as transaction:
            for number, address in enumerate(addresses, 1):
                row = {
                    "id": f"f{number}", "url_given": address, "url": address, "title": f"Outlet {number}",
                    "added": to_ms(self.clock()), "next_poll": to_ms(self.clock()) + 300_000, "interval_seconds": 300.0,
                    "last_poll": to_ms(self.clock()) - 4000, "last_new": to_ms(self.clock()) - 60_000, "entries": 12,
                    "failures": 4 if number == len(addresses) else 0,
                    "outcome": "not-found" if number == len(addresses) else "new",
                }  # fmt: skip
                transaction.execute(insert(feeds.feeds).values(row))

    def reject(self, record="entry-1", reason="the page is not text", data=b"<script>alert(1)</script>", feed="f1"):
        with self.ledger.begin() as transaction:
            return rejected.reject(
                transaction, stage="collect", record=record, feed=feed, url="https://news.example/bad", reason=reason,
                kind="text/html", data=data, at_ms=to_ms(self.clock()),
            )  # fmt: skip

    def add_person(self, name="Ana", role="operator", desks=(), password=PASSWORD):
        person = Person(name=name, role=role, desks=tuple(desks), added=self.clock())
        return People(self.ledger, clock=self.clock).add(person, password=password, by="Root")

    def add_token(self, person, role="reader", desks=(), name="robot", until=None):
        token = Token(name=name, person=person, role=role, desks=tuple(desks), made=self.clock(), until=until)
        return add_token(self.ledger, token, by="Root")

    def audit(self, **sought):
        """What was done, oldest first, as (who, what, subject, detail)."""
        found, _ = audit.listing(self.ledger, audit.Sought(**sought), 1000)
        return [(one.who, one.what, one.subject, one.detail) for one in reversed(found)]

    def _note_stories(self, arrived):
        with self.ledger.begin() as transaction:
            for article in arrived:
                at = to_ms(article.enriched.article.seen)
                row = {
                    "id": article.story, "title": article.enriched.article.title, "first_seen": at, "last_seen": at,
                    "size": 1,
                }  # fmt: skip
                statement = upsert(transaction, stories.stories).values(row).on_conflict_do_nothing()
                if not transaction.execute(statement).rowcount:
                    size = stories.stories.c.size + 1
                    of = stories.stories.c.id == article.story
                    transaction.execute(stories.stories.update().where(of).values(last_seen=at, size=size))

    def desk(self, **more):
        engine = Engine()

        def stored(name):
            return next(iter(self.index.search(Term("id", name), limit=1).articles), None)

        async def test_ring(channel, by):
            self.asked.append(("ring", channel, by))
            return "accepted by <b>the receiver</b>"

        def add_feeds(source):
            self.asked.append(("feeds", source))
            return "1 feed added"

        asking = Asking(ledger=self.ledger, watches=self.watches, explain=engine.explain, stored=stored)
        given = {
            "ledger": self.ledger,
            "index": self.index,
            "watches": self.watches,
            "enrich": read_sentence,
            "test_ring": test_ring,
            "why_not": lambda url, watch: why_not(asking, url, watch),
            "add_feeds": add_feeds,
            "channels": (ChannelSettings(name="hook", kind="apprise", url="json://127.0.0.1/"),),
            "token": TOKEN,
            "alive": lambda: self.wrong,
            "clock": self.clock,
            "settings": DeskSettings(hosts=("desk.example",)),
        }
        return Desk(**{**given, **more})


def read_sentence(text) -> EnrichedArticle:
    """A sentence as a small reader understands it: it knows one event, in English."""
    words = "lifted its sanctions" if "lifted its sanctions" in text else "lift its sanctions"
    modality = "refused" if "will not" in text else "done"
    found = [topic("sanctions.eased", modality, words=words, text=text)] if words in text else []
    return told("example", text=text, topics=found).enriched


def _arrived(article, at):
    """The article as if it had arrived at that time."""
    page = replace(article.enriched.article, seen=at)
    return replace(article, enriched=replace(article.enriched, article=page))


@contextmanager
def newsroom(folder):
    """A new folder with the watches in force."""
    ledger, index = Ledger.open(folder / "ledger.db"), EmbeddedIndex(folder / "index.db")
    watches = WatchStore(ledger, parse)
    for watch in WATCHES:
        watches.put(watch, by="Ana")
    found = Newsroom(folder=folder, ledger=ledger, index=index, watches=watches, stage=None)
    found.stage = WatchStage(ledger, watches, Engine(), clock=found.clock)
    try:
        yield found
    finally:
        index.close()
        ledger.close()


@contextmanager
def served(desk, port=0):
    """The desk page, answered from a thread; gives its address. Open pages are let go when it ends."""
    # Named, the protocol lets asyncio switch off Nagle's algorithm, which else costs 40 ms an answer.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    app = create_app(desk)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            lifespan="off",
            ws="none",
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        app.state.closing = True
        server.should_exit = True
        thread.join(10)
        listening.close()


def until(true, seconds=10.0):
    """Waits for `true()` and gives what it gave."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
    return found
