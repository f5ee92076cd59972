"""Acts of the panel and of the force on dossiers."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.locks import lock
from core.machine import JournalData
from core.permissions import require
from scrutiny.models import Dossier, PanelFinding
from scrutiny.permissions import ANSWER_FINDINGS, SCRUTINISE
from watchlists.operations import refuse_names_on_file

MOST_WORDS = 4000


@transaction.atomic
def record_finding(dossier: Dossier, *, verdict: str, words: str, actor: AbstractBaseUser) -> PanelFinding:
    """Record what a member of the panel found. It belongs to the deployment's record and is never changed.

    Whether the words name somebody on a list is not checked: the answer would tell the panel who is on one.

    Raises:
        Refused: something is missing. Conflict: the member recorded one before.
    """
    require(actor, SCRUTINISE)
    lock(Dossier.objects.all(), dossier.pk)
    if verdict not in PanelFinding.Verdict.values:
        raise Refused("Select what you found.")
    if not words.strip() or len(words) > MOST_WORDS:
        raise Refused(f"Enter what you found, in {MOST_WORDS:,} characters or fewer.")
    if PanelFinding.objects.filter(dossier=dossier, by_id=actor.pk).exists():
        raise Conflict("You have already recorded your finding on this dossier.")
    made = PanelFinding.objects.create(
        dossier=dossier, by_id=actor.pk, at=timezone.now(), verdict=verdict, words=words.strip()
    )
    data: JournalData = {"verdict": verdict, "deployment": str(dossier.alert.deployment_id)}
    record(Action.FINDING_RECORDED, actor=actor, target=dossier, data=data)
    return made


@transaction.atomic
def answer_finding(finding: PanelFinding, *, words: str, actor: AbstractBaseUser) -> None:
    """Answer a question or a concern of the panel, once.

    Raises:
        Refused: the answer is empty or names somebody on a list, or there is nothing to answer.
        Conflict: it was answered before.
    """
    require(actor, ANSWER_FINDINGS)
    if not words.strip() or len(words) > MOST_WORDS:
        raise Refused(f"Enter the answer, in {MOST_WORDS:,} characters or fewer.")
    refuse_names_on_file(words)
    if finding.verdict == PanelFinding.Verdict.NO_CONCERN:
        raise Refused("This finding has no question and no concern to answer.")
    rows = PanelFinding.objects.filter(pk=finding.pk, answer="")
    if not rows.update(answer=words.strip(), answered_by_id=actor.pk, answered_at=timezone.now()):
        raise Conflict("This finding has already been answered.")
    finding.refresh_from_db()
    data: JournalData = {"deployment": str(finding.dossier.alert.deployment_id), "words": finding.answer}
    record(Action.FINDING_ANSWERED, actor=actor, target=finding.dossier, data=data)
