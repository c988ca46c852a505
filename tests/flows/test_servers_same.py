"""One newsroom through one folder, and through Kafka, Elasticsearch, PostgreSQL and Prefect: the same comes out."""

from contextlib import closing
from importlib.resources import files

import pytest
from prefect_kit import served, working
from route_kit import alerts, found, published_newsroom, tocsin
from servers_route_kit import deployment

from enrich.article import EnrichedArticle, ToldArticle
from flows.demo.stock import stock
from flows.opening import open_stream
from flows.stream import Received
from flows.stream.embedded import EmbeddedStream
from ingest import wire
from ingest.ledger import Ledger

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1200)]
WATCHES = str(files("flows.demo") / "watches.toml")
REST = ("stories", "index", "watch", "deliver")  # after the order of arrival has been fixed


@pytest.fixture(scope="module")
def newsroom():
    """Everything was published an hour ago; both runs read the same addresses."""
    with published_newsroom() as newsroom:
        yield newsroom


@pytest.fixture(scope="module")
def embedded(newsroom, tmp_path_factory):
    """The folder of a run with no server."""
    home = tmp_path_factory.mktemp("embedded") / "home"
    arguments = ("--feeds", newsroom.feeds_url, "--watches", WATCHES, "--allow-loopback", "--until-idle")
    tocsin("run", *arguments, home=home, timeout=600)
    return home


@pytest.fixture(scope="module")
def prefect(tmp_path_factory):
    """A Prefect server with every deployment."""
    with served(tmp_path_factory.mktemp("prefect")) as server:
        yield server


def flow(prefect, name, **parameters):
    """One run of a deployed flow, to its end."""
    run = prefect.ended(prefect.run(name, allow_loopback=True, **parameters), seconds=600)
    assert run["state"]["type"] == "COMPLETED", prefect.logs(run["id"], "", seconds=1)


def records(home, topic):
    """What stands on a topic in the folder, in order."""
    with closing(Ledger.open(home / "ledger.db", writable=False)) as ledger:
        return list(EmbeddedStream(ledger).waiting("nobody", topic))


def decoded(received, kind):
    return [wire.decode(record.value, kind) for record in received]


def tags(enriched):
    """What was understood of each article."""
    return {
        one.article.id: (one.article.revision, one.language, one.entities, one.topics, one.links) for one in enriched
    }


def stories(told):
    return {one.enriched.article.id: (one.story, one.copy_of, one.new, one.related, one.merged) for one in told}


def rung(listed):
    """Alerts without the times at which they came about."""
    return {
        alert["id"]: (
            alert["watch"],
            alert["story"],
            alert["state"],
            alert["gloss"],
            alert["severity"],
            [(event["id"], event["kind"]) for event in alert["events"]],
            [(telling["article"], telling["source"], telling["passages"]) for telling in alert["tellings"]],
        )
        for alert in listed
    }


def people_see(rows):
    return {row["id"]: (row["url"], row["title"], row["language"], row["story"], row["copy_of"]) for row in rows}


def arrive_in_order(deployed, order):
    """What was enriched, once more in the given order of articles; what came before is passed over."""
    with deployed.ledger() as ledger, closing(open_stream(deployed.settings, ledger)) as stream:
        came: list[Received] = []
        while len(came) < len(order):
            came += stream.read("stories", "enriched", len(order))
        by_article = {wire.decode(record.value, EnrichedArticle).article.id: record for record in came}
        stream.send("enriched", [(by_article[name].key, by_article[name].value) for name in order])
        stream.commit("stories", "enriched", came)
        return decoded(came, EnrichedArticle)


@pytest.mark.parametrize("kind", ["elasticsearch9", "elasticsearch8"])
def test_servers_give_what_one_folder_gives(kind, newsroom, embedded, prefect, tmp_path):
    enriched = decoded(records(embedded, "enriched"), EnrichedArticle)
    with (
        deployment(tmp_path / "home", elasticsearch=kind, TOCSIN__STREAM__PARTITIONS="1") as deployed,
        working(prefect, deployed.home, **deployed.environment),
    ):
        deployed.tocsin("watch", "check", WATCHES)
        deployed.tocsin("watch", "add", WATCHES)
        deployed.tocsin("feeds", "add", newsroom.feeds_url, "--allow-loopback")
        flow(prefect, "collect")
        for stage in ("extract", "enrich"):
            flow(prefect, "drain", stage=stage)
        there = arrive_in_order(deployed, [one.article.id for one in enriched])
        assert tags(there) == tags(enriched)
        assert len(tags(there)) == len(stock())
        for stage in REST:
            flow(prefect, "drain", stage=stage)
        with deployed.ledger() as ledger, closing(open_stream(deployed.settings, ledger)) as stream:
            told = decoded(stream.waiting("nobody", "told"), ToldArticle)
        assert stories(told) == stories(decoded(records(embedded, "told"), ToldArticle))
        assert people_see(deployed.found()) == people_see(found(embedded))
        assert rung(deployed.alerts()) == rung(alerts(embedded))
        assert any(alert["watch"] == "release-for-relief" for alert in deployed.alerts())
        assert "✗" not in deployed.doctor()
