"""The defaults of a new installation: the shipped engine's calibration, and the threshold chosen from it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recognition.calibration import Calibration
from recognition.engine import EngineIdentity

# The false positive identification rate (FPIR) on a list as large as the one measured.
DEFAULT_FPIR = 0.003
# The threshold that the shipped calibration gives for that rate (a test compares the two).
DEFAULT_THRESHOLD = 0.69
SHIPPED_CALIBRATION = Path(__file__).parent / "shipped_calibration.json"


@dataclass(frozen=True)
class Measurement:
    """A calibration and the photographs it was measured on.

    dataset: their name, for people. dataset_sha256: the digest over them.
    """

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
    """Return the measurement made by `manage.py calibrate --export`. It applies to the shipped engine only."""
    return Measurement.from_json(json.loads(SHIPPED_CALIBRATION.read_text()))
