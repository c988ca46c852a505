"""Every flow run once by a real worker on a small newsroom, one of them cancelled, and what the page shows of it."""

import os
import threading
from datetime import timedelta

import pytest
from browser_kit import chromium, needs_browser
from desk_picture import packed
from prefect_kit import ROOT, served, working
from sqlalchemy import func, select

from flows.demo.newsroom import Newsroom
from flows.demo.stock import stock
from flows.home import Home, owner_of
from flows.opening import owning
from flows.running import drain_once, take_over_watches
from flows.subscribing import subscribe_to
from ingest.account import account
from ingest.clock import now
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables import feeds as feed_tables

PICTURES = os.environ.get("TOCSIN_PICTURE")
pytestmark = pytest.mark.timeout(1200)
OUTLETS = {article.outlet.id for article in stock()}


class HeldNewsroom(Newsroom):
    """A newsroom whose pages wait until they are let go."""

    def __init__(self, **more):
        super().__init__(**more)
        self.asked, self.let_go = threading.Event(), threading.Event()
        self._server.handle_error = lambda *_: None  # whoever was cancelled reads no answer

    def answer(self, path):
        if path in {article.path for article in stock()}:
            self.asked.set()
            self.let_go.wait(100)
        return super().answer(path)


@pytest.fixture(scope="module")
def newsroom():
    opened = now() - timedelta(minutes=10)  # everything is published, and some of it edited
    newsroom = HeldNewsroom(opened=opened)
    newsroom.start()
    yield newsroom
    newsroom.let_go.set()
    newsroom.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory, newsroom):
    home = Home(tmp_path_factory.mktemp("worker") / "home")
    home.prepare()
    home.settings.write_text(
        '[operate]\nchannels = ["desk"]\n[[channels]]\nname = "desk"\nkind = "apprise"\nurl = "json://127.0.0.1:9/x"\n'
    )
    with owning(home, allow_loopback=True) as parts:
        subscribe_to(parts, [newsroom.feeds_url])
        take_over_watches(parts, ROOT / "flows" / "demo" / "watches.toml")
    return home


@pytest.fixture(scope="module")
def server(home):
    with served(home.path.parent) as server:
        yield server


@pytest.fixture(scope="module")
def seen(server, home, newsroom):
    """What every flow left, in the order of the route."""
    seen = {}
    with working(server, home.path):
        polled = server.ended(server.run("collect", allow_loopback=True))
        seen["collect"] = polled, server.artifacts(polled["id"])

        cut_off = server.run("drain", stage="extract", allow_loopback=True)
        assert newsroom.asked.wait(200)
        server.cancel(cut_off)
        seen["cancelled"] = server.ended(cut_off)
        seen["left"] = _standing(home)
        newsroom.let_go.set()

        drained = server.ended(server.run("drain", stage="extract", allow_loopback=True))
        seen["extract"] = drained, server.artifacts(drained["id"])
        seen["account"] = _standing(home)
        for stage in ("enrich", "stories", "index", "watch"):
            drain_once(home, stage)
        asked = {
            "digest": {"channels": ["desk"]},
            "backfill": {"source": "addresses", "addresses": ["https://a.example/1", "ftp://a.example"]},
            "replay": {"since": (now() - timedelta(days=1)).isoformat()},
            "reindex": {},
            "maintenance": {},
        }
        runs = {flow: server.run(flow, **parameters) for flow, parameters in asked.items()}  # they take turns
        for flow, run in runs.items():
            ended = server.ended(run)
            seen[flow] = ended, server.artifacts(run)
        tomorrow = (now() + timedelta(days=2)).date().isoformat()
        seen["too early"] = server.ended(server.run("digest", channels=["desk"], before=tomorrow))
        seen["logs"] = server.logs(drained["id"], "of")
    return seen


def _standing(home):
    with owning(home) as parts, parts.ledger.read() as connection:
        rows = feed_tables.fetches.c
        states = dict(connection.execute(select(rows.state, func.count()).group_by(rows.state)).all())
        found = account(parts.ledger)
        tried = connection.execute(select(func.max(rows.attempts)).where(rows.state == "waiting")).scalar()
    return states, found, tried


def completed(seen, flow):
    run, artifacts = seen[flow]
    assert run["state"]["type"] == "COMPLETED", run["state"]
    return artifacts


def test_collect_polls_what_is_due_and_leaves_a_table(seen):
    run, artifacts = seen["collect"]
    assert run["state"]["type"] == "COMPLETED", run["state"]
    kind, rows, said = artifacts["collect"]
    assert (kind, said) == ("table", f"{len(OUTLETS)} feeds were due and polled.")
    assert sum(row["feeds"] for row in rows) == len(OUTLETS)


def test_a_run_that_is_cancelled_in_the_middle_leaves_nothing_half_done(seen, home):
    assert seen["cancelled"]["state"]["type"] == "CANCELLED", seen["cancelled"]["state"]
    states, found, tried = seen["left"]
    assert states.get("leased", 0) == 0  # what was taken is put back
    assert tried == 0  # and it does not count as tried
    assert found.lost == 0
    assert found.in_queue == states["waiting"] == found.seen - found.done - found.same
    assert owner_of(home) is None


