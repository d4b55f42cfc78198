"""One row of the control panel: badge, name, slider, typed value, figure."""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from explorer.scene.cards import Badge, ControlCard, ControlPlace
from explorer.scene.choices import case_text
from explorer.scene.edit_text import label_text, laws_text
from explorer.scene.model import Edit, Mark
from explorer.scene.number_text import number_text
from explorer.ui.controls.window_mark import WindowMark
from explorer.ui.look import theme
from explorer.ui.look.numbers import DecimalField
from explorer.ui.look.slider import FloatSlider
from explorer.ui.look.widgets import ElidedLabel

BADGES: dict[Badge, str] = {
    "active": "Active: the latent's distribution changes from picture to picture",
    "mixed": "Mixed: active for some pictures, passive for others",
    "passive": "Passive: equal to the prior for every picture, so moving it changes next to nothing",
}
TYPED_BEYOND = 3.0  # typed values may go this many times further than the slider
FIELD_EDGES = 10  # pixels of a quiet number field beside its text
WIDEST_NAME = 150  # pixels; what names do not need is the slider's
LEAST_SLIDER = 96  # pixels; names are shortened before the slider is


class BadgePill(QWidget):
    """A, M or P: told apart by letter, fill and colour, so that no one of them has to be seen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._badge: Badge = ""
        self.setFixedSize(18, 18)

    def set_badge(self, badge: Badge, tip: str) -> None:
        """Show ``badge``, or nothing where it is empty."""
        self._badge = badge
        self.setToolTip(tip)
        self.setVisible(bool(badge))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge, fill, letter = {
            "active": (colors.accent, colors.accent, colors.on_accent),
            "mixed": (colors.amber, "", colors.amber),
        }.get(self._badge, (colors.muted, "", colors.muted))
        box = QRectF(1, 1, 16, 16)
        painter.setPen(QPen(theme.color(edge), 1.4))
        painter.setBrush(theme.color(fill) if fill else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, 4, 4)
        if self._badge == "mixed":
            painter.setClipRect(QRectF(0, 9, 18, 9))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(colors.amber, 0.38))
            painter.drawRoundedRect(box, 4, 4)
            painter.setClipping(False)
        font = QFont(self.font())
        font.setPixelSize(11)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(theme.color(letter))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._badge[:1].upper())


class AmountBox(DecimalField):
    """The typed value: quiet until it has the focus, signed, reset by emptying it."""

    def __init__(self, low: float, high: float, step: float = 0.1, parent: QWidget | None = None) -> None:
        super().__init__(low, high, decimals=2, rounds=True, step=step, empty=0.0, parent=parent)
        self.setButtonSymbols(AmountBox.ButtonSymbols.NoButtons)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.set_quiet(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance("−00.00") + 20, 24)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.set_quiet(False)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.set_quiet(True)


class ControlRow(QWidget):
    """A control as a row. Signals carry its name."""

    moved = Signal(str, float, bool)  # name, amount, whether the drag goes on
    menu_wanted = Signal(str, QPoint)  # name, global position

    def __init__(
        self,
        card: ControlCard,
        figure_width: int,
        mark: Mark | None = None,
        name_width: int = WIDEST_NAME,
        parent: QWidget | None = None,
    ) -> None:
        """As :meth:`set_card`."""
        super().__init__(parent)
        self._filling = False
        self._origin = 0.0  # where the slider stands while nothing moves it: 0, or where the picture does
        self._is_free = True
        self.badge = BadgePill(self)
        self.name = ElidedLabel("")
        self.window_mark = WindowMark(self)
        self.slider = FloatSlider(card.low, card.high)
        self.slider.setMinimumWidth(LEAST_SLIDER)
        self.box = AmountBox(card.low, card.high)
        self.figure = QLabel(self)
        self.figure.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        self.figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 0, 10, 0)
        layout.setSpacing(6)
        layout.addWidget(self.badge)
        layout.addWidget(self.name, 5)
        layout.addWidget(self.window_mark)
        layout.addWidget(self.slider, 7)
        layout.addWidget(self.box)
        layout.addWidget(self.figure)
        self.setFixedHeight(28)
        self.set_card(card, figure_width, mark, name_width)
        self.slider.moved.connect(self._on_slider)
        self.box.valueChanged.connect(self._on_box)

    def set_card(
        self, card: ControlCard, figure_width: int, mark: Mark | None = None, name_width: int = WIDEST_NAME
    ) -> None:
        """Be the row of ``card``: a hand that holds the slider, and what is being typed, stay. ``mark``: what the user
        has said about it; ``figure_width`` and ``name_width``: of these columns in pixels, the latter at most."""
        self.card, self.mark = card, mark
        self.badge.set_badge(card.badge, "\n".join((BADGES[card.badge], *card.details)) if card.badge else "")
        self.name.setText(titled(card, mark))
        self.name.setMaximumWidth(name_width)
        self.slider.set_range(card.low, card.high, card.detents, self._origin)
        self.slider.set_underlined(card.safe)
        span = card.high - card.low
        low, high = card.low - TYPED_BEYOND * span, card.high + TYPED_BEYOND * span
        if (low, high) != (self.box.minimum(), self.box.maximum()):
            self.box.setRange(low, high)
        self.box.setSingleStep(10 ** math.floor(math.log10(span / 40)) if span > 0 else 0.1)
        self.figure.setText(card.figure)
        self.figure.setFixedWidth(figure_width)
        self.figure.setVisible(figure_width > 0)
        self._describe()

    @property
    def shown_name(self) -> str:
        """What the user calls the control."""
        return (self.mark.name if self.mark else "") or self.card.name

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(self.card.name, event.globalPos())

    def set_edit(self, edit: Edit, now: float | None = None, interval: tuple[float, float] | None = None) -> None:
        """Show how the control is moved, without a signal: its number, or where it is free and shows values, where the
        picture stands: ``now``, where others have moved it as well, or the ``interval`` that holds it with 90 %, where
        the picture does not tell it."""
        free = edit.is_nothing and self.card.shows == "value"
        interval = interval if free else None
        number = edit.number if not free else self._origin if now is None else now
        self.slider.set_value(number)
        self.slider.set_interval(interval)
        self._filling = True
        self.box.setValue(number)
        if interval is not None:
            self.box.set_blank(self._interval_text(*interval))
        elif self.card.cases is not None:
            self.box.set_blank(self._case_text(self.card.cases, number))
        elif label := label_text(self.card, number):
            self.box.set_blank(self.box.fontMetrics().elidedText(label, Qt.TextElideMode.ElideRight, self._room))
        self._filling = False
        self._is_free = free
        case = label_text(self.card, number)
        if self.card.cases is not None:
            case = case_text(self.card.cases, number).capitalize()
        self.box.setToolTip(case if interval is None else open_text(*interval))

    def _case_text(self, cases: tuple[str, str, str], number: float) -> str:
        """What it is called, or the part there is room for: "do" of "do, draw 3", "seed 4" of "as in seed 4"."""
        text = case_text(cases, number)
        words = text.split()
        shorter = (text, text.split(",")[0], *(" ".join(words[index:]) for index in range(1, len(words))))
        width = self.box.fontMetrics().horizontalAdvance
        return next((part for part in shorter if width(part) <= self._room), f"{number:.0f}")

    @property
    def _room(self) -> int:
        """Pixels of the field that a text may take."""
        return self.box.sizeHint().width() - FIELD_EDGES

    def _interval_text(self, low: float, high: float) -> str:
        """Between which values it lies, if there is room for that."""
        if f"{low:.3g}" == f"{high:.3g}":
            return f"≈ {low:.3g}"
        width = self.box.fontMetrics().horizontalAdvance
        texts = (f"{low:.3g}–{high:.3g}", f"{low:.2g}–{high:.2g}")
        return next((text for text in texts if width(text) <= self._room and text[0] != "-"), "open")

    def set_place(self, place: ControlPlace | None) -> None:
        """Where the picture stands along it, and how far the slider reaches from there. Without, it is as the card
        says, which is true of every start."""
        if place is None:
            self.slider.set_range(self.card.low, self.card.high, self.card.detents)
            return
        if self.card.shows == "value":
            self._origin = place.value
            self.box.setEmptyValue(place.value)
        self.slider.set_range(place.low, place.high, place.stops or self.card.detents, self._origin)
        if self._is_free:
            self.set_edit(Edit(self.card.name))

    def _describe(self) -> None:
        card = self.card
        where = f"space {card.space}" + (f", layers {card.layers[0]}–{card.layers[1]}" if card.layers else "")
        own = (card.name,) if self.shown_name != card.name else ()
        what = f"{card.shows.capitalize()} in {card.unit}, {where}"
        lines = [self.shown_name, *own, what, *laws_text(card), *card.details]
        self.name.setToolTip("\n".join(lines))
        back = "back to zero" if card.shows == "amount" else "back to where the picture stands"
        hint = f"Double click: {back}. Arrows: one step. Shift: finer. Page Up / Page Down: ten steps."
        if card.cases is not None:
            below, at, above = (text.replace("#", "n").replace("@", "n") for text in card.cases)
            hint = f"Below 0: {below}. 0: {at}. Above 0: {above}. Arrows: the next one. Double click: {back}."
        elif card.labels:
            named = " · ".join(f"{level} {label}" for level, label in enumerate(card.labels))
            hint = f"{named}. Arrows: the next one. Double click: {back}."
        elif card.detents:
            hint = (
                "The ticks are learned values, and the slider stops at them. Alt or Shift, or a typed value: between "
                f"them. Arrows: the next one. Double click: {back}."
            )
        if card.safe is not None:
            low, high = (number_text(end, 2) for end in card.safe)
            hint += (
                f"\nThe line under it, {low} to {high}: so far pictures stay usual, half of them no more unusual than\n"
                "95 of 100 of the model's own."
            )
        self.slider.setToolTip(hint)
        self.slider.setAccessibleName(self.shown_name)
        self.box.setAccessibleName(f"{self.shown_name} {card.shows}")
        self.figure.setToolTip("\n".join(card.details))

    def _on_slider(self, value: float, dragging: bool) -> None:
        self._filling = True
        self.box.setValue(value)
        self._filling = False
        self.moved.emit(self.card.name, value, dragging)

    def _on_box(self, value: float) -> None:
        if not self._filling:
            self.slider.set_value(value)
            self.moved.emit(self.card.name, value, False)


def open_text(low: float, high: float) -> str:
    """Why there is no number."""
    if f"{low:.3g}" == f"{high:.3g}":
        return f"{low:.3g} with 90 %: the picture does not tell it for sure."
    return f"Not unique: {low:.3g} to {high:.3g} with 90 %. The picture does not tell it; the middle is drawn."


def titled(card: ControlCard, mark: Mark | None) -> str:
    """The control's name, or the user's, with a star and a pin where it has them."""
    if mark is None:
        return card.name
    return f"{'★ ' if mark.starred else ''}{'▴ ' if mark.pinned else ''}{mark.name or card.name}"
