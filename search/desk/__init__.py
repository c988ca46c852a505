"""The desk page: alerts as they ring, the words that rang them, and everything behind a number."""
