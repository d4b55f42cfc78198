"""While something moves, the small decoder of a model draws, where it has one."""

from __future__ import annotations

import msgspec
import pytest
from pytestqt.qtbot import QtBot
from quiet import CARD

from explorer.scene.model import Quality
from explorer.ui.state.drafts import Drafts

pytestmark = pytest.mark.gui


def test_drafts_are_decoded_by_the_small_one(qtbot: QtBot) -> None:
    drafts = Drafts()
    tiny = msgspec.structs.replace(CARD, tiny_decoder=True)
    at_rest = Quality(sampler="unipc")
    assert drafts.quality(at_rest, tiny) == at_rest
    drafts.playing = True
    assert drafts.quality(at_rest, tiny) == Quality(sampler="unipc", steps=4, decoder="tiny")
    assert drafts.quality(at_rest, CARD) == Quality(sampler="unipc", steps=4)
    few = msgspec.structs.replace(tiny, full_steps=4)
    assert drafts.quality(Quality(), few) == Quality(decoder="tiny")
