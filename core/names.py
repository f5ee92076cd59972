"""Comparison of names and references as people write them."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")


def words_of(name: str) -> frozenset[str]:
    """Return the words of a name without accents, case, order and punctuation: "Müller, Ann" is "ann muller"."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return frozenset(_WORD.findall(letters))


def spelt(reference: str) -> str:
    """Return a reference in one spelling: capitals, single spaces."""
    return " ".join(reference.upper().split())
