"""A record too large for the stream <-> a small one that says where in the archive it stands."""

import msgspec


class _Envelope(msgspec.Struct):
    reference: str = msgspec.field(name="tocsin-archive")
    url: str = ""  # of the page that the record is about, so that people see it where the archive is gone


BEGINS = b'{"tocsin-archive":'  # no record of the route begins so


def sealed(reference: str, url: str) -> bytes:
    """The value that stands for the record at `reference`.

    >>> sealed("tocsin-20260101-0001.warc.gz#0", "https://a.example/x")
    b'{"tocsin-archive":"tocsin-20260101-0001.warc.gz#0","url":"https://a.example/x"}'
    """
    return msgspec.json.encode(_Envelope(reference=reference, url=url))


def reference_in(value: bytes) -> str:
    """The reference in a value that `sealed` made, empty where it is a record itself.

    >>> reference_in(b'{"id": "a"}')
    ''
    """
    if not value.startswith(BEGINS):
        return ""
    try:
        return msgspec.json.decode(value, type=_Envelope).reference
    except msgspec.MsgspecError:
        return ""
