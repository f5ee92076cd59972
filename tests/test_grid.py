"""Published tables: nothing is found in a table that is right, and every defect that is planted in one is."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from alerts.choices import Result
from core.errors import Refused
from demo.year_plan import Ending, PlannedDeployment, plan
from deployments import cameras
from deployments.cameras import FrameCounts
from deployments.models import Period
from lfr_site.management.commands.check_published import page_of
from lfr_site.supervisor import BASE_DIR
from recognition.statistics import percent
from reports import grid
from reports.grid_rules import MEANINGS, Rule, findings_in
from reports.record_files import record_csv
from reports.records import record_of
from tests.cast import Cast, act, cameras_of, client_of, end, make_alert, make_live_deployment

TODAY = dt.date(2027, 1, 31)
HEADER = [
    *("date", "location", "duration", "use_case", "watchlist_size", "threshold", "alerts"),
    *("true_confirmed", "true_unconfirmed", "false_confirmed", "false_unconfirmed", "false_alert_rate_percent"),
    *("arrests", "other_disposals", "no_action", "faces_seen"),
]
PUBLISHED = Path(os.environ.get("LFR_TEST_PUBLISHED", BASE_DIR.parent / "shared/published/met_2023_2024.csv"))


def _line(planned: PlannedDeployment) -> dict[str, Any]:
    """Return a planned deployment as the Met publishes one. List sizes are of the order of theirs, one a day."""
    confirmed = planned.count(Ending.ARREST, Ending.OTHER, Ending.NO_ACTION)
    false = planned.count(Ending.RELEASE), planned.count(Ending.NOT_THEM, Ending.NOT_SAME)
    minutes = round(planned.length.total_seconds() / 60)
    return {
        "date": f"{planned.starts_at:%d/%m/%y}",
        "location": planned.place,
        "duration": f"{minutes // 60}h{minutes % 60:02}m",
        "use_case": planned.use_case,
        "watchlist_size": 15_000 + planned.starts_at.timetuple().tm_yday * 3 + planned.number % 2 * 200,
        "threshold": "0.64",
        "alerts": confirmed + planned.count(Ending.LOST, Ending.NO_ENGAGEMENT) + sum(false),
        "true_confirmed": confirmed,
        "true_unconfirmed": planned.count(Ending.LOST, Ending.NO_ENGAGEMENT),
        "false_confirmed": false[0],
        "false_unconfirmed": false[1],
        "false_alert_rate_percent": percent(sum(false) / planned.faces).rstrip("%"),
        "arrests": planned.count(Ending.ARREST),
        "other_disposals": planned.count(Ending.OTHER),
        "no_action": planned.count(Ending.NO_ACTION),
        "faces_seen": planned.faces,
    }


def _year(seed: int) -> list[dict[str, Any]]:
    return [_line(planned) for planned in plan(200, dt.date(2025, 12, 31), seed, dt.UTC)]


def _csv(lines: list[dict[str, Any]]) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, HEADER)
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue().encode()


def _found(lines: list[dict[str, Any]]) -> list[tuple[int, Rule]]:
    return [(each.line, each.rule) for each in findings_in(grid.read(_csv(lines)), TODAY)]


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_found_in_a_simulated_year(seed: int) -> None:
    assert _found(_year(seed)) == []


def _twice(line: dict[str, Any]) -> None:
    line["true_confirmed"] = line["arrests"] + 2
    line["other_disposals"] = line["no_action"] = 2
    line["alerts"] = sum(line[name] for name in HEADER[7:11])


def _false(line: dict[str, Any], count: int, rate: str, faces: int) -> None:
    """Give a row false alerts, with all sums right, and a printed rate."""
    line.update(false_confirmed=count, false_unconfirmed=0, false_alert_rate_percent=rate, faces_seen=faces)
    line["alerts"] = sum(line[name] for name in HEADER[7:11])


def _swapped(line: dict[str, Any]) -> None:
    day, month, year = line["date"].split("/")
    line["date"] = f"{month}/{day}/{year}"


DEFECTS: dict[Rule, Callable[[dict[str, Any]], None]] = {
    Rule.NOT_A_NUMBER: lambda line: line.update(watchlist_size="15,2O0"),
    Rule.ALERTS_SUM: lambda line: line.update(alerts=line["alerts"] + 1),
    Rule.DISPOSALS_TWICE: _twice,
    Rule.DISPOSALS_SUM: lambda line: line.update(arrests=line["arrests"] + 1),
    Rule.RATE: lambda line: _false(line, 1, "0.01", 3940),
    Rule.RATE_CUT: lambda line: _false(line, 1, "0.04", 2047),
    Rule.RATE_ZERO: lambda line: _false(line, 1, "0.00", 34_360),
    Rule.THRESHOLD: lambda line: line.update(threshold="64"),
    Rule.DURATION: lambda line: line.update(duration="about five hours"),
    Rule.DATE_IMPOSSIBLE: lambda line: line.update(date="31/02/25"),
    Rule.DATE_FUTURE: lambda line: line.update(date="01/02/28"),
    Rule.FACES_LOW: lambda line: line.update(faces_seen=line["faces_seen"] // 10, false_alert_rate_percent="n/a"),
    Rule.FACES_HIGH: lambda line: line.update(faces_seen=line["faces_seen"] * 10, false_alert_rate_percent="n/a"),
}


@pytest.mark.parametrize("rule", DEFECTS)
@pytest.mark.parametrize("seed", range(3))
def test_a_planted_defect_is_found_where_it_is(rule: Rule, seed: int) -> None:
    lines = _year(seed)
    busy = [place for place, line in enumerate(lines) if line["alerts"] >= 9 and 5000 < line["faces_seen"] < 25_000]
    place = int(np.random.default_rng(seed).choice(busy))
    DEFECTS[rule](lines[place])
    found = _found(lines)
    assert (place + 2, rule) in found
    # Nothing else is blamed but the same row.
    assert {line for line, _ in found} == {place + 2}


@pytest.mark.parametrize("seed", range(3))
def test_defects_between_rows_are_found(seed: int) -> None:
    lines, chance = _year(seed), np.random.default_rng(seed)
    place = int(
        chance.choice([at for at, line in enumerate(lines) if 13 > int(line["date"][:2]) != int(line["date"][3:5])])
    )
    swapped = [dict(line) for line in lines]
    _swapped(swapped[place])
    if swapped[place]["date"] != lines[place]["date"] and swapped[place]["date"][-2:] == "25":
        assert _found(swapped) == [(place + 2, Rule.DATE_SWAPPED)]
    another_year = [dict(line) for line in lines]
    another_year[150]["date"] = another_year[150]["date"][:-2] + "24"
    assert _found(another_year) == [(152, Rule.DATE_ORDER)]
    doubled = [*lines[:100], dict(lines[99]), *lines[100:]]
    assert _found(doubled) == [(102, Rule.DUPLICATE)]
    jumped = [dict(line) for line in lines]
    jumped[60]["date"], jumped[60]["watchlist_size"] = jumped[59]["date"], jumped[59]["watchlist_size"] + 3000
    assert (62, Rule.LIST_JUMP) in _found(jumped)
    assert _found(lines[::-1]) == []


def test_more_alerts_than_faces_and_short_lines() -> None:
    lines = _year(1)[:3]
    lines[1].update(faces_seen=1, alerts=5, true_confirmed=5, true_unconfirmed=0, false_confirmed=0)
    lines[1].update(false_unconfirmed=0, arrests=5, other_disposals=0, no_action=0, false_alert_rate_percent="0")
    assert _found(lines) == [(3, Rule.MORE_THAN_FACES)]
    text = _csv(_year(1)[:3]).decode().splitlines()
    text[2] = text[2].rsplit(",", 4)[0]
    found = findings_in(grid.read("\n".join(text).encode()), TODAY)
    assert [(each.line, each.rule) for each in found] == [(3, Rule.INCOMPLETE)]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        *[(text, 5.05) for text in ("5h03m", "5h 03min", "5:03", "5 hours 3 minutes", "5 hrs 3 mins", "303")],
        *[(text, 5.5) for text in ("5.5h", "5.5 hours", "5h30")],
        *[(text, None) for text in ("", "5x", "9" * 400 + "h", "9" * 5000, "9" * 5000 + ".5h")],
    ],
)
def test_durations_as_people_write_them(text: str, hours: float | None) -> None:
    found = grid._hours(text)
    assert found == (None if hours is None else pytest.approx(hours))


def test_lines_are_those_of_the_file() -> None:
    lines = _year(1)[:4]
    lines[0]["location"] = "Two\nlines"
    lines[2]["alerts"] += 1
    assert [line for line, _ in _found(lines)] == [5]


def test_every_rule_has_a_meaning_and_a_test() -> None:
    elsewhere = {Rule.DATE_SWAPPED, Rule.DATE_ORDER, Rule.DUPLICATE, Rule.LIST_JUMP, Rule.MORE_THAN_FACES}
    assert set(MEANINGS) == set(Rule) == set(DEFECTS) | elsewhere | {Rule.INCOMPLETE}


def test_a_row_that_says_it_does_not_know_breaks_nothing() -> None:
    lines = _year(2)[:5]
    lines[2].update(dict.fromkeys(HEADER[6:], "N/A"), duration="–")
    assert _found(lines) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The first line must name the columns. Missing: date"),
        (b"date,location\n", "Missing: alerts"),
        ("date,location,alerts\n01/01/26,Mal\xe9,1\n".encode("latin-1"), "not text in UTF-8"),
        (b"PK\x03\x04\x00\x00", "not a CSV file"),
        (b'date,location,alerts\n"01/01/26', "cannot be read as CSV"),
        (b"x" * (grid.LARGEST + 1), "4 MB or smaller"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_to_do(cast: Cast, data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=said.replace("(", "\\(")):
        grid.read(data)
    (tmp_path / "table.csv").write_bytes(data)
    with pytest.raises(CommandError, match=said):
        call_command("check_published", str(tmp_path / "table.csv"))
    if data:
        page = client_of(cast.compliance).post("/records/check/", {"table": SimpleUploadedFile("t.csv", data)})
        assert page.status_code == 422
        assert said in page.content.decode()


def test_the_page_shows_what_the_command_prints(cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _year(3)
    lines[7]["alerts"] += 1
    (tmp_path / "table.csv").write_bytes(_csv(lines))
    with pytest.raises(SystemExit):
        call_command("check_published", str(tmp_path / "table.csv"))
    printed = capsys.readouterr().out
    assert "line 9: " in printed
    assert "200 rows; 1 findings in 1 of them." in printed
    page = client_of(cast.compliance).post("/records/check/", {"table": SimpleUploadedFile("t.csv", _csv(lines))})
    (finding,) = findings_in(grid.read(_csv(lines)), TODAY)
    assert finding.words in page.content.decode()
    right = client_of(cast.compliance).post("/records/check/", {"table": SimpleUploadedFile("t.csv", _csv(_year(3)))})
    assert "No row breaks a rule." in right.content.decode()


def test_our_own_file_breaks_no_rule(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    cameras.count_frames(cameras_of(deployment)[0], FrameCounts(received=1, processed=1, faces=3940))
    alert = act(make_alert(deployment), "not_same", cast=cast)
    Period.objects.update(went_live_at=timezone.now() - dt.timedelta(hours=2))
    open_one = record_csv(record_of(deployment), public=True).encode()
    end(deployment, cast)
    Period.objects.update(went_live_at=timezone.now() - dt.timedelta(hours=2))
    closed = record_csv(record_of(deployment)).encode()
    for text in (open_one, closed):
        table = grid.read(text)
        assert len(table.rows) == 1
        assert findings_in(table, dt.date(2100, 1, 1)) == []
    assert alert.result == Result.FALSE_UNCONFIRMED


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published rows are not on this machine")
def test_the_page_of_published_findings_is_what_the_rules_find() -> None:
    """203 real rows: docs/reference/published-records.md lists each finding."""
    table = grid.read(PUBLISHED.read_bytes())
    found = findings_in(table, TODAY)
    kinds = {(each.line, each.rule) for each in found}
    # What is known of these rows (doctrine, section 8.2).
    assert (25, Rule.ALERTS_SUM) in kinds
    assert (114, Rule.DATE_ORDER) in kinds
    assert sum(rule in (Rule.DISPOSALS_TWICE, Rule.DISPOSALS_SUM) for _, rule in kinds) == 174
    page = (BASE_DIR / "docs/reference/published-records.md").read_text()
    assert page_of(found, len(table.rows)) in page
