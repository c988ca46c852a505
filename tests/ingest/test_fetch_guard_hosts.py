"""Which hosts may be asked, however they are spelled, and which receivers are opened."""

import asyncio
import socket

import pytest
from fetch_server import answer, redirect, serving

from ingest.fetch import Fetcher, FetchSettings
from ingest.fetch.errors import RefusedError
from ingest.fetch.guard import check_address, host_of, is_open, names_loopback
from ingest.fetch.settings import parse_opening

CLOSED = FetchSettings()
OPEN = FetchSettings(allow_loopback=True)


SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "0",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "①②⑦.⓪.⓪.①",
    "localhost",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_loopback_is_refused_however_it_is_spelled(host):
    listener = _listener_on_8080()
    try:
        asyncio.run(_refused(f"http://{host}:8080/"))
        if listener is not None:
            listener.settimeout(0.05)
            with pytest.raises(TimeoutError):
                listener.accept()
    finally:
        if listener is not None:
            listener.close()


def _listener_on_8080():
    """Somebody to connect to at an allowed port, None where the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", 8080))
    except OSError:
        listener.close()
        return None
    listener.listen()
    return listener


async def _refused(url, settings=CLOSED, **arguments):
    async with Fetcher(settings, **arguments) as fetcher:
        with pytest.raises(RefusedError):
            await fetcher.get(url, kind="page")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "0.0.0.0", "64:ff9b::7f00:1"]
)
def test_a_name_is_refused_by_where_it_leads(address):
    async def lead(_host):
        return [address]

    asyncio.run(_refused("http://news.example/", resolve=lead))


def test_a_name_that_leads_inside_is_refused_and_says_so():
    async def inside(_host):
        return ["10.1.2.3"]

    async def run():
        async with Fetcher(CLOSED, resolve=inside) as fetcher:
            with pytest.raises(RefusedError, match=r"news\.example: leads to 10\.1\.2\.3.*private.*egress_allow"):
                await fetcher.get("http://news.example/", kind="feed")

    asyncio.run(run())


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/",
        "http://[::ffff:10.0.0.1]/",
        "//192.168.0.1/",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_is_no_way_around_the_guard(target):
    async def run():
        async with serving({"/": redirect(target)}) as site, Fetcher(OPEN) as fetcher:
            with pytest.raises(RefusedError):
                await fetcher.get(site.url("/"), kind="page")

    asyncio.run(run())


def test_a_name_that_changes_its_address_is_judged_at_each_connection():
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def rebinding(_host):
        return next(answers)

    async def run():
        async with (
            serving({"/": answer(b"a", connection="close")}) as site,
            Fetcher(OPEN, resolve=rebinding) as fetcher,
        ):
            first = await fetcher.get(site.url("/", host="news.example"), kind="page")
            with pytest.raises(RefusedError):
                await fetcher.get("http://other.example/", kind="page")
            return first

    assert asyncio.run(run()).status == 200


def test_where_a_name_leads_inside_and_outside_only_outside_is_tried():
    async def both(_host):
        return ["10.0.0.1", "127.0.0.1"]

    async def run():
        async with serving({"/": answer(b"a")}) as site, Fetcher(OPEN, resolve=both) as fetcher:
            return await fetcher.get(site.url("/", host="news.example"), kind="page")

    assert asyncio.run(run()).status == 200


def test_loopback_opened_opens_nothing_else():
    check_address("127.0.0.1", 5432, OPEN)
    check_address("::1", 5432, OPEN)
    for address in ("10.0.0.1", "169.254.169.254", "0.0.0.0", "fe80::1"):
        with pytest.raises(RefusedError):
            check_address(address, 80, OPEN)
    with pytest.raises(RefusedError, match="port 5432"):
        check_address("8.8.8.8", 5432, OPEN)


def openings(*entries):
    return tuple(parse_opening(entry) for entry in entries)


def test_a_receiver_is_opened_by_name_address_or_network_and_port():
    for entry, host, address, port in [
        ("hooks.corp", "hooks.corp", "10.0.0.5", 9000),
        ("Hooks.Corp:9000", "hooks.corp", "10.0.0.5", 9000),
        ("10.0.0.5", "anything", "10.0.0.5", 9000),
        ("10.0.0.0/8", "anything", "10.9.9.9", 80),
        ("[fd00::5]:9000", "anything", "fd00::5", 9000),
        ("fd00::/64", "anything", "fd00::9", 443),
    ]:
        check_address(address, port, CLOSED, host=host, openings=openings(entry))
    for entry, host, address, port in [
        ("hooks.corp", "other.corp", "10.0.0.5", 9000),
        ("hooks.corp:9000", "hooks.corp", "10.0.0.5", 9001),
        ("10.0.0.5", "hooks.corp", "10.0.0.6", 80),
        ("[fd00::5]:9000", "hooks.corp", "fd00::5", 80),
    ]:
        with pytest.raises(RefusedError):
            check_address(address, port, CLOSED, host=host, openings=openings(entry))


def test_an_opened_receiver_is_for_posts_and_never_for_what_feeds_name():
    async def run():
        # 0.0.0.0 leads to this machine, yet is no loopback address: only an opening lets it through.
        settings = FetchSettings(allow_loopback=True, egress_allow=("0.0.0.0",))
        async with serving({"/": answer(b"a")}) as site, Fetcher(settings) as fetcher:
            receiver = site.url("/", host="0.0.0.0")
            posted = await fetcher.post(receiver, body=b"{}")
            with pytest.raises(RefusedError):  # though a connection is open that a pool could hand out
                await fetcher.get(receiver, kind="page")
            return posted, site

    posted, site = asyncio.run(run())
    assert (posted.status, len(site.requests)) == (200, 1)


def test_a_receiver_is_opened_at_any_port_where_none_is_named():
    async def run():
        async with serving({"/": answer(b"a")}) as site:
            for entry in (f"127.0.0.1:{site.port}", "127.0.0.1", "127.0.0.0/8"):
                async with Fetcher(FetchSettings(egress_allow=(entry,))) as fetcher:
                    assert (await fetcher.post(site.url("/"), body=b"{}")).status == 200

    asyncio.run(run())


def test_a_post_to_what_nobody_opened_is_refused():
    async def run():
        async with serving({"/": answer(b"a")}) as site:
            for settings in (CLOSED, FetchSettings(egress_allow=("hooks.corp",))):
                async with Fetcher(settings) as fetcher:
                    with pytest.raises(RefusedError):
                        await fetcher.post(site.url("/"), body=b"{}")
            return site

    assert asyncio.run(run()).requests == []


def test_an_entry_of_egress_allow_that_says_nothing_is_an_error_with_what_to_write():
    for entry in ("", "host:0", "host:http", "10.0.0.0/99", ":25"):
        with pytest.raises(ValueError, match="egress_allow"):
            FetchSettings(egress_allow=(entry,))


def test_mail_servers_are_on_the_same_list():
    settings = FetchSettings(egress_allow=("mail.corp:587", "10.0.0.0/8"))
    assert is_open("mail.corp", 587, settings)
    assert is_open("10.0.0.9", 25, settings)
    assert not is_open("mail.corp", 25, settings)
    assert not is_open("127.0.0.1", 25, settings)
    assert is_open("127.0.0.1", 25, OPEN)


def test_hosts_have_one_key():
    assert host_of("http://Example.org:80/a") == "example.org"
    assert host_of("http://example.org:8080/a") == "example.org:8080"
    assert host_of("http://[::1]:8000/a") == "[::1]:8000"


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:80", "127.9.9.9", "[::1]:80", "::1", "a.localhost"]
)
def test_this_machine_is_known_by_its_names(host):
    assert names_loopback(host)


@pytest.mark.parametrize("host", ["example.org", "localhost.example.org:80", "10.0.0.1", "[2606::1]:80", "", "::", "["])
def test_other_machines_are_not_this_one(host):
    assert not names_loopback(host)


def test_a_contact_that_would_break_the_header_is_refused():
    for contact in ("a\nb", "é"):
        with pytest.raises(ValueError, match="contact"):
            FetchSettings(contact=contact)
