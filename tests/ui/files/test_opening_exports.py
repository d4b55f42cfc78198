"""Opening an exported file in the window: what its scene names comes out of the file, or is said to be missing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from quiet import MODEL, controller_on, controls

from explorer.export import embed
from explorer.export.carried import CarriedFile, Reference
from explorer.export.embed import contents_of
from explorer.export.options import ExportOptions
from explorer.export.provenance import Digester, Provenance
from explorer.export.stills import write_png
from explorer.files import state_folder
from explorer.scene import store
from explorer.scene.model import ControlSetRef, Pane, Scene
from explorer.scene.store import encode_scene
from explorer.service.replies import ControlsFound
from explorer.service.requests import FindControls
from explorer.ui.files.files import Files
from explorer.ui.state.settings import Settings

LABELS = "/somebody/state/labels/used/smile-12ab.json"


def exported(path: Path, *references: Reference) -> Path:
    """A picture whose scene has a direction that was learned from :data:`LABELS`."""
    controls = ControlSetRef(method="interfacegan", k=1, settings=(("attributes", LABELS),))
    scene = Scene(model=MODEL, panes=(Pane(controls=controls),))
    picture = np.zeros((4, 4, 3), np.uint8)
    digester = Digester(1)
    digester.add(picture)
    provenance = Provenance(
        torch="2", device="cpu", threads=1, batch=16, generators=(), options=ExportOptions(kind="png"),
        frames=digester.result(), references=references, scene=msgspec.json.decode(encode_scene(scene)),
    )  # fmt: skip
    write_png(path, picture, provenance)
    return path


def labels(data: bytes | None) -> Reference:
    file = CarriedFile(name="smile-12ab.json", sha256=hashlib.sha256(data or b"").hexdigest(), size=3, data=data)
    return Reference(noun="labels", text=LABELS, entry="smile-12ab.json", files=(file,))


def test_labels_that_a_picture_carries_are_used(qtbot: QtBot, tmp_path: Path) -> None:
    controller, _ = controller_on()
    window = QWidget()
    qtbot.addWidget(window)
    said: list[object] = []
    controller.noticed.connect(said.append)
    assert Files(controller, Settings(), window).open_scene(exported(tmp_path / "a.png", labels(b"{}\n")))
    ((name, text),) = controller.scene.panes[0].controls.settings
    assert name == "attributes"
    assert Path(str(text)).is_relative_to(state_folder())
    assert Path(str(text)).name == "smile-12ab.json"
    assert Path(str(text)).read_bytes() == b"{}\n"
    assert said == []


def test_what_a_picture_does_not_carry_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    controller, _ = controller_on()
    window = QWidget()
    qtbot.addWidget(window)
    said: list[str] = []
    controller.noticed.connect(lambda notice: said.append(notice.sentence))
    assert Files(controller, Settings(), window).open_scene(exported(tmp_path / "a.png", labels(None)))
    assert dict(controller.scene.panes[0].controls.settings)["attributes"] == LABELS
    digest = hashlib.sha256(b"").hexdigest()[:12]
    assert said == [
        f"'a.png' needs the labels '{LABELS}' (SHA-256 {digest}…), which it does not carry and which is not here; "
        "put it back."
    ]


def test_a_scene_is_saved_with_its_labels(qtbot: QtBot, tmp_path: Path) -> None:
    """The engine sends them with the controls that were learned from them."""
    controller, client = controller_on()
    window = QWidget()
    qtbot.addWidget(window)
    files = Files(controller, Settings(), window)
    client.answers_models = False
    asked = ControlSetRef(method="interfacegan", k=1, settings=(("attributes", LABELS),))
    controller.set_method(0, asked)
    question = next(one for one in reversed(client.sent) if isinstance(one, FindControls))
    reference = labels(b"{}\n")
    client.reply(
        ControlsFound(
            request_id=question.request_id, model=question.model, controls=question.controls, card=controls(asked),
            references=(reference,),
        )
    )  # fmt: skip
    path = tmp_path / "mine.scene.json"
    assert files.save_scene_to(path)
    assert contents_of(path).references == (reference,)
    assert files.open_scene(path)
    ((_, text),) = controller.scene.panes[0].controls.settings
    assert Path(str(text)).read_bytes() == b"{}\n"


def test_the_cursor_waits_while_a_scene_is_read_or_written(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no longer: not after a file that cannot be read, either."""
    controller, _ = controller_on()
    window = QWidget()
    qtbot.addWidget(window)
    files = Files(controller, Settings(), window)
    shapes: list[Qt.CursorShape | None] = []

    def seen() -> None:
        cursor = QApplication.overrideCursor()
        shapes.append(cursor.shape() if cursor is not None else None)

    path = tmp_path / "a.scene.json"
    for name in ("encode_scene", "decode_document"):
        plain = getattr(store, name)
        module = store if name == "encode_scene" else embed
        monkeypatch.setattr(module, name, lambda *args, plain=plain: (seen(), plain(*args))[1])
    assert files.save_scene_to(path)
    assert files.open_scene(path)
    assert shapes == [Qt.CursorShape.WaitCursor] * 2
    path.write_text("{")
    assert not files.open_scene(path)
    assert QApplication.overrideCursor() is None
