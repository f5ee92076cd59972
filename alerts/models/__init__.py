"""Alerts, the acts on them, their shots and evidence holds, and what is stood down."""

from alerts.models.acts import Act
from alerts.models.alerts import Alert
from alerts.models.evidence import EvidenceHold, Shot
from alerts.models.stand_downs import StandDown

__all__ = ["Act", "Alert", "EvidenceHold", "Shot", "StandDown"]
