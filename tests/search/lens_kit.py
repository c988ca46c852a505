"""A Lens visualization -> the aggregation that Kibana makes of it, run for real, and its rows."""

from kibana_kit import as_kibana_asks, asked

LAYERS = ("state", "datasourceStates", "formBased", "layers")


def layer(one):
    """The one layer of a visualization."""
    found = one.attributes
    for name in LAYERS:
        found = found[name]
    (body,) = found.values()
    return body


def buckets(body):
    """(id, column) of what splits the rows, outermost first."""
    return [(name, body["columns"][name]) for name in body["columnOrder"] if body["columns"][name]["isBucketed"]]


def metrics(body):
    """(id, column) of the numbers in a row."""
    return [(name, body["columns"][name]) for name in body["columnOrder"] if not body["columns"][name]["isBucketed"]]


def rows(index, kind, one):
    """The rows that the visualization shows, where the time filter leaves out nothing: keys -> numbers."""
    body = layer(one)
    query = as_kibana_asks(one.attributes["state"]["query"]["query"])
    answer = asked(index, kind, {"query": {"bool": {"filter": [query]}}, "size": 0, "aggs": _aggregations(body)})
    found = answer.get("aggregations", {}) | {"doc_count": answer["hits"]["total"]["value"]}
    return dict(_rows(body, buckets(body), found))


def _aggregations(body, depth=0):
    split = buckets(body)
    if depth == len(split):
        return {name: made for name, column in metrics(body) if (made := _metric(column))}
    name, column = split[depth]
    below = _aggregations(body, depth + 1)
    if column["operationType"] == "date_histogram":
        days = {"field": column["sourceField"], "calendar_interval": "day", "format": "yyyy-MM-dd", "min_doc_count": 1}
        return {name: {"date_histogram": days, "aggs": below}}
    params = column["params"]
    order = params["orderBy"]["columnId"]
    ordering = body["columns"][order]
    if ordering["operationType"] == "count":
        assert "filter" not in ordering, "a count that is filtered orders nothing by itself"
        key, extra = "_count", {}
    else:
        key, extra = order, {order: _metric(ordering)}
    terms = {"field": column["sourceField"], "size": params["size"], "order": {key: params["orderDirection"]}}
    if params["missingBucket"]:
        assert params["otherBucket"], "Lens asks for missing values only where the others are grouped"
        terms["missing"] = "__missing__"
    return {name: {"terms": terms, "aggs": {**extra, **below}}}


def _metric(column):
    kind, field = column["operationType"], column["sourceField"]
    if kind == "count":
        return {"filter": as_kibana_asks(column["filter"]["query"])} if "filter" in column else None
    assert "filter" not in column
    return {{"unique_count": "cardinality", "sum": "sum", "max": "max"}[kind]: {"field": field}}


def _rows(body, left, found, keys=()):
    if not left:
        yield keys, tuple(_number(name, column, found) for name, column in metrics(body))
        return
    (name, _), *rest = left
    for bucket in found[name]["buckets"]:
        shown = bucket.get("key_as_string", bucket["key"])
        yield from _rows(body, rest, bucket, (*keys, shown))


def _number(name, column, found):
    if column["operationType"] == "count":
        return found[name]["doc_count"] if "filter" in column else found["doc_count"]
    return found[name]["value"]
