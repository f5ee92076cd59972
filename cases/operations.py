"""Acts on cases. Each checks who acts and what is possible, keeps what was said under the case's key, and is recorded.

The audit log has numbers, kinds and dates of a case, never a name, a reference or a person's words.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from alerts import receipts
from alerts.models import Alert
from audit.actions import Action
from audit.journal import record
from cases import content, letters, time_limits
from cases.choices import (
    OF_OWN_DATA,
    ON_A_GROUND,
    OUTCOMES,
    REASONED,
    STOPS_TIME,
    UNSEARCHED,
    CaseKind,
    CaseOutcome,
    Channel,
    Ground,
    IdentityProof,
    WaitFor,
)
from cases.content import CaseContent, EventContent, Found
from cases.models import STEPS, Case, CaseEvent, Wait
from cases.permissions import KEEP_CASES
from core import keys
from core.errors import Conflict, Refused
from core.locks import Turn, lock, take
from core.machine import JournalData, move
from core.permissions import require
from deployments.models import Deployment

# An older date is a slip.
OLDEST = dt.timedelta(days=366)
KEY_GONE = "The key of this case is missing. Restore it to the key store, or close the case without an answer."
_K = CaseEvent.Kind


@dataclass(frozen=True)
class CaseAnswer:
    """The answer to a case. words: of the letter; of a breach, what was done about it. reasons: never in a letter.

    search: the id of the search that the officer saw. given: which of the places that it found the letter tells, by
    their positions. effects: of a breach.
    """

    outcome: str
    words: str
    reasons: str = ""
    ground: str = ""
    search: str = ""
    given: Sequence[int] = ()
    effects: str = ""


@transaction.atomic
def open_case(
    *,
    kind: str,
    channel: str,
    received_at: dt.datetime,
    about: CaseContent,
    deployment: Deployment | None = None,
    actor: AbstractBaseUser,
) -> Case:
    """Open a case and return it. received_at: as `Case.received_at`.

    Raises:
        Refused: something is missing, or the time is in the future or more than a year ago.
    """
    require(actor, KEEP_CASES)
    now = timezone.now()
    if kind not in CaseKind.values or channel not in Channel.values:
        raise Refused("Select what the case is and how it arrived.")
    check_details(kind, about, received_at, until=now)
    take(Turn.CASE_NUMBER)
    number = (Case.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    case = Case(
        number=number,
        kind=kind,
        channel=channel,
        received_at=received_at,
        opened_by_id=actor.pk,
        opened_at=now,
        deployment=deployment,
    )
    case.key_name = content.key_of(case)
    keys.create(case.key_name)
    case.sealed = content.seal_case(case, about)
    case.save(force_insert=True)
    _note(case, _K.OPENED, actor)
    data = {"kind": kind, "received": timezone.localdate(received_at).isoformat()}
    record(Action.CASE_OPENED, actor=actor, target=case, data=dict(data))
    return case


@transaction.atomic
def add_note(case: Case, *, words: str, actor: AbstractBaseUser) -> None:
    """Keep a note on a case, which is never sent to anybody."""
    _begin(case, actor)
    _note(case, _K.NOTE, actor, EventContent(words=_said(words, "Enter the note.")))
    record(Action.CASE_NOTED, actor=actor, target=case)


@transaction.atomic
def establish_identity(case: Case, *, proof: str, on: dt.date, actor: AbstractBaseUser) -> None:
    """Record who asks is established, how, and on which day the proof was received. A wait for it ends on that day.

    Raises:
        Refused: the case is not about somebody's own data, or the day is not possible.
        Conflict: it was established already, or the case is closed.
    """
    _begin(case, actor)
    if case.kind not in OF_OWN_DATA:
        raise Refused("Only a request about somebody’s own data needs their identity.")
    if case.identity_on is not None:
        raise Conflict("Identity has already been established.")
    if proof not in IdentityProof.values:
        raise Refused("Select how identity was established.")
    _possible(case, on)
    if case.waits.filter(ended_on=None, wanted=WaitFor.IDENTITY).exists():
        _end_wait(case, WaitFor.IDENTITY, on, actor)
    case.identity_on, case.identity_proof = on, proof
    case.save(update_fields=["identity_on", "identity_proof"])
    _note(case, _K.IDENTITY, actor)
    record(Action.CASE_IDENTIFIED, actor=actor, target=case, data={"proof": proof, "on": on.isoformat()})


@transaction.atomic
def ask(case: Case, *, wanted: str, words: str, actor: AbstractBaseUser) -> None:
    """Ask the person for proof of identity or a clarification, with a letter.

    Where the law lets that stop the time (`STOPS_TIME`), the case waits until the reply.

    Raises:
        Refused: this kind of case does not need it. Conflict: the force waits for it already, or the case is closed.
    """
    _begin(case, actor)
    if wanted not in WaitFor.values or case.is_breach:
        raise Refused("Select what you need from the person.")
    if wanted == WaitFor.IDENTITY and (case.kind not in OF_OWN_DATA or case.identity_on is not None):
        raise Refused("Proof of identity is not needed here.")
    said = _said(words, "Enter what the person must send.")
    if case.waits.filter(ended_on=None, wanted=wanted).exists():
        raise Conflict("The force is already waiting for this.")
    if wanted in STOPS_TIME.get(case.kind, ()):
        move(case, STEPS["ask"], actor=actor, data={"wanted": wanted})
        Wait.objects.create(case=case, wanted=wanted, asked_on=timezone.localdate())
    else:
        record(Action.CASE_ASKED, actor=actor, target=case, data={"wanted": wanted})
    _note(case, _K.ASKED, actor, EventContent(words=said), letters.QUESTION)


@transaction.atomic
def resume(case: Case, *, on: dt.date, words: str, actor: AbstractBaseUser) -> None:
    """Record the reply to a clarification and the day on which it came. The time runs on.

    Raises:
        Refused: the force does not wait for a clarification, or the day is not possible.
    """
    _begin(case, actor)
    if not case.waits.filter(ended_on=None, wanted=WaitFor.CLARIFICATION).exists():
        raise Refused("The force is not waiting for a clarification. Record proof of identity as such.")
    _possible(case, on)
    _end_wait(case, WaitFor.CLARIFICATION, on, actor)
    _note(case, _K.RESUMED, actor, EventContent(words=_said(words, "Enter what the person replied.")))


@transaction.atomic
def acknowledge(case: Case, *, words: str, actor: AbstractBaseUser) -> None:
    """Acknowledge a case with a letter.

    Raises:
        Refused: it is a breach. Conflict: it was acknowledged already, or it is closed.
    """
    _begin(case, actor)
    if case.is_breach:
        raise Refused("There is nobody to acknowledge a breach to.")
    if case.acknowledged_at is not None:
        raise Conflict("This case has already been acknowledged.")
    said = _said(words, "Enter the words of the letter.")
    case.acknowledged_at = timezone.now()
    case.save(update_fields=["acknowledged_at"])
    _note(case, _K.ACKNOWLEDGED, actor, EventContent(words=said), letters.ACKNOWLEDGEMENT)
    record(Action.CASE_ACKNOWLEDGED, actor=actor, target=case)


@transaction.atomic
def extend(case: Case, *, words: str, actor: AbstractBaseUser) -> None:
    """Take two months more for the answer, with a letter that gives the reasons, within the first month.

    Raises:
        Refused: the kind of case allows no extension, or the first month is over. Conflict: it was extended already.
    """
    _begin(case, actor)
    if case.kind not in OF_OWN_DATA:
        raise Refused("The time for this kind of case cannot be extended.")
    if case.extended_at is not None:
        raise Conflict("The time has already been extended.")
    (limit,) = time_limits.limits_of(case)
    if limit.due is None:
        raise Refused("The time does not run yet. Establish the person’s identity first.")
    if limit.is_late(timezone.now()):
        raise Refused("The first month is over. Only within it can the time be extended.")
    said = _said(words, "Enter the reasons: how complex the request is, or how many there are.")
    case.extended_at = timezone.now()
    case.save(update_fields=["extended_at"])
    _note(case, _K.EXTENDED, actor, EventContent(words=said), letters.EXTENSION)
    record(Action.CASE_EXTENDED, actor=actor, target=case)


@transaction.atomic
def correct(case: Case, *, about: CaseContent, received_at: dt.datetime, words: str, actor: AbstractBaseUser) -> None:
    """Correct who asks, how to reach them, what they ask, or when it was received. words: what was wrong.

    Letters that were made stay as they are.

    Raises:
        Refused: something is missing, or the time is not possible. Conflict: the case is closed.
    """
    _begin(case, actor)
    check_details(case.kind, about, received_at, until=case.opened_at)
    said = _said(words, "Enter what was wrong.")
    before = content.content_of(case)
    if before is None:
        raise Refused(KEY_GONE)
    case.sealed, case.received_at = content.seal_case(case, about), received_at
    case.save(update_fields=["sealed", "received_at"])
    _note(case, _K.CORRECTED, actor, EventContent(words=said))
    data = {"received": timezone.localdate(received_at).isoformat()}
    record(Action.CASE_CORRECTED, actor=actor, target=case, data=dict(data))


@transaction.atomic
def link_deployment(case: Case, *, deployment: Deployment | None, actor: AbstractBaseUser) -> None:
    """Link a case to the deployment that it is about; None removes the link."""
    _begin(case, actor)
    if case.deployment == deployment:
        raise Conflict("The case is linked to this deployment already." if deployment else "There is no link.")
    if case.alerts.exists():
        raise Refused("Remove the links to possible matches of the other deployment first.")
    before, case.deployment = case.deployment, deployment
    case.save(update_fields=["deployment"])
    kind, action = (_K.LINKED, Action.CASE_LINKED) if deployment else (_K.UNLINKED, Action.CASE_UNLINKED)
    about = deployment or before
    _note(case, kind, actor, EventContent(words=str(about)))
    record(action, actor=actor, target=case, data={"deployment": str(about.pk) if about else ""})


@transaction.atomic
def link_alerts(case: Case, *, alerts: Iterable[Alert], actor: AbstractBaseUser) -> None:
    """Link possible matches of the case's deployment.

    Raises:
        Refused: none was chosen, or one is of another deployment or not a possible match.
    """
    _begin(case, actor)
    known = set(case.alerts.values_list("pk", flat=True))
    new = [alert for alert in alerts if alert.pk not in known]
    if not new:
        raise Refused("Select the possible matches that the case is about.")
    if any(alert.deployment_id != case.deployment_id or alert.kind != Alert.Kind.ALERT for alert in new):
        raise Refused("Select possible matches of the deployment that the case is about.")
    case.alerts.add(*new)
    _note(case, _K.LINKED, actor, EventContent(words=", ".join(alert_words(alert) for alert in new)))
    for alert in new:
        record(Action.CASE_LINKED, actor=actor, target=case, data={"alert": str(alert.pk)})


@transaction.atomic
def link_receipt(case: Case, *, code: str, actor: AbstractBaseUser) -> None:
    """Link the possible match of a receipt, and its deployment if the case has none.

    Raises:
        Refused: no receipt has this code, or it is of another deployment.
    """
    _begin(case, actor)
    alert = receipts.find(code)
    if alert is None:
        raise Refused("There is no receipt with this code. Compare it with the person’s.")
    if case.deployment_id is None:
        link_deployment(case, deployment=alert.deployment, actor=actor)
    link_alerts(case, alerts=[alert], actor=actor)


@transaction.atomic
def unlink_alert(case: Case, *, alert: Alert, actor: AbstractBaseUser) -> None:
    """Remove the link to a possible match."""
    _begin(case, actor)
    if not case.alerts.filter(pk=alert.pk).exists():
        raise Conflict("The possible match is not linked to this case.")
    case.alerts.remove(alert)
    _note(case, _K.UNLINKED, actor, EventContent(words=alert_words(alert)))
    record(Action.CASE_UNLINKED, actor=actor, target=case, data={"alert": str(alert.pk)})


@transaction.atomic
def report_breach(case: Case, *, at: dt.datetime, words: str, late_reason: str = "", actor: AbstractBaseUser) -> None:
    """Record that the Commissioner was told of a breach, also after it was closed. words: their reference.

    Raises:
        Refused: it is not a breach, the time is not possible, or it is late and there is no reason why.
        Conflict: it was reported already.
    """
    _begin(case, actor, may_be_closed=case.is_breach)
    if not case.is_breach:
        raise Refused("Only a breach is reported to the Commissioner.")
    if case.reported_at is not None:
        raise Conflict("The Commissioner has already been told.")
    if not case.received_at <= at <= timezone.now():
        raise Refused("Enter when the Commissioner was told: after the force became aware, and not in the future.")
    said = _said(words, "Enter the Commissioner’s reference.")
    if at > case.received_at + dt.timedelta(hours=time_limits.BREACH_HOURS):
        said += "\nLate because: " + _said(late_reason, "Enter why it is later than 72 hours.")
    case.reported_at = at
    case.save(update_fields=["reported_at"])
    _note(case, _K.REPORTED, actor, EventContent(words=said))
    if case.is_closed:
        _mark_lateness(case)
    record(Action.CASE_REPORTED, actor=actor, target=case, data={"at": at.isoformat()})


@transaction.atomic
def tell_people(case: Case, *, words: str, actor: AbstractBaseUser) -> None:
    """Record that the people affected by a breach were told, and how.

    Raises:
        Refused: it is not a breach. Conflict: it was recorded already.
    """
    _begin(case, actor, may_be_closed=case.is_breach)
    if not case.is_breach:
        raise Refused("Only a breach has people who are affected.")
    if case.told_at is not None:
        raise Conflict("The people affected have already been told.")
    said = _said(words, "Enter how many people were told, and how.")
    case.told_at = timezone.now()
    case.save(update_fields=["told_at"])
    _note(case, _K.TOLD, actor, EventContent(words=said))
    record(Action.CASE_TOLD, actor=actor, target=case)


@transaction.atomic
def answer(case: Case, reply: CaseAnswer, *, actor: AbstractBaseUser) -> None:
    """Answer a case with a letter, and close it. A breach is closed without a letter.

    Raises:
        Refused: `check` finds that something is missing. Conflict: it is closed.
    """
    _begin(case, actor)
    check(case, reply)
    now, telling = timezone.now(), told(case, reply)
    about = content.content_of(case)
    if about is None:
        raise Refused(KEY_GONE)
    changes = {"outcome": reply.outcome, "ground": reply.ground, **_closing(case, actor, now)}
    data: JournalData = {"outcome": reply.outcome, "ground": reply.ground, "told": len(telling)}
    letter = b""
    if case.is_breach:
        changes["sealed"] = content.seal_case(case, replace(about, effects=reply.effects.strip()))
    else:
        letter = letters.answer_letter(case, reply.outcome, reply.words, telling, now)
    case.waits.filter(ended_on=None).update(ended_on=timezone.localdate(now))
    move(case, STEPS["answer"], actor=actor, changes=changes, data=data)
    if case.is_breach:
        _mark_lateness(case)
    _note(case, _K.ANSWERED, actor, EventContent(words=reply.words.strip(), reasons=reply.reasons.strip()), letter)


@transaction.atomic
def withdraw(case: Case, *, words: str, actor: AbstractBaseUser) -> None:
    """Close a case that the person withdrew, that was opened by mistake, or whose key is lost."""
    _begin(case, actor)
    said = _said(words, "Enter why the case ends without an answer.")
    changes = _closing(case, actor, timezone.now())
    case.waits.filter(ended_on=None).update(ended_on=timezone.localdate())
    move(case, STEPS["withdraw"], actor=actor, changes=changes)
    _note(case, _K.WITHDRAWN, actor, EventContent(words=said))


def check(case: Case, reply: CaseAnswer) -> None:
    """Raise `Refused` if an answer is incomplete, or says what the search does not bear out."""
    outcome = reply.outcome
    if outcome not in OUTCOMES[case.kind]:
        raise Refused("Select the outcome.")
    if not reply.words.strip():
        raise Refused("Enter what was done about it." if case.is_breach else "Enter the words of the letter.")
    if outcome in REASONED and not reply.reasons.strip():
        raise Refused("Enter the reasons. They are kept for the Information Commissioner.")
    if case.kind == CaseKind.ACCESS and outcome in ON_A_GROUND and reply.ground not in Ground.values:
        raise Refused("Select the ground of section 45(4) on which information is withheld.")
    if case.is_breach:
        _check_breach(case, reply)
    if outcome == CaseOutcome.NO_REPLY and not case.events.filter(kind=_K.ASKED).exists():
        raise Refused("The person was not asked for anything.")
    if case.is_of_own_data and outcome not in UNSEARCHED:
        _check_searched(case, reply)


def _check_breach(case: Case, reply: CaseAnswer) -> None:
    if not reply.effects.strip():
        raise Refused("Enter the effects of the breach, or that there are none.")
    if reply.outcome == CaseOutcome.REPORTED and case.reported_at is None:
        raise Refused("Record first when the Commissioner was told.")
    if reply.outcome == CaseOutcome.NOT_REPORTED and case.reported_at is not None:
        raise Refused("The Commissioner was told. Select that it was reported.")


def _check_searched(case: Case, reply: CaseAnswer) -> None:
    if case.identity_on is None:
        raise Refused("Establish who is asking first.")
    if case.searched_at is None:
        raise Refused("Search for the person first.")
    if reply.reasons.strip():
        return
    if reply.outcome == CaseOutcome.NONE_HELD and any(each.found for _, each in searches(case)):
        raise Refused("A search found something. Enter in the reasons why it is not about this person.")
    found = last_search(case)[1]
    if case.kind == CaseKind.ACCESS and reply.outcome == CaseOutcome.GIVEN and len(told(case, reply)) < len(found):
        raise Refused("The letter does not tell everything that was found. Enter in the reasons why not.")


def searches(case: Case) -> list[tuple[CaseEvent, EventContent]]:
    """Return the searches of a case that can still be read, the earliest first."""
    events = case.events.filter(kind=_K.SEARCHED).select_related("case")
    return [(event, said) for event in events if (said := content.content_of_event(event)) is not None]


def last_search(case: Case) -> tuple[str, list[Found]]:
    """Return the id of the last search of a case and what it found; nothing if there was none."""
    found = searches(case)
    return (str(found[-1][0].pk), found[-1][1].found) if found else ("", [])


def told(case: Case, reply: CaseAnswer) -> list[Found]:
    """Return the places of the last search that the letter tells: only if information is given.

    Raises:
        Refused: the officer saw another search than the last one.
    """
    if case.kind != CaseKind.ACCESS or reply.outcome not in (CaseOutcome.GIVEN, CaseOutcome.PART):
        return []
    last, found = last_search(case)
    if reply.search != last or any(not 0 <= position < len(found) for position in reply.given):
        raise Refused("The case was searched again since you opened this page. Open it again.")
    return [found[position] for position in sorted(set(reply.given))]


def check_details(kind: str, about: CaseContent, received_at: dt.datetime, *, until: dt.datetime) -> None:
    """Raise `Refused` if something that every case needs is missing, or it cannot have been received then."""
    if not until - OLDEST <= received_at <= until:
        raise Refused("Enter when it was received: not in the future, and a year ago at most.")
    if not about.request.strip():
        raise Refused("Enter what happened." if kind == CaseKind.BREACH else "Enter what the person asks.")
    if kind != CaseKind.BREACH and not (about.name.strip() and about.contact.strip()):
        raise Refused("Enter the name of the person and how to reach them.")


def note_search(case: Case, found: EventContent, *, actor: AbstractBaseUser) -> None:
    """Keep what a search of this case found. `cases.search` searches and records it."""
    case.searched_at = timezone.now()
    case.save(update_fields=["searched_at"])
    _note(case, _K.SEARCHED, actor, found)


def alert_words(alert: Alert) -> str:
    """Name a possible match in the words of people."""
    return f"possible match {str(alert.pk)[:8]}"


def lock_open(case: Case, actor: AbstractBaseUser) -> None:
    """Lock a case for an act of another module. As `_begin`."""
    _begin(case, actor)


def _begin(case: Case, actor: AbstractBaseUser, *, may_be_closed: bool = False) -> None:
    """Check the permission and lock the case.

    Raises:
        Conflict: it is closed.
    """
    require(actor, KEEP_CASES)
    lock(Case.objects.all(), case.pk)
    case.refresh_from_db()
    if case.is_closed and not may_be_closed:
        again = "" if case.is_breach else " Open a new one if the person writes again."
        raise Conflict(f"This case is {case.quoted_state}.{again}")


def _closing(case: Case, actor: AbstractBaseUser, at: dt.datetime) -> dict[str, object]:
    """Return what changes when a case is closed. Whether it was late is kept: later acts must not change it."""
    return {"closed_at": at, "closed_by": actor, "was_late": time_limits.was_late(case, at)}


def _mark_lateness(case: Case) -> None:
    """Compute again whether a closed breach was late, by its outcome and by when the Commissioner was told."""
    case.was_late = time_limits.was_late(case, timezone.now())
    case.save(update_fields=["was_late"])


def _end_wait(case: Case, wanted: WaitFor, on: dt.date, actor: AbstractBaseUser) -> None:
    """End a wait. The case goes on once it waits for nothing else."""
    wait = case.waits.get(ended_on=None, wanted=wanted)
    if on < wait.asked_on:
        raise Refused("Enter the day of the reply: not before the day on which you asked.")
    case.waits.filter(pk=wait.pk).update(ended_on=on)
    if case.waits.filter(ended_on=None).exists():
        record(Action.CASE_RESUMED, actor=actor, target=case, data={"on": on.isoformat()})
    else:
        move(case, STEPS["resume"], actor=actor, data={"on": on.isoformat()})


def _possible(case: Case, on: dt.date) -> None:
    if not timezone.localdate(case.received_at) <= on <= timezone.localdate():
        raise Refused("Enter a date between the day of receipt and today.")


def _said(words: str, otherwise: str) -> str:
    if not words.strip():
        raise Refused(otherwise)
    return words.strip()


def _note(
    case: Case,
    kind: CaseEvent.Kind,
    actor: AbstractBaseUser,
    said: EventContent | None = None,
    letter: letters.LetterKind | bytes = b"",
) -> CaseEvent:
    """Keep what was done, with its words, and the letter: a kind that is made from the words, or one that is made."""
    said = said or EventContent()
    event = CaseEvent(case=case, kind=kind, at=timezone.now(), by_id=actor.pk)
    if kind == _K.WITHDRAWN and not keys.fingerprint(case.key_name):
        # The key is lost: the case can be closed all the same.
        event.save(force_insert=True)
        return event
    pdf = letters.short_letter(case, letter, said.words, event.at) if isinstance(letter, letters.LetterKind) else letter
    event.sealed = content.seal_event(case, event, said, pdf)
    event.letter_sha256 = hashlib.sha256(pdf).hexdigest() if pdf else ""
    event.save(force_insert=True)
    return event
