"""EnrichedArticle -> index, Alert: query language, indexes, watches, alerts, delivery, desk page."""
