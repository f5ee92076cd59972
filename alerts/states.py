"""The states of an alert with their groups, and the names of acts, for models, querysets and acts."""

from __future__ import annotations

from django.db import models

from alerts.choices import Disposal, IdentityMethod, NoAction, NoEngagement, OffenceClass, Result, WhyFalse


class AlertState(models.TextChoices):
    """The state of an alert."""

    RAISED = "raised", "Possible match"
    REVIEW = "review", "Being compared"
    INCONCLUSIVE = "inconclusive", "Inconclusive"
    OP_FALSE = "op_false", "Operator: not the same"
    REFERRED = "referred", "Referred to officers"
    ACKED = "acked", "Officer responding"
    OFFICER_NOT_SAME = "officer_false", "Officer: not the same"
    NOT_LOCATED = "not_located", "Not located"
    NO_ENGAGEMENT = "no_engagement", "No engagement"
    ENGAGED = "engaged", "Engagement in progress"
    ID_CHECK = "id_check", "Identity being checked"
    CONFIRMED_FALSE = "not_same", "Not the person: released"
    CONFIRMED_TRUE = "same", "Identity confirmed"
    ARRESTED = "arrested", "Same person: arrested"
    OTHER_DISPOSAL = "other", "Same person: other disposal"
    NO_ACTION = "no_action", "Same person: no action"
    EXPIRED = "expired", "Not decided in time"
    LATE_SAME = "late_same", "Same person (found in review)"
    LATE_NOT_SAME = "late_not_same", "Not the same (found in review)"
    UNRESOLVED = "unresolved", "Unresolved"
    BLUE = "blue", "Recognition test"
    CONTROL = "control", "Known-negative check, decided"


class ActName(models.TextChoices):
    """The name under which an act is recorded."""

    SAME = "same", "Same person"
    NOT_SAME = "not_same", "Not the same"
    INCONCLUSIVE = "inconclusive", "Inconclusive"
    OPEN = "open", "Opened"
    UNDO = "undo", "Decision undone"
    HAND_OVER = "hand_over", "Referred again"
    ACKNOWLEDGE = "acknowledge", "On my way"
    ENGAGE = "engage", "Speaking to the person"
    NOT_THEM = "not_them", "Not the person"
    RELEASE = "release", "Not the person: release"
    CHECK_IDENTITY = "check_identity", "Checking identity"
    CONFIRM = "confirm", "Identity confirmed"
    ARREST = "arrest", "Arrested"
    OTHER = "other", "Other disposal"
    NO_ACTION = "no_action", "No action"
    LOST = "lost", "Not located"
    NO_ENGAGEMENT = "no_engagement", "No engagement"
    ESCALATE = "escalate", "Escalated: no officer responded"
    EXPIRE = "expire", "Not decided in time"
    CODE = "code", "Outcome recorded afterwards"
    CORRECT = "correct", "Outcome corrected"


# The adjudications of operators.
ADJUDICATIONS = (ActName.SAME, ActName.NOT_SAME, ActName.INCONCLUSIVE)


_S = AlertState
UNDECIDED = (_S.RAISED, _S.REVIEW, _S.INCONCLUSIVE)
IN_THE_STREET = (_S.REFERRED, _S.ACKED, _S.ENGAGED, _S.ID_CHECK, _S.CONFIRMED_TRUE)
# With operators or officers: further shots of the same subject join it.
ACTIVE = (*UNDECIDED, *IN_THE_STREET)
# An outcome is still to be recorded.
OPEN = (*ACTIVE, _S.EXPIRED)
# Adjudications that the operator can undo within `LFR_UNDO`.
CAN_BE_TAKEN_BACK = (_S.REFERRED, _S.OP_FALSE, _S.INCONCLUSIVE)

# Decided as not the same without an engagement: what is matched again at the same place joins it.
JOINED_AGAIN = (_S.OP_FALSE, _S.OFFICER_NOT_SAME)

# Found by comparing the faces after the cameras were off.
FOUND_IN_REVIEW = (_S.LATE_SAME, _S.LATE_NOT_SAME)

# How an alert counts once it has an outcome.
RESULTS: dict[str, Result] = {
    _S.OP_FALSE: Result.FALSE_UNCONFIRMED,
    _S.OFFICER_NOT_SAME: Result.FALSE_UNCONFIRMED,
    _S.LATE_NOT_SAME: Result.FALSE_UNCONFIRMED,
    _S.CONFIRMED_FALSE: Result.FALSE_CONFIRMED,
    _S.NOT_LOCATED: Result.TRUE_UNCONFIRMED,
    _S.NO_ENGAGEMENT: Result.TRUE_UNCONFIRMED,
    _S.LATE_SAME: Result.TRUE_UNCONFIRMED,
    _S.ARRESTED: Result.TRUE_CONFIRMED,
    _S.OTHER_DISPOSAL: Result.TRUE_CONFIRMED,
    _S.NO_ACTION: Result.TRUE_CONFIRMED,
    _S.UNRESOLVED: Result.UNRESOLVED,
}
OVER = tuple(RESULTS)
# Outcomes that need an identity check by an officer, and those that need an engagement.
DISPOSED = (_S.ARRESTED, _S.OTHER_DISPOSAL, _S.NO_ACTION)
MET = (*DISPOSED, _S.CONFIRMED_FALSE)
# Outcomes with which an officer may have spoken to the person.
MAY_HAVE_MET = (*MET, _S.NOT_LOCATED, _S.UNRESOLVED)
# The codes recorded with a state: how identity was established, the offence of an arrest, or the reason of an outcome.
CODES: dict[str, type[models.TextChoices]] = {
    _S.CONFIRMED_TRUE: IdentityMethod,
    _S.NO_ENGAGEMENT: NoEngagement,
    _S.CONFIRMED_FALSE: WhyFalse,
    _S.ARRESTED: OffenceClass,
    _S.OTHER_DISPOSAL: Disposal,
    _S.NO_ACTION: NoAction,
}
FALSE = tuple(state for state, result in RESULTS.items() if result.is_false)
# Known-negative checks stay with operators.
STATES_OF_CONTROLS = (*UNDECIDED, _S.CONTROL, _S.EXPIRED)
# Alerts that were never referred to officers.
NEVER_REFERRED = (
    *UNDECIDED,
    _S.OP_FALSE,
    _S.EXPIRED,
    _S.LATE_SAME,
    _S.LATE_NOT_SAME,
    _S.UNRESOLVED,
    _S.BLUE,
    _S.CONTROL,
)
