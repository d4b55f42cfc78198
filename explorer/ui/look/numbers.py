"""The sorts of fields into which numbers are typed: decimals, whole numbers, seeds, lists of seeds."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QWidget

from explorer.scene.number_text import MOST_SEEDS, read_seeds
from explorer.scene.validate import SEED_LIMIT
from explorer.ui.look.number_field import NumberField
from explorer.ui.look.number_format import NumberFormat
from explorer.ui.look.number_line import NumberLine


class DecimalField(NumberField):
    """A number with decimals; the settings are those of :class:`NumberFormat`."""

    def __init__(
        self,
        low: float | None = None,
        high: float | None = None,
        *,
        decimals: int | None = None,
        rounds: bool = False,
        step: float | None = None,
        suffix: str = "",
        empty: float | None = None,
        live: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        form = NumberFormat(low, high, decimals=decimals, rounds=rounds, step=step, suffix=suffix, empty=empty)
        super().__init__(form, live, parent)


class WholeField(NumberField):
    """A whole number; the settings are those of :class:`NumberFormat`."""

    def __init__(
        self,
        low: int | None = None,
        high: int | None = None,
        *,
        step: int = 1,
        suffix: str = "",
        special: str = "",
        live: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        form = NumberFormat(low, high, whole=True, decimals=0, step=step, suffix=suffix, special=special)
        super().__init__(form, live, parent)

    def value(self) -> int:
        return int(self._value)


class SeedBox(WholeField):
    """A seed, 0 to 2**32 - 1."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, SEED_LIMIT - 1, parent=parent)
        self.setAccelerated(True)

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance("4294967295") + 44, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance("000000") + 44, super().minimumSizeHint().height())


class SeedsLine(NumberLine):
    """A list of seeds and ranges, such as ``0-4, 7, 42``."""

    def seeds(self, most: int = MOST_SEEDS) -> tuple[int, ...]:
        """The seeds, at most ``most``. Raises :class:`explorer.scene.number_text.NumberError` for another text."""
        return read_seeds(self.text(), most)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.setModified(False)  # the next click selects all again


def settled(form: QWidget) -> bool:
    """Take what is being typed into the number fields of ``form``. False where one has been refused, now or when the
    focus went: it has the focus then and says why, and what is asked for is not done with the old number unseen."""
    for field in form.findChildren(NumberField):
        field.settle()
        if field.was_refused():
            field.setFocus(Qt.FocusReason.OtherFocusReason)
            return False
    return True
