import asyncio
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from enrich.face import sentence_article
from flows.assembly import assembled
from flows.home import Home
from flows.latest import Latest
from flows.metrics import Figure, Meter
from flows.monitored import health_of
from flows.opening import owning
from flows.route import ROUTE
from ingest import wire
from ingest.entry import Origin
from ingest.feeds.lists import ListedFeed
from ingest.feeds.subscribe import subscribe
from ingest.rejected import reject

NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)


def samples(page):
    """{(name, labels)}: value} of a page of metrics, parsed as a scraper does."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_what_a_stage_does_is_counted_by_outcome():
    meter = Meter()
    meter.batch("enrich", done=30, rejected=2, seconds=0.2)
    meter.rejected("enrich")
    meter.retried("enrich", 32)
    found = samples(meter.page())
    assert {labels[0][1]: value for (name, labels), value in found.items() if name == "tocsin_records_total"} == {
        "done": 30,
        "rejected": 3,
        "retried": 32,
    }
    assert found["tocsin_batch_seconds_count", (("stage", "enrich"),)] == 1
    assert found["tocsin_batch_seconds_sum", (("stage", "enrich"),)] == pytest.approx(0.2)


@pytest.mark.parametrize(
    "record",
    [
        b'{"seen": "2026-10-01T07:59:15Z", "origin": "live"}',
        b'{"article": {"seen": "2026-10-01T07:59:15Z", "origin": "live"}}',
        b'{"enriched": {"article": {"seen": "2026-10-01T07:59:15Z", "origin": "live"}}}',
    ],
)
def test_the_time_from_arrival_is_taken_from_records_of_every_topic(record):
    meter = Meter()
    meter.passed("index", [record], NOW)
    found = samples(meter.page())
    assert found["tocsin_arrival_to_done_seconds_sum", (("stage", "index"),)] == 45
    assert found["tocsin_arrival_to_done_seconds_bucket", (("le", "30.0"), ("stage", "index"))] == 0
    assert found["tocsin_arrival_to_done_seconds_bucket", (("le", "60.0"), ("stage", "index"))] == 1


@pytest.mark.parametrize(
    "record", [b"not json", b"{}", b'{"seen": "2026-10-01T07:59:15Z", "origin": "backfill"}', b'{"seen": 3}']
)
def test_what_is_not_live_or_no_record_has_no_arrival_that_counts(record):
    meter = Meter()
    meter.passed("index", [record], NOW)
    assert not any(name == "tocsin_arrival_to_done_seconds_count" for name, _ in samples(meter.page()))


def test_counts_of_other_parts_are_read_when_somebody_asks():
    meter, counts = Meter(), Counter()
    meter.tally("tocsin_deliveries", "Attempts.", ["channel", "outcome"], lambda: counts)
    assert ("tocsin_deliveries_total", (("channel", "mail"), ("outcome", "sent"))) not in samples(meter.page())
    counts["mail", "sent"] += 2
    assert samples(meter.page())["tocsin_deliveries_total", (("channel", "mail"), ("outcome", "sent"))] == 2


def test_a_slow_question_is_asked_by_one_at_a_time_and_never_waited_for_too_long():
    asked, go_on = [], threading.Event()

    def ask():
        asked.append(1)
        go_on.wait(20)
        return "answer"

    latest = Latest(ask, keep_seconds=60, wait_seconds=0.05)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            latest.get()
    go_on.set()
    patient = latest._answer.result(20)
    assert (patient, latest.get(), asked) == ("answer", "answer", [1])


def test_an_answer_is_asked_for_again_once_it_is_old():
    asked = []
    latest = Latest(lambda: asked.append(1) or len(asked), keep_seconds=0, wait_seconds=20)
    assert [latest.get(), latest.get()] == [1, 2]


def test_a_figure_bears_its_labels():
    meter = Meter()
    meter.gauges(lambda: [Figure(name="tocsin_lag_records", help="Lag.", labels={"stage": "watch"}, value=7)])
    assert samples(meter.page())["tocsin_lag_records", (("stage", "watch"),)] == 7


@pytest.fixture(scope="module")
def folder_page(tmp_path_factory):
    """The metrics of a folder with one late feed, two records before extract, and one rejected record."""
    home = Home(tmp_path_factory.mktemp("metrics"))
    with owning(home) as parts:
        half_an_hour_ago = parts.clock() - timedelta(minutes=30)
        subscribe(parts.ledger, [ListedFeed(url="https://news.example/rss")], list_name="", now=half_an_hour_ago)
        parts.stream.send("entries", [("a", b"{}"), ("b", b"{}")])
        with parts.ledger.begin() as transaction:
            reject(transaction, stage="enrich", record="x", reason="torn", data=b"", at_ms=1)

        async def page():
            async with assembled(parts) as assembly:
                assembly.counts.polls["new"] += 3
                assembly.counts.pages["done"] += 4
                assembly.counts.alerts[("rang",)] += 1
                assembly.deliverer.counts["mail", "failed"] += 1
                health = health_of(assembly, [arrow.stage for arrow in ROUTE])
                return await asyncio.to_thread(health.answer, "/metrics")

        return samples(asyncio.run(page()).body)


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("tocsin_lag_records", {"stage": "extract"}, 2),
        ("tocsin_lag_records", {"stage": "watch"}, 0),
        ("tocsin_rejected_open_records", {"stage": "enrich"}, 1),
        ("tocsin_feeds", {"kind": "listed"}, 1),
        ("tocsin_feeds", {"kind": "failing"}, 0),
        ("tocsin_fetch_queue_pages", {"kind": "due"}, 0),
        ("tocsin_deliveries_unsent", {"kind": "held"}, 0),
        ("tocsin_polls_total", {"outcome": "new"}, 3),
        ("tocsin_pages_total", {"outcome": "done"}, 4),
        ("tocsin_alert_events_total", {"kind": "rang"}, 1),
        ("tocsin_deliveries_total", {"channel": "mail", "outcome": "failed"}, 1),
        ("tocsin_store_up", {"kind": "ledger"}, 1),
        ("tocsin_store_up", {"kind": "stream"}, 1),
        ("tocsin_store_up", {"kind": "index"}, 1),
    ],
)
def test_the_stores_and_the_counts_of_a_folder_are_shown(folder_page, name, labels, value):
    assert folder_page[name, tuple(sorted(labels.items()))] == value


def test_a_late_feed_shows_how_late_it_is(folder_page):
    assert folder_page["tocsin_oldest_waiting_seconds", (("stage", "collect"),)] >= 1800
    assert folder_page["tocsin_oldest_waiting_seconds", (("stage", "watch"),)] == 0


def test_labels_come_from_a_fixed_small_set(folder_page):
    labels = {name for family, pairs in folder_page if family.startswith("tocsin_") for name, _ in pairs}
    assert labels <= {"stage", "outcome", "kind", "channel", "le", "version", "python"}


def test_the_arrival_of_records_that_the_route_writes_can_be_read():
    replayed = sentence_article("Three prisoners were released in Minsk.", now=NOW)
    live = replace(replayed, origin=Origin.LIVE)
    assert [wire.arrival(wire.encode(article)) for article in (live, replayed)] == [NOW, None]
