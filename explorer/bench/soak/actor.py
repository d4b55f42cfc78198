"""What events of a soak are done with: a hand, chance, a folder, and the note of what was done."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from explorer.bench.driving import Hand, Steps
from explorer.scene.model import ControlSetRef, ModelRef, Pane, Scene, Seed
from explorer.ui.controls.row import ControlRow

MODELS = (
    "shapes-btcvae", "sprites-btcvae", "pendulum-vae", "pendulum-dscm", "shapes-qlae", "known-distinct",
    "shapes-stylegan2", "faces-stylegan2", "shapes-diffusion",
)  # fmt: skip
"""More than the engine keeps."""
MOST_PANES = 4


class Actor(Hand):
    """A user whose events are chosen by ``chance``, which an event gets anew: what one draws changes no other."""

    chance: random.Random
    folder: Path
    models: tuple[str, ...]
    brief: bool  # nothing that takes long
    home_model: ModelRef
    home_controls: ControlSetRef

    def act(self, event: Event, chance: random.Random) -> Steps:
        """Do ``event``, once the window knows what it shows."""
        self.chance = chance
        yield f"the window, to {event.name}", lambda: self.is_active() and self.is_known()
        yield from event.do(self)
        yield f"what the window shows after it was told to {event.name}", self.is_known

    def is_active(self) -> bool:
        """Whether keys reach the window; it is asked for where they do not."""
        active = QApplication.activeWindow() is self.window
        if not active:  # where nothing manages windows, a dialog that closes leaves none active
            self.window.activateWindow()
        return active

    def is_known(self) -> bool:
        """Whether no model is being opened, and every control set is known, or why it cannot be had."""
        controller = self.controller
        scene, catalogue = controller.scene, controller.catalogue
        if not controller.has_model or controller.is_opening():
            return False
        return all(
            catalogue.controls(scene.model_of(index), pane.controls) is not None
            or catalogue.problem(scene.model_of(index), pane.controls)
            for index, pane in enumerate(scene.panes)
        )

    def is_drawn(self) -> bool:
        """Whether every pane shows what it was asked for last, finished, or says why not."""
        pictures = self.controller.feed.pictures()
        return self.is_known() and all(
            (picture.is_current or picture.error) and not picture.is_awaited for picture in pictures
        )

    def is_there(self, widget: QWidget) -> bool:
        """Whether the mouse meets the middle of ``widget``."""
        middle = widget.rect().center()
        return widget.isVisible() and widget.isEnabled() and widget.visibleRegion().contains(middle)

    def rows(self) -> list[ControlRow]:
        """The sliders that the mouse meets."""
        return [row for row in self.window.controls.rows() if self.is_there(row.slider) and self.is_there(row.box)]

    def some_row(self) -> ControlRow | None:
        """One of the sliders that are seen."""
        rows = self.rows()
        return self.chance.choice(rows) if rows else None

    def on_canvas(self) -> None:
        """Keys are the window's shortcuts from now on."""
        self.window.canvas.setFocus()

    def point(self, widget: QWidget, x: float, y: float = 0.5) -> QPoint:
        """The point at shares 0..1 of the size of ``widget``."""
        return QPoint(round(x * (widget.width() - 1)), round(y * (widget.height() - 1)))

    def wait_for_dialog(self, open_it: Callable[[], None], kind: type[QWidget]) -> Steps:
        """Have a dialog opened, which runs a loop of its own."""
        QTimer.singleShot(0, open_it)
        yield kind.__name__, lambda: isinstance(QApplication.activeModalWidget(), kind)

    def home(self) -> Scene:
        """The scene in which one rest is compared with another."""
        return Scene(model=self.home_model, panes=(Pane(controls=self.home_controls),), origin=Seed(0))

    def set_home(self) -> None:
        """What is shown now is what a rest begins with."""
        self.home_model = self.controller.scene.model_of()
        self.home_controls = self.controller.scene.panes[0].controls


@dataclass(frozen=True)
class Event:
    """One kind of thing that a hand does. ``often``: how many of them there are in a round."""

    name: str
    do: Callable[[Actor], Steps]
    often: int = 1
