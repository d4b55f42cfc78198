"""The matrix of one method: a row a direction, a column an attribute, how much the one changes the other."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from explorer.scene.comparison import CompareReport, MethodResult
from explorer.ui.look.matrix import Cell, Matrix

WEAK = 0.1  # share of the full colour below which a cell has none
STRONG = 0.95  # share of all methods' cells that are not of full colour


class EffectHeat(Matrix):
    """Cells are mean |change| in deviations of the attribute (or shares of its entropy), as a colour and a number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Effects of each direction on each attribute", parent)
        self._report: CompareReport | None = None
        self._row: MethodResult | None = None
        self._kind = "effects"
        self._full = 1.0  # what fills a cell with colour, the same for every method, so that they compare

    def show_method(self, report: CompareReport | None, row: MethodResult | None, kind: str = "effects") -> None:
        """Show ``effects`` (interventional) or ``information`` (observational) of ``row``."""
        self._report, self._row, self._kind = report, row, kind
        rows = report.methods if report else ()
        cells = [value for one in rows for direction in one.directions for value in getattr(direction, kind)]
        ranked = sorted(value for value in cells if value is not None)
        self._full = ranked[round(STRONG * (len(ranked) - 1))] or 1.0 if ranked else 1.0
        if report is None or row is None:
            self.set_names((), ())
            return
        self.set_names(
            [direction.name for direction in row.directions],
            report.attributes,
            [index for index, direction in enumerate(row.directions) if direction.alpha is None],
            [column for column, varies in enumerate(report.varying) if not varies],
        )

    def cell(self, row: int, column: int) -> Cell | None:
        values = getattr(self._row.directions[row], self._kind) if self._row else ()
        if column >= len(values):
            return None
        value = values[column]
        shown = "–" if value is None else f"{value:.2f}".removeprefix("0") if value < 0.995 else f"{value:.1f}"
        share = (value or 0.0) / self._full
        return Cell(shown, share, share < WEAK)

    def tip(self, row: int, column: int) -> str:
        if self._report is None or self._row is None:
            return ""
        direction = self._row.directions[row]
        step = (
            "no visible effect" if direction.alpha is None else f"1 unit of change = {direction.alpha:.3g} of its own"
        )
        if column < 0:
            return f"{direction.name}\n{step}"
        attribute, values = self._report.attributes[column], getattr(direction, self._kind)
        value = values[column] if column < len(values) else None
        if not self._report.varying[column]:
            return f"'{attribute}' is the same in all of the model's pictures, so nothing can change it here."
        if value is None:
            return f"{direction.name}: {attribute} is not defined here."
        if self._kind == "information":
            return f"{direction.name} tells {value:.1%} of {attribute} over the model's own pictures."
        signed = direction.signed[column] if column < len(direction.signed) else None
        mean = "" if signed is None else f"\nmean change {signed:+.2f}".replace("-", "−")
        return f"{direction.name} changes {attribute} by {value:.2f} of its deviation{mean}\n{step}"
