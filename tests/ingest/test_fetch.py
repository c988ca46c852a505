"""What comes back: bodies, encodings, limits of size and time."""

import asyncio
import gzip
import resource
import zlib

import brotli
import pytest
from fetch_kit import PAGE, endless, fetched, got_from
from fetch_server import answer, redirect

from ingest.fetch import FetchSettings
from ingest.fetch.errors import (
    BadEncodingError,
    TimedOutError,
    TooLargeError,
    TruncatedError,
    UnreachableError,
)
from ingest.verdict import Reject, Retry


def test_an_answer_has_its_body_status_headers_and_counts():
    response, site = fetched({"/": answer(PAGE, ETag='W/"a"', X_Two="1\r\nX-Two: 2")})
    assert (response.status, response.body, response.wire_bytes) == (200, PAGE, len(PAGE))
    assert response.url == site.url("/")
    assert response.headers["etag"] == 'W/"a"'
    assert response.headers["x-two"] == "1, 2"
    assert ("X-Two", "2") in response.raw_headers
    assert 0 < response.seconds < 5


def test_requests_say_who_asks_and_nothing_else_about_us():
    _, site = fetched({"/": answer(PAGE)})
    assert site.header("user-agent") == "Tocsin (+ops@desk.example)"
    assert site.header("accept-encoding") == "gzip, deflate, br"
    assert site.header("referer") is None
    assert site.header("cookie") is None


def test_statuses_are_answers():
    for status in ("304 Not Modified", "404 Not Found", "410 Gone", "500 Oops", "302 Found"):
        response, _ = fetched({"/": answer(status=status)})
        assert response.status == int(status[:3])


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE[:999]) + gzip.compress(PAGE[999:])),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", zlib.compress(PAGE, wbits=-15)),
        ("br", brotli.compress(PAGE)),
        ("identity", PAGE),
    ],
)
def test_one_layer_of_encoding_is_undone(encoding, packed):
    response, _ = fetched({"/": answer(packed, content_encoding=encoding)})
    assert response.body == PAGE
    assert response.wire_bytes == len(packed)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "zstd", "gzip, br"])
def test_other_encodings_are_rejected(encoding):
    with pytest.raises(BadEncodingError, match="not asked for"):
        fetched({"/": answer(gzip.compress(PAGE), content_encoding=encoding)})


def test_a_body_that_is_not_what_its_header_says_is_rejected():
    with pytest.raises(BadEncodingError) as caught:
        fetched({"/": answer(PAGE, content_encoding="gzip")})
    assert isinstance(caught.value, Reject)
    assert caught.value.outcome == "bad-encoding"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_truncated_encoding_is_no_good_answer(encoding):
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[encoding]
    with pytest.raises(TruncatedError) as caught:
        fetched({"/": answer(pack(PAGE)[:-3], content_encoding=encoding)})
    assert isinstance(caught.value, Retry)


def test_a_body_shorter_than_announced_is_truncated():
    short = answer(PAGE, content_length=str(len(PAGE) + 9))

    async def hang_up(writer):
        writer.write(short)
        await writer.drain()

    with pytest.raises(TruncatedError):
        fetched({"/": hang_up})


def test_chunks_without_an_end_are_truncated():
    async def hang_up(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await writer.drain()

    with pytest.raises(TruncatedError):
        fetched({"/": hang_up})


def test_an_error_page_that_breaks_off_still_tells_its_status():
    async def hang_up(writer):
        writer.write(answer(b"busy", status="503 Busy", content_length="99", retry_after="120"))
        await writer.drain()

    response, _ = fetched({"/": hang_up})
    assert (response.status, response.body, response.retry_after_seconds) == (503, b"busy", 120.0)


def test_an_empty_body_with_an_encoding_is_an_empty_body():
    response, _ = fetched({"/": answer(b"", content_encoding="gzip")})
    assert response.body == b""


def bomb(encoding, mebibytes):
    """`mebibytes` of one letter, packed without ever standing in memory."""
    if encoding == "gzip":
        packer = zlib.compressobj(wbits=31)
        return b"".join(packer.compress(b"a" * 2**20) for _ in range(mebibytes)) + packer.flush()
    packer = brotli.Compressor(quality=5)
    return b"".join(packer.process(b"a" * 2**20) for _ in range(mebibytes)) + packer.finish()


@pytest.mark.parametrize(("encoding", "mebibytes"), [("gzip", 200), ("br", 500)])
def test_a_bomb_is_refused_in_little_memory(encoding, mebibytes):
    packed = bomb(encoding, mebibytes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooLargeError, match="unpack to over"):
        fetched({"/": answer(packed, content_encoding=encoding)})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KiB


def test_limits_hold_by_kind():
    settings = FetchSettings(allow_loopback=True, page_limit_bytes=1000, feed_limit_bytes=2000)
    answers = {"/": answer(b"x" * 1500)}
    assert fetched(answers, kind="feed", settings=settings)[0].status == 200
    with pytest.raises(TooLargeError, match="1500 bytes announced"):
        fetched(answers, kind="page", settings=settings)


def test_a_body_without_length_stops_at_the_limit():
    async def drown(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await endless(writer)

    with pytest.raises(TooLargeError, match="on the wire"):
        fetched({"/": drown})


def test_only_the_total_time_stops_a_slow_drip():
    settings = FetchSettings(allow_loopback=True, read_timeout_seconds=0.4, page_timeout_seconds=0.9)

    async def drip(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    with pytest.raises(TimedOutError, match="did not come in time"):
        fetched({"/": drip}, settings=settings)


def test_a_server_that_never_answers_times_out():
    settings = FetchSettings(allow_loopback=True, read_timeout_seconds=0.2)
    with pytest.raises(TimedOutError, match="no answer in time"):
        fetched({"/": lambda _writer: asyncio.sleep(60)}, settings=settings)


def test_the_total_time_covers_all_redirects():
    settings = FetchSettings(allow_loopback=True, page_timeout_seconds=0.5)

    async def late(writer):
        await asyncio.sleep(0.3)
        writer.write(redirect("/late2"))

    with pytest.raises(TimedOutError):
        fetched({"/": late, "/late2": late}, settings=settings)


def test_what_is_no_http_or_no_server_is_unreachable():
    async def babble(writer):
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()

    with pytest.raises(UnreachableError):
        fetched({"/": babble})
    with pytest.raises(UnreachableError):
        asyncio.run(got_from("http://127.0.0.1:9/"))
    with pytest.raises(UnreachableError):
        fetched({"/": redirect("https://127.0.0.1:1/")})


def test_a_plain_server_behind_https_is_unreachable():
    async def babble(_reader, writer):
        writer.write(answer(PAGE))
        writer.close()

    async def run():
        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server:
            await got_from(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    with pytest.raises(UnreachableError):
        asyncio.run(run())
