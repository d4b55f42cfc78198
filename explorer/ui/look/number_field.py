"""Fields into which numbers are typed. Every number of the window is typed into one of these
(the sorts of it are in :mod:`explorer.ui.look.numbers`).

They know no locale: :mod:`explorer.ui.look.number_format` reads and writes them. A click selects all, every key is
taken, and what is no number, or out of range, is refused: the old value stays, and the field says why.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QValidator,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QStyle, QStyleOptionSpinBox, QWidget

from explorer.scene.number_text import NumberError
from explorer.ui.look import theme
from explorer.ui.look.number_format import NumberFormat
from explorer.ui.look.number_line import NumberLine
from explorer.ui.look.remark import Remark

_RETURNING = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
"""Reasons for which the focus goes that leave the field being typed into."""


class NumberField(QAbstractSpinBox):
    """A number, typed or stepped. ``form``: which ones it takes, and how they are written.

    It is taken on Enter, when the focus goes, and before anything else is pressed or triggered; with ``live`` already
    while it is typed, and Escape brings the old one back. A value that is set from outside is shown whether or not it
    is in the range.
    """

    valueChanged = Signal(object)  # float or int

    def __init__(self, form: NumberFormat, live: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form, self._live = form, live
        self._value = form.clamped(0)
        self._blank = ""  # stands in the place of the value, where there is none
        self._before = self._value  # what Escape brings back
        self._is_refused = False  # something was, and nobody has corrected it or been asked about it since
        self._is_quiet = False
        self._is_wrong = False  # what is being typed, as it stands
        self._remark: Remark | None = None
        self.setLineEdit(NumberLine(self))
        self.setKeyboardTracking(False)  # of the base class, which knows nothing of values here
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.lineEdit().textEdited.connect(self._on_edited)
        self._write()

    # --- the value ---

    def value(self) -> float:
        """The number that holds; what is being typed is not before it is taken."""
        return self._value

    def setValue(self, value: float) -> None:
        """Show ``value``; what is being typed stays in the field."""
        self._before = self._form.kind(value)
        if self._before != self._value or self._blank:
            self._say("")  # what it says of the value holds no longer
            self._put(self._before)

    def set_blank(self, text: str) -> None:
        """Show ``text`` (not empty) in the place of the value, for there is none until one is set or typed."""
        if text != self._blank:
            self._blank = text
            self._write()

    def minimum(self) -> float | None:
        """The low end of the range."""
        return self._form.low

    def maximum(self) -> float | None:
        """The high end of the range."""
        return self._form.high

    def setRange(self, low: float | None, high: float | None) -> None:
        """What may be typed from now on; the value stays."""
        self._form = replace(self._form, low=low, high=high)
        self._write()
        self.updateGeometry()

    def setSingleStep(self, step: float | None) -> None:
        """How far an arrow key goes."""
        self._form = replace(self._form, step=step)

    def setEmptyValue(self, value: float | None) -> None:
        """What an emptied field stands for; None: nothing, so it is refused."""
        self._form = replace(self._form, empty=value)

    def setSpecialValueText(self, text: str) -> None:
        """What stands in the place of the low end."""
        self._form = replace(self._form, special=text)
        self._write()

    @property
    def is_typing(self) -> bool:
        """Whether something has been typed that is neither taken nor refused."""
        return self.lineEdit().isModified()

    @property
    def sentence(self) -> str:
        """Why something was not taken, as the field says it now; empty when it says nothing."""
        return self._remark.text() if self._remark is not None and not self._remark.isHidden() else ""

    def settle(self) -> bool:
        """Take what is being typed; False where it is refused, which the field then says."""
        if not self.is_typing:
            return True
        try:
            value = self._form.read(self.lineEdit().text())
        except NumberError as error:
            self._refuse(str(error))
            return False
        self._take(value)
        return True

    def restore(self) -> None:
        """Forget what is being typed."""
        self._clear()
        if self._blank:
            self._write()
        else:
            self._put(self._before)

    def was_refused(self) -> bool:
        """Whether something was refused that has not been corrected; it is asked about once."""
        refused, self._is_refused = self._is_refused, False
        return refused

    def set_quiet(self, quiet: bool) -> None:
        """Whether there is only the number, on whatever is behind it."""
        self._is_quiet = quiet
        self.setFrame(not quiet)
        self._colour()

    # --- inside ---

    def _write(self) -> None:
        """Bring the text in line with the value, unless something is being typed."""
        if not self.is_typing:
            self.lineEdit().setText(self._blank or self._form.text(self._value, at_rest=not self.hasFocus()))
            self.update()  # the buttons, at the ends of the range
            if self.hasFocus():
                self.selectAll()  # what is typed next is another number, not the rest of this one

    def _put(self, value: float) -> None:
        changed, self._value = value != self._value or bool(self._blank), value
        self._blank = ""
        self._write()
        if changed:
            self.valueChanged.emit(value)

    def _take(self, value: float) -> None:
        """Make ``value`` the number, as it was typed or stepped to."""
        self._clear()
        self._before = value
        self._put(value)

    # --- what was refused ---

    def _on_edited(self, text: str) -> None:
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]
        self._say("")
        self._is_refused = False
        try:
            value = self._form.read(text)
        except NumberError:
            value = self._before
        self._redden(self._form.is_hopeless(text))
        if self._live and value != self._value:
            self._value = value
            self.valueChanged.emit(value)

    def _refuse(self, reason: str) -> None:
        self._is_refused = True
        self._redden(True)
        self._say(f"{reason} It is still {self._blank or self._form.text(self._before)}.")
        if self._live and self._value != self._before:
            self._value = self._before
            self.valueChanged.emit(self._value)

    def _say(self, sentence: str) -> None:
        """Say ``sentence`` beside the field; empty: say nothing any more."""
        if self._remark is None and not sentence:
            return
        if self._remark is not None:
            self._remark.gone.disconnect(self.update)
            self._remark.hide()
            self._remark.deleteLater()
            self._remark = None
        if sentence:
            self._remark = Remark(self, sentence)
            self._remark.gone.connect(self.update)
        self.setAccessibleDescription(sentence)
        self.update()

    def _redden(self, wrong: bool) -> None:
        if wrong != self._is_wrong:
            self._is_wrong = wrong
            self._colour()

    def _colour(self) -> None:
        palette = QPalette()
        if self._is_quiet:
            palette.setColor(QPalette.ColorRole.Base, Qt.GlobalColor.transparent)
        if self._is_wrong:
            palette.setColor(QPalette.ColorRole.Text, theme.color(theme.current().red))
        for part in (self, self.lineEdit()):  # the line does not follow once it has had a colour of its own
            part.setPalette(palette)
        self.update()

    def _clear(self) -> None:
        """Nothing is being typed, and nothing is refused, any more."""
        if self.is_typing:
            QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]
            self.lineEdit().setModified(False)
        self._is_refused = False
        self._redden(False)
        self._say("")

    def _leave(self) -> None:
        """Take what is being typed, or say that it is not taken and show what holds."""
        if not self.settle():
            sentence = self.sentence
            self.restore()
            self._is_refused = True
            self._say(sentence)

    # --- events ---

    def stepBy(self, steps: int) -> None:
        if self.settle():
            self._take(self._form.stepped(self._value, steps))
            self.selectAll()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        flags = QAbstractSpinBox.StepEnabledFlag.StepNone
        if self._form.high is None or self._value < self._form.high:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        if self._form.low is None or self._value > self._form.low:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        return flags

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        return QValidator.State.Acceptable, text, position  # a key that is swallowed makes another number

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            undoes = event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo)
            if (undoes or self._begins_nothing(event)) and not self.is_typing:
                event.ignore()  # it is the window's
                return False
            if event.key() == Qt.Key.Key_Escape and self.is_typing:
                event.accept()
                return True
        return super().event(event)

    def _begins_nothing(self, event: QKeyEvent) -> bool:
        """Whether no number begins with the key: where it is a shortcut, K sets a keyframe of what was typed."""
        plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        text = event.text()
        return plain and text.isprintable() and text != "" and (not text.strip() or self._form.is_hopeless(text))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # While something is being typed: buttons that take no focus, and shortcuts, find the number taken.
        if self.is_typing and (event.type() == QEvent.Type.Shortcut or self._is_press_elsewhere(watched, event)):
            self._leave()
        return False

    def _is_press_elsewhere(self, watched: QObject, event: QEvent) -> bool:
        return (
            event.type() == QEvent.Type.MouseButtonPress
            and isinstance(watched, QWidget)
            and watched is not self
            and not self.isAncestorOf(watched)
            and watched.window().windowType() != Qt.WindowType.Popup
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not self.settle():
                event.accept()  # no dialog closes over it
                return
            self.selectAll()
            self.editingFinished.emit()
            event.ignore()
        elif event.key() == Qt.Key.Key_Escape and self.is_typing:
            self.restore()
            self.selectAll()
            event.accept()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._write()
        if event.reason() not in _RETURNING and not self.is_typing:
            self.selectAll()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        if event.reason() not in _RETURNING:
            self._leave()
        super().focusOutEvent(event)
        if event.reason() not in _RETURNING:
            self._write()

    def hideEvent(self, event: QHideEvent) -> None:
        if self.is_typing or self._remark is not None:
            self.restore()
        super().hideEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # Only with the focus: a wheel that scrolls a list must not change what it happens to pass.
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._is_wrong or self.sentence:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.color(theme.current().red), 1.4))
            painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 3, 3)

    def sizeHint(self) -> QSize:
        width = max(self.fontMetrics().horizontalAdvance(f"{text} ") for text in self._form.longest())
        option = QStyleOptionSpinBox()
        self.initStyleOption(option)
        room = QSize(width + 2, self.lineEdit().sizeHint().height())
        return self.style().sizeFromContents(QStyle.ContentsType.CT_SpinBox, option, room, self)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()
