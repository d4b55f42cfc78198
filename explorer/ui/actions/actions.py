"""Every action of the window, in one table. Menus, shortcuts, tool tips and the command palette are generated from it.

A row says what an action is; the part that owns the behaviour binds a handler to it. A row without a handler is not
shown anywhere, so there are no dead buttons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from explorer.ui.actions.action_rows import ACTIONS, MENUS, ActionRow
from explorer.ui.look import icons


class ActionTable(QObject):
    """The rows that have a handler, as QActions."""

    def __init__(self, window: QWidget, more: Iterable[ActionRow] = ()) -> None:
        """``more`` rows stand at the end of their menus."""
        super().__init__(window)
        self._window = window
        self._rows = {row.key: row for row in (*ACTIONS, *more)}
        self._bound: dict[str, QAction] = {}
        self._has_model = False

    def bind(self, key: str, handler: Callable[..., object]) -> QAction:
        """Give the row ``key`` its behaviour, a bound method; a checkable action passes its new state."""
        row = self._rows[key]
        action = QAction(row.text, self)
        action.setObjectName(key)
        action.setIconText(row.short or row.text)
        if row.icon:
            action.setIcon(icons.icon(row.icon, row.checkable))
        if row.shortcut:
            action.setShortcut(QKeySequence(row.shortcut))
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        hint = f"  ({action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)})" if row.shortcut else ""
        action.setToolTip(f"{row.tool_tip or row.text}{hint}")
        action.setCheckable(row.checkable)
        action.setEnabled(self._has_model or not row.needs_model)
        action.triggered.connect(handler)
        self._window.addAction(action)
        self._bound[key] = action
        return action

    def __getitem__(self, key: str) -> QAction:
        return self._bound[key]

    def __contains__(self, key: str) -> bool:
        return key in self._bound

    def row(self, key: str) -> ActionRow:
        """The description behind ``key``."""
        return self._rows[key]

    def bound(self) -> list[tuple[ActionRow, QAction]]:
        """Every action that can be used, in the order of the table: what menus and the palette list."""
        return [(row, self._bound[row.key]) for row in self._rows.values() if row.key in self._bound]

    def set_has_model(self, has_model: bool) -> None:
        """Enable or disable the actions that need a picture."""
        if has_model == self._has_model:
            return
        self._has_model = has_model
        for row, action in self.bound():
            if row.needs_model:
                action.setEnabled(has_model)

    def refresh_icons(self) -> None:
        """Draw the icons again, in the colours of the palette of now."""
        for row, action in self.bound():
            if row.icon:
                action.setIcon(icons.icon(row.icon, row.checkable))

    def fill_menu_bar(self, bar: QMenuBar) -> dict[str, QMenu]:
        """Build the menus from the table; returns them by title. A menu without actions is not made."""
        bar.clear()
        menus: dict[str, QMenu] = {}
        for title in MENUS:
            rows = [(row, action) for row, action in self.bound() if row.menu == title]
            if not rows:
                continue
            menu = menus[title] = bar.addMenu(title)
            menu.setToolTipsVisible(True)
            for row, action in rows:
                if row.separator and not menu.isEmpty():
                    menu.addSeparator()
                menu.addAction(action)
        return menus
