"""Which addresses and URLs are refused."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.fetch import FetchSettings
from ingest.fetch.addresses import denial, parse
from ingest.fetch.errors import RefusedError
from ingest.fetch.guard import check_url

CLOSED = FetchSettings()


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
