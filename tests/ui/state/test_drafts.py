"""When pictures are drafts: by the hand, by its rest, by a film, for models whose pictures are made in steps."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot
from quiet import CARD

from explorer.scene.model import Quality
from explorer.ui.state.drafts import Drafts

pytestmark = pytest.mark.gui
DRAFT, FINISHED = Quality(steps=CARD.interactive_steps), Quality()


class Clock:
    """The rest of the hand, under the test's."""

    def __init__(self) -> None:
        self.starts = 0
        self.running = False

    def start(self) -> None:
        self.starts += 1
        self.running = True

    def stop(self) -> None:
        self.running = False

    def isActive(self) -> bool:
        return self.running


@pytest.fixture
def drafts(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Drafts:
    made = Drafts()
    monkeypatch.setattr(made, "_rest", Clock())
    return made


def test_a_hand_that_goes_on_does_not_rest(drafts: Drafts) -> None:
    for _ in range(3):
        drafts.hold()
    assert drafts._rest.starts == 3  # every movement puts the rest off
    assert drafts.quality(FINISHED, CARD) == DRAFT
    drafts._rest.stop()
    assert drafts.quality(FINISHED, CARD) == FINISHED
    assert drafts.release()  # it held something all the time
    assert not drafts.release()


def test_a_released_hand_waits_for_nothing(drafts: Drafts) -> None:
    drafts.hold()
    assert drafts.release()
    assert drafts.quality(FINISHED, CARD) == FINISHED


def test_films_are_drafts_whatever_the_hand_does(drafts: Drafts) -> None:
    drafts.playing = True
    assert drafts.quality(FINISHED, CARD) == DRAFT
    drafts.hold()
    drafts.release()
    assert drafts.quality(FINISHED, CARD) == DRAFT


def test_models_without_steps_and_models_on_their_way_have_no_drafts(drafts: Drafts) -> None:
    drafts.hold()
    assert drafts.quality(FINISHED, None) == FINISHED
    assert drafts.quality(FINISHED, replace(CARD, full_steps=0, interactive_steps=0, most_steps=0)) == FINISHED


def test_the_rest_of_the_quality_stays(drafts: Drafts) -> None:
    drafts.hold()
    drafts.choose(7)
    assert drafts.quality(Quality(steps=20, precision="float32"), CARD) == Quality(steps=7, precision="float32")
    assert drafts.quality(Quality(steps=5), CARD) == Quality(steps=5)
