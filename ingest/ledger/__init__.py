"""The truth: one database of what was seen, fetched, told, rung and delivered."""

from ingest.ledger.ledger import Ledger

__all__ = ["Ledger"]
