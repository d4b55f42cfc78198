"""The canvas: panes as large as can be, what is painted, the divider, zoom."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot
from quiet import CARD, controller_on, controls

from explorer.scene import editing
from explorer.scene.cards import ControlCard, ControlSetCard, Remark
from explorer.scene.model import (
    Condition,
    ControlSetRef,
    Edit,
    ModelRef,
    OwnPicture,
    Pane,
    Scene,
    Seed,
    StoredLatent,
    Usual,
)
from explorer.scene.steps import draft_texts
from explorer.service.replies import ControlsPreview, JobProgress, Refused, ViewFailed
from explorer.service.requests import FindControls
from explorer.ui.canvas import pane_paint, pane_text
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.canvas.pane_grid import GAP, grid, table
from explorer.ui.look import theme

pytestmark = pytest.mark.gui


@given(
    count=st.integers(1, 12),
    width=st.integers(200, 2600),
    height=st.integers(200, 1600),
    aspect=st.floats(0.4, 2.5),
)
def test_cells_are_inside_equal_and_apart(count: int, width: int, height: int, aspect: float) -> None:
    cells = grid(count, width, height, aspect, 26)
    assert len(cells) == count
    assert len({cell.picture.size().toTuple() for cell in cells}) == 1
    large = cells[0].picture.width() > 16 and cells[0].picture.height() > 16
    for index, cell in enumerate(cells):
        if large:
            assert QRect(0, 0, width, height).contains(cell.whole)
        assert cell.caption.top() == cell.picture.bottom() + 1
        assert not any(cell.whole.intersects(other.whole) for other in cells[index + 1 :])


@given(count=st.integers(1, 9), width=st.integers(300, 2000), height=st.integers(300, 1400))
def test_no_other_number_of_columns_makes_pictures_larger(count: int, width: int, height: int) -> None:
    side = grid(count, width, height, 1.0, 26)[0].picture.width()
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        across = (width - 20 - (columns - 1) * GAP) / columns
        down = (height - 20 - (rows - 1) * GAP) / rows - 26
        assert side >= int(min(across, down)) or side == 16


def test_four_squares_in_a_wide_canvas_stand_in_two_rows() -> None:
    cells = grid(4, 1000, 800, 1.0, 26)
    assert [cell.picture.y() for cell in cells[:2]] == [cells[0].picture.y()] * 2
    assert cells[2].picture.x() == cells[0].picture.x()


class Stage:
    def __init__(self, qtbot: QtBot, panes: int = 1) -> None:
        self.controller, self.client = controller_on(panes)
        self.canvas = Canvas(self.controller)
        qtbot.addWidget(self.canvas)
        self.canvas.resize(640, 480)
        self.canvas.show()
        self.client.draw()

    def middle(self, cell: int = 0) -> QPoint:
        return self.canvas.cells()[cell][1].picture.center()

    def color(self, point: QPoint) -> int:
        return self.canvas.grab().toImage().pixel(point) & 0xFFFFFF


def test_the_picture_of_the_scene_is_painted(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    image = stage.controller.feed.pictures()[0].image
    assert image is not None
    assert stage.color(stage.middle()) == image.pixel(0, 0) & 0xFFFFFF
    stage.controller.set_seed(9)
    stage.client.draw()
    assert stage.controller.feed.pictures()[0].view.start.origin == Seed(9)  # type: ignore[union-attr]
    assert stage.color(stage.middle()) == (9 * 57 % 256) << 16 | (9 * 31 % 256) << 8 | 9 * 7 % 256


def test_a_paint_ends_the_way_to_the_screen(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.canvas.grab()
    before = len(stage.controller.feed.samples)
    stage.controller.set_seed(12)
    stage.client.draw()
    stage.canvas.grab()
    stage.canvas.grab()
    assert len(stage.controller.feed.samples) == before + 1
    sample = stage.controller.feed.samples[-1]
    assert sample.forward == 1
    assert sample.total >= sample.paint > 0


def test_an_error_is_said_where_the_picture_would_be(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.set_seed(5)
    picture = stage.controller.feed.pictures()[0]
    stage.client.reply(ViewFailed(view_id=picture.view_id, revision=999, sentence="The device ran out of memory."))
    red = theme.color(theme.current().red).rgb() & 0xFFFFFF
    shot = stage.canvas.grab().toImage()
    box = stage.canvas.cells()[0][1].picture
    assert any(
        shot.pixel(x, y) & 0xFFFFFF == red
        for y in range(box.center().y() - 12, box.center().y() + 12)
        for x in range(box.left(), box.right())
    )


def test_a_picture_whose_controls_are_being_looked_for_shows_no_fault(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    controller, client = stage.controller, stage.client
    client.answers_models = False
    controller.set_method(0, ControlSetRef(method="volume_preserving"))
    asked = next(one for one in reversed(client.sent) if isinstance(one, FindControls))
    picture = controller.feed.picture(0)
    assert picture is not None
    failure = ViewFailed(view_id=picture.view_id, revision=999, sentence="They have not been looked for yet.")
    client.reply(failure)
    told = pane_text.in_its_place(controller.catalogue, controller.scene, 0, picture)
    assert told == (pane_text.WAITS, False)
    seen: list[tuple[str, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pane_paint, "paint_sentence", lambda *one: seen.append((one[2], one[3])))
        stage.canvas.grab()
        client.reply(Refused(request_id=asked.request_id, sentence="There is no way."))
        stage.canvas.grab()
    colors = theme.current()
    assert seen[0] == (pane_text.WAITS, colors.muted)
    assert seen[-1] == (failure.sentence, colors.red)


def test_a_click_selects_a_pane_and_a_double_click_zooms_it(qtbot: QtBot) -> None:
    stage = Stage(qtbot, 4)
    QTest.mouseClick(stage.canvas, Qt.MouseButton.LeftButton, pos=stage.middle(2))
    assert stage.controller.scene.selected == 2
    QTest.mouseDClick(stage.canvas, Qt.MouseButton.LeftButton, pos=stage.middle(3))
    assert [pane for pane, _ in stage.canvas.cells()] == [3]
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    assert len(stage.canvas.cells()) == 4


def test_the_zoom_ends_with_the_last_other_pane(qtbot: QtBot) -> None:
    stage = Stage(qtbot, 2)
    said: list[bool] = []
    stage.canvas.zoom_changed.connect(said.append)
    stage.canvas.set_zoomed(True)
    stage.controller.remove_pane(0)
    assert said == [True, False]
    assert [pane for pane, _ in stage.canvas.cells()] == [0]


def test_the_divider_is_one_step_of_undo(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.set_view(0, "before_after")
    stage.client.draw()
    box = stage.canvas.cells()[0][1].picture
    QTest.mousePress(stage.canvas, Qt.MouseButton.LeftButton, pos=box.center())
    for share in (0.4, 0.3, 0.25):
        QTest.mouseMove(stage.canvas, QPoint(box.left() + round(share * box.width()), box.center().y()))
    QTest.mouseRelease(
        stage.canvas, Qt.MouseButton.LeftButton, pos=QPoint(box.left() + box.width() // 4, box.center().y())
    )
    assert stage.controller.scene.panes[0].split == pytest.approx(0.25, abs=0.01)
    stage.controller.undo()
    assert stage.controller.scene.panes[0].split == 0.5


@pytest.mark.parametrize("split", [0.0, 0.2, 0.7, 1.0])
def test_the_divider_is_seen_and_taken_where_it_stands(qtbot: QtBot, split: float) -> None:
    stage = Stage(qtbot)
    stage.controller.set_view(0, "before_after")
    stage.controller.set_split(0, split, False)
    stage.client.draw()
    box = stage.canvas.cells()[0][1].picture
    shot = stage.canvas.grab().toImage()

    def at(share: float) -> QPoint:
        return QPoint(min(box.right(), box.left() + round(share * box.width())), box.top() + box.height() // 4)

    white = {share for share in (0.0, 0.2, 0.3, 0.7, 0.8, 1.0) if shot.pixel(at(share)) & 0xFFFFFF == 0xFFFFFF}
    assert white == {split}
    QTest.mousePress(stage.canvas, Qt.MouseButton.LeftButton, pos=at(1 - split))  # nothing stands there
    QTest.mouseMove(stage.canvas, at(0.5))
    QTest.mouseRelease(stage.canvas, Qt.MouseButton.LeftButton, pos=at(0.5))
    assert stage.controller.scene.panes[0].split == split
    QTest.mousePress(stage.canvas, Qt.MouseButton.LeftButton, pos=at(split))
    QTest.mouseMove(stage.canvas, at(0.4))
    QTest.mouseRelease(stage.canvas, Qt.MouseButton.LeftButton, pos=at(0.4))
    assert stage.controller.scene.panes[0].split == pytest.approx(0.4, abs=0.01)


def test_arrow_keys_select_panes(qtbot: QtBot) -> None:
    stage = Stage(qtbot, 3)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Left)
    assert stage.controller.scene.selected == 2
    QTest.keyClick(stage.canvas, Qt.Key.Key_Right)
    assert stage.controller.scene.selected == 0


@given(
    columns=st.integers(2, 6), rows=st.integers(1, 5), width=st.integers(900, 2600), height=st.integers(700, 1600),
    beside=st.sampled_from([0, 60]),
)  # fmt: skip
def test_headings_of_a_table_touch_no_picture(columns: int, rows: int, width: int, height: int, beside: int) -> None:
    made = table(columns * rows, width, height, 1.0, 26, columns, 24, beside)
    strips = [*made.above, *made.beside]
    assert (len(made.above), len(made.beside)) == (columns, rows if beside else 0)
    for cell in made.cells:
        assert QRect(0, 0, width, height).contains(cell.whole)
        assert not any(cell.whole.intersects(strip) for strip in strips)
    for column, strip in enumerate(made.above):
        assert (strip.left(), strip.bottom() + 1) == (
            made.cells[column].picture.left(),
            made.cells[column].picture.top(),
        )
    for row, strip in enumerate(made.beside):
        first = made.cells[row * columns].picture
        assert (strip.right() + 1, strip.top(), strip.height()) == (first.left(), first.top(), first.height())


def test_a_table_of_panes_names_its_columns_and_rows_once(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(qtbot)
    sets = (ControlSetRef(method="latent_axes", units="effect"), ControlSetRef(method="random", units="effect"))
    stage.controller.apply(editing.side_by_side(stage.controller.scene, sets, (4, 5)), "Compare")
    stage.controller.move_control(0, "hue", -1.5)
    stage.controller.set_view(0, "difference", everywhere=True)
    stage.client.draw()
    said: dict[str, list[str]] = {"heading": [], "side": [], "caption": []}
    paint = "explorer.ui.canvas.pane_paint.paint_"
    monkeypatch.setattr(f"{paint}heading", lambda p, c, title, note, box: said["heading"].append(f"{title}, {note}"))
    monkeypatch.setattr(f"{paint}side", lambda p, c, text, box: said["side"].append(text))
    monkeypatch.setattr(
        f"{paint}caption", lambda p, c, title, figure, box, *how: said["caption"].append(f"{title}, {figure[:3]}")
    )
    stage.canvas.grab()
    assert said["heading"] == ["Latent axes, rms difference", "Random, rms difference"]
    assert said["side"] == ["seed 4", "seed 5"]
    assert said["caption"] == ["hue −1.50 τ, 0.0", "random hue −1.50 τ, 0.0"] * 2
    stage.controller.set_view(2, "image")
    stage.client.draw()
    said["heading"].clear()
    said["caption"].clear()
    stage.canvas.grab()
    assert said["heading"] == ["Latent axes, ", "Random, rms difference"]
    assert said["caption"][0] == "hue −1.50 τ, rms"  # the heading does not say it of the whole column
    before = stage.canvas.cells()[0][1].picture
    stage.controller.apply(editing.with_pane(stage.controller.scene, 3, stage.controller.scene.panes[0]), "Other")
    said["heading"].clear()
    stage.canvas.grab()
    assert said["heading"] == []  # no table any more: every pane says what it is
    assert stage.canvas.cells()[0][1].picture != before


def test_what_stands_at_the_edge_of_a_table_follows_the_scene(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, client = controller_on()
    canvas = Canvas(controller)
    qtbot.addWidget(canvas)
    canvas.resize(700, 500)
    canvas.show()
    sets = [controller.scene.panes[0].controls, ControlSetRef(method="random")]
    controller.load(editing.side_by_side(controller.scene, sets, (4, 5)))
    client.draw()
    QTest.qWait(1)
    seen: dict[str, list[str]] = {"side": [], "heading": []}
    paint = "explorer.ui.canvas.pane_paint.paint_"
    monkeypatch.setattr(f"{paint}side", lambda p, c, text, box: seen["side"].append(text))
    monkeypatch.setattr(f"{paint}heading", lambda p, c, title, note, box: seen["heading"].append(title))

    def painted(part: str) -> list[str]:
        """What the next paint of the window writes there, without being asked to paint all."""
        seen[part].clear()
        qtbot.waitUntil(lambda: bool(seen[part]), timeout=2000)
        return seen[part]

    controller.select_pane(2)
    QTest.qWait(1)
    beside = canvas.cells()[0][1].picture.left()
    controller.set_seed(123456)
    assert painted("side") == ["seed 4", "seed 123456"]
    assert canvas.cells()[0][1].picture.left() > beside  # there is room for it
    QTest.qWait(1)
    controller.rename_pane("Mine")
    assert painted("heading") == ["Mine", "Random"]


class _Heard(QPainter):
    """A painter that keeps the texts that it writes."""

    def __init__(self, image: QImage) -> None:
        super().__init__(image)
        self.image = image  # a painter does not keep what it paints on
        self.texts: list[str] = []

    def drawText(self, box: QRect, flags: Qt.AlignmentFlag, text: str) -> None:
        self.texts.append(text)


def _caption(width: int, title: str, figure: str, bold: bool = True) -> tuple[str, str]:
    painter = _Heard(QImage(600, 20, QImage.Format.Format_RGB32))
    painter.setFont(QApplication.font())
    pane_paint.paint_caption(painter, theme.DARK, title, figure, QRect(0, 0, width, 20), bold)
    painter.end()
    return painter.texts[0], painter.texts[1]


@pytest.mark.parametrize("prompt", ["red cat", "a photograph of a red cat on a blue chair, " * 9])
def test_a_prompt_of_any_length_leaves_the_method_its_name(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, prompt: str
) -> None:
    painted: list[tuple[str, str]] = []
    whole = pane_paint.paint_caption

    def heard(painter: QPainter, colors: theme.Theme, title: str, figure: str, box: QRect, *how: Any) -> None:
        hears = _Heard(QImage(900, 20, QImage.Format.Format_RGB32))
        hears.setFont(QApplication.font())
        whole(hears, colors, title, figure, QRect(0, 0, box.width(), 20), *how)
        hears.end()
        painted.append((hears.texts[0], hears.texts[1]))

    monkeypatch.setattr("explorer.ui.canvas.pane_paint.paint_caption", heard)
    controller, client = controller_on(card=replace(CARD, capabilities=("prompt",)))
    canvas = Canvas(controller)
    qtbot.addWidget(canvas)
    canvas.resize(460, 400)
    controller.add_pane()
    client.draw()
    controller.set_condition(Condition(prompt=prompt), "Prompt")
    client.draw()
    canvas.grab()
    assert [title for title, _ in painted] == [controller.pane_title(pane) for pane in range(2)]
    for _, figure in painted:
        assert figure.startswith("seed")
        assert "…" in figure or figure.endswith("“red cat”")


def _noted(width: int, texts: tuple[str, ...], passes: bool = False) -> tuple[list[str], bool]:
    """What a caption of ``width`` pixels says, and whether there is a sign in it."""
    image = QImage(900, 20, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = _Heard(image)
    painter.setFont(QApplication.font())
    note = pane_paint.Note(texts, passes)
    pane_paint.paint_caption(
        painter, theme.DARK, "Counterfactual", "light = 132.3°", QRect(0, 0, width, 20), note=note, title_leads=True
    )
    painter.end()
    drawn = {image.pixel(x, y) & 0xFFFFFF for x in range(width) for y in range(20)}  # the painter keeps the words
    return [text for text in painter.texts if text], drawn != {0}


def test_a_note_says_as_much_as_there_is_room_for_beside_the_caption(qapp: QApplication) -> None:
    texts = ("not unique: light leaves open length 3 to 4; its middle is drawn", "not unique: length", "not unique")
    seen = {width: _noted(width, texts) for width in range(900, 100, -4)}
    assert list(dict.fromkeys(next((t for t in told if t in texts), "") for told, _ in seen.values())) == [*texts, ""]
    for width, (told, signed) in seen.items():
        assert signed, width  # however narrow: the tool tip has the words
        assert told[0].startswith("Cou"), width
        if any(text in texts for text in told):
            assert {"Counterfactual", "light = 132.3°"} <= set(told), width


def test_a_draft_says_so_without_a_sign_and_not_where_there_is_no_room(qapp: QApplication) -> None:
    texts = draft_texts(5, 50)
    seen = [_noted(width, texts, passes=True) for width in range(900, 100, -4)]
    assert list(dict.fromkeys(next((t for t in told if t in texts), "") for told, _ in seen)) == [*texts, ""]
    assert not any(signed for _, signed in seen)


def test_nothing_that_has_to_be_known_lies_on_the_picture(qtbot: QtBot) -> None:
    """The picture is painted alike with it and without; its tool tip says all of it."""
    stage = Stage(qtbot)
    box = stage.canvas.cells()[0][1].picture
    picture = stage.controller.feed.picture(0)
    assert picture is not None
    assert picture.frame is not None
    plain = stage.canvas.grab(box).toImage()
    picture.frame = replace(picture.frame, remarks={"hue": Remark("path ended", "was made for times 0 to 2 only")})
    assert stage.canvas.grab(box).toImage() == plain
    at = box.center()
    QApplication.sendEvent(stage.canvas, QHelpEvent(QEvent.Type.ToolTip, at, stage.canvas.mapToGlobal(at)))
    assert QToolTip.text() == "path ended: hue was made for times 0 to 2 only"


def test_a_draft_says_so_as_long_as_it_is_on_the_screen(qtbot: QtBot) -> None:
    stage = Stage(qtbot)

    def seen() -> list[str]:
        note = stage.canvas.captions.note(0)
        return [] if note is None else [note.texts[0]]

    assert seen() == []
    stage.controller.move_control(0, "hue", 1.0, dragging=True)
    assert seen() == []  # the picture on the screen is the finished one of before
    stage.client.draw()
    assert seen() == ["draft · 4 of 50 steps"]
    stage.controller.move_control(0, "hue", 1.0, dragging=False)
    assert seen() == ["draft · 4 of 50 steps"]  # until the other one has come
    stage.client.draw()
    assert seen() == []
    stage.controller.set_steps(100)
    assert seen() == ["draft · 50 of 100 steps"]
    stage.client.draw()
    assert seen() == []
    stage.controller.set_steps(3)
    stage.client.draw()
    assert seen() == []  # that is what the user wants of a finished picture


def test_a_small_pane_says_the_control_and_its_amount_before_the_method(qapp: QApplication) -> None:
    figure = "z2 −2.19 τ"
    metrics = QFontMetrics(QApplication.font())
    wanted = metrics.horizontalAdvance(figure)
    assert _caption(600, "Latent axes", figure) == ("Latent axes", figure)
    title, shown = _caption(wanted + 12 + 8 * metrics.averageCharWidth(), "Latent axes", figure)
    assert title.endswith("…")
    assert shown == figure
    assert _caption(wanted + 14, "Latent axes", figure) == ("", figure)  # next to nothing of a title says nothing
    title, shown = _caption(wanted, "Latent axes", f"a name that is long {figure}")
    assert title == ""
    assert shown.endswith("τ")  # the name is cut, the amount is not
    assert "…" in shown
    title, _ = _caption(wanted, f"a name that is long {figure}", "", bold=False)  # in a table of panes
    assert title.endswith("τ")
    assert "…" in title


def test_a_column_that_searches_says_so(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    captions: list[str] = []
    paint = "explorer.ui.canvas.pane_paint.paint_caption"
    monkeypatch.setattr(paint, lambda p, c, title, figure, box, *how: captions.append(figure))
    controller, client = controller_on()
    canvas = Canvas(controller)
    qtbot.addWidget(canvas)
    canvas.resize(600, 400)
    client.answers_models = False
    sets = [controller.scene.panes[0].controls, ControlSetRef(method="random")]
    controller.load(editing.side_by_side(controller.scene, sets))

    def seen() -> list[str]:
        captions.clear()
        canvas.grab()
        return captions

    asked = next(one for one in reversed(client.sent) if isinstance(one, FindControls))
    assert seen() == ["", "searching…"]
    monkeypatch.setattr("explorer.ui.state.job_list.WORTH_LISTING", 0.0)
    for _ in range(2):
        client.reply(JobProgress(request_id=asked.request_id, title="Random", share=0.4, remaining=3.0))
    assert seen() == ["", "search 40%"]
    client.reply(Refused(request_id=asked.request_id, sentence="There is no way."))
    assert seen() == ["", "no sliders"]
    controller.load(replace(controller.scene, columns=0))
    assert seen() == ["seed 3", "no sliders"]


def test_a_search_that_has_sliders_does_not_hide_what_they_do(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    captions: list[str] = []
    paint = "explorer.ui.canvas.pane_paint.paint_caption"
    monkeypatch.setattr(paint, lambda p, c, title, figure, box, *how: captions.append(figure))
    controller, client = controller_on()
    canvas = Canvas(controller)
    qtbot.addWidget(canvas)
    client.answers_models = False
    controller.set_method(0, ControlSetRef(method="slow"))
    (asked,) = [one for one in client.sent if isinstance(one, FindControls) and one.controls.method == "slow"]
    card = controls(asked.controls)
    client.reply(ControlsPreview(request_id=asked.request_id, model=asked.model, controls=asked.controls, card=card))
    canvas.grab()
    controller.move_control(0, "slow hue", 1.5)
    client.draw()
    canvas.grab()
    assert captions == ["searching…", "slow hue +1.50"]


def test_a_path_that_has_ended_says_so_under_the_user_s_name_for_it(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    stage.controller.move_control(0, "hue", 1.0, dragging=False)
    stage.client.draw()
    picture = stage.controller.feed.picture(0)
    assert picture is not None
    assert picture.frame is not None
    catalogue, scene = stage.controller.catalogue, stage.controller.shown_scene
    assert pane_text.marks(catalogue, scene, picture) == ()
    picture.frame = replace(picture.frame, remarks={"hue": Remark("path ended", "was made for times 0 to 2 only")})
    assert pane_text.marks(catalogue, scene, picture) == (
        "path ended: hue was made for times 0 to 2 only",
        "path ended: hue",
        "path ended",
    )
    left_open = Remark("not unique", "leaves open length 3 to 4; its middle is drawn", about="length")
    picture.frame = replace(picture.frame, remarks={"hue": left_open})
    assert pane_text.marks(catalogue, scene, picture) == (
        "not unique: hue leaves open length 3 to 4; its middle is drawn",
        "not unique: length",
        "not unique",
    )
    picture.frame = replace(picture.frame, remarks={"hue": left_open, "size": left_open})  # it is one thing
    assert pane_text.marks(catalogue, scene, picture)[1] == "not unique: length"
    another = replace(left_open, about="width")
    picture.frame = replace(picture.frame, remarks={"hue": left_open, "size": another})
    assert pane_text.marks(catalogue, scene, picture)[1] == "not unique: length (and 1 more)"
    picture.frame = replace(picture.frame, steps=4, remarks={"hue": Remark("path ended", "has no direction")})
    assert pane_text.marks(catalogue, scene, picture)[2] == "draft · path ended"


def test_a_picture_that_the_model_hardly_draws_says_so(qtbot: QtBot) -> None:
    stage = Stage(qtbot)
    picture = stage.controller.feed.picture(0)
    assert picture is not None
    assert picture.view is not None
    own = OwnPicture(name="a-b.png", png=b"", psnr=10.4, way="encoder", usual=Usual(pictures=64, least=35.0))
    for psnr, is_unusual in ((10.4, True), (35.0, False)):
        point = StoredLatent("z", (1,), b"\0" * 4, replace(own, psnr=psnr))
        picture.view = replace(picture.view, start=replace(picture.view.start, origin=point))
        note = stage.canvas.captions.note(0)
        assert (note is not None) == is_unusual
        if note is not None:
            assert not note.passes
            assert note.texts[0].startswith(
                "The model gives 'a-b.png' back at 10.4 dB, and each of 64 pictures of its "
            )
            assert note.texts[-1] == "not its world"


def test_a_caption_tells_of_what_is_set_before_which_case_it_is() -> None:
    cards = (
        ControlCard(name="light", space="z", unit="°", shows="value"),
        ControlCard(name="angle", space="z", unit="°", shows="value"),
        ControlCard(name="rung", space="z", unit="", cases=("see, draw #", "imagine", "do, draw #")),
    )
    known = ControlSetCard(method="m", title="M", space="z", fingerprint="f", controls=cards)
    pane = Pane(edits=(Edit("angle", value=1.0), Edit("light", value=96.0), Edit("rung", 1.0)))
    scene = Scene(model=ModelRef(path="m"), panes=(pane,))
    assert pane_text.moved(scene, pane, known, "rung") == "angle = 1°, 2 more"
    assert pane_text.moved(scene, pane, known, "light") == "light = 96°, 2 more"
    assert pane_text.moved(scene, Pane(edits=pane.edits[2:]), known, "rung") == "rung do, draw 1"
