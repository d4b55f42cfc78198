"""Changes of weights: their laws, their files, and networks that share what does not change."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from toys import trajectory

from explorer.controls import control_set
from explorer.controls.base import WEIGHTS, Control, WeightChange, WeightEdit, with_card
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.controls.scaled import ScaledControl, scaled
from explorer.controls.weights import WeightsControl
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.generators.weights import WeightViews, changed, summed
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ControlCard, ModelCard, SpaceCard

AMOUNT = st.floats(-10, 10, width=32)


def card(name: str = "c") -> ControlCard:
    return ControlCard(name=name, space=WEIGHTS, unit="Δθ", low=-1.0, high=2.0)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def some(seed: int = 0, name: str = "c") -> WeightsControl:
    return WeightsControl(card(name), {"0.weight": normal(seed, 3, 2), "0.bias": normal(seed + 1, 3)})


def network() -> nn.Sequential:
    """(B, 2) → (B, 4), with a batch norm, whose statistics are buffers."""
    made = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 4)).eval().requires_grad_(False)
    for seed, tensor in enumerate(one for one in made.state_dict().values() if one.is_floating_point()):
        tensor.copy_(normal(seed, *tensor.shape).abs() + 0.1)
    return made


# The control


@settings(max_examples=30, deadline=None)
@given(AMOUNT, AMOUNT)
def test_changes_are_proportional_and_add_up(first: float, second: float) -> None:
    control, other = some(0), some(5)
    total = summed((WeightEdit(control, first), WeightEdit(other, second)))
    for name in control.change:
        expected = first * control.change[name] + second * other.change[name]
        torch.testing.assert_close(total.get(name, torch.zeros_like(expected)), expected, atol=1e-5, rtol=1e-5)
    assert control.weight_changes(0.0) == {}
    assert isinstance(control, Control)
    assert isinstance(control, WeightChange)
    assert not isinstance(LinearControl(ControlCard(name="c", space="z"), torch.ones(2)), WeightChange)


def test_no_point_moves() -> None:
    latent = normal(1, 2, 5)
    assert torch.equal(some().move(latent, torch.tensor([3.0, -1.0])), latent)
    assert torch.equal(trajectory(some(), latent, torch.tensor([0.0, 2.0, 3.0])), latent.expand(3, 2, 5))
    assert "no point" in some().misfit(SpaceCard(shape=(5,)))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([-1.0, 0.1, 2.5]), AMOUNT)
def test_scaled_it_stays_a_change_of_weights(factor: float, amount: float) -> None:
    made = scaled(scaled(some(), factor, unit="τ"), 2.0)
    assert isinstance(made, WeightsControl)
    assert (made.card.unit, made.card.low, made.card.high) == ("τ", *sorted((-0.5 / factor, 1.0 / factor)))
    for name, tensor in made.weight_changes(amount).items():
        torch.testing.assert_close(tensor, some().change[name] * (2 * factor * amount))
    with pytest.raises(ValueError, match="factor of its own"):
        ScaledControl(card(), some(), 2.0)


def test_what_changes_no_weights_is_refused() -> None:
    tensor = {"a": torch.ones(2)}
    for make, words in (
        (lambda: WeightsControl(ControlCard(name="c", space="z"), tensor), "in the space 'z'"),
        (lambda: WeightsControl(card(), {}), "no weights"),
        (lambda: WeightsControl(card(), {"a": torch.ones(2, dtype=torch.int64)}), "int64 for 'a'"),
        (lambda: WeightsControl(card(), tensor, 0.0), "factor of 0"),
        (lambda: WeightsControl(card(), tensor, float("inf")), "factor of inf"),
        (lambda: WeightsControl.restore(card(), tensor, {"factor": 1}), "factor of 1"),
    ):
        with pytest.raises(ValueError, match=words):
            make()
    with pytest.raises(KeyError):
        WeightsControl.restore(card(), tensor, {})


def found(*controls: Control) -> ControlSet:
    return ControlSet(method="m", title="M", fingerprint="f" * 64, space=WEIGHTS, controls=controls)


def model(*capabilities: str) -> ModelCard:
    spaces = {"z": SpaceCard(shape=(2,), prior="normal")}
    return ModelCard(
        name="n", family="f", path="", output=IMAGE.card((1, 2, 2)), spaces=spaces, fingerprint="f" * 64,
        capabilities=capabilities,
    )  # fmt: skip


def test_a_file_keeps_it(tmp_path: Path) -> None:
    kept = found(with_card(scaled(some(), -0.25), name="away"), some(3, "b"))
    control_set.save(kept, tmp_path / "w.safetensors")
    again = control_set.load(tmp_path / "w.safetensors")
    again.check(model("weights"))
    for one, other in zip(kept.controls, again.controls, strict=True):
        assert isinstance(one, WeightsControl)
        assert isinstance(other, WeightsControl)
        assert one.card == other.card
        assert one.factor == other.factor
        assert set(one.change) == set(other.change)
        assert all(torch.equal(one.change[name], other.change[name]) for name in one.change)


def test_a_set_fits_models_whose_weights_can_change() -> None:
    found(some()).check(model("weights"))
    with pytest.raises(ControlError, match="those of 'n' cannot be changed"):
        found(some()).check(model())
    with pytest.raises(ControlError, match="one of kind 'linear' moves points"):
        found(LinearControl(card(), torch.ones(2))).check(model("weights"))


# Networks


def test_a_changed_network_shares_everything_else() -> None:
    own = network()
    before = {name: one.clone() for name, one in own.state_dict().items()}
    changes = {"0.weight": normal(7, 3, 2), "1.running_mean": normal(8, 3)}
    with torch.inference_mode():
        other = changed(own, changes)
    assert {
        name for name, one in other.state_dict().items() if one.data_ptr() != own.state_dict()[name].data_ptr()
    } == {
        "0.weight",
        "1.running_mean",
    }
    assert set(dict(other.named_parameters())) == set(dict(own.named_parameters()))
    for name, tensor in own.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert torch.equal(other.state_dict()[name], tensor + changes.get(name, torch.zeros_like(tensor)))
    x = normal(9, 4, 2).requires_grad_()
    other(x).sum().backward()  # made in inference mode, it still can be differentiated through
    assert x.grad is not None
    for wrong, words in (({"9.weight": torch.ones(2)}, "'9.weight' is not there"), ({"0.bias": torch.ones(4)}, "(4,)")):
        with pytest.raises(ValueError) as raised:  # noqa: PT011
            changed(own, wrong)
        assert words in str(raised.value)


class Shown:
    """What a view of a network is here: the network itself."""

    def __init__(self, of: nn.Module) -> None:
        self.network = of


def built(of: nn.Module) -> Generator:
    return Shown(of)  # type: ignore[return-value]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=30), st.integers(0, 120))
def test_the_newest_copies_are_kept_within_a_bound(asked: list[int], limit: int) -> None:
    views: WeightViews[nn.Sequential] = WeightViews(limit)
    own, control = network(), some()
    one_copy = sum(tensor.nbytes for tensor in control.change.values())  # 36 bytes
    recent: list[int] = []
    for amount in asked:
        edits = (WeightEdit(control, float(amount)),)
        first = views.view(edits, own, "n", built)
        assert views.view(edits, own, "n", built) is first
        recent = [*(one for one in recent if one != amount), amount][-max(1, limit // one_copy) :]
        assert views.size_bytes == len(recent) * one_copy
    kept = [
        views.view((WeightEdit(control, float(amount)),), own, "n", lambda of: pytest.fail("made again"))
        for amount in recent
    ]
    assert len(set(map(id, kept))) == len(recent)


def test_a_change_that_does_not_fit_is_one_sentence() -> None:
    views: WeightViews[nn.Sequential] = WeightViews()
    with pytest.raises(ControlError, match=r"does not fit 'n': the tensor '5\.weight' is not there"):
        views.view((WeightEdit(WeightsControl(card(), {"5.weight": torch.ones(2)}), 1.0),), network(), "n", built)
