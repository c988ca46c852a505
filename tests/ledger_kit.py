"""What tests of a ledger that several processes share have in common: a database of their own, and doing at once."""

import threading
from contextlib import contextmanager

from servers import fresh_database, server

from ingest.clock import now
from ingest.ledger import Ledger
from ingest.ledger.settings import LedgerSettings


@contextmanager
def shared_ledger():
    """The URL of a new ledger on PostgreSQL."""
    with fresh_database(server("postgresql").url) as url:
        Ledger.connect(settings(url), upgraded=True).close()
        yield url


def settings(url, **changes):
    return LedgerSettings(**{"url": url, "connections": 6, "wait_seconds": 10, **changes})


@contextmanager
def opened(url, clock=now):
    """The ledger as one process has it."""
    ledger = Ledger.connect(settings(url), clock=clock)
    try:
        yield ledger
    finally:
        ledger.close()


def at_once(url, count, work, *, clock=now):
    """What `work(ledger, number)` gives in each of `count` threads, each with connections of its own as a process has.

    They begin at the same moment.
    """
    barrier, results, errors = threading.Barrier(count), [None] * count, []

    def run(number):
        try:
            with opened(url, clock) as ledger:
                barrier.wait(60)
                results[number] = work(ledger, number)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
