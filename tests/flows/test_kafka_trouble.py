"""Brokers that are away, refuse, or take less than they should: what is said, what is waited for, nothing is lost."""

import gc
import json
import logging
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from servers import own_server
from servers_folder import free_port
from stream_kit import eventually, own_topics, read, texts

from flows.stream.envelope import reference_in
from flows.stream.settings import StreamSettings
from ingest.archive import Archive, files
from ingest.verdict import Abort, Retry

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def broker():
    with own_server("kafka", {"message.max.bytes": "20000"}) as broker:
        yield broker


@pytest.fixture(autouse=True)
def collected():
    """Sockets that were left go here, where that is no error, and not in a later test."""
    yield
    gc.collect()


@pytest.fixture
def settings(broker):
    with own_topics(broker.url, ("told",), partitions=2) as settings:
        yield settings


def opened(settings, **more):
    from flows.stream.kafka import KafkaStream

    return KafkaStream(settings, **more)


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path / "archive", writer="a")
    yield archive
    archive.close()


def big(number, size=50_000):
    noise = random.Random(number).randbytes(size).hex()
    return json.dumps({"number": number, "url": f"https://a.example/{number}", "text": noise}).encode()


def test_a_record_that_the_brokers_do_not_take_goes_by_reference_in_its_place(settings, archive):
    stream = opened(settings, archive=archive)
    given = [("k", b"first"), ("k", big(1)), ("k", b"second"), ("other", big(2)), ("k", b"third")]
    stream.send("told", given)
    found = read(stream, "index", "told", 5)
    assert sorted((record.key, record.value) for record in found) == sorted(given)
    assert texts(record for record in found if record.key == "k") == [value for key, value in given if key == "k"]
    assert [record.fault for record in found] == [""] * 5
    stream.close()


def test_a_record_over_the_limit_of_the_settings_is_not_even_tried(settings, archive, tmp_path):
    stream = opened(replace(settings, record_bytes=1000), archive=archive)
    stream.send("told", [("k", big(1, 600)), ("k", b"x" * 999)])
    assert texts(read(stream, "index", "told", 2)) == [big(1, 600), b"x" * 999]
    assert len(files(tmp_path / "archive")) == 1
    stream.close()


def test_a_reference_that_leads_nowhere_says_so_in_the_record_and_goes_out_again_as_it_is(settings, archive, tmp_path):
    stream = opened(settings, archive=archive)
    stream.send("told", [("k", big(1)), ("k", b"next")])
    (path,) = files(tmp_path / "archive")
    moved = path.rename(tmp_path / path.name)
    lost, after = read(stream, "index", "told", 2)
    assert path.name in lost.fault
    assert json.loads(lost.value)["url"] == "https://a.example/1"
    assert (after.value, after.fault) == (b"next", "")
    moved.rename(path)  # mended; an operator puts the rejected record back on the route
    stream.send("told", [("k", lost.value)])
    assert texts(read(stream, "index", "told", 1)) == [big(1)]
    assert reference_in(lost.value).startswith(path.name)
    stream.close()


def test_without_an_archive_a_large_record_stops_with_what_to_do(settings):
    stream = opened(settings)
    with pytest.raises(Abort, match=r"message\.max\.bytes"):
        stream.send("told", [("k", big(1))])
    stream.close()


def test_brokers_that_stop_in_the_middle_are_waited_for_and_nothing_is_lost(broker, settings):
    sender, stream = opened(settings), opened(settings)
    sent, found, ends = [], [], threading.Event()

    def send():
        number = 0
        while not ends.is_set():
            some = [("k", str(number + more).encode()) for more in range(20)]
            try:
                sender.send("told", some)
            except Retry:
                continue  # as a worker does: the same again
            sent.extend(value for _, value in some)
            number += 20
            ends.wait(0.02)

    def step():
        try:
            received = stream.read("index", "told", 50)
            stream.commit("index", "told", received)
            found.extend(texts(received))
        except Retry:
            stream.rewind("index", "told")

    thread = threading.Thread(target=send)
    thread.start()
    eventually(lambda: step() or len(found) > 200)
    broker.stop()
    for _ in range(10):
        step()
        time.sleep(0.5)
    broker.start()
    before = len(sent)
    eventually(lambda: step() or len(sent) > before + 100, seconds=60)
    ends.set()
    thread.join()
    eventually(lambda: step() or set(found) >= set(sent), seconds=60)
    assert eventually(lambda: step() or stream.lag("index", "told") == 0)
    sender.close()
    stream.close()


def test_while_the_brokers_are_away_everything_says_so_and_goes_on_after(broker, settings):
    stream = opened(settings)
    stream.send("told", [("k", b"1"), ("k", b"2")])
    first, second = read(stream, "index", "told", 2)
    broker.kill()
    try:
        for act in (
            lambda: stream.commit("index", "told", [first]),
            lambda: stream.lag("index", "told"),
            lambda: list(stream.waiting("index", "told")),
            lambda: opened(settings).read("index", "told", 1),
        ):
            with pytest.raises(Retry, match=f"brokers at {broker.url} do not answer"):
                act()
    finally:
        broker.start()
    eventually(lambda: _tried(lambda: stream.commit("index", "told", [first, second])), seconds=60)
    eventually(lambda: _tried(lambda: stream.lag("index", "told")) == [0], seconds=60)
    stream.close()


