"""Every search and every panel of deploy/kibana over the demo's newsroom, on real servers: what it shows is right."""

from collections import Counter
from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from demo_room import furnish, moment, path
from index_kit import elastic
from kibana_kit import OPTIONS, as_kibana_asks, asked, found
from lens_kit import buckets, layer, rows
from test_kibana_objects import OBJECTS, kind_of, named, of, query_of

from enrich.article import MODALITY_GROUP
from flows.demo.stock import stock
from ingest.clock import from_ms
from ingest.feeds.outcome import GOOD
from ingest.ledger import Ledger
from search.index.elastic.follow import Follower
from search.index.embedded import EmbeddedIndex
from search.kibana.lucene import lucene
from search.query.parse import parse
from search.watches import read_watches

pytestmark = pytest.mark.servers

SERVERS = ("elasticsearch9", "elasticsearch8")
RINGS = {one.path.strip("/").removesuffix(".html"): one.rings for one in stock()}
RELEASE = {name for name, watches in RINGS.items() if "release-for-relief" in watches}
WATCHES = read_watches((files("flows.demo") / "watches.toml").read_text(encoding="utf-8"), "watches.toml", parse)


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory):
    ledger = Ledger.open(tmp_path_factory.mktemp("room") / "ledger.db")
    yield furnish(ledger, moment()), ledger
    ledger.close()


@pytest.fixture(scope="module")
def room(newsroom):
    return newsroom[0]


@pytest.fixture(scope="module", params=SERVERS)
def index(request, newsroom):
    room, ledger = newsroom
    with elastic(request.param) as made:
        made.add(room.told)
        Follower(ledger, made.server).step()
        made.refresh()
        yield made


def test_the_newsroom_is_whole_in_the_index(index, room):
    sizes = {"articles": room.told, "events": room.events, "alerts": room.alerts, "polls": room.polls}
    for kind, expected in {**sizes, "rejected": room.rejected}.items():
        assert len(found(index, "", kind)) == len(expected) > 0


def test_sanctions_eased_are_told_by_the_eleven_articles_on_the_release_and_by_no_denial(index, room):
    assert told_by(index, "tocsin-sanctions-eased") == room.articles(*RELEASE)
    assert len(RELEASE) == 11


def test_prisoners_are_released_in_the_same_eleven_articles_and_in_no_demand(index, room):
    assert told_by(index, "tocsin-prisoners-released") == room.articles(*RELEASE)
    hits = hits_of(index, "tocsin-prisoners-released")
    assert [hit["number"] for hit in hits] == [3] * 11
    assert all(hit["evidence"] in hit["sentence"] for hit in hits)


def test_alerts_of_today_are_those_that_rang_first_today(index, room):
    before = rang_today(room)
    shown = ids_of(index, "tocsin-alerts-today")
    assert shown in (before, rang_today(room))  # midnight may pass meanwhile
    assert len(before) < len(room.alerts)


def test_rejected_records_are_shown_until_they_are_resolved(index, room):
    assert ids_of(index, "tocsin-rejected") == {row["id"] for row in room.rejected}


def test_silent_feeds_are_shown_and_no_other(index, room):
    hits = hits_of(index, "tocsin-silent-feeds")
    assert {hit["feed"] for hit in hits} == {"silent"}
    assert len(hits) == sum(poll["silent"] for poll in room.polls)


@pytest.mark.parametrize("one", of("search"), ids=named)
def test_every_column_of_a_search_has_something_to_show(index, one):
    shown = set().union(*hits_of(index, one.id))
    # These are said by few texts, or by people: the demo's have none of them.
    quiet = {"cue", "assigned", "detail", "actor_name", "target_name"}
    assert set(one.attributes["columns"]) - shown <= quiet


def rang_today(room):
    midnight = datetime.now(ZoneInfo(OPTIONS["time_zone"])).replace(hour=0, minute=0, second=0, microsecond=0)
    return {one.id for one in room.alerts if one.rang and one.rang >= midnight}


def by_group(room):
    return Counter((topic.topic, MODALITY_GROUP[topic.modality]) for _, topic in room.events)


def day(one):
    return one.enriched.article.seen.strftime("%Y-%m-%d")


def names(one):
    return {mention.id: mention.name for mention in one.enriched.entities}


def counted(keys):
    """Keys -> how many of each, as rows of one number."""
    return {key if isinstance(key, tuple) else (key,): (count,) for key, count in Counter(keys).items()}


def stories_by_name(room):
    told = {}
    for one in room.told:
        for name in set(names(one).values()):
            told.setdefault((name,), []).append(one.story)
    return {key: (len(stories), len(set(stories))) for key, stories in told.items()}


def parties(room):
    acts = {}
    for one, topic in room.events:
        actor, target = (names(one).get(party, "") for party in (topic.actor, topic.target))
        if actor or target:
            key = (actor or "__missing__", topic.topic, target or "__missing__")
            acts.setdefault(key, []).append(topic.sure)
    return {key: (len(sure), sum(sure)) for key, sure in acts.items()}


def alerts_by_watch(room):
    kept = {}
    for one in room.alerts:
        kept.setdefault((one.watch_name, one.severity), []).append(one)
    return {
        key: (len(them), sum(one.rang is not None for one in them), sum(one.state == "open" for one in them))
        for key, them in kept.items()
    }


