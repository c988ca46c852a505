"""The files in deploy/kibana: whole, in one form, and every field that they name is there and fits its use."""

import json
import re
from pathlib import Path

import pytest
from lens_kit import buckets, layer, metrics
from luqum import tree as lucene
from luqum.parser import parser

from ingest.verdict import Abort
from search.index.elastic.mapping import KINDS, fields
from search.kibana.objects import (
    DATA_VIEW,
    TYPES,
    closed,
    dangling,
    import_file,
    opened,
    path_of,
    read_objects,
    renamed,
    written,
)

pytestmark = pytest.mark.servers

FOLDER = Path(__file__).parents[2] / "deploy" / "kibana"
OBJECTS = read_objects(FOLDER)
BY_KEY = {one.key: one for one in OBJECTS}
# As 8.19 writes them, or older: Kibana carries older forms over and refuses newer ones.
VERSIONS = {DATA_VIEW: "8.0.0", "search": "10.5.0", "lens": "8.9.0", "dashboard": "10.2.0"}
SUMS = {"integer", "long", "float"}
CHARTED = {"keyword", "boolean", "date", *SUMS}
OF = pytest.mark.parametrize


def named(one):
    return f"{one.type}:{one.id}"


def of(*types):
    return [one for one in OBJECTS if one.type in types]


def kind_of(one):
    """The kind of documents that a search or a visualization is over."""
    (view,) = [reference["id"] for reference in one.references if reference["type"] == DATA_VIEW]
    return BY_KEY[DATA_VIEW, view].attributes["title"].removeprefix("tocsin-")


def mapped(kind):
    """Every field by its path, sub-fields too, as the smallest of servers has them: without language analyzers."""
    flat = {}
    for name, body in fields(kind).items():
        flat[name] = body
        flat |= {f"{name}.{below}": inner for below, inner in body.get("fields", {}).items()}
    return flat


def query_of(one):
    if one.type == "search":
        return one.attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]["query"]
    return one.attributes["state"]["query"]


def asked(query):
    """(field, part) of every part of a Lucene query."""

    def walk(item, field):
        if isinstance(item, lucene.SearchField):
            if item.name == "_exists_":
                yield str(item.expr), item
                return
            yield from walk(item.expr, item.name)
        elif item.children and not isinstance(item, lucene.Range | lucene.From | lucene.To):
            for kid in item.children:
                yield from walk(kid, field)
        else:
            yield field, item

    return list(walk(parser.parse(query), None)) if query else []


def test_there_are_the_objects_that_docs_name():
    counts = {kind: len(of(kind)) for kind in TYPES}
    assert counts == {DATA_VIEW: 5, "search": 5, "lens": 23, "dashboard": 2}
    docs = (FOLDER.parents[1] / "docs" / "kibana.md").read_text(encoding="utf-8")
    assert [one.id for one in OBJECTS if one.attributes["title"] not in docs and one.title not in docs] == []


@OF("one", OBJECTS, ids=named)
def test_a_file_is_in_the_form_that_export_writes(one):
    assert (FOLDER / path_of(one)).read_text(encoding="utf-8") == written(one)
    assert opened(json.loads(json.dumps(closed(one)))) == one


@OF("one", OBJECTS, ids=named)
def test_an_object_is_of_no_space_and_in_a_form_that_819_reads(one):
    line = closed(one)
    assert set(line) == {"type", "id", "attributes", "references", "coreMigrationVersion", "typeMigrationVersion"}
    assert one.id.startswith("tocsin-")
    assert (one.core, one.version) == ("8.8.0", VERSIONS[one.type])


def test_every_object_that_is_referred_to_has_a_file_and_comes_before():
    assert dangling(OBJECTS) == []
    seen = set()
    for one in OBJECTS:
        assert all((reference["type"], reference["id"]) in seen for reference in one.references), one.id
        seen.add(one.key)


def test_every_search_and_visualization_stands_on_a_dashboard():
    shown = {(one["type"], one["id"]) for board in of("dashboard") for one in board.references}
    assert {one.key for one in of("search", "lens")} == shown


@OF("kind", KINDS)
def test_each_kind_of_document_has_a_data_view_on_seen(kind):
    view = BY_KEY[DATA_VIEW, f"tocsin-{kind}"].attributes
    assert (view["title"], view["timeFieldName"]) == (f"tocsin-{kind}", "seen")
    assert mapped(kind)["seen"]["type"] == "date"
    assert set(view["fieldFormatMap"]) <= set(mapped(kind))
    assert {one["value"].removesuffix(".*") for one in view["sourceFilters"]} <= set(mapped(kind))


