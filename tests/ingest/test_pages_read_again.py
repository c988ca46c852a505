"""What was published is read again from the archive, and comes out as the same records."""

from dataclasses import replace

from fetch_server import serving
from pages_kit import Reader, Time, article_rows, drain, entry, put, sent, stage
from pages_scene_kit import html, run
from sqlalchemy import delete

from ingest.archive import files
from ingest.ledger.tables.feeds import fetches
from ingest.pages import plan_checks
from ingest.pages.again import read_again


def newest(ledger):
    """The newest revision of each article as it went on the stream, by id."""
    return {article.id: article for article in sent(ledger)}


def asked(tools):
    return [row.id for row in article_rows(tools.ledger)]


def test_every_kind_of_article_is_read_again_as_it_was_published(tmp_path):
    async def scenario():
        time = Time()
        pages = {
            "/plain": html(text="One."),
            "/edited": html(text="First."),
            "/moved": html("Moved", "A text.", canonical="/canonical"),
        }
        async with serving(pages) as site, stage(tmp_path, time) as tools:
            put(tools, *(entry(site.url(path)) for path in pages))
            put(tools, entry(site.url("/none"), content="What the feed tells.", guid="feed-only"))
            await drain(tools)
            edited = next(article for article in sent(tools.ledger) if article.url.endswith("/edited"))
            with tools.ledger.begin() as tx:
                plan_checks(tx, edited, time())
            time.pass_(hours=1)
            site.answers["/edited"] = html(text="Second.")
            await drain(tools)
            told = newest(tools.ledger)
            assert {article.text for article in told.values()} == {"One.", "Second.", "A text.", "What the feed tells."}
            found = await read_again(asked(tools), tools)
            assert {article.id: article for article in found.articles} == told
            assert (found.changed, found.lost) == ([], {})
            assert len(sent(tools.ledger)) == 5  # nothing more was published

    run(scenario)


def test_a_withdrawn_article_stays_withdrawn_and_says_that_its_words_are_lost(tmp_path):
    async def scenario():
        time = Time()
        async with serving({"/1": html(text="One.")}) as site, stage(tmp_path, time) as tools:
            put(tools, entry(site.url("/1")))
            await drain(tools)
            with tools.ledger.begin() as tx:
                plan_checks(tx, sent(tools.ledger)[0], time())
            time.pass_(hours=1)
            del site.answers["/1"]
            await drain(tools)
            (told,) = newest(tools.ledger).values()
            assert told.withdrawn
            (found,) = (await read_again(asked(tools), tools)).articles
            lost = {"text": "", "language": found.language, "flags": ("text-lost",)}
            assert found == replace(told, **lost)

    run(scenario)


def test_without_the_archive_the_feed_speaks_or_the_reason_is_told(tmp_path):
    async def scenario():
        async with serving({"/1": html(text="One."), "/2": html(text="Two.")}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/1"), summary="In short."), entry(site.url("/2")))
            await drain(tools)
            for file in files(tmp_path / "archive"):
                file.unlink()
            found = await read_again([*asked(tools), "stranger"], tools)
            (article,) = found.articles
            assert (article.text, article.path, article.archive) == ("In short.", "feed:summary", "")
            assert found.changed == [article.id]
            silent = next(name for name, told in newest(tools.ledger).items() if told.text == "Two.")
            assert found.lost.keys() == {silent, "stranger"}
            assert "cannot be read from the archive" in found.lost[silent]
            assert found.lost["stranger"] == "the ledger does not know it"

    run(scenario)


def test_what_retention_took_from_the_queue_is_not_needed(tmp_path):
    async def scenario():
        async with serving({"/1": html(text="One.")}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/1")))
            await drain(tools)
            (told,) = sent(tools.ledger)
            with tools.ledger.begin() as tx:
                tx.execute(delete(fetches))
            found = await read_again([told.id], tools)
            assert found.articles == [told]

    run(scenario)


def test_a_page_that_kills_its_reader_is_told_and_its_neighbours_are_read(tmp_path):
    async def scenario():
        async with serving({"/1": html(text="One."), "/2": html(text="Two.")}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/1")), entry(site.url("/2")))
            await drain(tools)

            class Deadly(Reader):
                async def run(self, job, items, before_alone=None):
                    marked = [replace(item, body=item.body.replace(b"Two.", b"DEADLY")) for item in items]
                    return await super().run(job, marked, before_alone)

            found = await read_again(asked(tools), replace(tools, children=Deadly()))
            assert [article.text for article in found.articles] == ["One."]
            assert list(found.lost.values()) == ["reading its page failed: out of memory"]

    run(scenario)


def test_only_what_entries_brought_is_told_as_published(tmp_path):
    async def scenario():
        time, told = Time(), []
        async with serving({"/1": html(text="One.")}) as site, stage(tmp_path, time) as made:
            tools = replace(made, published=lambda articles: told.extend(article.text for article in articles))
            put(tools, entry(site.url("/1")), entry(site.url("/none")))
            await drain(tools)
            with tools.ledger.begin() as tx:
                plan_checks(tx, sent(tools.ledger)[0], time())
            time.pass_(hours=1)
            site.answers["/1"] = html(text="Two.")
            await drain(tools)
            assert [article.text for article in sent(tools.ledger)] == ["One.", "Two."]
            assert told == ["One."]

    run(scenario)
