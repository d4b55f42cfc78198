"""A client with a real engine process behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from service_desk import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    made.client.start()
    yield made
    made.client.close()
