import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from elasticsearch import AuthenticationException, Elasticsearch
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import MessageSizeTooLargeError
from servers import ADDRESSES, fresh_database, own_server, server

pytestmark = pytest.mark.servers
ELASTICSEARCHES = ["elasticsearch9", "elasticsearch8", "elasticsearch8-full"]


def write(url: str, topic: str, value: bytes, **signed: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=url, **signed)) as admin:
        if topic not in admin.list_topics():
            admin.create_topics([NewTopic(topic, 1, 1)])
    with closing(KafkaProducer(bootstrap_servers=url, **signed)) as producer:
        producer.send(topic, value).get(30)


def read(url: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(topic, bootstrap_servers=url, auto_offset_reset="earliest", consumer_timeout_ms=5000)
    with closing(consumer):
        return [record.value for record in consumer]


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        done = connection.execute(statement)
        return done.fetchall() if done.description else []


def listens(url: str) -> bool:
    host, _, port = url.split("@")[-1].removeprefix("http://").split("/")[0].partition(":")
    with socket.socket() as probe:
        return not probe.connect_ex((host, int(port)))


def test_kafka_keeps_a_record_that_is_written():
    url = server("kafka").url
    write(url, "servers-said", b"said")
    with closing(KafkaAdminClient(bootstrap_servers=url)) as admin:
        assert read(url, "servers-said") == [b"said"]
        admin.delete_topics(["servers-said"])


@pytest.mark.parametrize("kind", ELASTICSEARCHES)
def test_elasticsearch_finds_a_document_that_is_written(kind):
    with Elasticsearch(server(kind).url) as client:
        client.index(index="servers-said", document={"text": "prisoners released"}, refresh=True)
        assert client.count(index="servers-said", query={"match": {"text": "released"}})["count"] == 1
        client.indices.delete(index="servers-said")


def test_every_test_gets_the_same_server():
    assert server("postgresql") == server("postgresql")


def test_an_address_in_the_environment_comes_first(monkeypatch):
    for kind, name in ADDRESSES.items():
        monkeypatch.setenv(name, f"given-for-{kind}")
        assert server(kind).url == f"given-for-{kind}"


def test_a_fresh_database_is_empty_and_is_dropped_while_someone_is_connected():
    url = server("postgresql").url
    with fresh_database(url) as fresh:
        assert rows(fresh, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
        name = fresh.rpartition("/")[2]
        with closing(psycopg.connect(fresh.replace("+psycopg", ""))) as left_open:
            left_open.execute("CREATE TABLE said (word text)")
    assert rows(url, f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == [(0,)]


def test_postgresql_keeps_port_and_data_when_it_is_stopped_and_when_it_is_killed():
    with own_server("postgresql", {"max_connections": "7"}) as own:
        url = own.url
        rows(url, "CREATE TABLE said (word text)")
        for ending in (own.stop, own.kill):
            rows(url, "INSERT INTO said VALUES ('word')")
            ending()
            assert not listens(url)
            own.start()
        assert rows(url, "SELECT count(*) FROM said") == [(2,)]
        assert rows(url, "SHOW max_connections") == [("7",)]
    assert not listens(url)
    assert not own.recipe.folder.exists()


def test_kafka_keeps_port_and_data_when_it_is_stopped_and_when_it_is_killed():
    with own_server("kafka") as own:
        for word, ending in ((b"before", own.stop), (b"between", own.kill)):
            write(own.url, "said", word)
            ending()
            assert not listens(own.url)
            own.start()
        assert read(own.url, "said") == [b"before", b"between"]


def test_elasticsearch_keeps_port_and_data_when_it_is_stopped_and_when_it_is_killed():
    with own_server("elasticsearch9") as own, Elasticsearch(own.url) as client:
        for ending in (own.stop, own.kill):
            client.index(index="said", document={"word": "word"})
            ending()
            assert not listens(own.url)
            own.start()
        client.indices.refresh(index="said")
        assert client.count(index="said")["count"] == 2


@pytest.mark.parametrize("kind", ["elasticsearch9", "elasticsearch8-full"])
def test_an_elasticsearch_with_security_takes_only_its_password(kind):
    with own_server(kind, security=True) as own:
        with Elasticsearch(own.url, basic_auth=(own.user, own.password)) as client:
            assert client.cluster.health()["status"] == "green"
        with Elasticsearch(own.url, basic_auth=(own.user, "wrong")) as client, pytest.raises(AuthenticationException):
            client.cluster.health()


def test_a_kafka_with_security_and_lines_of_its_own_takes_small_records_with_the_password():
    with own_server("kafka", {"message.max.bytes": "20000"}, security=True) as own:
        signed = {"sasl_plain_username": own.user, "sasl_plain_password": own.password}
        signed |= {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"}
        write(own.url, "said", b"small", **signed)
        with pytest.raises(MessageSizeTooLargeError):
            write(own.url, "said", b"x" * 50_000, **signed)


def test_a_postgresql_with_security_takes_only_its_password():
    with own_server("postgresql", security=True) as own:
        assert rows(own.url, "SELECT 1") == [(1,)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            rows(own.url.replace(own.password, "wrong"), "SELECT 1")


def test_a_server_that_does_not_start_shows_the_end_of_its_log():
    with pytest.raises(RuntimeError, match='unrecognized configuration parameter "no_such"'):
        own_server("postgresql", {"no_such": "1"}).__enter__()


@pytest.mark.parametrize("kind", ["postgresql", "elasticsearch9"])
def test_a_killed_test_run_takes_its_servers_with_it(kind, monkeypatch):
    program = (
        "import os, servers\n"
        f"servers.server({kind!r})\n"
        f"print(servers._shared[{kind!r}].recipe.folder, servers._shared[{kind!r}].url, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    monkeypatch.delenv(ADDRESSES[kind], raising=False)
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parent, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    folder, url = done.stdout.split()
    until = time.monotonic() + 60
    while time.monotonic() < until and (Path(folder).exists() or listens(url)):
        time.sleep(0.1)
    assert not Path(folder).exists()
    assert not listens(url)
