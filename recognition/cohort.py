"""How well an engine does for each group of a cohort of volunteers, from photographs and what the volunteers said.

Nothing is inferred from a face: the groups come from a table that the volunteers' own words filled. For a range of
thresholds the figures are the worst in it: people are found at its highest, and mistaken at its lowest.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from recognition.engine import EngineIdentity

SCHEMA = "lfr-cohort/1"
CHARACTERISTICS = ("ethnicity", "sex", "age")
LONGEST_GROUP = 60
# More would not fit the database.
MOST = 2**31
# A group of the others' answers, where somebody did not say.
UNSAID = ""


class WrongCohort(ValueError):
    """The table of volunteers or a result cannot be used. The message says why."""


@dataclass
class GroupCount:
    """The figures of one group.

    passes: searches for a volunteer who is on the list, or should be: somebody in whose photograph no face was found is
    never recognised, and is counted in not_enrolled. recognised: of these, the volunteer was first and above the
    highest threshold. searches: for a volunteer who is on no list. false_matches: of these, somebody was above the
    lowest threshold.
    """

    characteristic: str
    group: str
    passes: int = 0
    recognised: int = 0
    searches: int = 0
    false_matches: int = 0
    not_enrolled: int = 0


@dataclass(frozen=True)
class CohortResult:
    """A measurement. gallery: how many people were enrolled. failed: photographs without a face."""

    engine: EngineIdentity
    dataset: str
    dataset_sha256: str
    measured_on: str
    gallery: int
    failed: int
    lowest_threshold: float
    highest_threshold: float
    groups: list[GroupCount] = field(default_factory=list)

    def to_json(self) -> str:
        """Return the measurement as it is attached to an entry of evidence."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, ensure_ascii=False, indent=1) + "\n"


def result_in(text: str) -> CohortResult | None:
    """Return the measurement in a file; None if the file is something else.

    Raises:
        WrongCohort: it is one, but damaged.
    """
    try:
        found = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.pop("schema", None) != SCHEMA:
        return None
    try:
        groups = [_checked(GroupCount(**each)) for each in found.pop("groups")]
        result = CohortResult(**{**found, "engine": EngineIdentity(**found["engine"]), "groups": groups})
        if not 0 < result.lowest_threshold <= result.highest_threshold < 1:
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:
        raise WrongCohort("The file of the cohort is damaged. Use it as it was written, or measure again.") from error
    return result


def _checked(count: GroupCount) -> GroupCount:
    """Return the figures of a group.

    Raises:
        ValueError: they are not of the right kind, or do not add up.
    """
    numbers = (count.passes, count.recognised, count.searches, count.false_matches, count.not_enrolled)
    is_counted = all(type(number) is int and 0 <= number < MOST for number in numbers)
    is_named = count.characteristic in CHARACTERISTICS and isinstance(count.group, str) and count.group.isprintable()
    if not is_counted or not is_named or not 0 < len(count.group) <= LONGEST_GROUP:
        raise ValueError
    if count.recognised > count.passes or count.false_matches > count.searches:
        raise ValueError
    return count


def members_in(text: str) -> dict[str, dict[str, str]]:
    """Return what each volunteer said, by the name of their folder, from a table with the columns of `COLUMNS`.

    A cell may be empty: that person did not say.

    Raises:
        WrongCohort: a column is missing, a person is named twice, or a group has too long a name.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True))
        head = next(csv.reader(io.StringIO(text.removeprefix("\ufeff"))), [])
    except csv.Error as error:
        raise WrongCohort(f"The table is not a CSV file: {error}.") from error
    missing = [name for name in ("person", *CHARACTERISTICS) if head.count(name) != 1]
    if missing:
        raise WrongCohort(f"The table needs each of person, ethnicity, sex and age once. Wrong: {', '.join(missing)}.")
    spellings: dict[tuple[str, str], str] = {}
    found: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, start=2):
        person = (row["person"] or "").strip()
        if not person or person in found:
            raise WrongCohort(f"Line {number} names {'nobody' if not person else f'{person} again'}.")
        said = {name: " ".join((row[name] or "").split()) for name in CHARACTERISTICS}
        if any(len(group) > LONGEST_GROUP for group in said.values()):
            raise WrongCohort(f"Line {number} has a group with more than {LONGEST_GROUP} characters.")
        for name, group in said.items():
            if spellings.setdefault((name, group.casefold()), group) != group:
                raise WrongCohort(f"Line {number} spells the group {group} in another way than a line above it.")
        found[person] = said
    return found


def count_groups(
    scores: npt.NDArray[np.float32],
    gallery: Sequence[str],
    probes: Sequence[str],
    members: Mapping[str, Mapping[str, str]],
    *,
    wanted: Sequence[str],
    lowest: float,
    highest: float,
) -> list[GroupCount]:
    """Count by group.

    scores: probes x gallery. gallery, probes: the person of each. wanted: everybody who was to be enrolled; a probe of
    one of them is a pass. Each probe is also, without the person's own entry, a search for somebody who is on no list.
    """
    counts: dict[tuple[str, str], GroupCount] = {}

    def of(characteristic: str, person: str) -> GroupCount | None:
        group = members[person][characteristic]
        if group == UNSAID:
            return None
        return counts.setdefault((characteristic, group), GroupCount(characteristic, group))

    for person in set(wanted) - set(gallery):
        for characteristic in CHARACTERISTICS:
            if (count := of(characteristic, person)) is not None:
                count.not_enrolled += 1
    places, listed = {person: place for place, person in enumerate(gallery)}, set(wanted)
    for row, person in zip(scores, probes, strict=True):
        own = places.get(person)
        others = row if own is None else np.delete(row, own)
        is_mistaken = bool(others.size) and float(others.max()) > lowest
        is_found = own is not None and int(row.argmax()) == own and float(row[own]) > highest
        for characteristic in CHARACTERISTICS:
            count = of(characteristic, person)
            if count is None:
                continue
            count.passes += person in listed
            count.recognised += is_found
            count.searches += bool(others.size)
            count.false_matches += is_mistaken
    order = {name: place for place, name in enumerate(CHARACTERISTICS)}
    return sorted(counts.values(), key=lambda each: (order[each.characteristic], each.group))


def without_members(people: Mapping[str, Any], members: Mapping[str, Any]) -> list[str]:
    """Return the people of whom there are photographs and nothing was said."""
    return sorted(set(people) - set(members))


def by_characteristic(groups: Sequence[GroupCount]) -> dict[str, list[GroupCount]]:
    """Return the groups of each characteristic."""
    found: defaultdict[str, list[GroupCount]] = defaultdict(list)
    for each in groups:
        found[each.characteristic].append(each)
    return dict(found)
