"""The Merkle tree over the audit log (RFC 6962), kept as tiles of 256 hashes.

A tile of level 0 holds the hashes of 256 entries, one of level 1 the roots of 256 full tiles of level 0, and so on. A
root or a proof reads a few tiles of each level, however long the log is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from audit.models import Tile
from transparency.verifier import EMPTY_ROOT, node_hash

# Bits of a tile: it is as high as this many levels of the tree.
HEIGHT = 8
WIDTH = 1 << HEIGHT
HASH = 32


class Tree:
    """The tree as the database has it. Reads each tile once; make another object after it has grown."""

    def __init__(self) -> None:
        last = Tile.objects.filter(level=0).order_by("-index").first()
        self.size = last.index * WIDTH + len(last.hashes) // HASH if last is not None else 0
        self._tiles: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the root of the perfect subtree of 2^level entries that begins at entry index * 2^level, from 0.

        Raises:
            LookupError: the tree is not that large, or somebody removed a part of it.
        """
        above, inside = divmod(level, HEIGHT)
        first = index << inside
        tile = self._tile(above, first // WIDTH)
        start = first % WIDTH * HASH
        hashes = [tile[at : at + HASH] for at in range(start, start + (HASH << inside), HASH)]
        if not hashes[-1]:
            raise LookupError(f"tile {above}/{first // WIDTH} is too short")
        return _perfect_root(hashes)

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the tree over the first `size` entries; None: over all."""
        size = self.size if size is None else size
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the proof that an entry (from 0) is in the tree of the first `size` entries, from the leaf up."""
        start, end, found = 0, size, list[bytes]()
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                found.append(self._range(middle, end))
                end = middle
            else:
                found.append(self._range(start, middle))
                start = middle
        return found[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of `new` entries begins with the tree of `old` entries."""
        if not 0 < old < new:
            return []
        start, end, is_whole, found = 0, new, True, list[bytes]()
        while end != old:
            middle = start + _split(end - start)
            if old <= middle:
                found.append(self._range(middle, end))
                end = middle
            else:
                found.append(self._range(start, middle))
                start, is_whole = middle, False
        return [*([] if is_whole else [self._range(start, end)]), *found[::-1]]

    def _range(self, start: int, end: int) -> bytes:
        """Return the root over entries from start to before end, where start is a multiple of a large enough power."""
        found = b""
        for first, level in reversed(list(perfect(start, end))):
            node = self.node(level, first >> level)
            found = node_hash(node, found) if found else node
        return found

    def _tile(self, level: int, index: int) -> bytes:
        if (level, index) not in self._tiles:
            hashes = Tile.objects.filter(level=level, index=index).values_list("hashes", flat=True).first()
            if hashes is None:
                raise LookupError(f"tile {level}/{index} is missing")
            self._tiles[level, index] = bytes(hashes)
        return self._tiles[level, index]


def extend(hashes: list[bytes], size: int) -> None:
    """Add the hashes of entries to a tree of `size` entries. The caller holds the lock of the tree."""
    level = 0
    while hashes:
        full = []
        while hashes:
            index, inside = divmod(size, WIDTH)
            added, hashes = hashes[: WIDTH - inside], hashes[WIDTH - inside :]
            size += len(added)
            before = Tile.objects.filter(level=level, index=index).first() if inside else None
            together = (bytes(before.hashes) if before is not None else b"") + b"".join(added)
            Tile.objects.update_or_create(level=level, index=index, defaults={"hashes": together})
            if size % WIDTH == 0:
                full.append(_perfect_root([together[at : at + HASH] for at in range(0, len(together), HASH)]))
        hashes, level, size = full, level + 1, (size >> HEIGHT) - len(full)


def perfect(start: int, end: int, cuts: Sequence[int] = ()) -> Iterator[tuple[int, int]]:
    """Yield the largest perfect subtrees (first entry from 0, level) that together cover entries from start to end.

    cuts: sizes at which a subtree must end, ascending.
    """
    for stop in (*cuts[bisect_right(cuts, start) : bisect_left(cuts, end)], end):
        while start < stop:
            level = (stop - start).bit_length() - 1
            if start:
                level = min(level, (start & -start).bit_length() - 1)
            yield start, level
            start += 1 << level


def _split(size: int) -> int:
    """Return the largest power of two below a size of two or more."""
    return 1 << ((size - 1).bit_length() - 1)


def _perfect_root(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]
