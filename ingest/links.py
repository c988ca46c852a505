"""An address as somebody wrote it -> the address as identity has it. Not courlan: its cleaning merges articles."""

import re
from urllib.parse import SplitResult, urlsplit

from yarl import URL

DEFAULT_PORTS = {"http": 80, "https": 443}
# What campaigns, mailings and readers of feeds add to an address. Names only that no outlet numbers its articles by:
# courlan 1.4.0 also drops cid, uid, eid, source, session and keyword, and sorts what is left.
# Source: begun from that list (which names AdGuard's and ClearURLs' as its own), and what large outlets append.
TRACKING_PREFIXES = ("utm_", "mtm_", "at_custom", "guce_", "hsa_", "__hs", "ga_campaign", "ga_source", "ga_medium")
TRACKING = frozenset(
    """
    __twitter_impression _ga _gl _hsenc _hsmi _openstat amp_gsa amp_js_v at_campaign at_format at_link_id
    at_link_origin at_link_type at_medium at_ptr_name cmpid dclid dicbo fb_action_ids fb_action_types fb_ref
    fb_source fbclid ftag gaa_at gaa_n gaa_sig gaa_ts gbraid gclid gclsrc guccounter hsctatracking igsh igshid
    itm_campaign itm_medium itm_source mc_cid mc_eid mibextid mkt_tok msclkid ns_campaign ns_fee ns_linkname
    ns_mchannel ns_source oly_anon_id oly_enc_id piwik_campaign piwik_kwd pk_campaign pk_content pk_keyword
    pk_kwd pk_medium pk_source rb_clickid ref_src ref_url sc_cid srsltid trk_contact trk_msg ttclid twclid
    vero_conv vero_id wbraid wickedid wt.mc_id wt_mc wt_mc_id wt_zmc wtmc xtor yclid ymclid ysclid
    """.split()  # noqa: SIM905 - a list for people to read
)
# These name other things too; they are dropped only where they say that a feed was the way: `ref=rss`, `emc=rss`.
WAYS = frozenset(
    ("cmp", "emc", "feature", "from", "medium", "mod", "ocid", "partner", "ref", "rss", "source", "src", "via")
)
FEED_WAY = re.compile(r"(?:rss|feed)(?:[^a-z].*)?", re.IGNORECASE)

SPACES = re.compile(r"[\t\n\r]+")
TOKEN = re.compile(r"%[0-9A-Fa-f]{2}|.", re.DOTALL)
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
KEPT = UNRESERVED | frozenset("/:@!$&'()*+,;=[]|?")  # stand in a path or query as written


def clean_link(url: str) -> str:
    """`url` without what does not name the article; cleaning again changes nothing, and it never raises.

    Tracking parameters, the fragment (but `#!`, which names a page), a default port and an empty query go. Scheme and
    host are in lower case, the host in ASCII; other parameters, their order, slashes and the scheme stay, so that two
    articles never become one. What is no http address comes back with its outer spaces taken away.

    >>> clean_link("HTTP://Example.ORG:80/a?utm_source=rss&id=7#top")
    'http://example.org/a?id=7'
    """
    text = SPACES.sub("", url.strip())
    try:
        parts = urlsplit(text)
        place = _place(parts)
    except ValueError:
        return text
    if parts.scheme not in DEFAULT_PORTS or not place:
        return text
    query = "&".join(kept for kept in parts.query.split("&") if kept and not _is_tracking(kept))
    fragment = f"#{_escaped(parts.fragment)}" if parts.fragment.startswith("!") else ""
    return f"{parts.scheme}://{place}{_escaped(parts.path) or '/'}{'?' + _escaped(query) if query else ''}{fragment}"


def site_of(url: str) -> str:
    """The host without the prefixes that do not tell sites apart; empty where it cannot be read.

    >>> site_of("https://www.example.org/a")
    'example.org'
    """
    try:
        host = urlsplit(url).netloc.lower()
    except ValueError:
        return ""
    return host.removeprefix("www.").removeprefix("m.").removeprefix("amp.")


def _place(parts: SplitResult) -> str:
    """User, host and port; empty where there is no host."""
    host = parts.hostname or ""
    if not host:
        return ""
    if not host.isascii():
        host = _ascii(host)
    elif ":" in host:
        host = f"[{host}]"
    user, at, _ = parts.netloc.rpartition("@")
    port = parts.port
    written = "" if port is None or port == DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{_escaped(user)}{at}{host}{written}"


def _ascii(host: str) -> str:
    try:
        return (URL(f"http://{host}/").raw_host or "").lower()
    except ValueError:
        return _escaped(host).lower()


def _is_tracking(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    name = name.lower().removeprefix("amp;")  # "&amp;", escaped twice
    if name in WAYS and FEED_WAY.fullmatch(value or name):
        return True
    return name in TRACKING or name.startswith(TRACKING_PREFIXES)


def _escaped(text: str) -> str:
    """Each character either as itself or escaped, always the same way (RFC 3986, section 6.2.2)."""
    return TOKEN.sub(_token, text)


def _token(found: "re.Match[str]") -> str:
    sign = found[0]
    if len(sign) == 3:
        plain = chr(int(sign[1:], 16))
        return plain if plain in UNRESERVED else sign.upper()
    if sign in KEPT:
        return sign
    return "".join(f"%{byte:02X}" for byte in sign.encode("utf-8", "surrogatepass"))
