"""What tests of alerts share: a watch, articles that match it, and the stage over a ledger."""

from building import NOON, told, topic
from sqlalchemy import select

from enrich.article import ToldArticle
from search.alert import Alert
from search.alerts.decide import Match, decide
from search.alerts.engine import Engine
from search.alerts.fold import after
from search.alerts.ids import alert_id
from search.alerts.store import find
from search.alerts.telling import telling_of
from search.watch import Watch

EASED = Watch(id="eased", name="Sanctions eased", query="topic:sanctions.eased", severity="medium", channels=("hook",))
WORDS = "Washington eased its sanctions on potash."
ENGINE = Engine()


def easing(id="a", modality="done", *, text=WORDS, sure=True, story="s", **more):  # noqa: A002
    """An article that tells of eased sanctions; with no `modality` it tells of nothing."""
    topics = [topic("sanctions.eased", modality, words="eased its sanctions", text=text, sure=sure)] if modality else []
    return told(id, title=f"Title {id}", text=text, topics=topics, story=story, **more)


def happens(alert, article: ToldArticle, watch=EASED, at=NOON):
    """The alert after the article, and the kinds of what happened."""
    found = ENGINE.explain(watch.query, article)
    why = found if found.true else None
    passages = ENGINE.passages(found, article, 3) if why else ()
    events = decide(
        alert, Match(watch=watch, story=article.story, telling=telling_of(article, why, passages), why=why), at
    )
    for event in events:
        alert = after(alert, event)
    return alert, [event.kind for event in events]


def history(*articles, watch=EASED):
    alert, kinds = None, []
    for article in articles:
        alert, found = happens(alert, article, watch)
        kinds += found
    return alert, kinds


def rows(ledger, table):
    with ledger.read() as connection:
        return connection.execute(select(table)).all()


def kept(ledger, story="s", watch="eased") -> Alert | None:
    with ledger.read() as connection:
        return find(connection, alert_id(watch, story))
