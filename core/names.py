"""Comparison of names and references as people write them."""

from __future__ import annotations

import re
import unicodedata

# Letters that are no accented form of another.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_WORD = re.compile(r"\w+")


def words_of(name: str) -> frozenset[str]:
    """Return the words of a name without accents, case, order and punctuation: "Müller, Ann" is "ann muller"."""
    # Words are joined at apostrophes: O'Brien is OBrien.
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS).replace("'", "").replace("’", ""))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return frozenset(_WORD.findall(letters))


def spelt(reference: str) -> str:
    """Return a reference in one spelling: capitals, single spaces."""
    return " ".join(reference.upper().split())
