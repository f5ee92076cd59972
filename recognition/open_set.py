"""The open-set test of an engine: people who are on a list, and people who are not, in photographs.

A folder is laid out <person>/<photograph>. The first photograph of everybody who has several is enrolled; their next
ones, three at most, are mated probes; the only one of everybody else is a non-mated probe. Where a photograph shows
several faces, the one nearest its middle is meant.
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
    """The folder holds no usable photographs; the message says what was expected."""


@dataclass(frozen=True)
class Photographs:
    """Who is enrolled from which photograph, and the probes; names of people tell who is who."""

    gallery: dict[str, Path]
    mated: list[tuple[str, Path]]
    non_mated: list[Path]

    @classmethod
    def of(cls, folder: Path) -> Photographs:
        """
        Raises:
            NoFaces: there are none to enrol, or no probes.
        """
        people = photographs(folder)
        several = {name: pictures for name, pictures in people.items() if len(pictures) > 1}
        if not several:
            raise NoFaces(f"Nobody in {folder} has two photographs: one to enrol and one to look for.")
        return cls(
            gallery={name: pictures[0] for name, pictures in several.items()},
            mated=[(name, path) for name, pictures in several.items() for path in pictures[1 : 1 + MATED_A_PERSON]],
            non_mated=[pictures[0] for pictures in people.values() if len(pictures) == 1],
        )

    def digest(self) -> str:
        """SHA-256 over the names and contents of every photograph used."""
        content = hashlib.sha256()
        paths = [*self.gallery.values(), *(path for _, path in self.mated), *self.non_mated]
        for path in sorted(paths):
            content.update(f"{path.parent.name}/{path.name}\0".encode())
            content.update(hashlib.sha256(path.read_bytes()).digest())
        return content.hexdigest()


def photographs(folder: Path) -> dict[str, list[Path]]:
    """{person: photographs by name} of a folder laid out <person>/<photograph>.

    Raises:
        NoFaces: there are none.
    """
    if not folder.is_dir():
        raise NoFaces(f"{folder} is no folder.")
    found = {
        person.name: pictures
        for person in sorted(folder.iterdir())
        if person.is_dir() and (pictures := sorted(p for p in person.iterdir() if p.suffix.lower() in SUFFIXES))
    }
    if not found:
        raise NoFaces(f"{folder} holds no photographs; it must be laid out <person>/<photograph>.jpg.")
    return found


@dataclass(frozen=True)
class Outcome:
    """Scores of an open-set test, as the cascade gives them: a quick pass, then a full one of the candidates.

    own: for each mated probe the score of its own person. first: whether that person is ranked first.
    strangers: for each non-mated probe its best scores, best first (probes x TOP): other people of the gallery.
    failed_*: photographs with no face; a mated probe without one, or of somebody not enrolled, counts as missed.
    """

    gallery: int
    failed_to_enrol: int
    failed_probes: int
    own: Scores
    first: npt.NDArray[np.bool_]
    strangers: Scores

    TOP: ClassVar[int] = CANDIDATES

    def threshold(self, fpir: float) -> float:
        """The lowest threshold that at most this share of the non-mated probes exceed."""
        best = np.sort(self.strangers[:, 0])[::-1]
        return float(best[math.floor(fpir * len(best))])

    def found(self, threshold: float) -> int:
        """Mated probes whose own person is ranked first, above the threshold."""
        return int((self.first & (self.own > threshold)).sum())


def outcome(engine: Engine, photographs: Photographs, readings: Sequence[Reading | None]) -> Outcome:
    """Compare the readings of `photographs` in the order gallery, mated, non-mated.

    A comparison's score is what the cascade would answer: a pair that a quick pass does not bring near enough for a
    threshold, or not among the nearest few of the list, cannot reach it, whatever a full pass would score.
    """
    return compared_with(lambda probes, gallery: _compared(engine, probes, gallery), photographs, readings)


def compared_with(
    scores: Callable[[list[R], list[R]], Scores], photographs: Photographs, readings: Sequence[R | None]
) -> Outcome:
    """The same for anything that compares: scores(probes, gallery) are probes x gallery."""
    split = len(photographs.gallery), len(photographs.gallery) + len(photographs.mated)
    named = zip(photographs.gallery, readings[: split[0]], strict=True)
    enrolled = [(name, each) for name, each in named if each is not None]
    gallery = [each for _, each in enrolled]
    if not gallery:
        raise NoFaces("No face was found on any photograph to enrol.")
    place = {name: index for index, (name, _) in enumerate(enrolled)}
    mated = zip(photographs.mated, readings[split[0] : split[1]], strict=True)
    # Who could not be enrolled is missed, like who is not seen on the probe.
    seen = [(place[name], each) for (name, _), each in mated if name in place and each is not None]
    strangers = [each for each in readings[split[1] :] if each is not None]
    missed, faceless = len(photographs.mated) - len(seen), len(photographs.non_mated) - len(strangers)
    own = np.array([index for index, _ in seen], int)
    compared = scores([each for _, each in seen], gallery) if seen else np.empty((0, len(gallery)), np.float32)
    impostors = scores(strangers, gallery) if strangers else np.empty((0, len(gallery)), np.float32)
    top = min(Outcome.TOP, len(gallery))
    # A picture without a face raises no alert: a mated one is missed, a stranger's scores are low.
    return Outcome(
        gallery=len(gallery),
        failed_to_enrol=split[0] - len(gallery),
        failed_probes=sum(each is None for each in readings[split[0] :]),
        own=np.concatenate([compared[np.arange(len(seen)), own], np.full(missed, -1, np.float32)]),
        first=np.concatenate([compared.argmax(axis=1) == own, np.zeros(missed, bool)]),
        strangers=np.vstack([-np.sort(-impostors, axis=1)[:, :top], np.full((faceless, top), -1, np.float32)]),
    )


def _compared(engine: Engine, probes: Sequence[Reading], gallery: Sequence[Reading]) -> Scores:
    """Probes x gallery; -1 for whom a quick pass does not bring among the few that are given a full pass."""
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