def _tried(act):
    """What `act` gives, as a list; empty while the brokers are still away for it."""
    try:
        return [act()]
    except Retry:
        return []


def test_brokers_that_never_answer_are_waited_for_and_then_told(caplog):
    stream = opened(StreamSettings(url="127.0.0.1:9", wait_seconds=8))
    began = time.monotonic()
    with pytest.raises(Abort, match=r"brokers at 127\.0\.0\.1:9 do not answer.*are they running.*Waited for 8 seconds"):
        stream.wait(["told"])
    assert time.monotonic() - began >= 8
    assert [record.message for record in caplog.records].count("brokers awaited") == 1
    stream.close()


def test_wrong_credentials_stop_at_once_with_what_to_do(caplog):
    caplog.set_level(logging.DEBUG)
    with own_server("kafka", security=True) as broker:
        right = StreamSettings(
            url=broker.url,
            security="sasl-plaintext",
            mechanism="PLAIN",
            user=broker.user,
            password=broker.password,
            wait_seconds=60,
        )
        stream = opened(right)
        stream.brokers.wait()
        stream.close()
        wrong = opened(replace(right, password="not this one"))
        for act in (lambda: wrong.wait(["told"]), lambda: wrong.lag("index", "told")):
            with pytest.raises(Abort, match=r"refuse this user: set user, password, mechanism and security"):
                act()
        wrong.close()
        away = opened(replace(right, security="plaintext", wait_seconds=1))
        with pytest.raises(Abort, match="is `security` right"):
            away.wait(["told"])
        away.close()
    assert "not this one" not in caplog.text


def certificates(folder):
    """A key and a certificate of 127.0.0.1 that signs itself, PEM."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
        "-out",
        certificate,
    ]
    subprocess.run([*made, *subject], check=True, capture_output=True)
    return key, certificate


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_the_way_to_the_brokers_is_encrypted_and_their_certificate_checked(tmp_path):
    key, certificate = certificates(tmp_path)
    tls, control = free_port(), free_port()
    lines = {
        "controller.quorum.voters": f"1@127.0.0.1:{control}",
        "listeners": f"CLIENTS://127.0.0.1:{{port}},TLS://127.0.0.1:{tls},CONTROLLER://127.0.0.1:{control}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{{port}},TLS://127.0.0.1:{tls}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENTS:PLAINTEXT,TLS:SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.key": key.read_text().replace("\n", "\\n"),
        "ssl.keystore.certificate.chain": certificate.read_text().replace("\n", "\\n"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": certificate.read_text().replace("\n", "\\n"),
        "ssl.client.auth": "required",
    }
    with own_server("kafka", lines):
        files = {"ca_file": certificate, "certificate_file": certificate, "key_file": key}
        with own_topics(f"127.0.0.1:{tls}", ("told",), security="tls", **files) as settings:
            stream = opened(settings)
            stream.send("told", [("k", b"1")])
            assert texts(read(stream, "index", "told", 1)) == [b"1"]
            stream.close()
            for left in ((certificate, key), (None, None)):  # their certificate is not known, or none is shown
                done = subprocess.run(
                    [sys.executable, "-c", REFUSED, settings.url, *map(str, left if left[0] else (certificate, ""))],
                    capture_output=True,
                    text=True,
                    check=False,
                    env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
                )
                assert "is `security` right" in done.stdout, done.stderr


REFUSED = """
import sys
from pathlib import Path
from flows.stream.kafka import KafkaStream
from flows.stream.settings import StreamSettings
from ingest.verdict import Abort
url, certificate, key = sys.argv[1:]
shown = {"certificate_file": Path(certificate), "key_file": Path(key)} if key else {"ca_file": Path(certificate)}
try:
    KafkaStream(StreamSettings(url=url, security="tls", wait_seconds=0, **shown)).wait(["told"])
except Abort as verdict:
    print(verdict)
"""  # in a process of its own: kafka-python leaves sockets open where TLS fails


def test_a_file_of_the_settings_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(Abort, match=r"ca_file: cannot read .*none\.pem"):
        opened(StreamSettings(url="127.0.0.1:9", security="tls", ca_file=tmp_path / "none.pem"))


def test_the_client_s_own_warnings_are_told_once_and_never_below(caplog):
    from flows.stream.kafka_trouble import quiet

    quiet()
    for number in range(3):
        logging.getLogger("kafka.somewhere").warning("Broker %s is away", number)
        logging.getLogger("kafka.somewhere").info("The password is %s", "secret")
    said = [record for record in caplog.records if record.name.startswith("tocsin")]
    assert [(record.message, record.said) for record in said] == [("kafka client", "Broker 0 is away")]
    assert "secret" not in caplog.text
