"""Every action of the window, in one table. Menus, shortcuts, tool tips and the command palette are generated from it.

A row says what an action is; the part that owns the behaviour binds a handler to it. A row without a handler is not
shown anywhere, so there are no dead buttons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from explorer.ui import icons


@dataclass(frozen=True)
class ActionRow:
    """One action. ``menu`` empty: in the palette only. ``shortcut`` in Qt's portable text, ``Ctrl`` is ⌘ on macOS."""

    key: str
    text: str
    menu: str = ""
    shortcut: str = ""
    icon: str = ""
    tool_tip: str = ""
    checkable: bool = False
    needs_model: bool = False
    separator: bool = False  # a line above it in the menu
    short: str = ""  # what a button says, where that is shorter


MENUS = ("File", "Edit", "View", "Compare", "Timeline", "Measures", "Help")

ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("open_model", "Open model…", "File", "Ctrl+O", "open", "Open a generator from a file", short="Open…"),
    ActionRow(
        "open_folder",
        "Open model folder…",
        "File",
        "",
        "open",
        "Open a generator that is a folder (safetensors, diffusers)",
    ),
    ActionRow(
        "new_scene",
        "New scene",
        "File",
        "Ctrl+N",
        "",
        "Start again on this model: one pane, every slider at zero",
        needs_model=True,
        separator=True,
    ),
    ActionRow(
        "open_scene",
        "Open scene…",
        "File",
        "Ctrl+Shift+O",
        "",
        "Open a saved scene, or the scene inside an exported picture or video",
    ),
    ActionRow(
        "save_scene",
        "Save scene",
        "File",
        "Ctrl+S",
        "",
        "Save everything the window shows to its file",
        needs_model=True,
    ),
    ActionRow(
        "save_scene_as",
        "Save scene as…",
        "File",
        "Ctrl+Shift+S",
        "",
        "Save everything the window shows to a new file",
        needs_model=True,
    ),
    ActionRow(
        "open_controls",
        "Open control set…",
        "File",
        "",
        "",
        "Use a saved control set (.safetensors) in the selected pane",
        needs_model=True,
    ),
    ActionRow(
        "save_controls",
        "Save control set…",
        "File",
        "",
        "",
        "Write the selected pane's controls, under the names that you gave them, to a file",
        needs_model=True,
    ),
    ActionRow(
        "save_starred",
        "Save starred controls…",
        "File",
        "",
        "",
        "Write the starred controls of all methods to a set of your own",
        needs_model=True,
    ),
    ActionRow(
        "export",
        "Export…",
        "File",
        "Ctrl+E",
        "export",
        "Write a picture, a video or a contact sheet that anyone can reproduce",
        needs_model=True,
        separator=True,
    ),
    ActionRow("show_export", "Show in folder", "File", "", "", "Show the file that was exported last in its folder"),
    ActionRow(
        "copy_picture",
        "Copy picture",
        "File",
        "Ctrl+C",
        "",
        "Copy the selected picture at the model's own size",
        needs_model=True,
    ),
    ActionRow(
        "quit", "Quit", "File", "Ctrl+Q", "", "Close the window; the session comes back next time", separator=True
    ),
    ActionRow("undo", "Undo", "Edit", "Ctrl+Z", "undo", "Undo the last change; a slider drag is one step"),
    ActionRow("redo", "Redo", "Edit", "Ctrl+Shift+Z", "redo", "Redo what was undone"),
    ActionRow(
        "randomise", "New random seed", "Edit", "R", "dice", "Draw another seed", needs_model=True, separator=True
    ),
    ActionRow("next_seed", "Next seed", "Edit", "]", "", "Seed + 1", needs_model=True),
    ActionRow("previous_seed", "Previous seed", "Edit", "[", "", "Seed − 1", needs_model=True),
    ActionRow(
        "reset_all",
        "Reset all sliders",
        "Edit",
        "Ctrl+0",
        "reset",
        "Every slider of every pane back to zero",
        needs_model=True,
        short="Reset all",
    ),
    ActionRow(
        "add_bookmark",
        "Add bookmark",
        "Edit",
        "Ctrl+D",
        "bookmark",
        "Keep this state to come back to",
        needs_model=True,
        separator=True,
        short="+ Add",
    ),
    ActionRow(
        "compare",
        "Add pane",
        "View",
        "Ctrl+T",
        "add_pane",
        "Add a pane beside this one: same seed, another method",
        needs_model=True,
    ),
    ActionRow(
        "duplicate_pane",
        "Duplicate pane",
        "View",
        "Ctrl+Shift+T",
        "",
        "Add a copy of the selected pane",
        needs_model=True,
    ),
    ActionRow("remove_pane", "Close pane", "View", "Ctrl+W", "", "Close the selected pane", needs_model=True),
    ActionRow("next_pane", "Next pane", "View", "Ctrl+Tab", "", "Select the next pane", needs_model=True),
    ActionRow(
        "pane_left",
        "Move pane left",
        "View",
        "Ctrl+Shift+Left",
        "",
        "Exchange the pane with its left neighbour",
        needs_model=True,
    ),
    ActionRow(
        "pane_right",
        "Move pane right",
        "View",
        "Ctrl+Shift+Right",
        "",
        "Exchange the pane with its right neighbour",
        needs_model=True,
    ),
    ActionRow(
        "rename_pane", "Rename pane…", "View", "", "", "Give the selected pane a name of your own", needs_model=True
    ),
    ActionRow(
        "zoom_pane",
        "Show one pane",
        "View",
        "Z",
        "",
        "Fill the canvas with the selected pane, or show all again",
        checkable=True,
        needs_model=True,
    ),
    ActionRow(
        "difference",
        "Difference",
        "View",
        "D",
        "difference",
        "Show where the moved picture differs from the unmoved one",
        checkable=True,
        needs_model=True,
        separator=True,
    ),
    ActionRow(
        "difference_all",
        "Difference in every pane",
        "View",
        "Shift+D",
        "",
        "Show in every pane where the moved picture differs from the unmoved one",
        checkable=True,
        needs_model=True,
    ),
    ActionRow(
        "before_after",
        "Before / after",
        "View",
        "B",
        "before_after",
        "Split the picture: unmoved at the left, moved at the right",
        checkable=True,
        needs_model=True,
    ),
    ActionRow(
        "linked",
        "Link sliders across panes",
        "View",
        "L",
        "link",
        "One slider moves the same control in every pane",
        checkable=True,
        needs_model=True,
        short="Linked",
    ),
    ActionRow(
        "snap",
        "Snap sliders to ticks",
        "View",
        "",
        "",
        "Sliders with ticks (learned values) stop at these only",
        checkable=True,
    ),
    ActionRow(
        "pixels",
        "Show pixels",
        "View",
        "P",
        "pixels",
        "Magnify without smoothing, so that single pixels can be seen",
        checkable=True,
    ),
    ActionRow(
        "theme_system",
        "Colours of the system",
        "View",
        "",
        "",
        "Follow the light or dark setting of the desktop",
        checkable=True,
        separator=True,
    ),
    ActionRow("theme_light", "Light", "View", "", "", "Light colours", checkable=True),
    ActionRow("theme_dark", "Dark", "View", "", "", "Dark colours", checkable=True),
    ActionRow("full_screen", "Full screen", "View", "F11", "", "Use the whole screen", checkable=True),
    ActionRow("reset_layout", "Reset layout", "View", "", "", "Put every panel back where it was"),
    ActionRow(
        "side_by_side",
        "Compare methods…",
        "Compare",
        "Ctrl+Shift+M",
        "compare",
        "Put methods side by side, one slider moving all of them by an equal visible effect, and measure them",
        needs_model=True,
        short="Compare…",
    ),
    ActionRow("comparison", "Show comparison", "Compare", "", "", "The table of methods, with chance and ceiling"),
    ActionRow(
        "method_settings",
        "Settings of the method…",
        "Compare",
        "Ctrl+,",
        "",
        "How the selected pane's method looks for its directions, and in which units they are shown",
        needs_model=True,
        short="Settings…",
    ),
    ActionRow(
        "draw_region",
        "Draw region…",
        "Compare",
        "",
        "",
        "Drag a rectangle over the selected picture and find directions that change it there",
        needs_model=True,
    ),
    ActionRow(
        "use_compared",
        "Use chosen method in pane",
        "Compare",
        "",
        "",
        "Put the directions of the table's chosen row into the selected pane",
        separator=True,
        short="Use in pane",
    ),
    ActionRow(
        "export_comparison",
        "Export comparison…",
        "Compare",
        "",
        "",
        "Write the table as a web page, CSV, LaTeX, PDF or JSON",
        short="Export…",
    ),
    ActionRow(
        "label_samples",
        "Label samples…",
        "Compare",
        "Ctrl+L",
        "",
        "Say of one sample after another whether it shows an attribute, and make a direction of the answers",
        needs_model=True,
        separator=True,
    ),
    ActionRow(
        "use_labels",
        "Use labels for directions",
        "Compare",
        "",
        "",
        "Put the direction towards what is labelled into the selected pane, as a slider (InterFaceGAN)",
        short="Use for directions",
    ),
    ActionRow(
        "open_labels",
        "Open labels…",
        "Compare",
        "",
        "",
        "Go on with saved labels (.json)",
        needs_model=True,
        short="Open…",
    ),
    ActionRow("save_labels", "Save labels…", "Compare", "", "", "Write the labels to a file", short="Save…"),
    ActionRow(
        "copy_labels",
        "Copy path of labels",
        "Compare",
        "",
        "",
        "Copy where the labels are kept; methods and the table of comparisons take it as their attributes",
        short="Copy path",
    ),
    ActionRow("rename_labels", "Rename labelled attribute…", "Compare", "", "", "Call what is labelled otherwise"),
    ActionRow("forget_labels", "Throw labels away…", "Compare", "", "", "Remove the labels of this attribute"),
    ActionRow(
        "traverse", "Traverse", "Timeline", "T", "play", "Move the selected control there and back", needs_model=True
    ),
    ActionRow("play", "Play / pause", "Timeline", "Space", "play", "Play the timeline", needs_model=True),
    ActionRow(
        "add_key", "Add keyframe", "Timeline", "K", "key", "Keep the sliders' amounts at this time", needs_model=True
    ),
    ActionRow(
        "add_origin_key",
        "Add seed keyframe",
        "Timeline",
        "Shift+K",
        "",
        "Keep this seed or latent at this time",
        needs_model=True,
    ),
    ActionRow("clear_timeline", "Clear timeline", "Timeline", "", "", "Remove every keyframe", needs_model=True),
    ActionRow("measures", "Show measures", "Measures", "M", "", "How well the latents of this model separate factors"),
    ActionRow("measure", "Measure", "Measures", "Shift+M", "", "Take every measure of the selected pane's model"),
    ActionRow(
        "rotate_pair",
        "Rotate pair…",
        "Measures",
        "",
        "",
        "Turn two latents against each other and measure again: factors may lie along their diagonals",
        separator=True,
    ),
    ActionRow(
        "use_rotation",
        "Use rotated pair as sliders",
        "Measures",
        "",
        "",
        "Put the latent axes with this pair turned into the selected pane",
        short="Use as sliders",
    ),
    ActionRow(
        "export_measures",
        "Export measures…",
        "Measures",
        "",
        "",
        "Write the table as CSV, LaTeX, PDF or JSON",
        separator=True,
        short="Export…",
    ),
    ActionRow("palette", "Command palette", "Help", "Ctrl+K", "search", "Find any action by name"),
    ActionRow("shortcuts", "Keyboard shortcuts", "Help", "F1", "", "Every shortcut, on one page"),
    ActionRow(
        "restart_engine",
        "Restart engine",
        "Help",
        "",
        "",
        "End the engine process and start another, for a model that hangs; the scene stays",
    ),
    ActionRow("copy_report", "Copy report", "Help", "", "", "Copy versions and the last log lines, for a bug report"),
)


class ActionTable(QObject):
    """The rows that have a handler, as QActions."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._rows = {row.key: row for row in ACTIONS}
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
        return [(row, self._bound[row.key]) for row in ACTIONS if row.key in self._bound]

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
