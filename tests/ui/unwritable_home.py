"""The program with a home that cannot be written: everything works all the same. Prints what the window says: at once,
and at the end. ``python unwritable_home.py OUT`` exports a picture to the file OUT."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from driving import Hand, run
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from explorer.ui.files.export_dialog import ExportDialog


def script(hand: Hand) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Open, move, search, bookmark, export: what a session, settings, a log and caches are written for."""
    window, controller, path = hand.window, hand.controller, Path(sys.argv[1])
    assert not controller.has_model, "nothing is waited for before it is said"
    print(*hand.said(), sep="\n", flush=True)
    yield "the first picture", hand.settled
    yield from hand.drag_slider(window.controls.rows()[0].card.name, 0.9)
    hand.key(Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    yield "another method's controls", lambda: len(controller.scene.panes) == 2 and hand.settled()
    hand.key(Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    yield "the bookmark's picture", lambda: bool(window.bookmarks._thumbnails._known)
    QTimer.singleShot(0, window.table["export"].trigger)  # the dialog runs its own loop
    yield "the export dialog", lambda: isinstance(QApplication.activeModalWidget(), ExportDialog)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ExportDialog)
    dialog.path.setText(str(path))
    hand.click(dialog._go)
    yield "the export", lambda: bool(controller.jobs.jobs()) and not controller.jobs.running()
    assert path.stat().st_size > 1000, [job.sentence for job in controller.jobs.jobs()]
    saved = window.session.save_now()
    yield "the session, written or not", lambda: saved is None or saved.done()
    window.settings.save()
    print("---", *hand.said(), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(run(script))