def test_the_next_run_goes_on_and_finishes(seen):
    run, artifacts = seen["extract"]
    assert run["state"]["type"] == "COMPLETED", run["state"]
    (row,) = artifacts["drain-extract"][1]
    assert row["left"] == 0
    _, found, _ = seen["account"]
    assert (found.in_flight, found.lost, found.rejected) == (0, 0, 0)
    assert found.done + found.same == found.seen


def test_the_logs_show_the_stage_with_counts(seen):
    assert "extract: " in seen["logs"]
    assert "pages finished pages=" in seen["logs"]  # the stage's own line with its facts


def test_a_digest_of_a_day_that_is_not_over_says_so(seen):
    assert seen["too early"]["state"]["type"] == "FAILED"
    assert "is not over yet; ask for an earlier one" in seen["too early"]["state"]["message"]


def test_a_digest_shows_what_it_told_and_what_became_of_it(seen):
    artifacts = completed(seen, "digest")
    kind, page, said = artifacts["digest"]
    assert (kind, said[:22]) == ("markdown", "Digest for all desks, ")
    assert "[The desk page](http://127.0.0.1:8740)" in page
    assert "desk: failed: 127.0.0.1:9 is not open" in page  # nobody opened that channel
    assert {row["watch"] for row in artifacts["digest-watches"][1]} >= {"Release for relief", "Sanctions imposed"}


def test_backfill_says_what_came_of_each_source_and_address(seen):
    artifacts = completed(seen, "backfill")
    assert {(row["outcome"], row["pages"]) for row in artifacts["backfill"][1]} == {("queued", 1), ("refused", 1)}
    assert {row["address"]: row["outcome"] for row in artifacts["backfill-problems"][1]} == {
        "https://a.example/1": "queued", "ftp://a.example": "refused",
    }  # fmt: skip


def test_replay_with_the_same_packs_would_change_no_alert(seen):
    artifacts = completed(seen, "replay")
    kind, rows, said = artifacts["replay-watches"]
    assert kind == "table"
    assert "0 with other tags. Nothing was written." in said
    assert sum(row["same"] for row in rows) > 0
    assert {(row["gained"], row["lost"], row["changed"]) for row in rows} == {(0, 0, 0)}


def test_reindex_makes_the_index_anew(seen):
    kind, rows, _ = completed(seen, "reindex")["reindex"]
    assert kind == "table"
    assert rows[0]["articles"] == seen["account"][1].done


def test_maintenance_shows_checks_troubles_and_a_chart_of_what_waits(seen):
    artifacts = completed(seen, "maintenance")
    assert {row["check"] for row in artifacts["maintenance"][1]} >= {"ledger", "index", "entries", "feeds"}
    kind, data, said = artifacts["lag"]
    assert (kind, said[:9]) == ("image", "Waiting: ")
    assert data.startswith("data:image/svg+xml;base64,")
    assert "http://127.0.0.1:8740" in artifacts["desk"][1]


def test_a_flow_that_failed_is_told_through_the_operators_channels_once(seen, server, home):
    """The digest above failed after the first round of maintenance: the second tells it, the third does not."""
    with working(server, home.path):
        first = server.ended(server.run("maintenance"))
        second = server.ended(server.run("maintenance"))
    troubles = [row for run in (seen["maintenance"][0], first, second) for row in _troubles(server, run)]
    told = [
        row for row in troubles if row["trouble"].startswith("the flow digest failed") and "told now" in row["since"]
    ]
    assert len(told) == 1
    with owning(home) as parts, parts.ledger.read() as connection:
        bodies = connection.execute(select(alert_tables.notices.c.body)).scalars().all()
    assert sum(b"the flow digest failed" in body for body in bodies) == 1


def _troubles(server, run):
    return server.artifacts(run["id"])["maintenance-troubles"][1]


@needs_browser
def test_the_page_shows_the_deployments_a_form_and_what_a_run_left(seen, server):
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1180, "height": 760})
        page.set_default_timeout(120_000)
        strangers = []
        page.route("**/*", lambda route: _only_here(route, server.address, strangers))
        _shown(page, f"{server.address}/deployments", "maintenance", "deployments")
        replay = server.ask("/deployments/name/replay/replay")["id"]
        _shown(page, f"{server.address}/deployments/deployment/{replay}/run", "Articles that arrived", "form")
        run = seen["maintenance"][0]["id"]
        page.goto(f"{server.address}/runs/flow-run/{run}")
        page.get_by_text("Artifacts", exact=True).first.click()
        page.get_by_text("maintenance-troubles").first.scroll_into_view_if_needed()
        _pictured(page, "run")
        table = server.artifact(run, "maintenance")
        _shown(page, f"{server.address}/artifacts/artifact/{table}", "entries", "checks")
        chart = server.artifact(run, "lag")
        _shown(page, f"{server.address}/artifacts/artifact/{chart}", "Waiting", "lag")
        assert page.locator("img[src^='data:image/svg']").evaluate("image => image.naturalWidth") > 0


def _only_here(route, address, strangers):
    if route.request.url.startswith((address, "data:", "blob:")):
        route.continue_()
    else:
        strangers.append(route.request.url)
        route.abort()


def _shown(page, url, words, name):
    page.goto(url)
    page.get_by_text(words).first.wait_for()
    _pictured(page, name)


def _pictured(page, name):
    page.wait_for_timeout(1500)  # what fades in has come
    if PICTURES:
        picture = packed(page.screenshot())
        (ROOT / "docs" / f"prefect-{name}.png").write_bytes(picture)
