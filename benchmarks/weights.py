"""Weights for benchmarks that run without the system."""

from __future__ import annotations

import os
from pathlib import Path

from lfr_site.supervisor import BASE_DIR
from recognition import weights
from recognition.engine import SHIPPED, Choice


def staged(choice: Choice = SHIPPED) -> Path:
    """Stage the weights in the installation's own folder (LFR_DATA); return that folder.

    Raises:
        recognition.weights.WeightsError: no source has the weights.
    """
    home = Path(os.environ.get("LFR_DATA") or BASE_DIR / "var") / "models"
    named = os.environ.get("LFR_WEIGHTS")
    weights.stage(home, choice.files, Path(named) if named else None)
    return home
