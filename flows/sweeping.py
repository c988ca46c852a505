"""The stores -> what is older than the settings keep is removed."""

import logging
from dataclasses import asdict
from datetime import timedelta

from enrich.stories.forgetting import forget_evidence
from flows.opening import Parts
from flows.route import READERS
from ingest.clock import to_ms
from ingest.retention import sweep
from ingest.verdict import Retry

log = logging.getLogger(f"tocsin.{__name__}")


def swept_once(parts: Parts) -> dict[str, int]:
    """Gives how much was removed, by kind."""
    readers: dict[str, list[str]] = {}
    for arrow in READERS:
        readers.setdefault(arrow.reads, []).append(arrow.stage)
    kept = parts.settings.retention
    # Beyond one machine the relay drops what the brokers have.
    read_here = readers if parts.stream.in_ledger else {}
    gone = sweep(parts.ledger, parts.home.archive, parts.clock(), kept, readers=read_here)
    compared_by = forget_evidence(parts.ledger, parts.clock(), parts.settings.stories)
    try:
        indexed = parts.index.remove_before(to_ms(parts.clock() - timedelta(days=kept.articles_days)))
    except Retry as verdict:  # what sweeps may have nothing else to do with the index
        log.warning("index not swept", extra={"reason": str(verdict)})
        indexed = 0
    return asdict(gone) | {"story_evidence": compared_by, "indexed": indexed or 0}
