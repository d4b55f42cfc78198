"""What a pane may show of its picture: what it is called there, and how one view is chosen."""

from __future__ import annotations

import pytest
import quiet
from msgspec.structs import replace
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from quiet import controller_on, controls

from explorer.outputs import signed_scale
from explorer.scene.cards import ControlSetCard
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.model import ControlSetRef
from explorer.scene.views import EFFECTS, VIEWS
from explorer.ui.canvas import pane_paint
from explorer.ui.canvas.canvas import Canvas
from explorer.ui.look import theme

pytestmark = pytest.mark.gui


def setting_variables(ref: ControlSetRef) -> ControlSetCard:
    graph = CausalGraph(variables=tuple(Variable(name=name) for name in quiet.NAMES))
    return replace(controls(ref), graph=graph)


def test_titles_say_what_is_shown_of_a_do_and_of_other_sliders(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, _ = controller_on()
    titles = []
    for view in VIEWS:
        plain.set_view(0, view)
        titles.append(plain.pane_title(0))
    assert titles[:5] == [
        "Latent axes", "Unmoved picture · Latent axes", "Own picture", "Latent axes", "Difference · Latent axes",
    ]  # fmt: skip
    monkeypatch.setattr(quiet, "controls", setting_variables)
    causal, _ = controller_on()
    assert causal.pane_title(0) == "Latent axes"  # nothing is set, so nothing is contrary to fact
    causal.move_control(0, "hue", 1.0)
    titles = []
    for view in VIEWS:
        causal.set_view(0, view)
        titles.append(causal.pane_title(0))
    assert titles == [
        "Counterfactual", "Factual", "Own picture", "Factual / counterfactual", "Difference", "Difference of panes",
        "Truth", "Total effect",
        "Direct effect", "Indirect effect",
    ]  # fmt: skip
    causal.rename_pane("Another graph")
    assert causal.pane_title(0) == "Another graph · indirect effect"
    causal.set_view(0, "image")
    assert causal.pane_title(0) == "Another graph"


def test_titles_of_a_do_tell_two_models_apart(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "controls", setting_variables)
    controller, client = controller_on()
    client.card = replace(quiet.CARD, name="epoch-9", shipped=False)
    controller.open_model("/runs/epoch-9.pt", place="beside")
    controller.move_control(0, "hue", 1.0)
    assert [controller.pane_title(pane) for pane in (0, 1)] == ["toy · counterfactual", "epoch-9 · counterfactual"]
    controller.set_view(1, "between")
    assert controller.pane_title(1) == "epoch-9 · difference from toy"


def test_titles_stay_while_mechanisms_are_fitted_to_another_graph(qtbot: QtBot) -> None:
    controller, client = controller_on()
    client.answers_models = False
    for method, title in (("causes", "Direct effect"), ("random", "Direct effect · Random")):
        controller.set_method(0, ControlSetRef(method=method))
        controller.set_view(0, "direct_effect")
        assert controller.controls_card(0) is None
        assert controller.pane_title(0) == title


def test_the_halves_of_a_do_are_called_factual_and_counterfactual(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[tuple[str, str]] = []
    monkeypatch.setattr(pane_paint, "paint_divider", lambda p, c, split, halves, box: named.append(halves))
    for card in (controls, setting_variables):
        monkeypatch.setattr(quiet, "controls", card)
        controller, client = controller_on()
        canvas = Canvas(controller)
        qtbot.addWidget(canvas)
        canvas.resize(500, 400)
        controller.set_view(0, "before_after")
        client.draw()
        canvas.grab()
    assert named[0] == ("before", "after")
    assert named[-1] == ("factual", "counterfactual")


def test_effects_have_their_scale_and_their_size_and_other_views_have_none(qtbot: QtBot) -> None:
    controller, client = controller_on()
    canvas = Canvas(controller)
    qtbot.addWidget(canvas)
    canvas.resize(500, 400)
    ends = [signed_scale.STOPS[0], signed_scale.STOPS[-1]]
    for view in VIEWS:
        controller.set_view(0, view)
        client.draw()
        shot = canvas.grab().toImage()
        box = canvas.cells()[0][1].picture
        row = box.top() + pane_paint.TAG_MARGIN + 10
        seen = {shot.pixelColor(x, row).toTuple()[:3] for x in range(box.left(), box.right())}
        assert _near(ends, seen) == (view in EFFECTS), view
        assert canvas.captions.state(0, controller.feed.picture(0)).startswith("rms ") == (
            view in (*EFFECTS, "difference", "between")
        )


def test_a_scale_without_room_is_left_out(qapp: QApplication) -> None:
    image = QImage(90, 90, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    pane_paint.paint_scale(painter, QRect(0, 0, 90, 90))
    painter.end()
    assert {image.pixel(x, y) & 0xFFFFFF for x in range(90) for y in range(90)} == {0}


def _near(colours: list[tuple[int, int, int]], seen: set[tuple[int, int, int]]) -> bool:
    """Whether each of ``colours`` is among ``seen``, but for what a gradient's first pixel has moved on."""
    return all(
        any(max(abs(a - b) for a, b in zip(colour, other, strict=True)) <= 8 for other in seen) for colour in colours
    )


@pytest.mark.parametrize(("width", "has_figure"), [(320, True), (140, False), (60, False)])
def test_views_of_a_do_keep_their_names_where_there_is_no_room_for_both(
    qapp: QApplication, width: int, has_figure: bool
) -> None:
    """Elsewhere it is the figure that stays."""

    def colours(title_leads: bool) -> set[str]:
        image = QImage(width, 24, QImage.Format.Format_RGB32)
        image.fill(0)
        painter = QPainter(image)
        box = QRect(0, 0, width, 24)
        pane_paint.paint_caption(painter, theme.DARK, "Counterfactual", "light = 123°, 1 more", box, True, title_leads)
        painter.end()
        seen = {image.pixelColor(x, y).name() for x in range(width) for y in range(24)}
        return seen & {theme.DARK.text, theme.DARK.muted}

    assert colours(title_leads=True) == {theme.DARK.text} | ({theme.DARK.muted} if has_figure else set())
    assert theme.DARK.muted in colours(title_leads=False)
