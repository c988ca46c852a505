"""Pages that hang or kill the child that reads them, with real children: their neighbours live, they are set aside."""

import asyncio
from dataclasses import replace

import pytest
from fetch_server import answer, serving
from pages_kit import drain, entry, put, sent, stage, states

from ingest import rejected
from ingest.children import Children, ChildrenSettings
from ingest.extract import page_item
from ingest.pages import ENTRY_JOB, PAGE_JOB

JOBS = {PAGE_JOB: "page_jobs:read_page", ENTRY_JOB: "page_jobs:read_entry"}
TEXT = "The envoys came back on Monday and told nobody what had been said. " * 6


def body(number, word=""):
    return (
        f"<html><head><title>Page {number}</title></head><body><article><h1>Page {number}</h1>"
        f"<p>{number} {TEXT}</p><p>{word} {TEXT}</p></article></body></html>"
    ).encode()


REASONS = [("HANG", "no answer"), ("SPIN", "processor time"), ("KILL", "was killed")]


@pytest.mark.parametrize(("word", "reason"), REASONS)
def test_one_page_in_eight_is_bad_and_its_seven_neighbours_are_read(tmp_path, word, reason):
    limits = ChildrenSettings(count=1, wall_seconds=2.0 if word == "HANG" else 15.0, cpu_seconds=1)
    pages = {f"/{number}": answer(body(number, word if number == 3 else "")) for number in range(8)}

    async def scenario():
        async with (
            serving(pages) as site,
            Children(JOBS, limits) as children,
            stage(tmp_path, children=children) as parts,
        ):
            tools = replace(parts, page=page_item)
            put(tools, *(entry(site.url(path), title=f"Page {path}") for path in pages))
            await drain(tools)
            assert len(sent(tools.ledger)) == 7
            assert sorted(states(tools.ledger)) == ["done"] * 7 + ["rejected"]
            (kept,) = rejected.listing(tools.ledger, 9)
            assert reason in kept.reason
            assert rejected.show(tools.ledger, kept.id).data == body(3, word)

    asyncio.run(asyncio.wait_for(scenario(), 60))
