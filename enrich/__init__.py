"""Article -> EnrichedArticle: language, linked entities, topics with direction and evidence, copies and stories."""
