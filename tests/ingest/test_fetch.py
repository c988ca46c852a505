import asyncio
import gzip
import resource
import zlib
from contextlib import suppress
from datetime import UTC, datetime

import brotli
import pytest
from fetch_server import answer, redirect, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.fetch import Fetcher, FetchSettings, Hop
from ingest.fetch.errors import (
    BadEncodingError,
    FetchError,
    RefusedError,
    TimedOutError,
    TooLargeError,
    TooManyRedirectsError,
    TruncatedError,
    UnreachableError,
)
from ingest.fetch.response import retry_after
from ingest.verdict import Reject, Retry

OPEN = FetchSettings(allow_loopback=True, contact="ops@desk.example")
PAGE = b"<p>Minsk frees prisoners.</p>" * 200
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def endless(writer):
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


def fetched(answers, path="/", kind="page", settings=OPEN, headers=None):
    """What a fetch of `path` gives on a site with `answers`, and the site."""

    async def run():
        async with serving(answers) as site, Fetcher(settings, clock=lambda: NOON) as fetcher:
            return await fetcher.get(site.url(path), kind=kind, headers=headers), site

    return asyncio.run(run())


def posted(answers, settings=OPEN, body=b"{}"):
    async def run():
        async with serving(answers) as site, Fetcher(settings) as fetcher:
            return await fetcher.post(site.url("/"), body=body, headers={"webhook-id": "d1"}), site

    return asyncio.run(run())


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
        asyncio.run(_get("http://127.0.0.1:9/"))
    with pytest.raises(UnreachableError):
        fetched({"/": redirect("https://127.0.0.1:1/")})


def test_a_plain_server_behind_https_is_unreachable():
    async def babble(_reader, writer):
        writer.write(answer(PAGE))
        writer.close()

    async def run():
        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server:
            await _get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    with pytest.raises(UnreachableError):
        asyncio.run(run())


async def _get(url, settings=OPEN, kind="page", **arguments):
    async with Fetcher(settings, **arguments) as fetcher:
        return await fetcher.get(url, kind=kind)


def test_a_name_that_does_not_resolve_is_unreachable():
    async def nobody(host):
        raise OSError(f"unknown {host}")

    with pytest.raises(UnreachableError):
        asyncio.run(_get("http://nowhere.example/", resolve=nobody))


def test_redirects_are_followed_and_told():
    response, site = fetched({"/": redirect("/b", "301 Moved"), "/b": redirect("c#part"), "/c": answer(PAGE)})
    assert response.body == PAGE
    assert response.url == site.url("/c")
    assert response.hops == (Hop(status=301, url=site.url("/")), Hop(status=302, url=site.url("/b")))


def test_five_redirects_are_followed_and_six_are_not():
    chain = {f"/{n}": redirect(f"/{n + 1}") for n in range(9)}
    assert fetched(chain | {"/5": answer(PAGE)}, path="/0")[0].status == 200
    with pytest.raises(TooManyRedirectsError, match="over 5 redirects"):
        fetched(chain, path="/0")


def test_a_redirect_loop_ends():
    with pytest.raises(TooManyRedirectsError, match="come back") as caught:
        fetched({"/": redirect("/b"), "/b": redirect("/")})
    assert caught.value.outcome == "too-many-redirects"
    with pytest.raises(TooManyRedirectsError, match="come back"):
        fetched({"/": redirect("/")})


def test_the_body_of_a_redirect_is_not_read():
    async def drown(writer):
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n")
        await endless(writer)

    assert fetched({"/": drown, "/b": answer(PAGE)})[0].body == PAGE


def test_cookies_are_not_kept():
    async def here(_host):
        return ["127.0.0.1"]

    async def run():
        cookie = {"set_cookie": "id=1; Path=/"}
        answers = {"/": answer(status="302 Found", location="/b", **cookie), "/b": answer(PAGE, **cookie)}
        async with serving(answers) as site, Fetcher(OPEN, resolve=here) as fetcher:
            for _ in range(2):  # by name: there are no cookies for bare addresses anyway
                await fetcher.get(site.url("/", host="news.example"), kind="page")
            return site

    site = asyncio.run(run())
    assert [site.header("cookie", request) for request in range(4)] == [None] * 4


def test_secrets_do_not_follow_to_another_host_but_validators_do():
    async def run():
        async with serving({"/": answer(PAGE)}, host="127.0.0.2") as other, Fetcher(OPEN) as fetcher:
            target = other.url("/", host="127.0.0.2")
            async with serving({"/": redirect(target)}) as site:
                given = {"Authorization": "Bearer 1", "If-None-Match": '"a"'}
                await fetcher.get(site.url("/"), kind="feed", headers=given)
            return site, other

    site, other = asyncio.run(run())
    assert site.header("authorization") == "Bearer 1"
    assert other.header("authorization") is None
    assert other.header("if-none-match") == '"a"'


@pytest.mark.parametrize("etag", ['"ünï"', 'W/"a\\"b"', "bare", '"  two"', '"%2C"'])
def test_validators_go_back_byte_for_byte(etag):
    response, _ = fetched({"/": answer(PAGE, ETag=etag)})
    _, site = fetched({"/": answer(PAGE)}, headers={"If-None-Match": response.headers["etag"]})
    assert site.header("if-none-match").encode("latin-1") == etag.encode()


def test_a_header_that_is_not_utf_8_can_be_kept_and_sent():
    raw = answer(PAGE, ETag="?").replace(b"?", b"\xe9")
    response, _ = fetched({"/": raw})
    response.headers["etag"].encode()
    assert fetched({"/": answer(PAGE)}, headers={"If-None-Match": response.headers["etag"]})[0].status == 200


