"""The closed lists of cases: kinds, channels, outcomes, and the grounds on which information may be withheld."""

from __future__ import annotations

from django.db import models


class CaseKind(models.TextChoices):
    """The kind of request or incident that a case deals with."""

    ACCESS = "access", "Subject access request"
    RECTIFICATION = "rectification", "Request for rectification"
    ERASURE = "erasure", "Request for erasure"
    COMPLAINT = "complaint", "Complaint"
    BREACH = "breach", "Personal data breach"
    FOI = "foi", "Freedom of information request"


# About the data of the person who asks: identity is established and every place is searched before the answer.
OF_OWN_DATA = (CaseKind.ACCESS, CaseKind.RECTIFICATION, CaseKind.ERASURE)


class Channel(models.TextChoices):
    """How a case arrived."""

    EMAIL = "email", "Email or web form"
    LETTER = "letter", "Letter"
    TELEPHONE = "telephone", "Telephone"
    IN_PERSON = "in_person", "In person"
    COMMISSIONER = "commissioner", "Through the Information Commissioner"
    FORCE = "force", "Found by the force"


class IdentityProof(models.TextChoices):
    """How it was established who is asking."""

    DOCUMENT = "document", "Identity document seen"
    KNOWN = "known", "Known to the force"
    REPRESENTATIVE = "representative", "Representative with written authority"


class WaitFor(models.TextChoices):
    """What the person must send before the force can continue."""

    IDENTITY = "identity", "Proof of identity"
    CLARIFICATION = "clarification", "Clarification"


class CaseOutcome(models.TextChoices):
    """How a case was answered."""

    GIVEN = "given", "Information given"
    PART = "part", "Information given in part"
    WITHHELD = "withheld", "Information withheld"
    NONE_HELD = "none_held", "Nothing held"
    CORRECTED = "corrected", "Corrected"
    ERASED = "erased", "Erased"
    RESTRICTED = "restricted", "Processing restricted instead"
    DECLINED = "declined", "Declined"
    UNFOUNDED = "unfounded", "Manifestly unfounded or excessive"
    NO_REPLY = "no_reply", "Closed: the person did not send what was needed"
    UPHELD = "upheld", "Upheld"
    PARTLY = "partly", "Upheld in part"
    NOT_UPHELD = "not_upheld", "Not upheld"
    REPORTED = "reported", "Reported to the Commissioner"
    NOT_REPORTED = "not_reported", "Not reported: a risk to people is unlikely"


# What stops the time while the force waits for it: Data Protection Act 2018, section 54, where a clarification does so
# for access only, not for rectification and erasure; Freedom of Information Act 2000, section 1(3).
STOPS_TIME: dict[str, tuple[WaitFor, ...]] = {
    CaseKind.ACCESS: (WaitFor.IDENTITY, WaitFor.CLARIFICATION),
    CaseKind.RECTIFICATION: (WaitFor.IDENTITY,),
    CaseKind.ERASURE: (WaitFor.IDENTITY,),
    CaseKind.FOI: (WaitFor.CLARIFICATION,),
}
_O = CaseOutcome
OUTCOMES: dict[str, tuple[CaseOutcome, ...]] = {
    CaseKind.ACCESS: (_O.GIVEN, _O.PART, _O.WITHHELD, _O.NONE_HELD, _O.UNFOUNDED, _O.NO_REPLY),
    CaseKind.RECTIFICATION: (_O.CORRECTED, _O.RESTRICTED, _O.DECLINED, _O.NONE_HELD, _O.UNFOUNDED, _O.NO_REPLY),
    CaseKind.ERASURE: (_O.ERASED, _O.RESTRICTED, _O.DECLINED, _O.NONE_HELD, _O.UNFOUNDED, _O.NO_REPLY),
    CaseKind.COMPLAINT: (_O.UPHELD, _O.PARTLY, _O.NOT_UPHELD, _O.NO_REPLY),
    CaseKind.BREACH: (_O.REPORTED, _O.NOT_REPORTED),
    CaseKind.FOI: (_O.GIVEN, _O.PART, _O.WITHHELD, _O.NONE_HELD, _O.NO_REPLY),
}
# Without establishing identity or searching first.
UNSEARCHED = frozenset({_O.UNFOUNDED, _O.NO_REPLY})
# Recorded with its reasons, which are given to the Information Commissioner on request.
REASONED = frozenset({_O.PART, _O.WITHHELD, _O.RESTRICTED, _O.DECLINED, _O.UNFOUNDED, _O.NOT_REPORTED})
# The reasons name a ground of `Ground`.
ON_A_GROUND = frozenset({_O.PART, _O.WITHHELD})


class Ground(models.TextChoices):
    """Why information may be withheld from the person whom it is about (Data Protection Act 2018, section 45(4))."""

    INQUIRY = "inquiry", "(a) to avoid obstructing an inquiry, investigation or procedure"
    CRIME = "crime", "(b) to avoid prejudicing the prevention, detection, investigation or prosecution of offences"
    PUBLIC_SECURITY = "public", "(c) to protect public security"
    NATIONAL_SECURITY = "national", "(d) to protect national security"
    OTHERS = "others", "(e) to protect the rights and freedoms of others"
