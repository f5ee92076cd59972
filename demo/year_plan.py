"""A year of invented deployments as a plan, with the shape of the Met's published tables; nothing is stored.

Measured on those tables (doctrine, sections 4 and 8.3, 2023 to 2026): a median of 5.8 hours, from 3.6 to 7.1; about
2,750 faces an hour; about 2 possible matches an hour, of which 0.5% to 3.6% were false; of the true ones about one in
seven unconfirmed; of the confirmed about half arrested. Two deployments on some days. The names of places are real
towns, everything else is invented.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

import numpy as np

from alerts.choices import Disposal, NoAction, NoEngagement, OffenceClass, WhyFalse
from deployments.choices import Halt, UseCase
from watchlists.attributes import AgeBand, Sex

PLACES = (
    "High Street, Southend-on-Sea",
    "Victoria Circus, Southend-on-Sea",
    "High Street, Chelmsford",
    "Bond Street, Chelmsford",
    "Town Square, Basildon",
    "High Street, Colchester",
    "Culver Square, Colchester",
    "The Water Gardens, Harlow",
    "Marine Parade, Clacton-on-Sea",
    "High Street, Grays",
    "Lakeside, West Thurrock",
    "High Street, Braintree",
)
T = TypeVar("T")
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


class Ending(StrEnum):
    """How a possible match ends."""

    ARREST = "arrest"
    OTHER = "other"
    NO_ACTION = "no_action"
    LOST = "lost"
    NO_ENGAGEMENT = "no_engagement"
    RELEASE = "release"
    NOT_THEM = "not_them"
    NOT_SAME = "not_same"
    UNRESOLVED = "unresolved"


class Fate(StrEnum):
    """What becomes of an application."""

    HELD = "held"
    REFUSED = "refused"
    CANCELLED = "cancelled"


# Possible matches for each face.
A_FACE = 2.0 / 2750
# How often each ending occurs: the false ones together 1.6%.
ENDINGS: dict[Ending, float] = {
    Ending.ARREST: 0.43,
    Ending.OTHER: 0.09,
    Ending.NO_ACTION: 0.33,
    Ending.LOST: 0.085,
    Ending.NO_ENGAGEMENT: 0.044,
    Ending.UNRESOLVED: 0.005,
    Ending.NOT_SAME: 0.008,
    Ending.NOT_THEM: 0.003,
    Ending.RELEASE: 0.005,
}
CODES: dict[Ending, tuple[str, ...]] = {
    Ending.ARREST: tuple(OffenceClass.values),
    Ending.OTHER: tuple(Disposal.values),
    Ending.NO_ACTION: tuple(NoAction.values),
    Ending.NO_ENGAGEMENT: tuple(NoEngagement.values),
    Ending.RELEASE: tuple(WhyFalse.values),
}
# Attributes by chance alone, whatever the ending: nobody in the invented year is treated differently.
SAID = {"W1": 0.5, "W9": 0.12, "B1": 0.08, "B2": 0.1, "A1": 0.04, "A2": 0.06, "M1": 0.03, "O9": 0.02, "NS": 0.05}
SEEN = {"1": 0.55, "2": 0.07, "3": 0.2, "4": 0.12, "5": 0.02, "6": 0.02, "9": 0.02}
AGES = {
    **{AgeBand.TO_24: 0.24, AgeBand.TO_34: 0.34, AgeBand.TO_44: 0.25},
    **{AgeBand.TO_54: 0.12, AgeBand.FROM_55: 0.05},
}
PAUSES = (Halt.WEATHER, Halt.RESPONSE, Halt.FAULT, Halt.INCIDENT, Halt.COMMUNITY)


@dataclass(frozen=True)
class PlannedMatch:
    """A possible match: when it comes, how it ends, and how long each step takes."""

    after: dt.timedelta
    ending: Ending
    code: str
    decide: dt.timedelta
    respond: dt.timedelta
    engagement: dt.timedelta
    self_defined: str
    officer_defined: str
    sex: str
    age_band: str


@dataclass(frozen=True)
class PlannedPause:
    """A pause: from when, counted from going live, how long, and why."""

    after: dt.timedelta
    length: dt.timedelta
    code: Halt


@dataclass(frozen=True)
class PlannedDeployment:
    """A deployment, from its application to the day on which it takes place."""

    number: int
    starts_at: dt.datetime
    length: dt.timedelta
    place: str
    use_case: UseCase
    faces: int
    faces_expected: int
    listed: int
    matches: tuple[PlannedMatch, ...]
    pause: PlannedPause | None
    passes: int
    recognised: int
    fate: Fate
    is_published: bool = True
    is_corrected: bool = False

    @property
    def name(self) -> str:
        return f"{self.place.split(', ')[-1]}, {self.starts_at:%d %B %Y}" + (
            " (2)" if self.starts_at.hour >= 13 else ""
        )

    def moment_of(self, after: dt.timedelta) -> dt.datetime:
        """Return a moment after going live; what falls in the pause comes after it."""
        pause = self.pause
        later = pause.length + MINUTE if pause is not None and after >= pause.after - MINUTE else dt.timedelta()
        return self.starts_at + MINUTE + after + later

    def count(self, *endings: Ending) -> int:
        return sum(each.ending in endings for each in self.matches)


def plan(deployments: int, last_day: dt.date, seed: int, zone: dt.tzinfo) -> list[PlannedDeployment]:
    """Return deployments over a year that ends on a day, the earliest first. The same seed gives the same plan."""
    chance = np.random.default_rng(seed)
    # The last two are of this week, so that there is something to publish.
    early = sorted(int(day) for day in chance.choice(352, size=max(deployments - 2, 0), replace=deployments > 300))
    days = [*early, 358, 359][-deployments:]
    planned: list[PlannedDeployment] = []
    for number, day in enumerate(days, start=1):
        date = last_day - dt.timedelta(days=359 - day)
        is_second = bool(planned) and planned[-1].starts_at.date() == date
        start = dt.datetime.combine(date, dt.time(14 if is_second else 10), zone)
        planned.append(_deployment(number, start, chance))
    return _marked(planned)


def _marked(planned: list[PlannedDeployment]) -> list[PlannedDeployment]:
    """Mark the first that has an arrest as corrected later, and leave the last two for the publisher to publish."""
    held = [each for each in planned if each.fate == Fate.HELD]
    first = next((each for each in held if each.count(Ending.ARREST)), None)
    return [
        replace(each, is_corrected=each is first and each not in held[-2:], is_published=each not in held[-2:])
        for each in planned
    ]


def _deployment(number: int, starts_at: dt.datetime, chance: np.random.Generator) -> PlannedDeployment:
    hours = float(np.clip(chance.normal(5.6, 0.8), 3.6, 7.1))
    length = round(hours * 60) * MINUTE
    faces = max(round(hours * 2750 * float(chance.lognormal(0, 0.4))), 300)
    matches = tuple(_match(length, chance) for _ in range(min(int(chance.poisson(faces * A_FACE)), 30)))
    return PlannedDeployment(
        number=number,
        starts_at=starts_at,
        length=length,
        place=PLACES[int(chance.integers(len(PLACES)))],
        use_case=_chosen(tuple(UseCase), (0.6, 0.06, 0.04, 0.16, 0.14), chance),
        faces=faces,
        faces_expected=int(round(faces * float(chance.lognormal(0, 0.25)), -2)) + 100,
        listed=len(matches) + int(chance.integers(4, 14)),
        matches=tuple(sorted(matches, key=lambda each: each.after)),
        pause=_pause(length, chance) if chance.random() < 0.15 else None,
        passes=10,
        recognised=int(chance.choice((8, 9, 10), p=(0.1, 0.35, 0.55))),
        fate=_chosen(tuple(Fate), (0.94, 0.03, 0.03), chance),
    )


def _match(length: dt.timedelta, chance: np.random.Generator) -> PlannedMatch:
    ending = _chosen(tuple(ENDINGS), tuple(ENDINGS.values()), chance)
    codes = CODES.get(ending, ("",))
    longest = max(length.total_seconds() - 50 * 60, 60)
    return PlannedMatch(
        after=dt.timedelta(seconds=float(chance.uniform(60, longest))),
        ending=ending,
        code=codes[int(chance.integers(len(codes)))],
        decide=dt.timedelta(seconds=float(np.clip(chance.lognormal(2.5, 0.5), 4, 50))),
        respond=dt.timedelta(seconds=float(np.clip(chance.lognormal(3.6, 0.5), 10, 200))),
        engagement=dt.timedelta(seconds=float(np.clip(chance.lognormal(5.7, 0.7), 60, 1800))),
        self_defined=_chosen(tuple(SAID), tuple(SAID.values()), chance),
        officer_defined=_chosen(tuple(SEEN), tuple(SEEN.values()), chance),
        sex=_chosen((Sex.MALE, Sex.FEMALE), (0.8, 0.2), chance),
        age_band=_chosen(tuple(AGES), tuple(AGES.values()), chance),
    )


def _pause(length: dt.timedelta, chance: np.random.Generator) -> PlannedPause:
    code = PAUSES[int(chance.integers(len(PAUSES)))]
    after = length * float(chance.uniform(0.2, 0.6))
    return PlannedPause(after, int(chance.integers(6, 25)) * MINUTE, code)


def _chosen(choices: tuple[T, ...], shares: tuple[float, ...], chance: np.random.Generator) -> T:
    return choices[int(chance.choice(len(choices), p=np.array(shares) / sum(shares)))]
