"""Small pictures of views, rendered by the engine one after the other and kept, in memory and on disk."""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from pathlib import Path

import msgspec
from PySide6.QtCore import QBuffer, QObject, Qt, Signal
from PySide6.QtGui import QImage

from explorer import keeping
from explorer.files import cache_folder
from explorer.scene.cards import ModelCard
from explorer.scene.model import Quality, View
from explorer.ui.state.controller import Controller

SIDE = 160  # pixels of the longer side: enough for a 64 pixel tile on a screen of double density
IN_MEMORY = 256
ON_DISK = 400

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def thumbnail_quality(card: ModelCard) -> Quality:
    """A thumbnail of a diffusion model is a draft: the canvas does not wait for it."""
    return Quality(steps=card.interactive_steps)


class Thumbnails(QObject):
    """Asks for one picture at a time, so that the canvas is never kept waiting behind a row of them."""

    changed = Signal()  # some thumbnail has come

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._known: OrderedDict[View, QImage | None] = OrderedDict()  # None: it cannot be had
        self._waiting: deque[View] = deque()
        self._asked: tuple[int, View] | None = None  # token, view
        controller.feed.picture_ready.connect(self._on_picture)
        controller.catalogue.models_changed.connect(self._ask_next)

    def of(self, view: View) -> QImage | None:
        """The thumbnail of ``view`` if it is known; else it is on its way, and `changed` tells when it has come."""
        if view in self._known:
            self._known.move_to_end(view)
            return self._known[view]
        if (kept := _kept(view)) is not None:
            self._keep(view, kept)
            return kept
        if view not in self._waiting and (self._asked is None or self._asked[1] != view):
            self._waiting.append(view)
            self._ask_next()
        return None

    def _ask_next(self) -> None:
        """Ask for the next one whose model is open: a thumbnail alone is no reason to load a model."""
        if self._asked is not None:
            return
        catalogue = self._controller.catalogue
        for view in self._waiting:
            card = catalogue.model(view.model)
            if card is not None:
                self._waiting.remove(view)
                drawn = msgspec.structs.replace(view, quality=thumbnail_quality(card))
                self._asked = (self._controller.feed.request_picture(drawn), view)
                return

    def _on_picture(self, token: int, image: QImage | None) -> None:
        if self._asked is None or self._asked[0] != token:
            return
        view, self._asked = self._asked[1], None
        if image is None:
            self._keep(view, None)
        else:
            smooth = Qt.TransformationMode.SmoothTransformation
            ratio = Qt.AspectRatioMode.KeepAspectRatio
            fits = max(image.width(), image.height()) <= SIDE
            small = image if fits else image.scaled(SIDE, SIDE, ratio, smooth)
            self._keep(view, small)
            _save(view, small)
        self.changed.emit()
        self._ask_next()

    def _keep(self, view: View, image: QImage | None) -> None:
        self._known[view] = image
        while len(self._known) > IN_MEMORY:
            self._known.popitem(last=False)


def _folder() -> Path:
    return cache_folder() / "thumbnails"


def _path(view: View) -> Path:
    """Named by everything the picture depends on, the generator's fingerprint included."""
    return _folder() / f"{hashlib.sha256(_encode(view)).hexdigest()[:32]}.kept"


def _kept(view: View) -> QImage | None:
    return keeping.kept(_path(view), _image)


def _image(content: bytes) -> QImage:
    image = QImage.fromData(content, "PNG")  # type: ignore[arg-type]  # the stubs know str alone, which PySide refuses
    if image.isNull():
        raise ValueError("it is no picture")
    return image


def _save(view: View, image: QImage) -> None:
    written = QBuffer()
    image.save(written, "PNG")  # type: ignore[call-overload]  # the stubs know str alone, which PySide refuses
    if keeping.keep(_path(view), bytes(written.data().data())):
        with keeping.optional(_path(view)):
            files = sorted(_folder().glob("[!.]*"), key=lambda path: path.stat().st_mtime)
            for old in files[:-ON_DISK]:
                old.unlink(missing_ok=True)
