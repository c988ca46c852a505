"""A screenshot -> the same picture in a smaller file: a page of flat colours packs best without the filters of PNG."""

import struct
import zlib

CHANNELS = 3  # 8 bits each, as Chromium writes them
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def packed(png):
    """The same pixels in fewer bytes."""
    chunks = list(_chunks(png))
    header = next(data for name, data in chunks if name == b"IHDR")
    width, height, depth, kind = struct.unpack(">IIBB", header[:10])
    assert (depth, kind) == (8, 2), "only RGB of 8 bits"
    filtered = zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT"))
    plain = b"".join(b"\0" + row for row in _rows(filtered, width * CHANNELS, height))
    kept = [(b"IHDR", header), (b"IDAT", zlib.compress(plain, 9)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_framed(name, data) for name, data in kept)


def _chunks(png):
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _framed(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _rows(filtered, length, height):
    """The rows without their filters, as the PNG specification has them (section 9.2)."""
    above = bytes(length)
    for start in range(0, height * (length + 1), length + 1):
        row = bytearray(filtered[start + 1 : start + 1 + length])
        way = filtered[start]
        for at in range(length if way else 0):
            left, corner = (row[at - CHANNELS], above[at - CHANNELS]) if at >= CHANNELS else (0, 0)
            guess = (0, left, above[at], (left + above[at]) // 2, _nearest(left, above[at], corner))[way]
            row[at] = (row[at] + guess) & 255
        above = bytes(row)
        yield above


def _nearest(left, up, corner):
    guess = left + up - corner
    return min((left, up, corner), key=lambda near: abs(guess - near))
