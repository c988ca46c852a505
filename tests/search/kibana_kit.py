"""What tests of Kibana's objects share: queries as Kibana sends them to Elasticsearch."""

from search.index.elastic import mapping

# Kibana's `query:queryString:options` as it comes, and the zone of a browser, which it adds: neither may matter.
OPTIONS = {"analyze_wildcard": True, "time_zone": "Asia/Tokyo"}


def as_kibana_asks(query):
    """The Elasticsearch query that Kibana makes of the text in its bar, set to Lucene."""
    return {"query_string": {"query": query, **OPTIONS}} if query.strip() else {"match_all": {}}


def asked(index, kind, body):
    """The answer of the server to a search in the alias of a kind."""
    alias = mapping.alias(index.server.settings, kind)
    answer = index.server.ask("POST", f"/{alias}/_search", {"track_total_hits": True, **body})
    assert not answer["timed_out"]
    assert not answer["_shards"]["failed"]
    return answer


def found(index, query, kind="articles", *, feed=""):
    """The ids, all or those of a feed, that a query finds in Kibana, where the time filter leaves out nothing."""
    return _ids(asked(index, kind, _search(query, feed)))


def found_each(index, queries, *, feed):
    """The ids of a feed that each of many queries finds, asked in one request."""
    header = {"index": mapping.alias(index.server.settings, "articles")}
    lines = [line for query in queries for line in (header, _search(query, feed))]
    answers = index.server.ask("POST", "/_msearch", lines)["responses"] if lines else []
    assert [answer for answer in answers if answer["status"] != 200 or answer["_shards"]["failed"]] == []
    return [_ids(answer) for answer in answers]


def _search(query, feed):
    filters = [as_kibana_asks(query), *([{"term": {"feed": feed}}] if feed else [])]
    return {"query": {"bool": {"filter": filters}}, "size": 10_000, "_source": False}


def _ids(answer):
    return {hit["_id"] for hit in answer["hits"]["hits"]}
