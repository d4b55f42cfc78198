"""The picture depends on the edits that stand in the end, to the bit, whatever the hand did before: every kind of
control, every family of models."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import ToyGenerator

from explorer.controls.control_set import load
from explorer.controls.registry import kinds
from explorer.engine.engine import Engine
from explorer.generators.editing import edited
from explorer.scene.editing import with_edit
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Quality, Scene, Seed, view_of

NEWER = {
    "bound_intervention", "bound_noise", "bound_rung", "class", "field", "intervention", "low_rank", "motion", "noise",
    "rung", "step_jacobian", "stepped", "towards",
}  # fmt: skip
"""Kinds that there were not in version 2."""
KINDS = Path(__file__).parents[1] / "controls" / "files_of_version_2" / "every_kind.safetensors"
SETS = {
    "shapes-btcvae": ControlSetRef(method="latent_axes", k=6),
    "shapes-qlae": ControlSetRef(method="latent_axes", k=6),
    "known-curved": ControlSetRef(method="true_directions", k=5),
    "digits-stylegan2": ControlSetRef(method="local_basis", k=4),
    "shapes-diffusion": ControlSetRef(method="random_orthogonal", k=4, settings=(("space", "x_T"),)),
}
"""One shipped model of each family that ships, with directions, codes, curves and frames that are found again."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(torch.device("cpu"))


def after(history: list[Edit], controls: ControlSetRef) -> Pane:
    pane = Pane(controls=controls)
    for edit in history:
        pane = with_edit(pane, edit)
    return pane


@pytest.mark.parametrize("model", SETS)
def test_two_histories_with_one_end_are_one_picture(engine: Engine, model: str) -> None:
    names = [control.card.name for control in engine.control_set(ModelRef(path=model), SETS[model]).controls]
    random = Random(model)
    for _ in range(3):
        end = {name: round(random.uniform(-3, 3), 2) for name in random.sample(names, 3)}
        pictures = []
        for _ in range(3):
            # Touched and left, moved on and back, set to nothing and touched again.
            history = [Edit(random.choice(names), random.choice([0.0, 1.5])) for _ in range(5)]
            history += [Edit(name, 0.0) for name in names]
            last = list(end.items())
            random.shuffle(last)
            history += [Edit(*one) for one in last]
            scene = Scene(
                model=ModelRef(path=model),
                origin=Seed(3),
                panes=(after(history, SETS[model]),),
                quality=Quality(steps=2 if "diffusion" in model else 0),
            )
            pictures.append(engine.render([view_of(scene, 0)], exact=True)[0].bgrx)
        assert np.array_equal(pictures[0], pictures[1])
        assert np.array_equal(pictures[0], pictures[2])


def test_where_the_order_would_matter_it_is_that_of_the_set(engine: Engine) -> None:
    """The fault itself: two sliders of a local basis, moved in either order by hand, lead to two places."""
    model, ref = ModelRef(path="digits-stylegan2"), SETS["digits-stylegan2"]
    controls = engine.control_set(model, ref)
    first, second = (control.card.name for control in controls.controls[:2])
    generator = engine.generator(model)
    latent = generator.sample([3])
    moves = controls.moves([Edit(second, 2.0), Edit(first, 2.0)])
    assert [move.control.card.name for move in moves] == [first, second]
    ends = [edited(generator, latent, order).tensors["z"] for order in (moves, moves[::-1])]
    assert float((ends[0] - ends[1]).norm()) > 0.01


@given(
    st.dictionaries(
        st.sampled_from(sorted(set(kinds()) - NEWER)),
        st.floats(-2, 2, width=32),
        max_size=7,
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_controls_of_every_kind_of_version_2_in_any_order(amounts: dict[str, float], random: Random) -> None:
    controls = load(KINDS)
    by_kind = {control.kind: control.card.name for control in controls.controls}
    toy = ToyGenerator(width=6)
    latent = toy.sample([1], 1.0)
    edits = [Edit(by_kind[kind], amount) for kind, amount in amounts.items() if kind != "weights"]
    expected = edited(toy, latent, controls.moves(edits)).tensors["z"]
    random.shuffle(edits)
    assert torch.equal(edited(toy, latent, controls.moves(edits)).tensors["z"], expected)
