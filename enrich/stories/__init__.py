"""Which articles are copies of one text, and which tell one event, across languages."""
