"""What a new installation starts with: the shipped engine's calibration, and the threshold that it gives."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recognition.calibration import Calibration
from recognition.engine import EngineIdentity

# Of strangers on a list as large as the one measured.
DEFAULT_FPIR = 0.003
# The threshold that the shipped calibration gives for it (a test holds them together).
DEFAULT_THRESHOLD = 0.69
SHIPPED_CALIBRATION = Path(__file__).parent / "shipped_calibration.json"


@dataclass(frozen=True)
class Measurement:
    """A calibration with what it was measured on: dataset for people, digest over its photographs."""

    engine: EngineIdentity
    dataset: str
    dataset_sha256: str
    measured_on: dt.date
    scores: Calibration

    def to_json(self) -> dict[str, Any]:
        scores = self.scores.to_json()
        return asdict(self) | {"measured_on": self.measured_on.isoformat(), "scores": scores}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Measurement:
        return cls(
            EngineIdentity(**content["engine"]),
            content["dataset"],
            content["dataset_sha256"],
            dt.date.fromisoformat(content["measured_on"]),
            Calibration.from_json(content["scores"]),
        )


def shipped_measurement() -> Measurement:
    """Made by `manage.py calibrate --export`; of no use to any other engine."""
    return Measurement.from_json(json.loads(SHIPPED_CALIBRATION.read_text()))
