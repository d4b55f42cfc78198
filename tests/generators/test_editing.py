"""Controls applied space by space, and latents put together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from toys import ToyGenerator

from explorer.controls.base import Move, Moves, with_card
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.controls.scaled import scaled
from explorer.engine.engine import Engine
from explorer.errors import ExplorerError
from explorer.generators.base import Latent
from explorer.generators.editing import edited, grouped, rows_of, stacked
from explorer.scene.cards import ControlCard
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Quality, Seed, Start

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
    with pytest.raises(ExplorerError, match="stored point of a later space than 'z'"):
        edited(TOY, stored, [Move(control("z", 1), torch.ones(1))])
    with pytest.raises(ExplorerError, match="stored point of a later space than 'w'"):  # where, is not the same in all
        edited(TOY, stored, [Move(control("w", 1), torch.ones(1), absolute=True)])


def test_a_point_that_is_another_in_every_layer_is_moved_in_every_layer() -> None:
    w, layered, amounts = control("w", 1), control("w_plus", 2), torch.tensor([1.5, -0.5])
    of_w = TOY.advance(TOY.sample([1, 2]), "w")
    before = edited(TOY, of_w, [Move(w, amounts), Move(layered, amounts)])
    alike = Latent({"w_plus": TOY.advance(of_w, "w_plus").tensors["w_plus"]})
    after = edited(TOY, alike, [Move(w, amounts), Move(layered, amounts)])
    assert torch.equal(after.tensors["w_plus"], before.tensors["w_plus"])
    apart = Latent({"w_plus": torch.randn(2, 4, 10, generator=torch.Generator().manual_seed(3))})
    found = edited(TOY, apart, [Move(w, amounts)]).tensors["w_plus"]
    for layer in range(4):
        assert torch.equal(found[:, layer], w.move(apart.tensors["w_plus"][:, layer], amounts))
    assert torch.equal(edited(TOY, apart, [Move(w, torch.zeros(2))]).tensors["w_plus"], apart.tensors["w_plus"])


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


def test_values_are_read_where_the_picture_starts_and_not_after_the_other_edits() -> None:
    first, second = control("z", 1), control("z", 2)
    latent = TOY.sample([1, 2])
    start = latent.tensors["z"]
    assert second.place is not None
    goal = torch.tensor([1.5, -0.5], dtype=torch.float64)
    amount = second.place.amount_to(start, goal)
    by = torch.tensor([2.0, -1.0])
    expected = second.move(first.move(start, by), amount)
    found = edited(TOY, latent, [Move(first, by), Move(second, goal, absolute=True)]).tensors["z"]
    assert torch.equal(found, expected)
    # So the two may come in either order, though the directions are not orthogonal.
    other = edited(TOY, latent, [Move(second, goal, absolute=True), Move(first, by)]).tensors["z"]
    torch.testing.assert_close(other, found)
    alone = edited(TOY, latent, [Move(second, goal, absolute=True)]).tensors["z"]
    torch.testing.assert_close(second.place.value(alone), goal, atol=1e-5, rtol=0)
    # In a later space that is where the edits of the earlier ones have led.
    layered = LinearControl(ControlCard(name="l", space="w"), torch.ones(10))
    assert layered.place is not None
    mapped = TOY.advance(Latent({"z": first.move(start, by)}, latent.truncation_psi), "w").tensors["w"]
    moved = edited(TOY, latent, [Move(first, by), Move(layered, layered.place.value(mapped), absolute=True)])
    assert torch.equal(moved.tensors["w"], mapped)


def test_groups_are_made_in_the_order_in_which_they_begin() -> None:
    class Together(LinearControl):
        group = "one"

        def move_together(self, latent: Tensor, moves: Moves) -> Tensor:
            assert [move.control.card.name for move in moves] == ["a", "c"]
            return latent + 1.0

    def together(name: str) -> Together:
        return Together(ControlCard(name=name, space="z"), torch.zeros(10))

    alone = LinearControl(ControlCard(name="b", space="z"), torch.ones(10))
    turned = scaled(together("c"), -1.0)
    moves = [Move(together("a"), torch.ones(1)), Move(alone, torch.ones(1)), Move(turned, torch.ones(1))]
    groups = grouped(moves)
    assert [[move.control.card.name for move in group] for _, group in groups] == [["a", "c"], ["b"]]
    latent = TOY.sample([1])
    assert torch.equal(edited(TOY, latent, moves).tensors["z"], (latent.tensors["z"] + 1.0) + torch.ones(10))
    # Of another space it is another group, however the kinds call it.
    elsewhere = Together(ControlCard(name="d", space="w"), torch.zeros(10))
    assert len(grouped([*moves, Move(elsewhere, torch.ones(1))])) == 3


def test_where_a_picture_stands_depends_on_edits_of_earlier_spaces_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    z, w, other = control("z", 1), control("w", 2), control("w", 3)
    found = ControlSet(
        method="m",
        title="M",
        fingerprint=TOY.card.fingerprint,
        space="z",
        controls=(z, w, with_card(other, name="other")),
    )
    monkeypatch.setattr(Engine, "generator", lambda self, reference, progress=None: TOY)
    monkeypatch.setattr(Engine, "control_set", lambda self, model, ref: found)
    engine, model, ref = Engine(torch.device("cpu")), ModelRef(path="toy"), ControlSetRef(method="m")
    plain = engine.places(model, ref, Start(Seed(1)))
    same = engine.places(model, ref, Start(Seed(1)), (Edit("other", 2.0), Edit("w", 1.0)))
    moved = engine.places(model, ref, Start(Seed(1)), (Edit("z", 2.0),))
    assert plain == same
    assert moved["z"] == plain["z"]
    assert moved["w"] != plain["w"]
    assert w.place is not None
    mapped = TOY.advance(Latent({"z": z.move(TOY.sample([1]).tensors["z"], torch.full((1,), 2.0))}), "w").tensors["w"]
    assert moved["w"].value == pytest.approx(float(w.place.value(mapped)), abs=1e-5)


def test_the_value_that_a_direction_reads_is_the_identity_to_the_last_bit() -> None:
    w = control("z", 5)
    found = ControlSet(method="m", title="M", fingerprint="f", space="z", controls=(w,))
    latent = TOY.sample([1])
    assert w.place is not None
    standing = float(w.place.value(latent.tensors["z"]))  # a float64 that no float32 is equal to
    moved = edited(TOY, latent, found.moves([Edit("z", value=standing)])).tensors["z"]
    assert torch.equal(moved, latent.tensors["z"])
