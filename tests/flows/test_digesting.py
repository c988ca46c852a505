"""Digests: what a desk is told of a day, once, through its own channels."""

import asyncio
import base64
import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from building import told, topic
from fetch_server import answer, serving

from flows.digesting import DigestAsked, digest_once, digested
from flows.home import Home
from flows.opening import owning
from ingest.clock import now
from ingest.verdict import Abort, Reject
from search.alerts.engine import Engine
from search.alerts.stage import WatchStage
from search.deliver.digest_words import counted
from search.watch import Watch

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
DAY = date(2026, 3, 3)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EASED = "Washington eased its sanctions."


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def channel_in(home, url="https://desk.example/hook"):
    home.prepare()
    home.settings.write_text(f'[[channels]]\nname = "hook"\nkind = "webhook"\nurl = "{url}"\nsecret = "{SECRET}"\n')


@contextmanager
def folder(home, at=NOON):
    with owning(home) as parts:
        yield replace(parts, clock=lambda: at)


def watch(parts, *, id="eased", desk="Sanctions", query="topic:sanctions.eased", channels=("hook",)):  # noqa: A002
    parts.watches.put(Watch(id=id, name=id.title(), query=query, desk=desk, channels=channels), by="Ana")


def ring(parts, count, first=0, at=NOON):
    batch = [
        told(f"a{n}", title=f"Sanctions eased {n}", text=EASED, story=f"s{n}", source=f"Outlet {n}", seen=at,
             topics=[topic(words="eased its sanctions", text=EASED)])
        for n in range(first, first + count)
    ]  # fmt: skip
    WatchStage(parts.ledger, parts.watches, Engine(), clock=lambda: at).handle(batch)


def asked(**more):
    return DigestAsked(**{"desk": "Sanctions", "before": DAY, **more})


def test_a_digest_counts_by_watch_and_shows_first_lines_with_links(home):
    channel_in(home)
    with folder(home) as parts:
        watch(parts)
        watch(parts, id="imposed", query="topic:sanctions.imposed")
        watch(parts, id="other", desk="Trade", query="topic:sanctions.eased")
        ring(parts, 2)
        made = digested(replace(parts, clock=lambda: NOON + timedelta(days=1)), asked())
    assert {count.name: counted(count) for count in made.digest.counts} == {"Eased": "2 rang", "Imposed": "nothing"}
    assert sorted(line.sources for line in made.digest.lines) == [("Outlet 0",), ("Outlet 1",)]
    assert all(f"/alerts/{line.alert}" in made.text for line in made.digest.lines)
    assert made.channels == {"hook": "waiting"}
    assert "2026-03-02 00:00 to 2026-03-03 00:00 UTC: 2 alerts" in made.text


def test_hits_over_the_limit_are_counted(home):
    channel_in(home)
    with folder(home) as parts:
        watch(parts)
        ring(parts, 5)
        made = digested(replace(parts, clock=lambda: NOON + timedelta(days=1)), asked(limit=2))
    assert (len(made.digest.lines), made.digest.left_out, made.digest.rang) == (2, 3, 5)
    assert "3 more rang; the desk page shows all" in made.text


def test_what_rang_at_midnight_belongs_to_one_period_only(home):
    channel_in(home)
    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    with folder(home) as parts:
        watch(parts)
        ring(parts, 1, at=midnight)
        later = replace(parts, clock=lambda: midnight + timedelta(days=2))
        assert digested(later, asked()).digest.rang == 0
        assert digested(later, asked(before=DAY + timedelta(days=1))).digest.rang == 1


def test_a_day_is_bounded_by_the_midnights_of_its_zone(home):
    channel_in(home)
    with folder(home) as parts:
        watch(parts)
        ring(parts, 1, at=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))  # half past midnight in Warsaw
        later = replace(parts, clock=lambda: NOON + timedelta(days=3))
        assert digested(later, asked(zone="Europe/Warsaw")).digest.rang == 0
        assert digested(later, asked(zone="Europe/Warsaw", before=DAY + timedelta(days=1))).digest.rang == 1


def test_a_week_runs_from_monday_to_monday(home):
    channel_in(home)
    with folder(home) as parts:
        watch(parts)
        made = digested(replace(parts, clock=lambda: NOON + timedelta(days=9)), asked(span="week", before=None))
    assert made.digest.period.since == datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
    assert made.digest.period.until == datetime(2026, 3, 9, tzinfo=UTC)


def test_it_goes_out_through_a_real_receiver_once_for_a_period(home):
    async def scene():
        async with serving({"/hook": answer()}) as site:
            channel_in(home, site.url("/hook"))
            with folder(home, now()) as parts:
                watch(parts)
            first = await asyncio.to_thread(digest_once, home, DigestAsked(), allow_loopback=True)
            again = await asyncio.to_thread(digest_once, home, DigestAsked(), allow_loopback=True)
            return first, again, site.bodies, [site.header("webhook-id", n) for n in range(len(site.bodies))]

    first, again, bodies, ids = asyncio.run(scene())
    assert first.channels["hook"].startswith("sent: accepted")
    assert (first.sent_before, again.sent_before) == ((), ("hook",))
    assert len(bodies) == len(ids) == 1
    said = json.loads(bodies[0])
    assert said["type"] == "notice.digest"
    assert [row["name"] for row in said["data"]["watches"]] == ["Eased"]


def test_what_cannot_be_asked_says_what_to_write(home):
    channel_in(home)
    with folder(home) as parts:
        watch(parts)
        watch(parts, id="quiet", desk="Quiet", channels=())
        later = replace(parts, clock=lambda: NOON + timedelta(days=1))
        for wrong, said in (
            (asked(desk="Sport"), "no watch has the desk 'Sport'; there are Quiet, Sanctions"),
            (asked(zone="Mars"), "there is no time zone 'Mars'"),
            (asked(channels=("fax",)), "the settings have no channel fax; they have hook"),
            (asked(before=DAY + timedelta(days=9)), "is not over yet"),
        ):
            with pytest.raises(Reject, match=said):
                digested(later, wrong)
        with pytest.raises(Abort, match="no watch of this desk has a channel"):
            digested(later, asked(desk="Quiet"))
