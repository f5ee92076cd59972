"""Alerts, the acts on them, their shots, evidence holds, second looks, and what is stood down."""

from alerts.models.acts import Act
from alerts.models.alerts import Alert
from alerts.models.attributes import PersonAttributes
from alerts.models.evidence import EvidenceHold, PurgeCertificate, Shot
from alerts.models.second_looks import SecondLook
from alerts.models.stand_downs import StandDown

__all__ = ["Act", "Alert", "EvidenceHold", "PersonAttributes", "PurgeCertificate", "SecondLook", "Shot", "StandDown"]
