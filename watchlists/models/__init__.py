"""Watchlists, people, photographs, engines, templates, thresholds, imports, and what remains after destruction."""

from watchlists.models.attributes import SaidAttributes, VolunteerAttributes
from watchlists.models.certificates import Certificate, Hold, LedgerEntry
from watchlists.models.contributions import Contribution
from watchlists.models.engines import Calibration, Engine
from watchlists.models.evidence import BiasEvidence, EvidenceGroup
from watchlists.models.imports import IMPORT_STEPS, OPEN_STATES, Import, ImportPhotograph, ImportRow
from watchlists.models.lists import EDITABLE, STEPS, Watchlist
from watchlists.models.people import Flag, Person, Photograph
from watchlists.models.templates import SealedTemplate, Template
from watchlists.models.thresholds import PROPOSAL_STEPS, OperatingPoint, ThresholdProposal

__all__ = [
    "EDITABLE",
    "IMPORT_STEPS",
    "OPEN_STATES",
    "PROPOSAL_STEPS",
    "STEPS",
    "BiasEvidence",
    "Calibration",
    "Certificate",
    "Contribution",
    "Engine",
    "EvidenceGroup",
    "Flag",
    "Hold",
    "Import",
    "ImportPhotograph",
    "ImportRow",
    "LedgerEntry",
    "OperatingPoint",
    "Person",
    "Photograph",
    "SaidAttributes",
    "SealedTemplate",
    "Template",
    "ThresholdProposal",
    "VolunteerAttributes",
    "Watchlist",
]
