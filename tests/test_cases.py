"""Cases: time limits, the search, letters, what must be there before an answer, and the end of what names anybody."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pypdf
import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts import evidence
from audit.models import Entry
from cases import answers, breaches, case_file, content, expiry, figures, links, operations, search, time_limits
from cases.answers import CaseAnswer
from cases.choices import OUTCOMES, CaseKind
from cases.content import CaseContent
from cases.models import Case, CaseEvent, Wait
from core import keys, retention
from core.errors import Conflict, Refused
from core.names import words_of
from tests.cast import (
    Cast,
    act,
    client_of,
    end,
    list_of,
    make_alert,
    make_case,
    make_live_deployment,
    make_watchlist,
)
from watchlists import destruction
from watchlists.models import Person

DAY = dt.timedelta(days=1)


def _text(pdf: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def _at(text: str) -> dt.datetime:
    return timezone.make_aware(dt.datetime.fromisoformat(text))


def _received(cast: Cast, kind: str, on: str) -> Case:
    with time_machine.travel(_at(f"{on}T12:00"), tick=False):
        return make_case(cast, kind)


def _due(case: Case, at: str) -> str:
    limit = time_limits.next_of(case, _at(at))
    assert limit is not None
    return limit.due_words


def _identified(cast: Cast, kind: str = "access", **about: Any) -> Case:
    case = make_case(cast, kind, **about)
    operations.establish_identity(case, proof="document", on=timezone.localdate(), actor=cast.compliance)
    return case


# Time limits


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [
        ("2026-11-05", 1, "2026-12-04"),
        ("2026-03-01", 1, "2026-03-31"),
        ("2027-01-31", 1, "2027-02-28"),
        ("2027-01-29", 1, "2027-02-28"),
        ("2027-01-28", 1, "2027-02-27"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2028-01-30", 1, "2028-02-29"),
    ],
)
def test_a_month_includes_the_day_that_it_begins_with(start: str, months: int, last: str) -> None:
    assert time_limits.last_of_months(dt.date.fromisoformat(start), months) == dt.date.fromisoformat(last)


@pytest.mark.parametrize(
    ("received", "last"),
    [
        # St Andrew's Day in Scotland; Christmas Day; Boxing Day, observed on a Monday.
        ("2026-11-27", "2026-12-30"),
        # A bank holiday of 2026 in Scotland, on 15 June.
        ("2026-06-01", "2026-06-30"),
        # The Battle of the Boyne in Northern Ireland, observed on 13 July.
        ("2026-07-01", "2026-07-30"),
        # Good Friday, Easter Monday.
        ("2026-03-23", "2026-04-22"),
    ],
)
def test_working_days_leave_out_bank_holidays_of_every_part_of_the_kingdom(received: str, last: str) -> None:
    assert time_limits.last_of_working_days(dt.date.fromisoformat(received), 20) == dt.date.fromisoformat(last)


def test_a_request_has_a_month_from_its_receipt(cast: Cast) -> None:
    case = _received(cast, "access", "2026-11-05")
    assert _due(case, "2026-11-05T12:00") == "4 December 2026"
    (limit,) = time_limits.limits_of(case)
    assert limit.days_left(_at("2026-12-04T23:59")) == 0
    assert (limit.words(_at("2026-12-04T23:59")), limit.words(_at("2026-12-05T00:00"))) == ("Last day", "Overdue")


def test_the_month_begins_when_identity_is_proved_if_it_was_asked_for(cast: Cast) -> None:
    case = _received(cast, "access", "2026-11-05")
    with time_machine.travel(_at("2026-11-06T10:00"), tick=False):
        operations.ask(case, wanted="identity", words="Send a copy of a document.", actor=cast.compliance)
        assert case.is_in["waiting"]
        assert _due(case, "2026-11-30T10:00") == "Not running"
        with pytest.raises(Refused, match="not waiting for a clarification"):
            operations.resume(case, on=timezone.localdate(), words="A copy", actor=cast.compliance)
    with time_machine.travel(_at("2026-11-20T10:00"), tick=False):
        operations.establish_identity(case, proof="document", on=dt.date(2026, 11, 19), actor=cast.compliance)
    assert case.is_in["open"]
    assert _due(case, "2026-11-20T10:00") == "18 December 2026"


@pytest.mark.parametrize("kind", ["rectification", "erasure"])
def test_a_clarification_stops_the_month_for_access_only(cast: Cast, kind: str) -> None:
    case = _received(cast, kind, "2026-11-05")
    with time_machine.travel(_at("2026-11-10T10:00"), tick=False):
        operations.ask(case, wanted="clarification", words="Which day do you mean?", actor=cast.compliance)
    assert case.is_in["open"]
    assert _due(case, "2027-01-20T10:00") == "4 December 2026"
    assert "We continue to deal with your request" in _text(content.letter_of(case.events.get(kind="asked")))


def test_what_is_asked_after_the_last_day_changes_nothing(cast: Cast) -> None:
    access, foi = _received(cast, "access", "2026-06-01"), _received(cast, "foi", "2026-06-01")
    with time_machine.travel(_at("2026-08-20T10:00"), tick=False):
        for case, wanted in ((access, "identity"), (access, "clarification"), (foi, "clarification")):
            operations.ask(case, wanted=wanted, words="Send it.", actor=cast.compliance)
            (limit,) = time_limits.limits_of(case)
            assert limit.words(timezone.now()) == "Overdue"
        operations.establish_identity(access, proof="document", on=timezone.localdate(), actor=cast.compliance)
        assert access.is_in["waiting"]
        operations.resume(access, on=timezone.localdate(), words="That day.", actor=cast.compliance)
        operations.resume(foi, on=timezone.localdate(), words="All.", actor=cast.compliance)
        assert (access.is_in["open"], foi.is_in["open"]) == (True, True)
        assert [time_limits.was_late(case, timezone.now()) for case in (access, foi)] == [True, True]


def test_a_clarification_stops_the_month(cast: Cast) -> None:
    case = _received(cast, "access", "2026-11-05")
    with time_machine.travel(_at("2026-11-10T10:00"), tick=False):
        operations.ask(case, wanted="clarification", words="Which day do you mean?", actor=cast.compliance)
    assert _due(case, "2026-11-13T10:00") == "7 December 2026"
    with time_machine.travel(_at("2026-11-17T10:00"), tick=False):
        operations.resume(case, on=dt.date(2026, 11, 16), words="The second Saturday.", actor=cast.compliance)
    assert _due(case, "2026-11-30T10:00") == "10 December 2026"


@pytest.mark.parametrize("first", ["identity", "clarification"])
def test_the_order_of_two_letters_changes_nothing(cast: Cast, first: str) -> None:
    case = _received(cast, "access", "2026-11-10")
    second = "clarification" if first == "identity" else "identity"
    with time_machine.travel(_at("2026-11-11T10:00"), tick=False):
        for wanted in (first, second):
            operations.ask(case, wanted=wanted, words="Send it.", actor=cast.compliance)
    with time_machine.travel(_at("2026-11-30T10:00"), tick=False):
        operations.establish_identity(case, proof="document", on=dt.date(2026, 11, 30), actor=cast.compliance)
        operations.resume(case, on=dt.date(2026, 11, 30), words="That day.", actor=cast.compliance)
    assert _due(case, "2026-12-01T10:00") == "29 December 2026"


def test_two_months_more_can_be_taken_within_the_first_only(cast: Cast) -> None:
    late, case = _received(cast, "access", "2026-11-05"), _received(cast, "access", "2026-11-05")
    with time_machine.travel(_at("2026-12-04T23:00"), tick=False):
        operations.extend(case, words="Eleven requests at once.", actor=cast.compliance)
        with pytest.raises(Conflict, match="already been extended"):
            operations.extend(case, words="And more.", actor=cast.compliance)
        letter = _text(content.letter_of(case.events.get(kind="extended")))
    assert "Eleven requests at once." in letter
    assert "You will have our answer by 4 February 2027." in letter
    assert _due(case, "2026-12-04T23:00") == "4 February 2027"
    with time_machine.travel(_at("2026-12-05T00:01"), tick=False), pytest.raises(Refused, match="first month is over"):
        operations.extend(late, words="Too late.", actor=cast.compliance)


def test_a_complaint_is_acknowledged_or_answered_within_thirty_days(cast: Cast) -> None:
    case = _received(cast, "complaint", "2026-11-05")
    assert _due(case, "2026-11-05T12:00") == "4 December 2026"
    with time_machine.travel(_at("2026-12-01T10:00"), tick=False):
        operations.acknowledge(case, words="Thank you.", actor=cast.compliance)
        with pytest.raises(Conflict):
            operations.acknowledge(case, words="Thank you.", actor=cast.compliance)
        letter = _text(content.letter_of(case.events.get(kind="acknowledged")))
    assert "We have received your complaint" in letter
    assert "Your complaint reached us on 5 November 2026. You will have our answer without undue delay." in letter
    limits = time_limits.limits_of(case, _at("2026-12-10T10:00"))
    assert [limit.words(_at("2026-12-10T10:00")) for limit in limits] == ["Done in time", "Open"]
    assert letter.startswith("DEMONSTRATION")
    assert "Dear Robin Vale," in letter
    other = _received(cast, "complaint", "2026-11-05")
    assert time_limits.limits_of(other)[0].is_late(_at("2026-12-05T00:00"))


def test_a_breach_is_reported_within_72_hours(cast: Cast) -> None:
    case = _received(cast, "breach", "2026-11-05")
    (limit,) = time_limits.limits_of(case)
    assert limit.due == _at("2026-11-08T12:00")
    assert limit.words(_at("2026-11-07T13:30")) == "22 hours left"
    with time_machine.travel(_at("2026-11-09T10:00"), tick=False):
        reply = CaseAnswer("reported", "Keys were changed.", effects="None known.")
        with pytest.raises(Refused, match="Record first when the Commissioner was told"):
            answers.answer(case, reply, actor=cast.compliance)
        with pytest.raises(Refused, match="not in the future"):
            breaches.report_breach(case, at=_at("2026-11-09T11:00"), words="IC-1", actor=cast.compliance)
        late = _at("2026-11-08T12:01")
        with pytest.raises(Refused, match="why it is later than 72 hours"):
            breaches.report_breach(case, at=late, words="IC-1", actor=cast.compliance)
        breaches.report_breach(case, at=late, words="IC-1", late_reason="Found late.", actor=cast.compliance)
        with pytest.raises(Refused, match="Enter the effects"):
            answers.answer(case, CaseAnswer("reported", "Keys were changed."), actor=cast.compliance)
        with pytest.raises(Refused, match="The Commissioner was told"):
            answers.answer(
                case, CaseAnswer("not_reported", "Done.", reasons="None.", effects="None."), actor=cast.compliance
            )
        answers.answer(case, reply, actor=cast.compliance)
        breaches.tell_people(case, words="Two people, by letter.", actor=cast.compliance)
    (limit,) = time_limits.limits_of(case)
    assert (limit.words(timezone.now()), case.events.exclude(letter_sha256="").count()) == ("Done too late", 0)
    assert case.was_late
    about = content.content_of(case)
    assert about is not None
    assert about.effects == "None known."


def test_a_breach_that_need_not_be_reported_is_never_late(cast: Cast) -> None:
    case, on_time = _received(cast, "breach", "2026-11-05"), _received(cast, "breach", "2026-11-05")
    with time_machine.travel(_at("2026-11-15T10:00"), tick=False):
        reply = CaseAnswer("not_reported", "Shredded.", reasons="Nobody can be recognised.", effects="None.")
        answers.answer(case, reply, actor=cast.compliance)
        breaches.report_breach(on_time, at=_at("2026-11-08T12:00"), words="IC-2", actor=cast.compliance)
    assert (case.was_late, time_limits.was_late(on_time, timezone.now())) == (False, False)
    with time_machine.travel(_at("2026-11-20T10:00"), tick=False):
        breaches.report_breach(case, at=timezone.now(), words="IC-3", late_reason="New facts.", actor=cast.compliance)


def test_freedom_of_information_begins_anew_with_a_clarification(cast: Cast) -> None:
    case = _received(cast, "foi", "2026-06-01")
    assert _due(case, "2026-06-01T12:00") == "30 June 2026"
    with time_machine.travel(_at("2026-06-08T10:00"), tick=False):
        operations.ask(case, wanted="clarification", words="Which figures?", actor=cast.compliance)
        assert _due(case, "2026-06-08T12:00") == "Not running"
        with pytest.raises(Conflict, match="already waiting"):
            operations.ask(case, wanted="clarification", words="Which?", actor=cast.compliance)
        operations.resume(case, on=dt.date(2026, 6, 8), words="All of them.", actor=cast.compliance)
    assert _due(case, "2026-06-09T12:00") == "7 July 2026"


# The search


def test_the_search_finds_what_is_held_at_every_place(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), "same", cast=cast)
    evidence.hold(alert, reason="A complaint", review_on=timezone.localdate() + DAY, actor=cast.authority)
    reference = Person.objects.get(watchlist=list_of(deployment)).reference
    draft = make_watchlist(cast)
    Person.objects.filter(watchlist=draft).update(name="Robin Vale")
    case = _identified(cast)
    found = search.search(case, reference=f" {reference.lower()}", name="robin  VALE", actor=cast.compliance)
    assert {each.where.split()[0] for each in found} == {"Watchlist", "Possible"}
    assert len(found) == 3
    assert any("held as evidence" in each.status for each in found)
    assert answers.last_search(case)[1] == found
    end(deployment, cast)
    destruction.destroy(list_of(deployment))
    again = search.search(case, reference=reference, actor=cast.compliance)
    assert {each.status.split(";")[0] for each in again} == {"destroyed", str(alert.get_state_display()).lower()}


def test_people_are_found_by_name_alone_however_it_is_written(cast: Cast) -> None:
    draft = make_watchlist(cast)
    draft.people.update(name="Ann Müller", look_alikes="Her sister, Berta Müller-Lang")
    earlier = make_case(cast, "complaint", name="MULLER, ANN")
    case = _identified(cast)
    found = search.search(case, name="müller,  ann", actor=cast.compliance)
    assert [each.where.split()[0] for each in found] == ["Watchlist", "Case"]
    assert earlier.reference in found[1].where
    assert words_of("Łukasz O’Brien") == words_of("lukasz obrien")
    (sister,) = search.search(case, name="Berta Muller Lang", actor=cast.compliance)
    assert "named as a look-alike" in sister.status
    assert Entry.objects.filter(action="ledger.searched").latest("pk").data["pseudonym"] == ""
    with pytest.raises(Refused, match="the name, or both"):
        search.search(case, reference=" ", name="-", actor=cast.compliance)


def test_a_planted_check_is_no_possible_match_of_anybody(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    reference = Person.objects.get(watchlist=list_of(alert.deployment)).reference
    case = _identified(cast)
    assert len(search.search(case, reference=reference, actor=cast.compliance)) == 2
    type(alert).objects.filter(pk=alert.pk).update(kind="control")
    assert len(search.search(case, reference=reference, actor=cast.compliance)) == 1


def test_another_case_of_the_same_reference_is_found(cast: Cast) -> None:
    for case in (_identified(cast), _identified(cast)):
        found = search.search(case, reference="N/77", actor=cast.compliance)
    assert [each.where for each in found] == [f"Case {Case.objects.get(number=1).reference}"]


def test_the_log_recognises_two_searches_for_one_person_and_names_nobody(cast: Cast) -> None:
    for case in (_identified(cast, "access"), _identified(cast, "erasure")):
        search.search(case, reference="N/77", name="Robin Vale", actor=cast.compliance)
    first, second = Entry.objects.filter(action="ledger.searched").order_by("pk")
    # Each finds the other: two cases of one name.
    assert first.data == second.data == {"pseudonym": keys.pseudonym("search", "n/77"), "found": 1}
    assert (first.target, second.target) == ("case 1", "case 2")
    for row in (*Entry.objects.all(), *Case.objects.all(), *CaseEvent.objects.all()):
        text = str(vars(row))
        assert not any(word in text for word in ("Robin", "Vale", "N/77", "High Street", "Was I listed"))


def test_nobody_is_searched_for_before_it_is_known_who_asks(cast: Cast) -> None:
    with pytest.raises(Refused, match="Establish who is asking first"):
        search.search(make_case(cast), reference="N/1", actor=cast.compliance)
    with pytest.raises(Refused, match="not about one person"):
        search.search(make_case(cast, "foi"), reference="N/1", actor=cast.compliance)
    search.search(make_case(cast, "complaint"), reference="N/1", actor=cast.compliance)
    for who in (cast.authority, cast.commander, cast.owner):
        with pytest.raises(PermissionDenied):
            search.search(make_case(cast, "complaint"), reference="N/1", actor=who)


# The answer


def test_an_answer_needs_identity_a_search_reasons_and_a_ground(cast: Cast) -> None:
    case = make_case(cast)

    def refuses(match: str, outcome: str, words: str = "Dear Robin Vale", **changes: Any) -> None:
        with pytest.raises(Refused, match=match):
            answers.answer(case, CaseAnswer(outcome, words, **changes), actor=cast.compliance)

    refuses("Select the outcome", "upheld")
    refuses("words of the letter", "none_held", "  ")
    refuses("who is asking", "none_held")
    operations.establish_identity(case, proof="known", on=timezone.localdate(), actor=cast.compliance)
    refuses("Search for the person first", "none_held")
    draft = make_watchlist(cast)
    search.search(case, reference=draft.people.all()[0].reference, actor=cast.compliance)
    seen, found = answers.last_search(case)
    assert len(found) == 1
    refuses("does not tell everything", "given", search=seen)
    refuses("searched again", "given", search=seen, given=[1])
    # A later search with a slip in it does not undo what an earlier one found.
    search.search(case, reference="N/nobody", actor=cast.compliance)
    refuses("found something", "none_held")
    refuses("searched again", "given", search=seen, given=[0])
    refuses("Enter the reasons", "withheld")
    refuses("Select the ground", "withheld", reasons="An arrest is planned.")
    refuses("was not asked for anything", "no_reply")
    answers.answer(
        case,
        CaseAnswer("withheld", "We cannot say more.", reasons="An arrest is planned.", ground="crime", given=[0, 0, 7]),
        actor=cast.compliance,
    )
    letter = _text(content.letter_of(case.events.get(kind="answered")))
    assert "We cannot say more." in letter
    assert "Information Commissioner to check whether our decision is lawful" in letter
    assert not any(word in letter for word in ("arrest", "Test list", "crime", "45(4)", "Withheld"))
    assert Entry.objects.get(action="case.answered").data["told"] == 0
    (row,) = figures.by_year()
    assert (row.outcome_words, row.public_outcome_words) == ("information withheld: 1", "not published")
    with pytest.raises(Conflict, match="This case is “Answered”"):
        operations.add_note(case, words="More", actor=cast.compliance)


def test_the_letter_tells_what_was_chosen_and_nothing_else(cast: Cast) -> None:
    for name in ("First list", "Second list"):
        draft = make_watchlist(cast)
        type(draft).objects.filter(pk=draft.pk).update(name=name)
        draft.people.update(reference="N/5")
    case = _identified(cast)
    found = search.search(case, reference="N/5", actor=cast.compliance)
    chosen = next(position for position, each in enumerate(found) if "Second list" in each.where)
    client = client_of(cast.compliance)
    page = client.get(f"/cases/{case.number}/answer/").content.decode()
    seen, _ = answers.last_search(case)
    assert f'name="search" value="{seen}"' in page
    fields: dict[str, Any] = {"outcome": "part", "ground": "others", "reasons": "R.", "words": "Here it is."}
    fields |= {"search": seen, "given": [chosen]}
    preview = _text(client.post(f"/cases/{case.number}/answer/preview/", fields).content)
    assert "Second list" in preview
    assert "PREVIEW, NOT SENT" in preview
    assert not case.events.filter(kind="answered").exists()
    # A search that somebody makes in the meantime does not change what the letter tells.
    search.search(case, reference="N/5", actor=cast.compliance)
    assert client.post(f"/cases/{case.number}/answer/", fields).status_code == 422
    fields["search"] = answers.last_search(case)[0]
    assert client.post(f"/cases/{case.number}/answer/", fields).status_code == 302
    case.refresh_from_db()
    letter = client.get(f"/cases/{case.number}/letters/{case.events.get(kind='answered').pk}/")
    text = _text(letter.content)
    assert "Second list" in text
    assert "First list" not in text
    assert retention.line("ledger").kept in text
    assert Entry.objects.filter(action="case.read", target_id=str(case.pk)).get().data == {"what": "answered"}


def test_reading_who_asks_is_recorded_on_every_page_that_shows_it(cast: Cast) -> None:
    client = client_of(cast.compliance)
    for path, post in (("", False), ("answer/", False), ("answer/preview/", True)):
        case = make_case(cast, "complaint")
        address = f"/cases/{case.number}/{path}"
        answer = client.post(address, {"words": "W"}) if post else client.get(address)
        assert answer.status_code == 200
        assert Entry.objects.filter(action="case.viewed", target_id=str(case.pk)).count() == 1


def test_there_is_no_preview_of_what_is_not_sent(cast: Cast) -> None:
    closed, breach = make_case(cast, "complaint"), make_case(cast, "breach")
    operations.withdraw(closed, words="By telephone.", actor=cast.compliance)
    for case in (closed, breach):
        answer = client_of(cast.compliance).post(f"/cases/{case.number}/answer/preview/", {"words": "We pay you."})
        assert answer.status_code == 422


def test_an_act_that_is_refused_shows_the_case_as_it_is(cast: Cast) -> None:
    with time_machine.travel(timezone.now() - 9 * DAY):
        case = make_case(cast)
    operations.ask(case, wanted="identity", words="A document, please.", actor=cast.compliance)
    early = (timezone.localdate() - 2 * DAY).isoformat()
    answer = client_of(cast.compliance).post(f"/cases/{case.number}/do/identity/", {"proof": "document", "on": early})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "not before the day on which you asked" in page
    assert "Not established" in page
    assert "Search for the person" not in page


def test_long_words_stay_on_the_page(cast: Cast) -> None:
    case = make_case(cast, "complaint")
    word = "x" * 300 + "END"
    answers.answer(case, CaseAnswer("upheld", f"{word}\r\n\r\nSorry."), actor=cast.compliance)
    for pdf in (content.letter_of(case.events.get(kind="answered")), case_file.file_pdf(case, made_by="c")):
        assert "END" in _text(pdf).replace(" ", "").replace("\u200b", "")


def test_an_answer_that_is_refused_keeps_what_was_typed(cast: Cast) -> None:
    case = make_case(cast)
    answer = client_of(cast.compliance).post(
        f"/cases/{case.number}/answer/", {"outcome": "none_held", "words": "Nothing of yours."}
    )
    assert answer.status_code == 422
    assert "Establish who is asking first." in answer.content.decode()
    assert "Nothing of yours." in answer.content.decode()


def test_every_kind_has_outcomes_and_only_its_own(cast: Cast) -> None:
    assert set(OUTCOMES) == set(CaseKind)
    case = make_case(cast, "complaint")
    answers.answer(case, CaseAnswer("partly", "You are right about the leaflet."), actor=cast.compliance)
    text = _text(content.letter_of(case.events.get(kind="answered")))
    assert "Our answer to your complaint" in text
    assert "sections 164A and 165" in text


# Acts on the page


def test_bad_input_gets_a_clear_error_and_nothing_is_half_written(cast: Cast) -> None:
    client = client_of(cast.compliance)
    tomorrow = timezone.localdate() + DAY
    fields = {
        "received_on": tomorrow.isoformat(),
        "channel": "letter",
        "name": "R",
        "contact": "C",
        "request": "Q",
        "deployment": "",
    }
    answer = client.post("/cases/new/?kind=access", fields)
    assert answer.status_code == 422
    assert "not in the future" in answer.content.decode()
    answer = client.post("/cases/new/?kind=access", {})
    assert "Enter the name of the person." in answer.content.decode()
    assert client.post("/cases/new/?kind=nonsense", fields).status_code == 422
    assert (Case.objects.count(), [name for name in keys.store().names() if name.startswith("case")]) == (0, [])
    case = make_case(cast)
    answer = client.post(f"/cases/{case.number}/do/identity/", {"proof": "document", "on": tomorrow.isoformat()})
    assert answer.status_code == 422
    assert "Enter a date between the day of receipt and today." in answer.content.decode()
    assert client.post(f"/cases/{case.number}/do/report/", {}).status_code == 404
    assert client.post(f"/cases/{case.number}/search/", {"reference": " "}).status_code == 422
    assert client.get("/cases/99/").status_code == 404


def test_a_case_ends_when_the_person_sends_nothing_or_withdraws(cast: Cast) -> None:
    silent, withdrawn, complaint = make_case(cast), make_case(cast), make_case(cast, "complaint")
    for case in (silent, withdrawn):
        operations.ask(case, wanted="identity", words="A document, please.", actor=cast.compliance)
        operations.ask(case, wanted="clarification", words="Which day?", actor=cast.compliance)
    answers.answer(silent, CaseAnswer("no_reply", "We have not heard from you."), actor=cast.compliance)
    operations.withdraw(withdrawn, words="By telephone.", actor=cast.compliance)
    assert [(case.state, case.outcome) for case in (silent, withdrawn)] == [("answered", "no_reply"), ("withdrawn", "")]
    assert not Wait.objects.filter(ended_on=None).exists()
    operations.ask(complaint, wanted="clarification", words="Which day?", actor=cast.compliance)
    answers.answer(complaint, CaseAnswer("upheld", "You are right."), actor=cast.compliance)


def test_what_was_entered_wrongly_is_corrected(cast: Cast) -> None:
    case = _received(cast, "access", "2026-11-05")
    client = client_of(cast.compliance)
    with time_machine.travel(_at("2026-11-09T10:00"), tick=False):
        page = client.get(f"/cases/{case.number}/").content.decode()
        assert 'value="2026-11-05"' in page
        fields = {"received_on": "2026-11-04", "name": "Robin Vale", "contact": "9 New Road", "request": "Q"}
        assert client.post(f"/cases/{case.number}/do/correct/", fields).status_code == 422
        answer = client.post(f"/cases/{case.number}/do/correct/", {**fields, "words": "They moved."})
        assert answer.status_code == 302
    case.refresh_from_db()
    about = content.content_of(case)
    assert about is not None
    assert (about.contact, _due(case, "2026-11-09T10:00")) == ("9 New Road", "3 December 2026")
    deployment = make_live_deployment(cast)
    for chosen in (deployment, None):
        links.link_deployment(case, deployment=chosen, actor=cast.compliance)
    assert case.deployment is None


def test_a_case_whose_key_is_lost_can_be_shown_and_closed(cast: Cast) -> None:
    case = _identified(cast)
    keys.destroy(case.key_name)
    client = client_of(cast.compliance)
    assert "The key of this case is missing" in client.get(f"/cases/{case.number}/").content.decode()
    assert client.get(f"/cases/{case.number}/file/").status_code == 200
    with pytest.raises(Refused, match="key of this case is missing"):
        answers.answer(case, CaseAnswer("unfounded", "W", reasons="R"), actor=cast.compliance)
    operations.withdraw(case, words="The key is lost.", actor=cast.compliance)
    assert case.is_closed
    other = _identified(cast)
    keys.destroy(keys.LEDGER)
    with pytest.raises(Refused, match="ledger’s key is missing"):
        search.search(other, reference="N/1", actor=cast.compliance)


def test_a_complaint_is_linked_to_possible_matches_of_its_deployment_only(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), "same", cast=cast)
    case = make_case(cast, "complaint")
    with pytest.raises(Refused, match="of the deployment that the case is about"):
        links.link_alerts(case, alerts=[alert], actor=cast.compliance)
    links.link_deployment(case, deployment=deployment, actor=cast.compliance)
    client = client_of(cast.compliance)
    assert client.post(f"/cases/{case.number}/alerts/", {}).status_code == 422
    assert client.post(f"/cases/{case.number}/alerts/", {"alerts": [str(alert.pk)]}).status_code == 302
    page = client.get(f"/cases/{case.number}/").content.decode()
    assert str(alert.pk)[:8] in page
    assert "unless an authorising officer or a commander holds it" in page
    text = _text(case_file.file_pdf(case, made_by="compliance"))
    assert all(act.words in text for act in alert.acts.all())
    assert "Possible match raised" in text
    links.unlink_alert(case, alert=alert, actor=cast.compliance)
    assert not case.alerts.exists()
    assert [entry.action for entry in Entry.objects.filter(target_id=str(case.pk)).order_by("pk")].count(
        "case.linked"
    ) == 2


# What is left


def test_names_words_and_letters_end_with_the_retention(cast: Cast) -> None:
    case = _identified(cast)
    search.search(case, reference="N/1", actor=cast.compliance)
    answers.answer(case, CaseAnswer("none_held", "Nothing."), actor=cast.compliance)
    key, until = case.key_name, case.purge_by
    assert until is not None
    assert expiry.purge_due(at=until - dt.timedelta(minutes=1)) == 0
    keys.sweep()
    assert keys.fingerprint(key)
    assert expiry.purge_due(at=until + dt.timedelta(minutes=1)) == 1
    case.refresh_from_db()
    keys.sweep()
    assert (keys.fingerprint(key), content.content_of(case), case.outcome) == ("", None, "none_held")
    assert all(content.content_of_event(event) is None for event in case.events.all())
    client = client_of(cast.compliance)
    assert "The words are gone with the case’s key." in client.get(f"/cases/{case.number}/").content.decode()
    answered = case.events.get(kind="answered")
    assert client.get(f"/cases/{case.number}/letters/{answered.pk}/").status_code == 404
    assert client.get(f"/cases/{case.number}/file/").status_code == 200
    assert Entry.objects.filter(action="case.purged", target_id=str(case.pk)).count() == 1
    assert expiry.purge_due(at=until + DAY) == 0


def test_nothing_is_done_on_a_breach_that_was_purged(cast: Cast) -> None:
    case = make_case(cast, "breach")
    reply = CaseAnswer("not_reported", "Shredded.", reasons="Nobody can be recognised.", effects="None.")
    answers.answer(case, reply, actor=cast.compliance)
    assert case.purge_by is not None
    expiry.purge_due(at=case.purge_by)
    with pytest.raises(Conflict, match="destroyed at the end of their retention"):
        breaches.tell_people(case, words="Two, by letter.", actor=cast.compliance)
    page = client_of(cast.compliance).get(f"/cases/{case.number}/").content.decode()
    assert "Record that the people affected were told" not in page


def test_the_key_of_a_case_that_was_not_opened_is_swept(cast: Cast) -> None:
    with pytest.raises(Refused):
        operations.open_case(
            kind="access",
            channel="letter",
            received_at=timezone.now(),
            about=CaseContent(name="A", contact="B", request=" "),
            actor=cast.compliance,
        )
    keys.create("case-00000000-0000-4000-8000-000000000000")
    case = make_case(cast)
    keys.sweep()
    assert [name for name in keys.store().names() if name.startswith("case")] == [case.key_name]


def test_figures_count_each_case_once(cast: Cast) -> None:
    with time_machine.travel(_at("2026-11-05T12:00"), tick=False):
        for _ in range(3):
            make_case(cast, "complaint")
        first, second = Case.objects.order_by("number")[:2]
        answers.answer(first, CaseAnswer("upheld", "You are right."), actor=cast.compliance)
        operations.withdraw(second, words="By telephone.", actor=cast.compliance)
        make_case(cast, "foi")
    found = {each.kind: each for each in figures.by_year(_at("2026-12-10T12:00"))}
    complaints = found[CaseKind.COMPLAINT]
    assert (complaints.received, complaints.answered, complaints.withdrawn, complaints.unfinished) == (3, 1, 1, 1)
    assert (complaints.late, complaints.outcome_words, found[CaseKind.FOI].late) == (1, "upheld: 1", 1)


def test_the_list_shows_what_is_due_first_and_no_names(cast: Cast) -> None:
    make_case(cast, "access", days_ago=2)
    make_case(cast, "complaint", days_ago=40)
    page = client_of(cast.compliance).get("/cases/").content.decode()
    assert page.index("C0002") < page.index("C0001")
    assert "Overdue" in page
    assert "Robin Vale" not in page
    client = client_of(cast.compliance)
    assert "C0002" not in client.get("/cases/?kind=access").content.decode()
    operations.withdraw(Case.objects.get(number=1), words="By telephone.", actor=cast.compliance)
    assert "C0001" not in client.get("/cases/").content.decode()
    assert "C0001" in client.get("/cases/?show=closed").content.decode()
    assert "C0001" in client.get("/cases/?number=1").content.decode()


def test_the_sweep_asks_once_for_the_keys_of_all_cases(cast: Cast) -> None:
    for _ in range(5):
        make_case(cast)
    with CaptureQueriesContext(connection) as few:
        keys.sweep()
    for _ in range(5):
        make_case(cast)
    with CaptureQueriesContext(connection) as many:
        keys.sweep()
    assert len(few) == len(many)
