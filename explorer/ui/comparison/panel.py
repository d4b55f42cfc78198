"""The comparison of the selected pane's model: the table of methods, the matrix of the chosen one, the contract."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from explorer.scene.comparison import CompareReport, MethodResult
from explorer.scene.model import ModelRef, Scene
from explorer.ui.actions.actions import ActionTable
from explorer.ui.comparison import text
from explorer.ui.comparison.heat import EffectHeat
from explorer.ui.comparison.table import ComparisonTable
from explorer.ui.jobs.progress_line import ProgressLine
from explorer.ui.look.pages import invitation_page, scrolled, small_print
from explorer.ui.look.widgets import ElidedLabel, SectionTitle, Segments, WrappedLabel, action_button, link_button
from explorer.ui.state.controller import Controller

KINDS = {"effects": "Intervened", "information": "Observed"}
HEADINGS = {
    "effects": "{}: mean |change| of each attribute, in its deviations",
    "information": "{}: share of each attribute that its coordinates tell",
}
HEADER_HEIGHT = 38
CONTRACT_LINES = 4  # that are seen at once; the rest is scrolled to, so that the table keeps its room


class ComparisonPanel(QWidget):
    """Follows the selected pane's model; what was compared is the controller's."""

    def __init__(self, controller: Controller, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._drawn: CompareReport | None = None
        self.ask = action_button(actions["side_by_side"], with_icon=False, primary=True)
        self.use = link_button("")
        self.use.setDefaultAction(actions["use_compared"])
        self.export = link_button("")
        self.export.setDefaultAction(actions["export_comparison"])
        for button in (self.use, self.export):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.progress = ProgressLine("Stop comparing; what is shown stays")
        self.state = ElidedLabel()
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.title, self.sentence = QLabel(), WrappedLabel()
        self.table = ComparisonTable()
        self.heat = EffectHeat()
        self.kind = Segments(KINDS, "Intervened: what moving a direction changes. Observed: what its coordinate tells.")
        self.contract = WrappedLabel()
        self._build()
        self.progress.cancelled.connect(self._cancel)
        self.table.picked.connect(self._draw)
        self.kind.chosen.connect(self._draw)
        controller.changed.connect(self._on_changed)
        controller.comparing.changed.connect(self.refresh)
        controller.catalogue.models_changed.connect(self.refresh)
        self.refresh()

    def model(self) -> ModelRef:
        """The selected pane's model."""
        return self._controller.scene.model_of()

    def chosen(self) -> MethodResult | None:
        """The row of the table that is chosen."""
        name = self.table.method()
        return next((row for row in self._drawn.methods if row.method == name), None) if self._drawn else None

    def refresh(self) -> None:
        """Bring everything in line with the selected pane and what is known of its model."""
        controller, comparing = self._controller, self._controller.comparing
        model = self.model()
        card = controller.model_card(controller.scene.selected) if controller.has_model else None
        report, under_way = comparing.report(model), comparing.under_way(model)
        self.ask.setVisible(under_way is None)
        self.progress.show_progress(
            (under_way.share, under_way.remaining) if under_way else None, under_way.title if under_way else ""
        )
        problem = comparing.problem(model)
        self.state.setForegroundRole(QPalette.ColorRole.BrightText if problem else QPalette.ColorRole.PlaceholderText)
        self.state.setText(problem or (text.taken(report) if report else ""))
        self.state.setToolTip(self.state.text())
        self._pages.setCurrentIndex(0 if report is None else 1)
        if report is None:
            title, sentence = text.invitation(card)
            self.title.setText(title)
            self.sentence.setText(sentence)
        if report is not self._drawn:
            self._drawn = report
            if report is not None:
                self.table.show_report(report)
                self.contract.setText("\n".join(report.contract))
                self.contract.setToolTip("\n".join(report.contract))
        self._draw()

    def _draw(self, *_: object) -> None:
        row = self.chosen()
        self.heat.show_method(self._drawn, row, self.kind.value)
        self._heading.setText(HEADINGS[self.kind.value].format(row.title) if row else "Attributes")
        self._heading.setToolTip(text.row_tip(row) if row else "")

    def _cancel(self) -> None:
        self._controller.comparing.cancel(self.model())

    def _on_changed(self, old: Scene, new: Scene) -> None:
        if self._controller.comparing.report(self.model()) is not self._drawn or old.model != new.model:
            self.refresh()

    def _build(self) -> None:
        header = QWidget()
        header.setFixedHeight(HEADER_HEIGHT)
        row = QHBoxLayout(header)
        row.setContentsMargins(10, 0, 8, 0)
        row.setSpacing(8)
        row.addWidget(self.ask)
        row.addWidget(self.progress, 2)
        row.addWidget(self.state, 1)
        row.addWidget(self.use)
        row.addWidget(self.export)
        self._heading = ElidedLabel()
        self._heading.setFont(SectionTitle("").font())
        self._heading.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        above = QHBoxLayout()
        above.setContentsMargins(10, 4, 8, 4)
        above.addWidget(self._heading, 1)
        above.addWidget(self.kind)
        matrix = QWidget()
        beside = QVBoxLayout(matrix)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        beside.addLayout(above)
        beside.addWidget(scrolled(self.heat), 1)
        listed = QWidget()
        under = QVBoxLayout(listed)
        under.setContentsMargins(8, 0, 4, 4)
        under.setSpacing(4)
        under.addWidget(self.table, 1)
        under.addWidget(small_print(self.contract, CONTRACT_LINES))
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.setChildrenCollapsible(False)
        parts.addWidget(listed)
        parts.addWidget(matrix)
        parts.setStretchFactor(0, 5)
        parts.setStretchFactor(1, 4)
        parts.setSizes([760, 560])
        self._pages = QStackedWidget()
        self._pages.addWidget(invitation_page(self.title, self.sentence))
        self._pages.addWidget(parts)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addWidget(self._pages, 1)
