"""The name of a kind of server -> the address of a real one, for the tests that are marked `servers`.

A test gets the first of these that can be had:

1. the address in the environment (`ADDRESSES`), for example TOCSIN_KAFKA=127.0.0.1:9092;
2. a container, where docker or podman has an engine that answers (`servers_containers.py`);
3. the published programs with the Java and the PostgreSQL of this machine (`servers_programs.py`);
4. none: the test is skipped and says why, or fails if TOCSIN_NEED_SERVERS=1.

Nothing is downloaded unless TOCSIN_NEED_SERVERS=1: `make test` uses what is there, `make test-servers` fetches what
is not.
"""

import atexit
import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import NoReturn

import psycopg
import pytest
import servers_containers
import servers_elasticsearch
import servers_kafka
import servers_postgresql
from servers_folder import free_port
from servers_process import Process, Recipe
from servers_programs import NoServerError, needed
from sqlalchemy import make_url

ADDRESSES = {
    "kafka": "TOCSIN_KAFKA",
    "elasticsearch9": "TOCSIN_ELASTICSEARCH9",
    "elasticsearch8": "TOCSIN_ELASTICSEARCH8",
    "elasticsearch8-full": "TOCSIN_ELASTICSEARCH8_FULL",
    "postgresql": "TOCSIN_POSTGRESQL",
}


@dataclass(frozen=True)
class Server:
    url: str  # Kafka: host:port; the others: a URL


_shared: dict[str, Process | RuntimeError] = {}
_missing: dict[str, NoServerError] = {}


def server(kind: str) -> Server:
    """The server that every test of this pytest process shares; use names of your own in it, and remove them after."""
    if given := os.environ.get(ADDRESSES[kind]):
        return Server(given)
    if kind not in _shared:
        try:
            _shared[kind] = _started(kind, {}, security=False, tls=False)
        except RuntimeError as error:  # the next test would wait for the same
            _shared[kind] = error
    if isinstance(found := _shared[kind], RuntimeError):
        raise found
    return Server(found.url)


@contextmanager
def own_server(
    kind: str, settings: Mapping[str, str] | None = None, *, security: bool = False, tls: bool = False
) -> Iterator[Process]:
    """A server of this test alone: `.url`, `.stop()`, `.start()`, `.kill()`; port and data stay when it starts again.

    It is never that of the environment, and it ends with the block. Elasticsearch 8 and 9 take 10 to 15 s to start on
    two free cores, Kafka 6 s, PostgreSQL 1 s.
    `settings` are lines of the server's own configuration, for example {"message.max.bytes": "20000"}; `{port}` in a
    value is the server's port.
    With `security` it takes only `.user` with `.password`: Elasticsearch by HTTP basic (and what API keys that user
    makes on elasticsearch8-full), Kafka by SASL PLAIN, PostgreSQL by SCRAM (its URL then holds both).
    With `tls` it speaks TLS (Elasticsearch only with `security`; PostgreSQL to those who ask), and a client that trusts
    the file `.certificate` can be sure of it.
    """
    process = _started(kind, settings or {}, security=security, tls=tls)
    try:
        yield process
    finally:
        process.close()


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """The URL of a new empty database in the PostgreSQL at `url`; it is dropped after, whoever is still connected."""
    name = f"test_{token_hex(6)}"
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _started(kind: str, settings: Mapping[str, str], *, security: bool, tls: bool) -> Process:
    if kind in _missing:
        _none(kind, _missing[kind])
    try:
        process = Process(_recipe(kind, settings, security=security, tls=tls))
    except NoServerError as reason:
        _missing[kind] = reason  # looking again would find the same
        _none(kind, reason)
    atexit.register(process.close)
    process.start()
    return process


def _recipe(kind: str, settings: Mapping[str, str], *, security: bool, tls: bool) -> Recipe:
    port = free_port()
    lines = {name: value.replace("{port}", str(port)) for name, value in settings.items()}
    if servers_containers.engine() and not tls:  # a certificate would have to be put into the container
        with contextlib.suppress(NoServerError):  # no such image: the programs may be there
            return servers_containers.recipe(kind, port, lines, security=security)
    if kind == "kafka":
        return servers_kafka.recipe(port, lines, security=security, tls=tls)
    if kind == "postgresql":
        return servers_postgresql.recipe(port, lines, security=security, tls=tls)
    return servers_elasticsearch.recipe(kind, port, lines, security=security, tls=tls)


def _none(kind: str, reason: NoServerError) -> NoReturn:
    said = f"no {kind} server: {reason}; or give the address of one in {ADDRESSES[kind]}"
    if needed():
        pytest.fail(said)
    pytest.skip(said)
