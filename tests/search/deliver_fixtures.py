"""A clock, a ledger and an inbox, for tests of deliveries."""

import socket

import pytest
from aiosmtpd.controller import Controller
from deliver_kit import Clock, Inbox

from ingest.ledger import Ledger


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def inbox():
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        inbox.port = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=inbox.port)
    controller.start()
    yield inbox
    controller.stop()
