"""Names -> one file that processes map into memory and share: a trie over stems, as a hash table.

An entry's key is a 64-bit hash of (node, stem), its value the node behind it; a node's leaf is a line of text. Reading
costs one hash for each stem of a word and a probe or two.
"""

import hashlib
import json
import mmap
import tempfile
from array import array
from pathlib import Path
from typing import Any, Final, Self

NO_NODE: Final = 0
CAPITAL, SMALL, SKELETONS, FIRST_NAMES = 1, 2, 3, 4  # the roots
_FIRST_FREE: Final = 5
_MASK: Final = (1 << 64) - 1
_SPREAD: Final = 0x9E3779B97F4A7C15
_MAGIC: Final = b"tocsin-names-2\n"
_ALIGN: Final = 8


class TableError(ValueError):
    """The file is no table, or not all of one."""


def stem_hash(stem: str) -> int:
    """64 bits of a stem."""
    return int.from_bytes(hashlib.blake2b(stem.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class Builder:
    """Collects nodes and leaves, and writes them."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        self._leaves: list[list[str]] = [[] for _ in range(_FIRST_FREE)]
        self._hashes: dict[str, int] = {}

    def child(self, node: int, stems: tuple[str, ...]) -> int:
        """The node behind any of these stems, made where there is none."""
        keys = [_key(node, self._hash(stem)) for stem in stems]
        found = next((self._next[key] for key in keys if key in self._next), NO_NODE)
        if found == NO_NODE:
            found = len(self._leaves)
            self._leaves.append([])
        for key in keys:
            self._next.setdefault(key, found)
        return found

    def leaf(self, node: int, line: str) -> None:
        """Another reading of the name that ends at this node."""
        if line not in self._leaves[node]:
            self._leaves[node].append(line)

    def _hash(self, stem: str) -> int:
        if stem not in self._hashes:
            self._hashes[stem] = stem_hash(stem)
        return self._hashes[stem]

    def write(self, path: Path, extra: dict[str, Any]) -> None:
        """Write the table atomically: a reader sees the whole file or none."""
        slots = 1 << (2 * len(self._next)).bit_length()
        keys, nodes = array("Q", bytes(8 * slots)), array("I", bytes(4 * slots))
        for key, node in self._next.items():
            at = key & (slots - 1)
            while keys[at]:
                at = (at + 1) & (slots - 1)
            keys[at], nodes[at] = key, node
        offsets, blob = array("I", [0]), bytearray()
        for leaf in self._leaves:
            blob += "\n".join(leaf).encode("utf-8", "surrogatepass")
            offsets.append(len(blob))
        head = json.dumps({"slots": slots, "leaves": len(self._leaves), "blob": len(blob), **extra}).encode() + b"\n"
        head = _MAGIC + head + b" " * (-len(_MAGIC + head) % _ALIGN)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=".part", delete=False) as out:
            out.write(head + keys.tobytes() + nodes.tobytes() + offsets.tobytes() + blob)
        Path(out.name).replace(path)


class Table:
    """A table of names, mapped into memory; safe to share between threads."""

    def __init__(self, mapped: mmap.mmap) -> None:
        if mapped[: len(_MAGIC)] != _MAGIC:
            raise TableError("the file does not begin like a table of names")
        end = mapped.find(b"\n", len(_MAGIC))
        try:
            self.head: dict[str, Any] = json.loads(mapped[len(_MAGIC) : end])
            slots, leaves, blob = self.head["slots"], self.head["leaves"], self.head["blob"]
        except (ValueError, KeyError) as error:
            raise TableError("the head of the table cannot be read") from error
        at = end + 1 + (-(end + 1) % _ALIGN)
        view = memoryview(mapped)
        if len(view) != at + 12 * slots + 4 * (leaves + 1) + blob:
            raise TableError("the table is cut off or too long")
        self._mask = slots - 1
        self._keys = view[at : at + 8 * slots].cast("Q")
        self._nodes = view[at + 8 * slots : at + 12 * slots].cast("I")
        at += 12 * slots
        self._offsets = view[at : at + 4 * (leaves + 1)].cast("I")
        self._blob = view[at + 4 * (leaves + 1) :]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises: OSError where there is no file, TableError where it is no table."""
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise TableError(f"{path} is empty")
            return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def child(self, node: int, hashed: int) -> int:
        """The node behind a stem, NO_NODE where there is none."""
        key = ((hashed + node * _SPREAD) & _MASK) or 1
        at = key & self._mask
        keys = self._keys
        while found := keys[at]:
            if found == key:
                return int(self._nodes[at])
            at = (at + 1) & self._mask
        return NO_NODE

    def leaf(self, node: int) -> list[str]:
        """The readings of the name that ends at this node."""
        text = bytes(self._blob[self._offsets[node] : self._offsets[node + 1]])
        return text.decode("utf-8", "surrogatepass").split("\n") if text else []


def _key(node: int, hashed: int) -> int:
    return ((hashed + node * _SPREAD) & _MASK) or 1
