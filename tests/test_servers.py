import contextlib
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from elastic_transport import TlsError
from elasticsearch import AuthenticationException, AuthorizationException, Elasticsearch
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import MessageSizeTooLargeError
from servers import ADDRESSES, fresh_database, own_server, server

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]  # several starts each, on a machine that has much to do
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


def test_an_elasticsearch_with_security_and_tls_takes_only_its_password():
    with own_server("elasticsearch9", security=True, tls=True) as own:
        with Elasticsearch(own.url, ca_certs=own.certificate, basic_auth=(own.user, own.password)) as client:
            assert client.cluster.health()["status"] == "green"
        with (
            Elasticsearch(own.url, ca_certs=own.certificate, basic_auth=(own.user, "wrong")) as client,
            pytest.raises(AuthenticationException),
        ):
            client.cluster.health()
        with Elasticsearch(own.url, basic_auth=(own.user, own.password)) as client, pytest.raises(TlsError):
            client.cluster.health()


def test_a_full_elasticsearch_with_security_makes_keys_that_may_do_little():
    with own_server("elasticsearch8-full", security=True) as own:
        with Elasticsearch(own.url, basic_auth=(own.user, own.password)) as client:
            may = {"desk": {"indices": [{"names": ["said-*"], "privileges": ["create_index", "write"]}]}}
            key = client.security.create_api_key(name="desk", role_descriptors=may)["encoded"]
        with Elasticsearch(own.url, api_key=key) as client:
            client.index(index="said-1", document={"word": "word"})
            with pytest.raises(AuthorizationException):
                client.index(index="other-1", document={"word": "word"})


@pytest.mark.parametrize("tls", [False, True])
def test_a_kafka_with_security_and_lines_of_its_own_takes_small_records_with_the_password(tls):
    with own_server("kafka", {"message.max.bytes": "20000"}, security=True, tls=tls) as own:
        signed = {"sasl_plain_username": own.user, "sasl_plain_password": own.password, "sasl_mechanism": "PLAIN"}
        signed["security_protocol"] = "SASL_SSL" if tls else "SASL_PLAINTEXT"
        if tls:
            signed["ssl_cafile"] = str(own.certificate)
        write(own.url, "said", b"small", **signed)
        with pytest.raises(MessageSizeTooLargeError):
            write(own.url, "said", b"x" * 50_000, **signed)


def test_a_postgresql_with_security_and_tls_takes_only_its_password():
    with own_server("postgresql", security=True, tls=True) as own:
        sure = f"{own.url}?sslmode=verify-full&sslrootcert={own.certificate}"
        assert rows(sure, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [(True,)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            rows(sure.replace(own.password, "wrong"), "SELECT 1")


def test_a_server_that_does_not_start_shows_the_end_of_its_log():
    with pytest.raises(RuntimeError, match='unrecognized configuration parameter "no_such"'):
        own_server("postgresql", {"no_such": "1"}).__enter__()


def test_a_server_that_ends_by_itself_starts_again():
    with own_server("postgresql") as own:
        with contextlib.suppress(psycopg.OperationalError):  # it may end before it answers
            rows(own.url, "COPY (SELECT 1) TO PROGRAM 'kill -QUIT $(head -1 postmaster.pid)'")
        own.kill()  # waits until it is gone
        own.start()
        assert rows(own.url, "SELECT 1") == [(1,)]


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
