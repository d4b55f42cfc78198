"""The effect of one variable on another: whether the graph identifies it, and what the observed rows make of it."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from explorer.causal.effect_answer import EffectAnswer
from explorer.causal.effect_text import level_rows, lines
from explorer.causal.identification import identify
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.causes import Distribution
from explorer.ui.jobs.progress_line import ProgressLine
from explorer.ui.look.numbers import DecimalField
from explorer.ui.look.pages import scrolled
from explorer.ui.look.widgets import WrappedLabel

ALONE = "A graph of one variable has no effects."


class ValueField(QStackedWidget):
    """A number of a variable's range, or one of its levels."""

    edited = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.number, self.levels = DecimalField(decimals=3, rounds=True), QComboBox()
        for field in (self.number, self.levels):
            field.setAccessibleName(name)
            self.addWidget(field)
        self.number.valueChanged.connect(self.edited)
        self.levels.activated.connect(self.edited)

    def show_variable(self, variable: Variable, value: float) -> None:
        """What ``variable`` can be, at ``value``."""
        with QSignalBlocker(self.number), QSignalBlocker(self.levels):
            self.setCurrentIndex(1 if variable.levels else 0)
            self.levels.clear()
            self.levels.addItems([variable.labels[i] if variable.labels else str(i) for i in range(variable.levels)])
            self.levels.setCurrentIndex(round(value) if variable.levels else -1)
            self.number.setRange(variable.low, variable.high)
            self.number.setValue(value)

    def value(self) -> float:
        """The number, or the index of the level."""
        return float(self.levels.currentIndex()) if self.currentIndex() == 1 else self.number.value()


class EffectCard(QWidget):
    """``wanted``: the effect is to be estimated; ``changed``: another one is chosen."""

    wanted = Signal()
    changed = Signal()
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._graph = CausalGraph()
        self._usual: dict[str, Distribution] = {}
        self.cause, self.effect = QComboBox(), QComboBox()
        self.cause.setAccessibleName("Cause")
        self.effect.setAccessibleName("Effect")
        for box in (self.cause, self.effect):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(7)
        self.first, self.last = ValueField("Cause set to, first"), ValueField("Cause set to, then")
        self.button = QPushButton("Estimate")
        self.button.setToolTip(
            "How much the effect changes where the cause is set to the second value instead of the "
            "first, by the observed rows"
        )
        self.progress = ProgressLine("Stop estimating")
        self.sentence, self.told = WrappedLabel(), WrappedLabel()
        self.levels = QTreeWidget()
        self.levels.setRootIsDecorated(False)
        self.levels.setAccessibleName("Probabilities or bounds")
        self._build()
        for box in (self.cause, self.effect):
            box.activated.connect(self._on_chosen)
        for field in (self.first, self.last):
            field.edited.connect(self.changed)
        self.button.clicked.connect(self.wanted)
        self.progress.cancelled.connect(self.cancelled)

    @property
    def pair(self) -> tuple[str, str]:
        """Cause and effect; empty names in a graph of one variable."""
        return self.cause.currentText(), self.effect.currentText()

    @property
    def values(self) -> tuple[float, float]:
        """To which the cause is set, first and then."""
        return self.first.value(), self.last.value()

    def show_graph(self, graph: CausalGraph, usual: dict[str, Distribution]) -> None:
        """Its variables can be chosen; ``usual``: between which values they usually lie."""
        names_stay, values_stay = graph.names == self._graph.names, usual == self._usual
        self._graph, self._usual = graph, usual
        if not names_stay:
            pair = self.pair
            with QSignalBlocker(self.cause), QSignalBlocker(self.effect):
                for box in (self.cause, self.effect):
                    box.clear()
                    box.addItems(list(graph.names))
            self.choose(*(pair if set(pair) <= set(graph.names) else next(iter(graph.edges), graph.names[:2])))
        elif not values_stay:
            self._show_values()
        self._show_sentence()

    def choose(self, *pair: str) -> None:
        """Ask about this cause and this effect, if there are two."""
        if len(pair) == 2 and pair != self.pair:
            for box, name in zip((self.cause, self.effect), pair, strict=True):
                box.setCurrentIndex(box.findText(name))
            self._on_chosen()

    def show_answer(self, answer: EffectAnswer | None, problem: str, progress: tuple[float, float] | None) -> None:
        """What the rows say, why they do not, or how far they are."""
        self.progress.show_progress(progress)
        self.button.setVisible(progress is None)
        self.told.setText("\n".join(lines(self._graph, answer)) if answer is not None else problem)
        rows = level_rows(self._graph, answer) if answer is not None else []
        self.levels.setVisible(bool(rows))
        self.levels.clear()
        if rows:
            self.levels.setColumnCount(len(rows[0]))
            self.levels.setHeaderLabels(list(rows[0]))
            self.levels.addTopLevelItems([QTreeWidgetItem(list(row)) for row in rows[1:]])
            self.levels.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)

    # --- inside ---

    def _on_chosen(self, *_: object) -> None:
        self._show_values()
        self._show_sentence()
        self.changed.emit()

    def _show_values(self) -> None:
        cause = self.cause.currentText()
        if cause:
            variable = self._graph.variable(cause)
            usual = self._usual[cause].usual if cause in self._usual else (variable.low or 0.0, variable.high or 1.0)
            for field, value in zip((self.first, self.last), usual, strict=True):
                field.show_variable(variable, value)

    def _show_sentence(self) -> None:
        cause, effect = self.pair
        if not cause or len(self._graph.names) < 2:
            told = ALONE
        elif cause == effect:
            told = f"'{cause}' has no effect on itself; choose two variables."
        else:
            told = identify(self._graph, cause, effect).sentence
        self.sentence.setText(told)
        self.button.setEnabled(bool(cause) and cause != effect)

    def _build(self) -> None:
        names, values = QHBoxLayout(), QHBoxLayout()
        for row, parts in (
            (names, (("Effect of", self.cause), ("on", self.effect))),
            (values, (("from", self.first), ("to", self.last))),
        ):
            for title, field in parts:
                row.addWidget(QLabel(title))
                row.addWidget(field, 1)
        values.addWidget(self.button)
        values.addWidget(self.progress, 2)
        told = QWidget()
        column = QVBoxLayout(told)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.sentence, self.told, self.levels):
            column.addWidget(part)
        column.addStretch(1)
        self.levels.setMaximumHeight(120)
        self.levels.hide()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(8, 8, 8, 4)
        outer.addLayout(names)
        outer.addLayout(values)
        outer.addWidget(scrolled(told), 1)
