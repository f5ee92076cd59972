from __future__ import annotations

import pytest

from recognition.engine import Engine
from tests.cast import Cast, make_cast
from watchlists.engine import engine as running_engine


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture(scope="session")
def engine() -> Engine:
    return running_engine()
