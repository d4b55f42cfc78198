"""The export dialog: what to write, how large, and where. It starts the job; the jobs panel shows how it goes."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QStandardPaths, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from explorer.export.options import TALLEST, ExportOptions, Scaling, SheetOptions
from explorer.files import expanded
from explorer.scene.model import Scene
from explorer.scene.number_text import NumberError
from explorer.ui.files.export_plan import (
    KINDS,
    Kind,
    default_height,
    default_name,
    free_path,
    obstacle,
    summary,
    with_suffix,
)
from explorer.ui.files.export_sheet import SheetForm
from explorer.ui.look import theme
from explorer.ui.look.numbers import WholeField, settled
from explorer.ui.look.widgets import WrappedLabel, accept_row
from explorer.ui.state.controller import Controller

_QUALITIES = ((18, "High (visually lossless)"), (23, "Medium"), (28, "Small file"), (0, "Lossless (large file)"))
_SCALINGS: tuple[tuple[Scaling, str], ...] = (
    ("smooth", "Smoothly, as the window does"),
    ("pixels", "Every pixel a square"),
)


class ExportDialog(QDialog):
    """Asks, and shows before it starts what will come out. ``started`` gives the number of the job."""

    started = Signal(int)

    def __init__(
        self, controller: Controller, folder: str = "", parent: QWidget | None = None, pixels: bool = False
    ) -> None:
        """``pixels``: whether the canvas shows single pixels now, which is what is proposed."""
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.setObjectName("export_dialog")
        self._controller = controller
        self._folder = Path(folder or _movies())
        self._own_path = ""  # the name that the dialog proposed; one that was typed is left alone
        self._cards = [controller.model_card(pane) for pane in range(len(controller.scene.panes))]
        self._build()
        self.scaling.setCurrentIndex([scaling for scaling, _ in _SCALINGS].index("pixels" if pixels else "smooth"))
        moving = bool(controller.scene.timeline.amounts or controller.scene.timeline.origin.keys)
        self.kind.setCurrentIndex(0 if moving else 2)
        self._connect()
        self._on_kind()

    # --- what is asked for --------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> Kind:
        """The kind of export."""
        return KINDS[self.kind.currentIndex()]

    def scene(self) -> Scene:
        """What is exported: a still and a sheet show what the canvas shows, a video the whole timeline."""
        return self._controller.scene if self.chosen.moves else self._controller.shown_scene

    def options(self) -> ExportOptions:
        """The form as options. Raises :class:`NumberError` where a field cannot be read."""
        selected = self._controller.scene.selected
        only_selected = self.chosen.is_sheet or self.panes.currentIndex() == 1
        return ExportOptions(
            kind=self.chosen.kind,
            height=self.height_box.value(),
            scaling=_SCALINGS[self.scaling.currentIndex()][0],
            pane=selected if only_selected and len(self._controller.scene.panes) > 1 else -1,
            labels=self.labels.isChecked(),
            crf=_QUALITIES[self.quality.currentIndex()][0],
            sheet=self.sheet.options() if self.chosen.is_sheet else SheetOptions(),
        )

    def accept(self) -> None:
        """Start the export, unless something is in the way."""
        if not settled(self) or not self._refresh():
            return
        path = str(expanded(self.path.text().strip()).absolute())
        self.started.emit(self._controller.jobs.start_export(self.scene(), path, self.options()))
        super().accept()

    # --- following the form -------------------------------------------------------------------------------------------

    def _on_kind(self) -> None:
        kind = self.chosen
        several = len(self._controller.scene.panes) > 1
        self._form.setRowVisible(self.panes, several and not kind.is_sheet)
        self._form.setRowVisible(self.quality, kind.kind == "mp4")
        self._form.setRowVisible(self.sheet, kind.is_sheet)
        self.labels.setText("Names and amounts beside the pictures" if kind.is_sheet else "Names and amounts below")
        with QSignalBlocker(self.height_box):
            card = self._cards[self._controller.scene.selected]
            self.height_box.setValue(2 * card.size[0] if kind.is_sheet and card else default_height(card))
        if self.path.text() in ("", self._own_path):
            card = self._cards[self._controller.scene.selected]
            self._own_path = str(free_path(self._folder, default_name(self.scene(), card, kind)))
            self.path.setText(self._own_path)
        else:
            self.path.setText(with_suffix(self.path.text(), kind))
        self._refresh()
        self.adjustSize()

    def _refresh(self) -> bool:
        """Say what will come out, or what is in the way; whether it can be started."""
        problem = obstacle(self.scene(), self.chosen, self.path.text()) or self._cancelled()
        text = ""
        try:
            options = self.options()
            text = summary(self.scene(), self.chosen, options, self._cards, self._controller.controls_card())
        except NumberError as error:
            problem = problem or str(error)
        self.summary.setText(text)
        exists = not problem and bool(self.chosen.suffix) and expanded(self.path.text().strip()).exists()
        colors = theme.current()
        self.problem.setText(problem or ("This file exists and will be replaced." if exists else ""))
        palette = QPalette(self.problem.palette())
        palette.setColor(QPalette.ColorRole.WindowText, theme.color(colors.red if problem else colors.amber))
        self.problem.setPalette(palette)
        self._go.setEnabled(not problem)
        return not problem

    def _cancelled(self) -> str:
        """Why the file would show something else than the canvas; empty where it does not."""
        scene, catalogue = self.scene(), self._controller.catalogue
        only = self.chosen.is_sheet or self.panes.currentIndex() == 1
        for index in (scene.selected,) if only else range(len(scene.panes)):
            pane = scene.panes[index]
            moves = pane.edits or any(track.pane == index for track in scene.timeline.amounts) or self.chosen.is_sheet
            if moves and catalogue.is_stopped(scene.model_of(index), pane.controls):
                title = catalogue.method_title(pane.controls.method)
                return f"The search for the sliders of {title} was cancelled; try it again, or use another method."
        return ""

    def _browse(self) -> None:
        kind = self.chosen
        start = self.path.text() or str(self._folder)
        if kind.suffix:
            pattern = f"{kind.title} (*{kind.suffix})"
            name, _ = QFileDialog.getSaveFileName(
                self, "Export to", start, pattern, options=QFileDialog.Option.DontConfirmOverwrite
            )
        else:
            name = QFileDialog.getExistingDirectory(self, "Export into an empty folder", str(Path(start).parent))
        if name:
            self.path.setText(with_suffix(name, kind))

    # --- building -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        controller = self._controller
        self.kind = QComboBox(self)
        for one in KINDS:
            self.kind.addItem(one.title)
        self.panes = QComboBox(self)
        self.panes.addItem(f"All {len(controller.scene.panes)}, side by side")
        self.panes.addItem(f"The selected one: {controller.pane_title(controller.scene.selected)}")
        card = self._cards[controller.scene.selected]
        own = f"The model's own{f' ({card.size[0]} pixels)' if card else ''}"
        step = card.size[0] if card else 64
        self.height_box = WholeField(0, TALLEST, step=step, suffix=" pixels", special=own, live=True, parent=self)
        self.height_box.setToolTip("Height of each picture")
        self.scaling = QComboBox(self)
        for _, text in _SCALINGS:
            self.scaling.addItem(text)
        self.scaling.setToolTip(
            "Every pixel a square: where the height is a whole multiple of the model's own; at others it is resampled."
        )
        self.labels = QCheckBox(self)
        self.labels.setChecked(True)
        self.quality = QComboBox(self)
        for crf, text in _QUALITIES:
            self.quality.addItem(text)
            self.quality.setItemData(self.quality.count() - 1, f"x264, CRF {crf}", 3)
        self.sheet = SheetForm(controller, self)
        self.path = QLineEdit(self)
        self.path.setMinimumWidth(380)
        self.path.setAccessibleName("File to write")
        self._browser = QPushButton("Browse…", self)
        self._browser.setAutoDefault(False)
        place = QHBoxLayout()
        place.setSpacing(6)
        place.addWidget(self.path, 1)
        place.addWidget(self._browser)
        self.summary = WrappedLabel("", self)
        self.summary.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.summary.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.problem = WrappedLabel("", self)
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._form.setHorizontalSpacing(14)
        self._form.setVerticalSpacing(9)
        for text, field in (
            ("Write", self.kind), ("Panes", self.panes), ("Height", self.height_box), ("Enlarged", self.scaling),
            ("Captions", self.labels), ("Quality", self.quality), ("Sheet", self.sheet),
        ):  # fmt: skip
            self._form.addRow(text, field)
        self._form.addRow("To", place)
        self._form.addRow("", self.summary)
        buttons, self._go = accept_row(self, "Export")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 16)
        layout.setSpacing(12)
        layout.addLayout(self._form)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)

    def _connect(self) -> None:
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.panes.currentIndexChanged.connect(self._refresh)
        self.height_box.valueChanged.connect(self._refresh)
        self.labels.toggled.connect(self._refresh)
        self.quality.currentIndexChanged.connect(self._refresh)
        self.sheet.changed.connect(self._refresh)
        self.path.textChanged.connect(self._refresh)
        self._browser.clicked.connect(self._browse)


def _movies() -> str:
    """The user's folder for videos, or the home folder."""
    found = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MoviesLocation)
    return found if found and Path(found).is_dir() else str(Path.home())
