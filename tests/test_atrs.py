"""The algorithmic transparency record: computed where the system knows, asked where it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from audit.models import Entry
from core.errors import Refused
from reports import atrs, public_site
from reports.models import AtrsAnswer
from tests.cast import Cast, client_of, make_live_deployment, make_operating_point

# The numbers of the template, version 4.0, in their order, after its title block.
NUMBERS = [
    *("1.1", "1.2", "1.3", "1.4"),
    *("2.1.1", "2.1.2", "2.1.3", "2.1.4", "2.1.4.1", "2.1.4.2", "2.1.4.3", "2.1.4.4", "2.1.4.5"),
    *("2.2.1", "2.2.2", "2.2.3", "2.2.4"),
    *("2.3.1", "2.3.2", "2.3.3", "2.3.4", "2.3.5"),
    *("2.4.1.1", "2.4.1.2", "2.4.1.3", "2.4.1.4", "2.4.1.5"),
    *("2.4.2.1", "2.4.2.2", "2.4.2.3", "2.4.2.4", "2.4.2.5", "2.4.2.6", "2.4.2.7", "2.4.2.8"),
    *("2.4.3", "2.4.4.1", "2.4.4.2", "2.4.4.3", "2.4.4.4", "2.4.4.5"),
    *("2.5.1", "2.5.2"),
]


def test_every_field_of_the_template_is_there_in_its_order() -> None:
    assert [field.number for field in atrs.FIELDS][5:] == NUMBERS
    assert [field.number for field in atrs.FIELDS][:5] == ["title", "organisation", "phase", "region", "sentence"]


def test_what_the_system_knows_is_computed_from_what_it_runs(cast: Cast) -> None:
    found = {each.field.number: each.text for each in atrs.entries()}
    assert (found["2.4.2.2"], found["2.5.1"]) == ("N/A", "N/A")
    deployment = make_live_deployment(cast)
    point = deployment.operating_point
    assert point is not None
    found = {each.field.number: each.text for each in atrs.entries()}
    assert found["2.4.2.2"] == f"SHA-256 {point.engine.digest}"
    assert point.basis in found["2.4.2.7"]
    assert "nothing was measured by group" in found["2.4.2.7"]
    assert "Data protection impact assessment" in found["2.5.1"]
    assert "24 hours" in found["2.4.4.4"]
    assert found["2.3.3"].startswith("0 deployments with published results")


def test_no_person_is_named(cast: Cast) -> None:
    for user in cast.by_role.values():
        user.first_name, user.last_name = "Zebedee", "Quill"
        user.save()
    make_operating_point()
    atrs.answer("2.2.2", "People are found.", actor=cast.compliance)
    assert "Quill" not in json.dumps(atrs.as_json())


def test_compliance_answers_what_is_asked_and_earlier_answers_stay(cast: Cast) -> None:
    client = client_of(cast.compliance)
    assert client.post("/atrs/answer/", {"field": "1.4", "text": "lfr@force.example"}).status_code == 302
    atrs.answer("1.4", "lfr-team@force.example", actor=cast.compliance)
    found = {each.field.number: each for each in atrs.entries()}
    assert (found["1.4"].text, found["1.4"].is_missing) == ("lfr-team@force.example", False)
    assert AtrsAnswer.objects.count() == Entry.objects.filter(action="atrs.answered").count() == 2
    assert found["2.5.2"].is_missing
    # "Not applicable" is an answer.
    atrs.answer("2.5.2", " ", actor=cast.compliance)
    again = {each.field.number: each for each in atrs.entries()}
    assert (again["2.5.2"].text, again["2.5.2"].is_missing) == ("N/A", False)
    for number, text, said in (
        ("1.2", "Mine", "that is asked"),
        ("9.9", "x", "that is asked"),
        ("1.4", "x" * 4001, "4,000"),
    ):
        with pytest.raises(Refused, match=said):
            atrs.answer(number, text, actor=cast.compliance)
    with pytest.raises(PermissionDenied):
        atrs.answer("1.4", "x", actor=cast.publisher)


def test_page_json_and_public_page(cast: Cast, tmp_path: Path, settings: Any) -> None:
    client = client_of(cast.compliance)
    assert "To answer" in client.get("/atrs/").content.decode()
    assert "Keep answer" not in client_of(cast.publisher).get("/atrs/").content.decode()
    given = json.loads(client.get("/atrs/?as=json").content)
    assert (given["atrs_version"], given["function"]) == ("4.0", "public-order-and-safety")
    public_site.write_all(tmp_path)
    assert json.loads((tmp_path / "atrs.json").read_text()) == given
    assert "<dt>2.4.2.7 Model performance</dt>" in (tmp_path / "atrs.html").read_text()
