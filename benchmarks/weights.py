"""Weights for benchmarks that run without the system."""

from __future__ import annotations

import os
from pathlib import Path

from lfr_site.supervisor import BASE_DIR
from recognition import weights
from recognition.engine import SHIPPED, Choice


def staged(choice: Choice = SHIPPED) -> Path:
    """The folder that holds them: the installation's own (LFR_DATA), filled when it is empty.

    Raises:
        recognition.weights.WeightsError: no source has them.
    """
    home = Path(os.environ.get("LFR_DATA") or BASE_DIR / "var") / "models"
    named = os.environ.get("LFR_WEIGHTS")
    weights.stage(home, choice.files, Path(named) if named else None)
    return home