def test_a_caller_cannot_end_a_header_line_or_change_who_asks():
    with pytest.raises(RefusedError):
        fetched({"/": answer(PAGE)}, headers={"If-None-Match": "a\r\nHost: b"})
    _, site = fetched({"/": answer(PAGE)}, headers={"user-agent": "Mozilla", "accept-encoding": "zstd"})
    assert site.header("user-agent") == "Tocsin (+ops@desk.example)"
    assert site.header("accept-encoding") == "gzip, deflate, br"


def test_paths_and_queries_go_out_as_written():
    path = "/a%2Cb,c/%7Ed;e=1?q=%2B+%26&é=x y&z=%zz"
    _, site = fetched({}, path=path)
    assert site.paths == ["/a%2Cb,c/%7Ed;e=1?q=%2B+%26&%C3%A9=x%20y&z=%25zz"]


def test_the_environment_gives_no_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert fetched({"/": answer(PAGE)})[0].status == 200


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 1.0),
        ("1.5", 1.5),
        ("999999999", 86400.0),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 1.0),
        ("Sun, 01 Mar 2026 14:02:00 +0200", 120.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("inf", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_a_day(value, seconds):
    response, _ = fetched({"/": answer(status="429 Slow", retry_after=value)})
    assert response.retry_after_seconds == seconds


@settings(deadline=None)
@given(st.text())
def test_retry_after_never_raises(text):
    seconds = retry_after(text, NOON)
    assert seconds is None or 1 <= seconds <= 86400


def test_a_post_carries_its_body_and_headers():
    response, site = posted({"/": answer(b"thanks", status="202 Accepted")}, body=b'{"a":1}')
    assert (response.status, response.body) == (202, b"thanks")
    assert (site.bodies, site.header("webhook-id")) == ([b'{"a":1}'], "d1")


def test_a_post_is_not_redirected():
    response, site = posted({"/": redirect("/b", "307 Elsewhere"), "/b": answer()})
    assert (response.status, response.hops, site.paths) == (307, (), ["/"])


def test_a_post_that_got_a_status_is_delivered_whatever_the_body_is():
    async def hang_up(writer):
        writer.write(answer(b"ok", content_length="99"))
        await writer.drain()

    assert posted({"/": hang_up})[0].status == 200
    assert len(posted({"/": answer(b"x" * 900_000)})[0].body) == 65536
    assert posted({"/": answer(b"x", content_encoding="zstd")})[0].status == 200


def test_long_headers_are_read_and_endless_ones_are_not():
    assert fetched({"/": answer(PAGE, content_security_policy="x" * 20_000)})[0].status == 200
    with pytest.raises(UnreachableError):
        fetched({"/": answer(PAGE, content_security_policy="x" * 200_000)})
    with pytest.raises(UnreachableError):
        fetched({"/": answer(PAGE, **{f"x_{number}": "y" for number in range(1000)})})


def test_a_caller_that_gives_up_gets_its_own_error():
    async def run():
        async with serving({"/": lambda _writer: asyncio.sleep(60)}) as site, Fetcher(OPEN) as fetcher:
            async with asyncio.timeout(0.1):
                await fetcher.get(site.url("/"), kind="page")

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(run())
    assert not isinstance(caught.value, FetchError)


def damaged(edits):
    """An honest answer with bytes replaced and inserted."""
    raw = bytearray(answer(gzip.compress(PAGE), content_encoding="gzip", etag="a", set_cookie="b=c", location="/d"))
    for place, byte, instead in edits:
        at = place % len(raw)
        raw[at : at + instead] = bytes([byte])
    return bytes(raw)


EDITS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255), st.integers(0, 1)), max_size=6)


@settings(deadline=None, max_examples=150)
@given(EDITS)
def test_any_answer_is_a_response_or_a_fetch_error(edits):
    async def once(writer):
        writer.write(damaged(edits))
        await writer.drain()

    with suppress(FetchError):
        response, _ = fetched({"/": once}, settings=FetchSettings(allow_loopback=True, read_timeout_seconds=0.5))
        assert 100 <= response.status <= 999
        assert len(response.body) <= OPEN.page_limit_bytes


def test_messages_show_no_secret():
    async def run():
        async with Fetcher(OPEN) as fetcher:
            for attempt in (
                fetcher.post("http://127.0.0.1:9/hooks/secret", body=b"{}"),
                fetcher.get("http://127.0.0.1:9/feed?key=secret", kind="feed"),
                fetcher.get("http://name:secret@127.0.0.1:9/feed", kind="feed"),
            ):
                with pytest.raises(FetchError, match=r"127\.0\.0\.1:9") as caught:
                    await attempt
                assert "secret" not in str(caught.value)

    asyncio.run(run())


def test_connections_are_kept_for_the_next_page():
    async def run():
        async with serving({"/": answer(PAGE)}) as site, Fetcher(OPEN) as fetcher:
            for _ in range(3):
                await fetcher.get(site.url("/"), kind="page")
            return site

    site = asyncio.run(run())
    assert (len(site.requests), site.connections) == (3, 1)


def test_every_error_is_one_verdict_and_has_its_word():
    words = set()
    for error in FetchError.__subclasses__():
        assert issubclass(error, Retry) != issubclass(error, Reject)
        words.add(error.outcome)
    assert words >= {
        "refused",
        "too-large",
        "truncated",
        "timeout",
        "unreachable",
        "too-many-redirects",
        "bad-encoding",
    }
