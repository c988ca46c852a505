import gzip
import zlib
from contextlib import suppress

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.fetch.decode import STEP_BYTES, Body, _decoder
from ingest.fetch.errors import BadEncodingError, TooLargeError, TruncatedError

PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "identity": bytes,
}


def decoded(encoding, pieces, limit_bytes=2**20):
    body = Body(encoding, limit_bytes)
    for piece in pieces:
        body.add(piece)
    body.end()
    return body.decoded()


def cut(data, sizes):
    """`data` in pieces of `sizes`, then the rest."""
    start = 0
    for size in sizes:
        yield data[start : start + size]
        start += size
    yield data[start:]


@settings(deadline=None)
@given(st.binary(max_size=3000), st.sampled_from(sorted(PACKERS)), st.lists(st.integers(0, 200), max_size=20))
def test_a_body_is_the_same_however_the_wire_cuts_it(data, encoding, sizes):
    assert decoded(encoding, cut(PACKERS[encoding](data), sizes)) == data


@settings(deadline=None)
@given(st.binary(max_size=2000), st.lists(st.integers(0, 9), max_size=20))
def test_bare_deflate_is_read_too(data, sizes):
    assert decoded("deflate", cut(zlib.compress(data, wbits=-15), sizes)) == data


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.lists(st.integers(0, 40), max_size=20))
def test_gzip_members_follow_each_other(parts, sizes):
    assert decoded("gzip", cut(b"".join(map(gzip.compress, parts)), sizes)) == b"".join(parts)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=3000), st.sampled_from(["gzip", "deflate", "br"]), st.data())
def test_no_prefix_is_taken_for_the_whole(data, encoding, draw):
    packed = PACKERS[encoding](data)
    with pytest.raises(TruncatedError):
        decoded(encoding, [packed[: draw.draw(st.integers(1, len(packed) - 1))]])


@settings(deadline=None)
@given(st.binary(max_size=500), st.sampled_from([*PACKERS, "zstd", "", "gzip,br"]))
def test_any_bytes_give_a_body_or_say_what_is_wrong(data, encoding):
    with suppress(TruncatedError, BadEncodingError):
        decoded(encoding, [data])


def test_what_follows_the_last_member_is_left_unread():
    assert decoded("gzip", [gzip.compress(b"text") + b"\0" * 512]) == b"text"
    assert decoded("deflate", [zlib.compress(b"text") + b"junk", b"more"]) == b"text"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_pieces_come_out_in_steps(encoding):
    pieces = list(_decoder(encoding).feed(PACKERS[encoding](b"a" * 20 * STEP_BYTES)))
    assert sum(map(len, pieces)) == 20 * STEP_BYTES
    assert max(map(len, pieces)) <= 2 * STEP_BYTES


def test_the_limit_holds_decoded_and_what_was_had_until_then_stays():
    body = Body("gzip", 1000)
    with pytest.raises(TooLargeError, match="decoded"):
        body.add(gzip.compress(bytes(range(256)) * 8))
    assert body.decoded() == (bytes(range(256)) * 8)[:1000]


def test_the_limit_holds_on_the_wire_where_nothing_comes_out():
    with pytest.raises(TooLargeError):
        decoded("gzip", [gzip.compress(b"") * 60], limit_bytes=1000)
    with pytest.raises(TooLargeError, match="gzip members"):
        decoded("gzip", [gzip.compress(b"") * 2000])


def test_a_text_that_packs_well_passes_below_the_ratio():
    text = b"".join(b"%d degrees in Minsk\n" % number for number in range(200_000))
    assert decoded("gzip", [gzip.compress(text)], limit_bytes=2**23) == text


def test_bytes_after_the_end_of_brotli_are_an_error_and_no_body():
    with pytest.raises(BadEncodingError):
        decoded("br", [brotli.compress(b"text") + b"junk"])
