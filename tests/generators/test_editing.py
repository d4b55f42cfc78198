"""Controls applied space by space, and latents put together."""

from __future__ import annotations

import pytest
import torch
from toys import ToyGenerator

from explorer.controls.base import Move
from explorer.controls.linear import LinearControl
from explorer.errors import ExplorerError
from explorer.generators.base import Latent
from explorer.generators.editing import edited, rows_of, stacked
from explorer.scene.cards import ControlCard
from explorer.scene.model import Quality

TOY = ToyGenerator()


def control(space: str, seed: int) -> LinearControl:
    return LinearControl(
        ControlCard(name=space, space=space), torch.randn(10, generator=torch.Generator().manual_seed(seed))
    )


def test_each_space_is_edited_and_what_lies_behind_is_drawn_anew() -> None:
    z, w, layered = control("z", 1), control("w", 2), control("w_plus", 3)
    latent = TOY.sample([1, 2])
    one, two, three = torch.tensor([0.5, -1.0]), torch.tensor([2.0, 0.0]), torch.tensor([0.0, 0.7])
    # In whatever order they are given: first z, then w computed from it, then w_plus from that.
    found = edited(TOY, TOY.advance(latent, "w_plus"), [Move(layered, three), Move(w, two), Move(z, one)])
    start = z.move(latent.tensors["z"], one)
    mapped = TOY.advance(Latent({"z": start}, latent.truncation_psi), "w").tensors["w"]
    layers = w.move(mapped, two)[:, None].repeat(1, 4, 1)
    torch.testing.assert_close(found.tensors["w_plus"], layered.move(layers, three))
    torch.testing.assert_close(found.tensors["z"], start)


def test_behind_an_edited_space_nothing_is_kept() -> None:
    found = edited(TOY, TOY.advance(TOY.sample([1]), "w_plus"), [Move(control("z", 1), torch.ones(1))])
    assert set(found.tensors) == {"z"}
    untouched = TOY.sample([1])
    assert edited(TOY, untouched, []) is untouched


def test_a_space_before_all_there_is() -> None:
    stored = Latent({"w_plus": torch.zeros(1, 4, 10)})
    with pytest.raises(ExplorerError, match="stored point of a later space than 'w'"):
        edited(TOY, stored, [Move(control("w", 1), torch.ones(1))])


def test_a_batch_of_latents_in_different_spaces() -> None:
    rows = [
        TOY.sample([1]),
        edited(TOY, TOY.sample([2, 3]), [Move(control("w_plus", 1), torch.ones(2))]),
        TOY.advance(TOY.sample([4]), "w"),
    ]
    together = stacked(TOY, rows)
    assert together.batch == 4
    separate = torch.cat([TOY.render(row, Quality()) for row in rows])
    torch.testing.assert_close(TOY.render(together, Quality()), separate)
    torch.testing.assert_close(rows_of(together, [3, 0]).tensors["w_plus"], together.tensors["w_plus"][[3, 0]])
    half = Latent({"z": torch.zeros(1, 10)})
    assert stacked(TOY, [half, TOY.sample([1])]).truncation_psi is None
