"""The index in Elasticsearch 8 or 9: articles and their events by month, alerts, polls and what was rejected."""
