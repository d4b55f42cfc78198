"""The tool tip of a model in the list: what it is, and how its pictures are drawn."""

from __future__ import annotations

from msgspec.structs import replace
from quiet import CARD

from explorer.scene.model_text import describe


def test_a_model_says_its_steps_and_its_sampler() -> None:
    sampler = "deterministic DDIM; predicted pictures are clipped to ±1"
    lines = describe(replace(CARD, sampler=sampler)).splitlines()
    assert f"50 sampler steps, 4 while a slider moves, drawn by {sampler}" in lines
    plain = describe(replace(CARD, full_steps=0, interactive_steps=0, most_steps=0))
    assert "steps" not in plain
    assert "drawn by" not in plain
