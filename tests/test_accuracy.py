"""The gate: how many people the shipped engine finds, and how many strangers it takes for them.

Parameters were chosen on this folder; docs/accuracy.md says on whom they were checked.
"""

from __future__ import annotations

import pytest
from django.conf import settings

from benchmarks.accuracy import measured
from recognition.engine import SHIPPED
from recognition.open_set import Photographs
from tests.cast import FACES
from watchlists.defaults import DEFAULT_THRESHOLD

LFW = FACES / "lfw_dev"


@pytest.mark.skipif(not LFW.is_dir(), reason=f"skipped: no face set at {LFW}")
def test_most_people_are_found_and_few_strangers_stopped() -> None:
    result = measured(settings.DEEPFACE_HOME, SHIPPED, Photographs.of(LFW), [0.01, 0.003])
    assert (result["gallery"], result["mated"], result["non_mated"]) == (873, 1639, 2081)
    assert result["failed_to_enrol"] == 0
    assert result["rank1"] >= 0.99
    assert result["tpir"]["0.01"] >= 0.97
    assert result["tpir"]["0.003"] >= 0.95
    # The threshold of a new installation is the measured one, rounded up.
    assert result["thresholds"]["0.003"] <= DEFAULT_THRESHOLD <= result["thresholds"]["0.003"] + 0.002
