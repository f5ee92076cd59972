"""The cohort kit: what is counted for each group, the command, and the evidence made of its file."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from recognition.cohort import CohortResult, GroupCount, WrongCohort, count_groups, members_in, result_in
from tests.cast import LONDON, NO_LONDON, Cast, client_of, make_calibration
from watchlists.engine import identity
from watchlists.models import BiasEvidence, EvidenceGroup

TABLE = "person,ethnicity,sex,age\n1,W1,F,25 to 34\n2,W1,M,\n3,B2,M,25 to 34\n"


def _result(**changes: Any) -> CohortResult:
    named = {"ethnicity": ("W1", "B2"), "sex": ("F", "M"), "age": ("A", "B")}
    groups = [GroupCount(name, group, 10, 9, 12, 1) for name, both in named.items() for group in both]
    # Nobody of this group was enrolled: it is in the file, and not in the evidence.
    groups.append(GroupCount("age", "C", 0, 0, 3, 0))
    usual = CohortResult(identity(), "Volunteers", "0" * 64, "2026-11-30", 20, 1, 0.6, 0.7, groups)
    return dataclasses.replace(usual, **changes)


def test_each_group_is_counted_at_the_worst_of_the_range() -> None:
    scores = np.array(
        [
            [0.75, 0.10, 0.10],  # of 1: found, nobody else near
            [0.65, 0.62, 0.10],  # of 1: below the highest threshold; 2 above the lowest: mistaken without 1
            [0.80, 0.75, 0.10],  # of 2: another is first
            [0.10, 0.61, 0.10],  # of 3, who is not enrolled: mistaken
            [-1.0, -1.0, -1.0],  # of 2: no face
        ],
        np.float32,
    )
    members = members_in(TABLE)
    enrolled = ["1", "2", "4"]
    probes = ["1", "1", "2", "3", "2"]
    found = count_groups(scores, enrolled, probes, members, wanted=enrolled, lowest=0.6, highest=0.7)
    counts = {
        (each.characteristic, each.group): (each.passes, each.recognised, each.searches, each.false_matches)
        for each in found
    }
    assert counts == {
        ("ethnicity", "W1"): (4, 1, 4, 2),
        ("ethnicity", "B2"): (0, 0, 1, 1),
        ("sex", "F"): (2, 1, 2, 1),
        ("sex", "M"): (2, 0, 3, 2),
        # Somebody did not say their age.
        ("age", "25 to 34"): (2, 1, 3, 2),
    }


def test_who_could_not_be_enrolled_is_never_recognised() -> None:
    """A group whose photographs show no face must not disappear from the figures."""
    found = count_groups(
        np.array([[0.9], [0.1], [-1.0]], np.float32),
        ["1"],
        ["1", "3", "3"],
        members_in(TABLE),
        wanted=["1", "3"],
        lowest=0.6,
        highest=0.7,
    )
    (count,) = [each for each in found if each.group == "B2"]
    assert (count.passes, count.recognised, count.not_enrolled) == (2, 0, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"passes": "10"},
        {"passes": 10.5},
        {"passes": -1},
        {"recognised": 11},
        {"passes": 2**31, "recognised": 1},
        {"group": 7},
        {"group": "x" * 61},
        {"group": "a\u0000"},
        {"characteristic": "height"},
        {"searches": True},
    ],
)
def test_a_file_with_wrong_figures_is_refused(changes: dict[str, Any]) -> None:
    written = json.loads(_result().to_json())
    written["groups"][0] |= changes
    with pytest.raises(WrongCohort, match="damaged"):
        result_in(json.dumps(written))


@pytest.mark.parametrize("lowest", ["0.6", None, float("nan"), 0, 0.8])
def test_a_file_with_wrong_thresholds_is_refused(lowest: Any) -> None:
    with pytest.raises(WrongCohort, match="damaged"):
        result_in(json.dumps({**json.loads(_result().to_json()), "lowest_threshold": lowest}))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("person,sex,age\n1,F,A\n", "Wrong: ethnicity"),
        ("person,ethnicity,sex,sex,age\n1,W1,F,F,A\n", "Wrong: sex"),
        (TABLE + "4,w1,M,\n", "spells the group w1 in another way"),
        (TABLE + '"', "not a CSV file"),
        (TABLE + "2,W1,M,\n", "Line 5 names 2 again"),
        (TABLE + ",W1,M,\n", "Line 5 names nobody"),
        (f"person,ethnicity,sex,age\n1,{'x' * 61},F,A\n", "more than 60 characters"),
        ("", "Wrong: person"),
    ],
)
def test_a_wrong_table_gets_a_clear_error(table: str, says: str) -> None:
    with pytest.raises(WrongCohort, match=says):
        members_in(table)


def test_a_file_is_read_as_it_was_written() -> None:
    result = _result()
    assert result_in(result.to_json()) == result
    assert [result_in(text) for text in ("", "{}", "[1]", "no", "[" * 300_000, '{"schema": "other"}')] == [None] * 6
    assert result_in("\ufeff" + result.to_json()) == result
    with pytest.raises(WrongCohort, match="damaged"):
        result_in(json.dumps({"schema": "lfr-cohort/1", "groups": []}))


def _posted(cast: Cast, result: CohortResult, **changes: Any) -> Any:
    fields = {
        "title": "Own volunteers",
        "laboratory": "A university",
        "independence": "independent",
        "finding": "True for stills of our cameras.",
        "lowest_threshold": "0.6",
        "highest_threshold": "0.7",
        "groups": "",
        "expires_on": (timezone.localdate() + dt.timedelta(days=90)).isoformat(),
        "report": SimpleUploadedFile("cohort.json", result.to_json().encode()),
        **changes,
    }
    return client_of(cast.compliance).post(reverse("evidence-record"), fields)


def test_the_file_becomes_evidence_with_all_its_numbers(cast: Cast) -> None:
    make_calibration()
    assert _posted(cast, _result()).status_code == 302
    found = BiasEvidence.objects.get()
    assert found.file_name == "cohort.json"
    assert EvidenceGroup.objects.filter(evidence=found).count() == 6
    row = EvidenceGroup.objects.get(characteristic="ethnicity", name="B2")
    assert (row.passes, row.recognised, row.searches, row.false_matches) == (10, 9, 12, 1)


def test_a_file_that_does_not_fit_is_refused(cast: Cast) -> None:
    make_calibration()
    for changes, fields, says in (
        ({"engine": dataclasses.replace(identity(), digest="other")}, {}, "another engine"),
        ({}, {"highest_threshold": "0.8"}, "0.6 to 0.7"),
        ({}, {"groups": "sex; women; 210; 171; 4000; 3"}, "Leave the figures empty"),
    ):
        answer = _posted(cast, _result(**changes), **fields)
        assert answer.status_code == 422
        assert says in answer.content.decode()
    damaged = SimpleUploadedFile("cohort.json", b'{"schema": "lfr-cohort/1"}')
    assert "damaged" in _posted(cast, _result(), report=damaged).content.decode()
    plain = SimpleUploadedFile("report.pdf", b"%PDF-1.7 \xff")
    assert "at least 2 groups" in _posted(cast, _result(), report=plain).content.decode()
    assert not BiasEvidence.objects.exists()


@pytest.mark.skipif(not LONDON.is_dir(), reason=NO_LONDON)
def test_the_command_measures_photographs_and_writes_no_name(tmp_path: Path, capsys: Any) -> None:
    faces, said = tmp_path / "faces", ["person,ethnicity,sex,age"]
    people = sorted(each for each in LONDON.iterdir() if each.is_dir())[:5]
    for number, person in enumerate(people):
        (faces / f"v{number}").mkdir(parents=True)
        for name in ("neutral_front.jpg", "smiling_front.jpg")[: 1 if number == 4 else 2]:
            (faces / f"v{number}" / name).symlink_to(person / name)
        # Invented: the test is of the counting.
        said.append(f"v{number},{'A' if number % 2 else 'B'},X,Y")
    (tmp_path / "people.csv").write_text("\n".join(said))
    out = tmp_path / "cohort.json"
    options = {"faces": faces, "people": tmp_path / "people.csv", "lowest": 0.69, "highest": 0.69, "export": out}
    call_command("measure_cohort", **options)
    result = result_in(out.read_text())
    assert result is not None
    counts = {each.group: each for each in result.groups if each.characteristic == "ethnicity"}
    assert (result.gallery, result.engine) == (4, identity())
    # Two each of those enrolled; the fifth is on no list.
    assert [(counts[name].passes, counts[name].searches) for name in "AB"] == [(2, 2), (2, 3)]
    assert counts["A"].recognised + counts["B"].recognised >= 3
    assert "v0" not in out.read_text()
    assert "95%" in capsys.readouterr().out
    (tmp_path / "people.csv").write_text("\n".join(said[:3]))
    with pytest.raises(CommandError, match="does not name: v2, v3, v4"):
        call_command("measure_cohort", **options)
    with pytest.raises(CommandError, match="between 0 and 1"):
        call_command("measure_cohort", **{**options, "lowest": 0.8})
