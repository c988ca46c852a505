"""The jobs of the extract stage for tests: the real ones, but some pages hang or kill whoever reads them."""

import os
import signal
import time

from ingest.extract import extract_page, from_entry


def read_page(item):
    if b"HANG" in item.body:
        time.sleep(3600)
    if b"SPIN" in item.body:
        while True:
            pass
    if b"KILL" in item.body:
        os.kill(os.getpid(), signal.SIGKILL)
    return extract_page(item)


def read_entry(entry):
    return from_entry(entry)
