import asyncio
import ipaddress
import socket

import pytest
from fetch_server import answer, redirect, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.fetch import Fetcher, FetchSettings
from ingest.fetch.addresses import denial, parse
from ingest.fetch.errors import RefusedError
from ingest.fetch.guard import check_address, check_url, host_of, is_open, names_loopback
from ingest.fetch.settings import parse_opening

CLOSED = FetchSettings()
OPEN = FetchSettings(allow_loopback=True)

DENIED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "64:ff9b:1:7f00:0:100::",
    "64:ff9b:1:7f00:0:1ff:808:808",
    "64:ff9b:1:a:0:1::",
    "64:ff9b:1:0:a::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:c0a8:101::",
    "2001:0:a00:1::1",
    "2001::f5ff:fffe",
    "2001:0:808:808::80ff:fffe",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "100::1",
    "5f00::1",
    "4000::1",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82f::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "64:ff9b:1::808:808",
    "2002:808:808::1",
    "2001:0:808:808::f7f7:f7f7",
    "2001:4860:4860::8888",
]


@pytest.mark.parametrize("address", DENIED)
def test_no_fetch_goes_to_an_address_inside(address):
    assert denial(parse(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_fetches_go_to_public_addresses(address):
    assert denial(parse(address)) == ""


WRAPPERS = ["::ffff:0:0", "64:ff9b::", "64:ff9b:1::", "::"]


@settings(deadline=None)
@given(st.ip_addresses(v=4), st.sampled_from(WRAPPERS))
def test_an_address_inside_another_is_denied_or_let_through_like_itself(address, wrapper):
    wrapped = ipaddress.IPv6Address(int(ipaddress.IPv6Address(wrapper)) + int(address))
    # Bits that stand for two addresses at once, in prefixes of several lengths, may be denied for the other one.
    assert bool(denial(wrapped)) == bool(denial(address)) or (wrapper == "64:ff9b:1::" and denial(wrapped))


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_6to4_and_teredo_are_denied_like_what_is_in_them(address):
    six_to_four = ipaddress.IPv6Address((0x2002 << 112) + (int(address) << 80) + 1)
    assert bool(denial(six_to_four)) == bool(denial(address))
    relayed = ipaddress.IPv6Address((0x20010000 << 96) + (0x08080808 << 64) + (~int(address) & 0xFFFFFFFF))
    assert bool(denial(relayed)) == bool(denial(address))


@settings(deadline=None)
@given(st.ip_addresses())
def test_nothing_that_python_calls_not_global_is_let_through(address):
    if not denial(address) and not getattr(address, "ipv4_mapped", None):
        assert address.is_global or address in ipaddress.ip_network(
            "2002::/16" if address.version == 6 else "0.0.0.0/0"
        )
        assert not address.is_multicast


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "//example.org/",
        "example.org",
        "",
        "http:example.org",
        "http:///path",
        "http://user@example.org/",
        "http://user:pass@example.org/",
        "http://@example.org/",
        "http://example.org\\@10.0.0.1/",
        "http://example.org/a\\b",
        "http://example.org/\n",
        "http://exam\tple.org/",
        "\x00http://example.org/",
        "http://example.org/\x85",
        "http://example.org/\ud800",
        "http://exa mple.org/",
        "http://example.org:22/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:8a/",
        "http://%31%32%37.0.0.1/",
        "http://[fe80::1%25eth0]/",
        "http://[::1/",
        "http://a..b/",
        "http://" + "a" * 64 + ".org/",
        "http://example.org/" + "a" * 8000,
        "http://ex℀mple.org/",
    ],
)
def test_the_text_of_a_url_is_refused(url):
    with pytest.raises(RefusedError) as caught:
        check_url(url, CLOSED)
    assert caught.value.outcome == "refused"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("https://example.org:443/a?b=%2C#c", "https://example.org/a?b=%2C"),
        ("https://example.org:8443/", "https://example.org:8443/"),
        (
            "http://пример.рф/новости?а=б",
            "http://xn--e1afmkfd.xn--p1ai/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8?%D0%B0=%D0%B1",
        ),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
        ("http://example.org./", "http://example.org./"),
        ("http://my_host.example.org/100%/", "http://my_host.example.org/100%25/"),
    ],
)
def test_a_url_goes_out_in_ascii_and_otherwise_as_written(url, sent):
    assert check_url(url, CLOSED) == sent
    assert check_url(sent, CLOSED) == sent


@settings(deadline=None)
@given(st.text() | st.from_regex(r"https?://[^/]{1,20}/.{0,20}"))
def test_any_text_is_refused_or_goes_out_as_plain_ascii(text):
    try:
        sent = check_url(text, CLOSED)
    except RefusedError:
        return
    assert sent.isascii()
    assert sent.isprintable()
    assert " " not in sent
    assert check_url(sent, CLOSED) == sent


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
