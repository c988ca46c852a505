"""`tocsin find`, `alerts`, `stories` and `why`: what stands in a folder, read-only, whoever owns it."""

from typing import Annotated, Any

import typer

from flows.commands.options import HomeOption, JsonOption, LimitOption, home, print_json, say, say_left_out


def register(app: typer.Typer) -> None:
    app.command("find")(find)
    app.command("alerts")(alerts)
    app.command("stories")(stories)
    app.command("why")(why)


def find(
    query: Annotated[
        str, typer.Argument(help='For example: topic:sanctions.eased.fact AND entity:Q184, or "two words".')
    ],
    folder: HomeOption = None,
    limit: LimitOption = 20,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="In order of arrival.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Finds articles.

    Words stand as written, without case and accents; `pota*` is an ending; AND, OR, NOT and brackets.

    Fields that cross languages: topic, entity, actor, target, link. Others: title, source, feed, language, story, copy,
    type, id, seen, published (`seen:[2026-01-01 TO *]`). `*` alone finds all.
    """
    from flows.opening import reading_index
    from search.query.parse import parse

    tree = parse(query)
    index = reading_index(home(folder))
    found = index.search(tree, limit=limit, order="oldest" if oldest_first else "newest")
    if as_json:
        print_json("tocsin.article/1", (_as_object(told) for told in found.articles))
    else:
        _print_articles(tree, found.articles)
        if not found.articles:
            say("nothing matches; try fewer words, or an ending such as sanc*")
    say_left_out(len(found.articles), found.total)


def _as_object(told: Any) -> dict[str, Any]:
    enriched, article = told.enriched, told.enriched.article
    return {
        "id": article.id,
        "url": article.url,
        "aliases": list(article.aliases),
        "title": article.title,
        "source": article.source,
        "language": enriched.language.code,
        "published": article.published.value if article.published else None,
        "seen": article.seen,
        "story": told.story,
        "copy_of": told.copy_of or None,
        "revision": article.revision,
        "withdrawn": article.withdrawn,
        "topics": [f"{topic.topic}.{topic.modality}{'' if topic.sure else '?'}" for topic in enriched.topics],
    }


def _print_articles(tree: Any, articles: Any) -> None:
    from rich.text import Text

    from flows.commands.showing import console, passage
    from search.query.explain import explain, passages

    out = console()
    for told in articles:
        article = told.enriched.article
        copied = " · copy" if told.copy_of else ""
        out.print(Text(article.title or article.url, style="bold"))
        when = f"{article.seen:%Y-%m-%d %H:%M} UTC"
        out.print(
            Text(f"{article.source} · {told.enriched.language.code} · {when}{copied} · {article.url}", style="dim")
        )
        for said in passages(explain(tree, told), told, 2):
            out.print(passage(said))
        out.print()


def alerts(
    folder: HomeOption = None,
    watch: Annotated[str, typer.Option("--watch", help="Only of this watch, by its id.")] = "",
    desk: Annotated[str, typer.Option("--desk", help="Only of this desk.")] = "",
    since: Annotated[str, typer.Option("--since", help="Changed since: a date or time, such as 2026-03-01.")] = "",
    silent: Annotated[bool, typer.Option("--silent", help="Also those that matched and did not ring.")] = False,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Shows alerts, newest first: the gloss, the words that rang them, the sources, and the watch as a tree.

    `--json` gives every event of an alert, with the article, its passages and the why-tree.
    """
    from flows.opening import reading
    from search.alerts.listing import Wanted, listed

    wanted = Wanted(watch=watch, desk=desk, since=moment(since), silent=silent, limit=limit)
    with reading(home(folder)) as ledger:
        found, total = listed(ledger, wanted)
    if as_json:
        import msgspec

        print_json("tocsin.alert/1", (_without_schema(msgspec.to_builtins(alert)) for alert in found))
    else:
        from flows.commands.showing import show_alerts

        show_alerts(found)
        if not found:
            say("no alert; `tocsin watch list` shows the watches, `tocsin find QUERY` tries one")
    say_left_out(len(found), total)


def _without_schema(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "schema"}


def moment(text: str) -> Any:
    """The aware time that an operator wrote, None where nothing was.

    Raises: typer.BadParameter saying what to write.
    """
    from datetime import UTC, datetime

    if not text:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-03-01 or 2026-03-01T08:00Z") from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def stories(
    jsonl: Annotated[
        str,
        typer.Option("--jsonl", metavar="FILE|-", help="Group these texts, in this order, instead of the folder's."),
    ] = "",
    folder: HomeOption = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Shows the stories of the folder, the last to grow first; with `--jsonl` groups lines of text as the stage would.

    A line is {"id", "text", "title"?, "language"?, "published"?}; once all are read, the answer is a line
    {"id", "story", "copy_of"?} each.
    """
    if jsonl:
        _group(jsonl)
        return
    from enrich.stories.listing import newest_stories
    from flows.opening import reading
    from ingest.clock import from_ms

    with reading(home(folder)) as ledger:
        found, total = newest_stories(ledger, limit)
    rows = [
        {
            "id": row.id,
            "title": row.title,
            "articles": row.size,
            "first_seen": from_ms(row.first_seen),
            "last_seen": from_ms(row.last_seen),
        }
        for row in found
    ]
    if as_json:
        print_json("tocsin.story/1", rows)
    else:
        from rich.table import Table

        from flows.commands.showing import console

        table = Table(box=None, header_style="dim")
        for column in ("articles", "last grew", "story", "id"):
            table.add_column(column)
        for row in rows:
            table.add_row(str(row["articles"]), f"{row['last_seen']:%Y-%m-%d %H:%M}", str(row["title"]), str(row["id"]))
        console().print(table)
    say_left_out(len(rows), total)


def _group(source: str) -> None:
    import json
    import sys

    from enrich.face import article_of
    from enrich.stories.offline import group
    from flows.commands.enriching import load_enricher, opened
    from flows.commands.enriching import rows as lines_of
    from ingest.clock import now

    enricher = load_enricher()
    with opened(source) as lines:
        enriched = [enricher.enrich(article_of(row, now=now())) for row in lines_of(lines, source)]
    for found in group(enriched):
        said = {"id": found.article, "story": found.story} | ({"copy_of": found.copy_of} if found.copy_of else {})
        sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")


def why(
    url: Annotated[str, typer.Argument(help="The address of an article.")],
    watch: Annotated[str, typer.Argument(help="The id of a watch; `tocsin watch list` shows them.")],
    folder: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Says why the article at an address did, or did not, ring for a watch."""
    from flows.opening import reading, reading_index
    from ingest.links import clean_link
    from search.alerts.engine import Engine
    from search.alerts.why_not import Asking, why_not
    from search.query.parse import parse
    from search.query.tree import Term
    from search.watches import WatchStore

    place = home(folder)
    index = reading_index(place)

    def stored(article: str) -> Any:
        return next(iter(index.search(Term("id", article), limit=1).articles), None)

    with reading(place) as ledger:
        asking = Asking(
            ledger=ledger,
            watches=WatchStore(ledger, parse),
            explain=Engine().explain,
            stored=stored,
            clean=clean_link,
        )
        answer = why_not(asking, url, watch)
    if as_json:
        import msgspec

        print_json("tocsin.why/1", [msgspec.to_builtins(answer)])
        return
    from flows.commands.showing import console, show_why

    out = console()
    out.print(answer.said)
    if answer.why is not None:
        show_why(out, answer.why, 1)
