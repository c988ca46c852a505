"""Feed -> Entry -> Article: polite, safe fetching; feeds, pages, dates, identity, raw archive; the ledger."""
