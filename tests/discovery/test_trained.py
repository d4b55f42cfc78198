"""The loop of the trained methods: the same bits after an interruption, previews, and numbers that are not finite."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mutations import mutations
from torch import Tensor, nn
from toys import ToyGenerator

from explorer import keeping
from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery import base, trained
from explorer.discovery.base import Watch
from explorer.discovery.random_orthogonal import RandomOrthogonal
from explorer.discovery.request import Request
from explorer.discovery.trained import GOOD_EVERY, Learned, learn
from explorer.errors import Cancelled, ControlError
from explorer.generators.base import Progress
from explorer.scene.cards import ControlCard

GENERATOR = ToyGenerator()
Loss = Callable[[int, torch.Generator], tuple[Tensor, dict[str, float]]]


class Bowl(nn.Module):
    """A point that rolls to 3, pushed by chance."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(10))

    def loss(self, step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        noise = torch.randn(10, generator=source)
        value = (self.place - 3 + noise).square().mean()
        return value, {"loss": float(value.detach())}

    def control(self) -> list[Control]:
        return [LinearControl(ControlCard(name="place", space="w"), self.place.detach().clone())]


def _asked(progress: Progress | None = None, seed: int = 0) -> Request:
    return RandomOrthogonal().begin(GENERATOR, 1, seed, None, progress)


def _learnt(
    progress: Progress | None = None,
    steps: int = 40,
    seed: int = 0,
    loss: Callable[[Bowl], Loss] = lambda bowl: bowl.loss,
    schedule: Callable[[int], float] | None = None,
    clip: float | None = None,
) -> tuple[Bowl, Learned]:
    bowl = Bowl()
    optimiser = torch.optim.Adam(bowl.parameters(), lr=0.1)
    end = learn(_asked(progress, seed), (bowl,), optimiser, loss(bowl), steps, bowl.control, schedule, clip=clip)
    assert optimiser.param_groups[0]["lr"] == 0.1  # whatever the schedule did
    return bowl, end


def _stopped(checkpoint: Path, at: float, **rest: object) -> None:
    """A search that is cancelled when the finished share reaches ``at``."""

    def stop(share: float) -> None:
        if share >= at:
            raise Cancelled

    with pytest.raises(Cancelled):
        _learnt(Watch(stop, checkpoint=checkpoint), **rest)  # type: ignore[arg-type]


def test_it_learns_and_reports_every_step() -> None:
    shares: list[float] = []
    bowl, end = _learnt(shares.append, steps=200)
    assert float((bowl.place.detach() - 3).abs().max()) < 0.7
    assert (end.steps, end.wanted, end.note) == (200, 200, "")
    assert shares == [step / 200 for step in range(201)]
    assert 0.5 < end.losses["loss"] < 2  # the noise's variance is left


def test_its_chance_is_the_seeds_and_not_the_worlds() -> None:
    state = torch.random.get_rng_state()
    first, _ = _learnt()
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(7)
    assert torch.equal(_learnt()[0].place, first.place)
    assert not torch.equal(_learnt(seed=1)[0].place, first.place)


@pytest.mark.parametrize("schedule", [None, lambda step: 0.9**step], ids=["steady", "falling rate"])
@pytest.mark.parametrize("at", [0.025, 0.5, 0.975])
def test_an_interrupted_search_goes_on_to_the_same_bits(
    at: float, schedule: Callable[[int], float] | None, tmp_path: Path
) -> None:
    whole, whole_end = _learnt(schedule=schedule)
    checkpoint = tmp_path / "search.pt"
    _stopped(checkpoint, at, schedule=schedule)
    assert checkpoint.is_file()
    shares: list[float] = []
    again, end = _learnt(Watch(shares.append, checkpoint=checkpoint), schedule=schedule)
    assert shares[0] == at  # it does not begin anew
    assert torch.equal(again.place, whole.place)
    assert end == whole_end
    assert not checkpoint.exists()


def test_a_gradient_is_no_longer_than_asked_for() -> None:
    """Of all modules together; one that is short enough stays as it is."""
    bowls = Bowl(), Bowl()
    optimiser = torch.optim.SGD([one.place for one in bowls], lr=1.0)
    seen: list[Tensor] = []

    def loss(step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        seen.append(torch.cat([one.place.detach().clone() for one in bowls]))
        length = 50.0 if step == 0 else 0.1
        return length * (0.6 * bowls[0].place[0] + 0.8 * bowls[1].place[1]), {}

    learn(_asked(), bowls, optimiser, loss, 3, list, clip=2.0)
    steps = torch.stack(seen).diff(dim=0)
    torch.testing.assert_close(steps.norm(dim=1), torch.tensor([2.0, 0.1]))
    torch.testing.assert_close(-steps[0][[0, 11]], torch.tensor([1.2, 1.6]))


def test_a_search_may_be_interrupted_more_than_once(tmp_path: Path) -> None:
    for at in (0.25, 0.3, 0.8):
        _stopped(tmp_path / "search.pt", at)
    again, _ = _learnt(Watch(checkpoint=tmp_path / "search.pt"))
    assert torch.equal(again.place, _learnt()[0].place)


def test_a_search_cancelled_before_its_first_step_leaves_nothing(tmp_path: Path) -> None:
    _stopped(tmp_path / "search.pt", 0.0)
    assert not list(tmp_path.iterdir())


def test_checkpoints_are_also_written_on_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that loses its power raises nothing."""
    monkeypatch.setattr(trained, "CHECKPOINT_EVERY", 0.0)
    checkpoint, seen = tmp_path / "search.pt", []

    def look(share: float) -> None:
        seen.append(checkpoint.is_file())
        if share == 0.5:
            (tmp_path / "copy.pt").write_bytes(checkpoint.read_bytes())

    whole, _ = _learnt(Watch(look, checkpoint=checkpoint))
    assert seen == [False, *[True] * 40]
    assert not checkpoint.exists()
    shares: list[float] = []
    again, _ = _learnt(Watch(shares.append, checkpoint=tmp_path / "copy.pt"))
    assert shares[0] == 0.5
    assert torch.equal(again.place, whole.place)


@pytest.mark.parametrize("other", [{"seed": 1}, {"steps": 39}])
def test_the_checkpoint_of_another_search_is_ignored(other: dict[str, int], tmp_path: Path) -> None:
    _stopped(tmp_path / "search.pt", 0.5)
    shares: list[float] = []
    found, _ = _learnt(Watch(shares.append, checkpoint=tmp_path / "search.pt"), **other)  # type: ignore[arg-type]
    assert shares[0] == 0.0
    assert torch.equal(found.place, _learnt(**other)[0].place)  # type: ignore[arg-type]


def test_a_broken_checkpoint_is_ignored(tmp_path: Path) -> None:
    checkpoint = tmp_path / "search.pt"
    _stopped(checkpoint, 0.5)
    whole, contents = _learnt()[0], checkpoint.read_bytes()
    torch.save(torch.zeros(3), tmp_path / "foreign.pt")
    foreign = (tmp_path / "foreign.pt").read_bytes()
    for broken in (b"", b"no checkpoint", contents[: len(contents) // 2], contents[:100], foreign):
        checkpoint.write_bytes(broken)
        shares: list[float] = []
        assert torch.equal(_learnt(Watch(shares.append, checkpoint=checkpoint))[0].place, whole.place)
        assert shares[0] == 0.0
        assert not checkpoint.exists()


def test_a_damaged_checkpoint_changes_nothing(tmp_path: Path) -> None:
    """Whatever the damage, the search begins anew and ends at the same bits."""
    checkpoint = tmp_path / "search.pt"
    _stopped(checkpoint, 0.5, steps=6)
    whole, contents = _learnt(steps=6)[0], checkpoint.read_bytes()
    for damaged in mutations(contents, 300):
        checkpoint.write_bytes(damaged)
        shares: list[float] = []
        again, end = _learnt(Watch(shares.append, checkpoint=checkpoint), steps=6)
        assert shares[0] == 0.0
        assert torch.equal(again.place, whole.place)
        assert end.steps == 6
        assert not checkpoint.exists()


def test_a_checkpoint_executes_nothing(tmp_path: Path) -> None:
    """A pickle that would make a file when it is loaded does not make it."""
    made = tmp_path / "made"

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (made,)

    written = io.BytesIO()
    torch.save({"asked": Trap()}, written)
    keeping.keep(tmp_path / "search.pt", written.getvalue(), trained.KEPT_AS)
    shares: list[float] = []
    _learnt(Watch(shares.append, checkpoint=tmp_path / "search.pt"))
    assert shares[0] == 0.0
    assert not made.exists()


def test_previews_show_what_is_found_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "PREVIEW_EVERY", 0.0)
    seen: list[ControlSet] = []
    bowl, _ = _learnt(Watch(preview=seen.append))
    assert len(seen) == 40
    assert {one.note for one in seen} == {"Still searching."}
    places = torch.stack([one.controls[0].tensors()["direction"] for one in seen])
    assert torch.equal(places[-1], bowl.place.detach())
    assert float((places[0] - 3).norm()) > 2 * float((places[-1] - 3).norm())
    monkeypatch.setattr(base, "PREVIEW_EVERY", 60.0)
    seen.clear()
    assert torch.equal(_learnt(Watch(preview=seen.append))[0].place, bowl.place)
    assert not seen


def _breaks_at(breaking: int, how: str) -> Callable[[Bowl], Loss]:
    def make(bowl: Bowl) -> Loss:
        def loss(step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
            value, figures = bowl.loss(step, source)
            if step == breaking:
                # The root's slope is infinite at 0, so the loss is finite and its gradient is not.
                value = value * float("nan") if how == "loss" else value + (bowl.place * 0).sqrt().sum()
            return value, figures

        return loss

    return make


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_a_number_that_is_not_finite_ends_it_at_the_last_good_state(how: str, tmp_path: Path) -> None:
    broken, end = _learnt(
        Watch(checkpoint=tmp_path / "search.pt"), steps=GOOD_EVERY + 30, loss=_breaks_at(GOOD_EVERY + 20, how)
    )
    assert (end.steps, end.wanted) == (GOOD_EVERY, GOOD_EVERY + 30)
    assert f"step {GOOD_EVERY + 21} of {GOOD_EVERY + 30}" in end.note
    assert f"step {GOOD_EVERY}." in end.note
    assert torch.equal(broken.place, _learnt(steps=GOOD_EVERY)[0].place)
    assert not (tmp_path / "search.pt").exists()


def test_a_step_out_of_all_numbers_ends_it_even_if_it_is_the_last() -> None:
    last = 2 * GOOD_EVERY - 1
    broken, end = _learnt(steps=last + 1, schedule=lambda step: math.inf if step == last else 1.0)
    assert end.steps == GOOD_EVERY
    assert f"Stopped at step {last + 1}" in end.note
    assert torch.equal(broken.place, _learnt(steps=GOOD_EVERY)[0].place)


@pytest.mark.parametrize("breaking", [0, GOOD_EVERY - 1])
def test_without_a_good_state_it_is_refused(breaking: int) -> None:
    with pytest.raises(ControlError, match=rf"step {breaking + 1} of 60.*smaller learning rate"):
        _learnt(steps=60, loss=_breaks_at(breaking, "loss"))
