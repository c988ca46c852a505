"""What a request carries, where redirects lead, and what a caller is told."""

import asyncio
import gzip
from contextlib import suppress

import pytest
from fetch_kit import NOON, OPEN, PAGE, endless, fetched, got_from, posted
from fetch_server import answer, redirect, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.fetch import Fetcher, FetchSettings, Hop
from ingest.fetch.errors import (
    FetchError,
    RefusedError,
    TooManyRedirectsError,
    UnreachableError,
)
from ingest.fetch.response import retry_after
from ingest.verdict import Reject, Retry


def test_a_name_that_does_not_resolve_is_unreachable():
    async def nobody(host):
        raise OSError(f"unknown {host}")

    with pytest.raises(UnreachableError):
        asyncio.run(got_from("http://nowhere.example/", resolve=nobody))


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
