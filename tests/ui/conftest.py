"""For every test of the window: no top-level widget may be left behind, and no saved setting leaks in."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QWidget


@pytest.fixture(autouse=True)
def no_leaked_windows(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[None]:
    """Fail a passing test that leaves a top-level widget behind."""
    # The wrappers themselves are kept, for an address may be used again by a new widget.
    before, failed = list(qapp.topLevelWidgets()), request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        return
    if _left(qapp, before):
        gc.collect()  # slow where torch is loaded, so only when something is left
    left = _left(qapp, before)
    assert not left, f"left behind: {[(type(widget).__name__, widget.objectName()) for widget in left]}"


def _left(qapp: QApplication, before: list[QWidget]) -> list[QWidget]:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qapp.processEvents()
    return [widget for widget in qapp.topLevelWidgets() if not any(widget is known for known in before)]
