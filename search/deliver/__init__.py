"""Alert events -> desks: an outbox in the ledger, and one sender for each kind of channel."""
