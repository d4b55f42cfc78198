"""Every shortcut on one page, made from the action table."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.ui.actions.action_rows import MENUS
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look import theme

SLIDERS = (
    ("Arrows", "One step"),
    ("Shift + arrows", "A tenth of a step"),
    ("Page Up / Down", "Ten steps"),
    ("Home", "Back to zero"),
    ("Double click", "Back to zero"),
    ("Shift + drag", "Ten times finer"),
)
TRACKS = (
    ("Left / Right", "One frame (with Shift ten)"),
    ("Ctrl + Left / Right", "To the key before or after"),
    ("Home / End", "To the start or the end"),
    ("Up / Down", "Choose a key in another track"),
    ("Enter", "Type the key's amount or seed"),
    ("Delete", "Delete the key"),
    ("Double click", "Add a key, or type its amount"),
)
LABELS = (
    ("→ / Y", "Yes, it shows the attribute"),
    ("← / N", "No"),
    ("Space / S", "Skip the sample"),
    ("Backspace / Z", "Take the last answer back"),
)


class ShortcutsPage(QDialog):
    """Two columns of keys and what they do."""

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        native = QKeySequence.SequenceFormat.NativeText
        groups: list[tuple[str, list[tuple[str, str]]]] = []
        for menu in MENUS:
            rows = [
                (action.shortcut().toString(native), actions.row(row.key).text)
                for row, action in actions.bound()
                if row.menu == menu and not action.shortcut().isEmpty()
            ]
            if rows:
                groups.append((menu, rows))
        groups.append(("Sliders", list(SLIDERS)))
        groups.append(("Timeline's tracks", list(TRACKS)))
        groups.append(("Labelling", list(LABELS)))
        columns = QHBoxLayout()
        columns.setSpacing(36)
        half = (len(groups) + 1) // 2
        for part in (groups[:half], groups[half:]):
            columns.addLayout(self._column(part))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.addLayout(columns)
        layout.addWidget(buttons)
        layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetFixedSize)

    def _column(self, groups: list[tuple[str, list[tuple[str, str]]]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(5)
        line = 0
        for title, rows in groups:
            heading = QLabel(title)
            heading.setFont(theme.caption_font(self.font()))
            heading.setForegroundRole(self.palette().ColorRole.PlaceholderText)
            heading.setContentsMargins(0, 8 if line else 0, 0, 2)
            grid.addWidget(heading, line, 0, 1, 2)
            line += 1
            for keys, text in rows:
                key = QLabel(keys)
                key.setAlignment(Qt.AlignmentFlag.AlignRight)
                grid.addWidget(key, line, 0)
                grid.addWidget(QLabel(text), line, 1)
                line += 1
        grid.setRowStretch(line, 1)
        return grid
