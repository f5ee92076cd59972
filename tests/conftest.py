from __future__ import annotations

import pytest
from django.conf import settings

from recognition.engine import Engine, engine_at
from tests.cast import Cast, make_cast


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture(scope="session")
def engine() -> Engine:
    return engine_at(settings.DEEPFACE_HOME)
