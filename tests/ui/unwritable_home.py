"""The program with a home that cannot be written: everything works all the same. Prints what the window says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from driving import Hand, run
from PySide6.QtCore import Qt


def script(hand: Hand) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Open, move, bookmark: what a session, settings, a log and a cache of thumbnails are written for."""
    window = hand.window
    yield "the first picture", hand.settled
    yield from hand.drag_slider(window.controls.rows()[0].card.name, 0.9)
    hand.key(Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    yield "the bookmark's picture", lambda: bool(window.bookmarks._thumbnails._known)
    saved = window.session.save_now()
    yield "the session, written or not", lambda: saved is None or saved.done()
    window.settings.save()
    print(*hand.said(), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(run(script))