def failing(room):
    failed = [poll for poll in room.polls if poll["outcome"] not in GOOD]
    times = counted((poll["feed_url"], poll["outcome"]) for poll in failed)
    most = {poll["feed_url"]: poll["failures"] for poll in failed}
    return {key: (count, most[key[0]]) for key, (count,) in times.items()}


def slowest(room):
    urls = {poll["feed_url"] for poll in room.polls}
    return {(url,): (max(poll["seconds"] for poll in room.polls if poll["feed_url"] == url),) for url in urls}


def limits(room):
    held = [poll for poll in room.polls if poll["capped"] or poll["cut"] or poll["failed"]]
    return {
        (url,): tuple(
            sum(poll[name] for poll in held if poll["feed_url"] == url) for name in ("capped", "cut", "failed")
        )
        for url in {poll["feed_url"] for poll in held}
    }


def reasons(room):
    kept = {}
    for row in room.rejected:
        kept.setdefault((row["stage"], row["reason"]), []).append(row["times"])
    return {key: (len(times), sum(times)) for key, times in kept.items()}


def poll_day(poll):
    return from_ms(poll["at"]).strftime("%Y-%m-%d")


EXPECTED = {
    "articles": lambda room: {(): (len(room.told),)},
    "stories": lambda room: {(): (len({one.story for one in room.told}),)},
    "events": lambda room: {(): (sum(count for (_, group), count in by_group(room).items() if group == "fact"),)},
    "alerts": lambda room: {(): (sum(one.rang is not None for one in room.alerts),)},
    "events-over-time": lambda room: counted((day(one), topic.topic.split(".")[0]) for one, topic in room.events),
    "events-by-topic": lambda room: {key: (count,) for key, count in by_group(room).items()},
    "alerts-by-watch": alerts_by_watch,
    "who-acts": parties,
    "names": stories_by_name,
    "articles-by-language": lambda room: counted(one.enriched.language.code for one in room.told),
    "articles-by-source": lambda room: counted(one.enriched.article.source.lower() for one in room.told),
    "polls": lambda room: {(): (len(room.polls),)},
    "feeds": lambda room: {(): (len({poll["feed"] for poll in room.polls}),)},
    "silent": lambda room: {(): (len({poll["feed"] for poll in room.polls if poll["silent"]}),)},
    "new-entries": lambda room: {(): (sum(poll["new"] for poll in room.polls),)},
    "rejected-open": lambda room: {(): (len(room.rejected),)},
    "not-live": lambda room: {(): (sum(one.enriched.article.origin != "live" for one in room.told),)},
    "polls-over-time": lambda room: counted((poll_day(poll), poll["outcome"]) for poll in room.polls),
    "articles-over-time": lambda room: counted((day(one), str(one.enriched.article.origin)) for one in room.told),
    "failing-feeds": failing,
    "slow-feeds": slowest,
    "rejected-by-reason": reasons,
    "limits": limits,
}


@pytest.mark.parametrize("one", of("lens"), ids=named)
def test_a_panel_shows_the_right_numbers(index, room, one):
    expected = EXPECTED[one.id.removeprefix("tocsin-")](room)
    shown = rows(index, kind_of(one), one)
    assert shown
    assert any(number for numbers in shown.values() for number in numbers)
    assert shown.items() <= expected.items()
    split = buckets(layer(one))
    if split and split[0][1]["operationType"] == "terms":
        first = Counter(key[0] for key in expected)
        assert len({key[0] for key in shown}) == min(len(first), split[0][1]["params"]["size"])
    if len(expected) == len(shown):
        assert shown == expected
    else:
        assert one.id in {"tocsin-names", "tocsin-who-acts"}, "only the long tables leave something out"


def test_no_panel_is_left_unchecked():
    assert {one.id.removeprefix("tocsin-") for one in of("lens")} == set(EXPECTED)


@pytest.mark.parametrize("watch", WATCHES, ids=lambda watch: watch.id)
def test_the_query_of_a_ready_made_watch_finds_in_kibana_what_the_embedded_index_finds(index, room, watch, tmp_path):
    embedded = EmbeddedIndex(tmp_path / "index.db")
    embedded.add(room.told)
    ids = found(index, lucene(parse(watch.query)))
    assert ids == embedded.ids(parse(watch.query))
    assert ids == room.articles(*(path(one) for one in room.told if watch.id in RINGS[path(one)]))
    embedded.close()


def saved(name):
    return next(one for one in OBJECTS if one.key == ("search", name))


def hits_of(index, name):
    """The documents that a saved search shows, in its order."""
    one = saved(name)
    body = {
        "query": {"bool": {"filter": [as_kibana_asks(query_of(one)["query"])]}},
        "sort": [{field: {"order": way}} for field, way in one.attributes["sort"]],
        "size": 500,
    }
    return [hit["_source"] for hit in asked(index, kind_of(one), body)["hits"]["hits"]]


def ids_of(index, name):
    return {str(hit["id"]) for hit in hits_of(index, name)}


def told_by(index, name):
    return {hit["article"] for hit in hits_of(index, name)}
