"""The open-set test of an engine, on photographs of people who are on a list and of people who are not.

The layout of a folder is <person>/<photograph>. If a person has several photographs, the first is enrolled and up to
three more are mated probes. If a person has only one, it is a non-mated probe. If a photograph shows several faces, the
one nearest its middle is used.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from recognition.engine import Engine, joined
from recognition.frame import CANDIDATES
from recognition.reading import Reading

R = TypeVar("R")

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
MATED_A_PERSON = 3

Scores = npt.NDArray[np.float32]


class NoFaces(ValueError):
    """The folder contains no usable photographs. The message says what was expected."""


@dataclass(frozen=True)
class Photographs:
    """The photographs to enrol, by person, and the probes. mated: each with the person's name."""

    gallery: dict[str, Path]
    mated: list[tuple[str, Path]]
    non_mated: list[Path]

    @classmethod
    def of(cls, folder: Path) -> Photographs:
        """Divide the photographs in a folder into photographs to enrol and probes.

        Raises:
            NoFaces: there are no photographs, or nobody has two.
        """
        people = photographs(folder)
        several = {name: pictures for name, pictures in people.items() if len(pictures) > 1}
        if not several:
            raise NoFaces(f"Nobody in {folder} has two photographs. It takes one to enrol and one to search with.")
        return cls(
            gallery={name: pictures[0] for name, pictures in several.items()},
            mated=[(name, path) for name, pictures in several.items() for path in pictures[1 : 1 + MATED_A_PERSON]],
            non_mated=[pictures[0] for pictures in people.values() if len(pictures) == 1],
        )

    def digest(self) -> str:
        """Return the SHA-256 of the names and contents of all photographs used."""
        content = hashlib.sha256()
        paths = [*self.gallery.values(), *(path for _, path in self.mated), *self.non_mated]
        for path in sorted(paths):
            content.update(f"{path.parent.name}/{path.name}\0".encode())
            content.update(hashlib.sha256(path.read_bytes()).digest())
        return content.hexdigest()


def photographs(folder: Path) -> dict[str, list[Path]]:
    """Return {person: photographs, in order of name} from a folder with the layout <person>/<photograph>.

    Raises:
        NoFaces: there are no photographs.
    """
    if not folder.is_dir():
        raise NoFaces(f"{folder} is not a folder.")
    found = {
        person.name: pictures
        for person in sorted(folder.iterdir())
        if person.is_dir() and (pictures := sorted(p for p in person.iterdir() if p.suffix.lower() in SUFFIXES))
    }
    if not found:
        raise NoFaces(f"{folder} contains no photographs. Its layout must be <person>/<photograph>.jpg.")
    return found


@dataclass(frozen=True)
class Outcome:
    """The scores of an open-set test, as quick passes followed by full passes of the candidates give them.

    own: for each mated probe, the score of its own person. first: whether that person is ranked first. strangers: for
    each non-mated probe, its best scores against the gallery, best first (probes x TOP). failed_to_enrol,
    failed_probes: the number of photographs without a face. A mated probe counts as missed if it shows no face or its
    person could not be enrolled.
    """

    gallery: int
    failed_to_enrol: int
    failed_probes: int
    own: Scores
    first: npt.NDArray[np.bool_]
    strangers: Scores

    TOP: ClassVar[int] = CANDIDATES

    def threshold(self, fpir: float) -> float:
        """Return the lowest threshold that at most this share of the non-mated probes exceeds."""
        best = np.sort(self.strangers[:, 0])[::-1]
        return float(best[math.floor(fpir * len(best))])

    def found(self, threshold: float) -> int:
        """Return how many mated probes have their own person ranked first and above the threshold."""
        return int((self.first & (self.own > threshold)).sum())


def outcome(engine: Engine, photographs: Photographs, readings: Sequence[Reading | None]) -> Outcome:
    """Compare the readings of `photographs`, which are in the order gallery, mated, non-mated.

    Each score is what a search would give. A pair cannot score higher than its quick pass allows, and a pair whose
    quick pass is not among the best few of the list gets -1, whatever a full pass would give.
    """
    return compared_with(lambda probes, gallery: compared(engine, probes, gallery), photographs, readings)


def compared_with(
    scores: Callable[[list[R], list[R]], Scores], photographs: Photographs, readings: Sequence[R | None]
) -> Outcome:
    """Do the same with any comparison function: scores(probes, gallery) returns probes x gallery."""
    split = len(photographs.gallery), len(photographs.gallery) + len(photographs.mated)
    named = zip(photographs.gallery, readings[: split[0]], strict=True)
    enrolled = [(name, each) for name, each in named if each is not None]
    gallery = [each for _, each in enrolled]
    if not gallery:
        raise NoFaces("No face was found in any photograph to enrol.")
    place = {name: index for index, (name, _) in enumerate(enrolled)}
    mated = zip(photographs.mated, readings[split[0] : split[1]], strict=True)
    # A mated probe is missed if its person could not be enrolled or if it shows no face.
    seen = [(place[name], each) for (name, _), each in mated if name in place and each is not None]
    strangers = [each for each in readings[split[1] :] if each is not None]
    missed, faceless = len(photographs.mated) - len(seen), len(photographs.non_mated) - len(strangers)
    own = np.array([index for index, _ in seen], int)
    compared = scores([each for _, each in seen], gallery) if seen else np.empty((0, len(gallery)), np.float32)
    impostors = scores(strangers, gallery) if strangers else np.empty((0, len(gallery)), np.float32)
    top = min(Outcome.TOP, len(gallery))
    # A picture without a face raises no alert. With -1 a mated probe is missed and a stranger is below any threshold.
    return Outcome(
        gallery=len(gallery),
        failed_to_enrol=split[0] - len(gallery),
        failed_probes=sum(each is None for each in readings[split[0] :]),
        own=np.concatenate([compared[np.arange(len(seen)), own], np.full(missed, -1, np.float32)]),
        first=np.concatenate([compared.argmax(axis=1) == own, np.zeros(missed, bool)]),
        strangers=np.vstack([-np.sort(-impostors, axis=1)[:, :top], np.full((faceless, top), -1, np.float32)]),
    )


def compared(engine: Engine, probes: Sequence[Reading], gallery: Sequence[Reading]) -> Scores:
    """Return scores, probes x gallery, with -1 for pairs whose quick pass is not among those given a full pass."""
    closely = np.stack([each.close.embedding for each in gallery])
    quick = np.stack([each.quick for each in probes]) @ closely.T
    first = np.stack([each.close.embedding for each in probes]) @ closely.T
    seconds = [each.close.second for each in (*probes, *gallery) if each.close.second is not None]
    if seconds:
        second = np.stack(seconds[: len(probes)]) @ np.stack(seconds[len(probes) :]).T
        first = joined(first, second)
    scores = np.minimum(first, engine.reachable(quick))
    few = min(CANDIDATES, len(gallery))
    last = -np.partition(-quick, few - 1, axis=1)[:, few - 1 : few]
    return np.asarray(np.where(quick >= last, scores, -1), np.float32)
