"""History: the same as Qt's own stack, step for step, and collected without harm."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QUndoCommand, QUndoStack
from pytestqt.qtbot import QtBot
from quiet import controller_on

from explorer.scene.model import ModelRef, Scene
from explorer.ui.state.undo import Step, UndoStack

pytestmark = pytest.mark.gui


class Command(QUndoCommand):
    """What the reference does: the same steps for QUndoStack."""

    def __init__(self, board: list[int], after: int, key: int) -> None:
        super().__init__(f"to {after}")
        self.board, self.before, self.after, self.key = board, board[0], after, key

    def id(self) -> int:
        return self.key if self.key else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        assert isinstance(other, Command)
        self.after = other.after
        self.setText(other.text())
        self.setObsolete(self.after == self.before)
        return True

    def undo(self) -> None:
        self.board[0] = self.before

    def redo(self) -> None:
        self.board[0] = self.after


def scene(number: int) -> Scene:
    return Scene(model=ModelRef(path=str(number)))


ACTS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 3), st.integers(0, 2)),
        st.sampled_from(["undo", "redo", "clean"]),
    ),
    max_size=25,
)


@settings(max_examples=200, deadline=None)
@given(ACTS)
def test_it_goes_where_qts_stack_goes(acts: list[tuple[int, int] | str]) -> None:
    board, reference = [0], QUndoStack()
    seen = [scene(0)]
    stack = UndoStack(seen.append, 500)
    for act in acts:
        if isinstance(act, tuple):
            number, key = act
            if number == board[0]:
                continue  # the controller does not push what changes nothing
            reference.push(Command(board, number, key))
            stack.push(Step(seen[-1], scene(number), f"to {number}", key or None))
        elif act == "clean":
            reference.setClean()
            stack.setClean()
        else:
            getattr(reference, act)()
            getattr(stack, act)()
        assert seen[-1] == scene(board[0])
        assert (stack.canUndo(), stack.canRedo()) == (reference.canUndo(), reference.canRedo())
        assert (stack.undoText(), stack.redoText()) == (reference.undoText(), reference.redoText())
        assert (stack.count(), stack.index()) == (reference.count(), reference.index())
    reference.clear()


def test_the_oldest_steps_go_at_the_limit() -> None:
    seen = [scene(0)]
    stack = UndoStack(seen.append, 3)
    for number in range(1, 6):
        stack.push(Step(seen[-1], scene(number), str(number)))
    assert stack.count() == 3
    while stack.canUndo():
        stack.undo()
    assert seen[-1] == scene(2)
    assert not stack.isClean()


def test_clean_means_what_was_saved() -> None:
    seen = [scene(0)]
    told: list[bool] = []
    stack = UndoStack(seen.append, 10)
    stack.cleanChanged.connect(told.append)
    stack.push(Step(seen[-1], scene(1), "a", "drag"))
    stack.setClean()
    stack.push(Step(seen[-1], scene(2), "a", "drag"))  # saved in the middle of a drag
    assert not stack.isClean()
    stack.undo()
    assert stack.isClean()
    assert seen[-1] == scene(1)
    assert told == [False, True, False, True]


def test_a_controller_with_history_is_collected(qtbot: QtBot) -> None:
    for _ in range(3):
        controller, _ = controller_on()
        for step in range(100):
            controller.move_control(0, "azimuth", 0.5 + step)
        controller.undo()
        gone = weakref.ref(controller)
        del controller, _
        gc.collect()
        assert gone() is None