@OF("one", of("search"), ids=named)
def test_the_columns_of_a_search_are_there_and_it_is_sorted_by_what_can_be(one):
    there = mapped(kind_of(one))
    assert set(one.attributes["columns"]) <= set(there)
    assert [(there[name]["type"], way) for name, way in one.attributes["sort"]] == [("date", "desc")]


@OF("one", of("search", "lens"), ids=named)
def test_every_query_is_lucene_over_fields_that_fit(one):
    there = mapped(kind_of(one))
    queries = [query_of(one)]
    if one.type == "lens":
        queries += [column["filter"] for column in layer(one)["columns"].values() if "filter" in column]
    for query in queries:
        assert query["language"] == "lucene"
        for field, part in asked(query["query"]):
            if field == "*":
                continue
            kind = there[field]["type"]
            if isinstance(part, lucene.Range):
                assert kind in {"date", *SUMS}, field
            else:
                assert kind in {"keyword", "boolean"}, field


@OF("one", of("lens"), ids=named)
def test_what_is_charted_can_be_aggregated(one):
    there, body = mapped(kind_of(one)), layer(one)
    assert sorted(body["columnOrder"]) == sorted(body["columns"])
    for _, column in buckets(body):
        wanted = {"date"} if column["operationType"] == "date_histogram" else CHARTED
        assert there[column["sourceField"]]["type"] in wanted
    for _, column in metrics(body):
        field, kind = column["sourceField"], column["operationType"]
        assert (
            field == "___records___"
            if kind == "count"
            else there[field]["type"] in (CHARTED if kind == "unique_count" else SUMS)
        )


@OF("one", of("lens"), ids=named)
def test_what_is_shown_are_the_columns_that_are_asked_for(one):
    state, body = one.attributes["state"]["visualization"], layer(one)
    match one.attributes["visualizationType"]:
        case "lnsMetric":
            shown = [state["metricAccessor"]]
        case "lnsDatatable":
            shown = [column["columnId"] for column in state["columns"]]
        case "lnsXY":
            (drawn,) = state["layers"]
            shown = [drawn["xAccessor"], *drawn["accessors"], *filter(None, [drawn.get("splitAccessor")])]
    assert sorted(shown) == sorted(body["columns"])


@OF("one", of("dashboard"), ids=named)
def test_panels_lie_side_by_side_and_each_refers_to_its_object(one):
    panels, taken = one.attributes["panelsJSON"], set()
    names = {reference["name"]: reference["type"] for reference in one.references}
    for panel in panels:
        grid, place = panel["gridData"], panel["panelIndex"]
        assert grid["i"] == place
        assert names.pop(f"{place}:{panel['panelRefName']}") == panel["type"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 48
        taken |= cells
    assert names == {}
    assert len(taken) == 48 * (1 + max(y for _, y in taken)), "a dashboard has no holes"


def test_another_prefix_changes_the_titles_of_the_data_views_and_nothing_else():
    ours = [json.loads(line) for line in import_file(OBJECTS).splitlines()]
    theirs = [
        json.loads(line) for line in import_file(renamed(one, "tocsin", "desk-2") for one in OBJECTS).splitlines()
    ]
    for one, other in zip(ours, theirs, strict=True):
        if one["type"] == DATA_VIEW:
            assert other["attributes"].pop("title") == one["attributes"].pop("title").replace("tocsin", "desk-2")
        assert one == other
    assert [renamed(renamed(one, "tocsin", "x"), "x", "tocsin") for one in OBJECTS] == OBJECTS


def test_a_file_that_is_no_object_is_told_with_its_name(tmp_path):
    with pytest.raises(Abort, match="holds no saved objects"):
        read_objects(tmp_path)
    file = tmp_path / "search" / "x.json"
    file.parent.mkdir()
    file.write_text('{"type": "search"}', encoding="utf-8")
    with pytest.raises(Abort, match=r"x\.json is no saved object"):
        read_objects(tmp_path)
    file.write_text(written(OBJECTS[0]), encoding="utf-8")
    with pytest.raises(Abort, match=r"its place is .*index-pattern"):
        read_objects(tmp_path)


def test_the_id_of_an_object_never_leads_out_of_the_folder():
    line = closed(OBJECTS[0])
    assert path_of(opened({**line, "id": "../../x"})).parts == (DATA_VIEW, "..%2F..%2Fx.json")
    with pytest.raises(ValueError, match="no type"):
        opened({**line, "type": ".."})


@OF("kind", KINDS)
def test_docs_list_every_field_with_its_type(kind):
    docs = (FOLDER.parents[1] / "docs" / "kibana.md").read_text(encoding="utf-8")
    table = docs.split(f"### {kind}\n")[1].split("\n### ")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \|$", table, re.MULTILINE))
    assert listed == {name: body["type"] for name, body in fields(kind).items()}
