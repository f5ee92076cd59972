"""Read the audit log from its first entry on: for verification, and for exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.db.models import QuerySet

from audit.actions import Action
from audit.models import CONTENT, Entry, Tile, canonical
from audit.tree import HASH, WIDTH, Tree, perfect

CHUNK = 5000


class Row(NamedTuple):
    """An entry. stored: the hash in the tree; None if the tree has none for it. content: canonical JSON."""

    number: int
    content: bytes
    stored: bytes | None


class Gap(NamedTuple):
    """A perfect subtree of 2^level entries that are left out or missing. first: the number of the first of them."""

    first: int
    level: int
    hash: bytes


def last_expiry() -> Entry | None:
    """Return the entry about the last destruction of entries at the end of their retention."""
    return Entry.objects.filter(action=Action.JOURNAL_EXPIRED).order_by("-id").first()


def expired_through() -> int:
    """Return the number of the last entry that was destroyed at the end of its retention, or 0."""
    last = last_expiry()
    return int(last.data["through"]) if last is not None else 0


def parts(size: int, cuts: Sequence[int], chosen: QuerySet[Entry] | None = None) -> Iterator[Row | Gap]:
    """Yield the first `size` entries in order, and for those that are not there the hashes of the subtrees over them.

    cuts: sizes at which no subtree may reach across, such as those of checkpoints. chosen: only these entries are
    wanted; None: all.
    """
    tree, at = Tree(), 0
    hashes = _Hashes()
    cuts = sorted(cuts)
    entries = (Entry.objects.all() if chosen is None else chosen).filter(number__lte=size).order_by("number")
    for number, *values in entries.values_list("number", *CONTENT).iterator(chunk_size=CHUNK):
        if number - 1 > at:
            yield from _gaps(tree, at, number - 1, cuts)
        yield Row(number, canonical(dict(zip(CONTENT, values, strict=True))), hashes.of(number))
        at = number
    yield from _gaps(tree, at, size, cuts)


def _gaps(tree: Tree, start: int, end: int, cuts: Sequence[int]) -> Iterator[Gap]:
    for first, level in perfect(start, end, cuts):
        try:
            found = tree.node(level, first >> level)
        except LookupError:
            # Somebody removed the hashes too. A hash that fits nothing shows it.
            found = bytes(HASH)
        yield Gap(first + 1, level, found)


class _Hashes:
    """The hashes of entries as the tree has them, for numbers that ascend."""

    def __init__(self) -> None:
        self._index, self._tile = -1, b""

    def of(self, number: int) -> bytes | None:
        index, inside = divmod(number - 1, WIDTH)
        if index != self._index:
            tile = Tile.objects.filter(level=0, index=index).values_list("hashes", flat=True).first()
            self._index, self._tile = index, bytes(tile or b"")
        return self._tile[inside * HASH : (inside + 1) * HASH] or None
