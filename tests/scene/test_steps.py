"""How many sampler steps a picture takes, and what is said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import ExplorerError
from explorer.scene.cards import ModelCard, OutputCard
from explorer.scene.model import Quality
from explorer.scene.steps import draft_texts, require_steps, steps_at_rest, steps_text, steps_while_moving


def card(full: int = 50, interactive: int = 5, most: int = 1000) -> ModelCard:
    output = OutputCard(kind="image", shape=(3, 8, 8), size=(8, 8), text="8×8", description="8 × 8 colour pictures")
    return ModelCard(
        name="toy", family="diffusion", path="toy", output=output, spaces={}, fingerprint="f00d",
        full_steps=full, interactive_steps=interactive, most_steps=most,
    )  # fmt: skip


def test_the_models_own_numbers_hold_until_somebody_chooses() -> None:
    assert (steps_at_rest(card(), Quality()), steps_while_moving(card(), Quality())) == (50, 5)
    assert (steps_at_rest(card(), Quality(steps=20)), steps_while_moving(card(), Quality(steps=20), 8)) == (20, 8)
    assert (steps_at_rest(card(), Quality(steps=3)), steps_while_moving(card(), Quality(steps=3))) == (3, 3)
    assert steps_at_rest(card(), Quality(steps=5000)) == 1000
    assert (steps_at_rest(card(0, 0, 0), Quality(steps=7)), steps_while_moving(card(0, 0, 0), Quality(), 7)) == (0, 0)


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_a_draft_never_takes_more_steps_than_a_finished_picture(at_rest: int, chosen: int) -> None:
    quality = Quality(steps=at_rest)
    assert 1 <= steps_while_moving(card(), quality, chosen) <= steps_at_rest(card(), quality) <= 1000


def test_what_is_said() -> None:
    assert draft_texts(5, 50)[0] == "draft · 5 of 50 steps"
    assert [steps_text(card(), steps) for steps in (0, 20, 50, 100)] == ["", "20 of 50 steps", "", "100 steps"]


def test_numbers_that_no_picture_can_take_are_refused() -> None:
    require_steps(card(), 0)
    require_steps(card(), 1000)
    require_steps(card(0, 0, 0), 0)
    with pytest.raises(ExplorerError, match="1 to 1000 steps, not 1001"):
        require_steps(card(), 1001)
    with pytest.raises(ExplorerError, match="in one go"):
        require_steps(card(0, 0, 0), 5)
