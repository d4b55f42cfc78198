"""Weight directions: an amount of 1 is the other checkpoint, 0 this one, everywhere that pictures are made."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.comparison.calibration import alphas
from explorer.comparison.derive import derive
from explorer.controls import control_set as control_sets
from explorer.controls.base import WEIGHTS, Control, Move, WeightEdit
from explorer.controls.linear import LinearControl
from explorer.controls.weights import WeightsControl
from explorer.discovery import registry as methods
from explorer.engine.engine import Engine
from explorer.engine.turns import TakingTurns
from explorer.errors import ControlError, ModelError
from explorer.generators import registry
from explorer.generators.autoencoder_family import save_autoencoder
from explorer.generators.base import Generator, Latent, Reweightable
from explorer.generators.editing import edited, rendered
from explorer.generators.stylegan2 import save_stylegan2
from explorer.generators.stylegan2_network import NetworkConfig, StyleGAN2
from explorer.generators.vae_network import VaeConfig, VaeNetwork
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ControlCard, ModelCard, SpaceCard
from explorer.scene.model import (
    Blend,
    ControlSetRef,
    Edit,
    ModelRef,
    Quality,
    Seed,
    Start,
    StoredLatent,
    View,
)

CPU = torch.device("cpu")
METHOD = methods.method("weight_difference")
NETWORK = NetworkConfig(
    resolution=16, channels=(8, 6, 6), z_dim=6, w_dim=5, mapping_layers=2, mapping_width=7, picture_channels=3
)


def stylegan2(seed: int, config: NetworkConfig = NETWORK) -> StyleGAN2:
    """A generator whose every tensor depends on ``seed``, noise and the mean of w included."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = StyleGAN2(config)
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith(("noise_strength", "bias", "w_mean")):
                tensor.data = tensor.data + 0.3 * torch.randn(tensor.shape)
    return network


def vae(seed: int) -> VaeNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VaeNetwork(VaeConfig(size=8, widths=(4,), hidden=8, latents=3, channels=1))


def mlp(seed: int) -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 16)).state_dict()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Two checkpoints of each family, named after their seeds."""
    for seed in (0, 1):
        save_stylegan2(stylegan2(seed), tmp_path / f"gan{seed}")
        save_autoencoder(vae(seed), tmp_path / f"vae{seed}")
        torch.save(mlp(seed), tmp_path / f"mlp{seed}.pt")
    return tmp_path


def load(path: Path) -> Generator:
    return registry.load(str(path), CPU)


def discovered(generator: Generator, other: Path, k: int = 1, **more: str) -> tuple[Control, ...]:
    return METHOD.discover(generator, k, settings={"other": str(other), **more}).controls


def drawn(generator: Generator, latent: Latent, *moves: tuple[Control, float]) -> Tensor:
    amounts = [Move(control, torch.full((latent.batch,), amount)) for control, amount in moves]
    return rendered(generator, [(latent, amounts)], Quality())


FAMILIES = ("gan{}", "vae{}", "mlp{}.pt")


@pytest.mark.parametrize("named", FAMILIES)
def test_amount_one_is_the_other_checkpoint_and_zero_this_one(models: Path, named: str) -> None:
    own, other = load(models / named.format(0)), load(models / named.format(1))
    (whole,) = discovered(own, models / named.format(1))
    latent = own.sample([1, 2, 3], 0.6)
    before = own.render(latent, Quality())
    assert torch.equal(drawn(own, latent, (whole, 0.0)), before)
    theirs = other.render(other.sample([1, 2, 3], 0.6), Quality())
    assert float((theirs - before).abs().max()) > 0.05
    torch.testing.assert_close(drawn(own, latent, (whole, 1.0)), theirs, atol=1e-4, rtol=1e-4)
    assert torch.equal(own.render(latent, Quality()), before)  # the network itself never changes


@pytest.mark.parametrize("named", FAMILIES)
def test_an_amount_between_is_the_network_with_the_weights_between(models: Path, named: str) -> None:
    own, other = (cast(Reweightable, load(models / named.format(seed))) for seed in (0, 1))
    generator = cast(Generator, own)
    (whole,) = discovered(generator, models / named.format(1))
    mine, theirs = (
        {name: one for part in side.weight_parts().values() for name, one in part.items()} for side in (own, other)
    )
    for amount in (-0.7, 0.3, 1.6):
        view = cast(Reweightable, own.reweighted((WeightEdit(cast(WeightsControl, whole), amount),)))
        between = {name: one for part in view.weight_parts().values() for name, one in part.items()}
        for name, tensor in between.items():
            expected = mine[name].double() + amount * (theirs[name].double() - mine[name].double())
            torch.testing.assert_close(tensor.double(), expected, atol=1e-5, rtol=1e-5)
        latent = generator.sample([4])
        start = cast(Generator, view).render(latent, Quality())
        torch.testing.assert_close(drawn(generator, latent, (whole, amount)), start)


def test_the_parts_are_those_of_the_network_and_together_the_whole(models: Path) -> None:
    own = load(models / "gan0")
    found = discovered(own, models / "gan1", 9)
    names = [one.card.name for one in found]
    assert names == ["whole network", "mapping", "block 4 × 4", "block 8 × 8", "block 16 × 16"]
    latent = own.sample([5, 6], 0.5)
    together = drawn(own, latent, *((one, 1.0) for one in found[1:]))
    torch.testing.assert_close(together, drawn(own, latent, (found[0], 1.0)), atol=1e-5, rtol=1e-4)
    # The mapping alone: what the other's w, truncated around its mean, looks like here.
    other = load(models / "gan1")
    w = other.advance(latent, "w").tensors["w"]
    torch.testing.assert_close(
        drawn(own, latent, (found[1], 1.0)), own.render(Latent({"w": w}), Quality()), atol=1e-5, rtol=1e-4
    )
    order = [one.card.name for one in discovered(own, models / "gan1", 9, order="change")]
    assert set(order) == set(names)
    shares = {one.card.name: float(one.card.figure.rstrip("%")) for one in found}
    assert [shares[name] for name in order[1:]] == sorted((shares[name] for name in names[1:]), reverse=True)
    assert len(discovered(own, models / "gan1", 2)) == 2


def test_of_an_autoencoder_only_what_draws_changes(models: Path) -> None:
    names = [one.card.name for one in discovered(load(models / "vae0"), models / "vae1", 9)]
    assert names == ["whole network", "decoder 0", "decoder 2", "output"]


def test_a_point_behind_the_mapping_is_computed_anew_and_a_given_one_stays(models: Path) -> None:
    own, other = load(models / "gan0"), load(models / "gan1")
    (whole,) = discovered(own, models / "gan1")
    mapped = own.advance(own.sample([7], 0.5), "style")  # z, w, w_plus and style of this network
    theirs = other.render(other.sample([7], 0.5), Quality())
    torch.testing.assert_close(drawn(own, mapped, (whole, 1.0)), theirs, atol=1e-4, rtol=1e-4)
    alone = Latent({"w": mapped.tensors["w"]})
    torch.testing.assert_close(drawn(own, alone, (whole, 1.0)), other.render(alone, Quality()), atol=1e-4, rtol=1e-4)


def test_mixed_edits_keep_their_order(models: Path) -> None:
    own, other = load(models / "gan0"), load(models / "gan1")
    (whole,) = discovered(own, models / "gan1")
    step = LinearControl(ControlCard(name="d", space="w"), torch.ones(5) / 2)
    seeds = [11, 12, 13, 14]
    latent = own.sample(seeds, 0.8)
    amounts = torch.tensor([0.0, 1.0, 0.0, -0.5]), torch.tensor([1.5, -1.0, 0.0, 0.0])
    plain = own.sample([15], 0.8)
    together = rendered(
        own,
        [
            (latent, [Move(whole, amounts[0]), Move(step, amounts[1])]),
            (plain, []),
            (latent, [Move(whole, amounts[0])]),
        ],
        Quality(),
    )
    assert together.shape[0] == 9
    for row in range(4):
        one = own.sample([seeds[row]], 0.8)
        for place, second in ((row, float(amounts[1][row])), (5 + row, 0.0)):
            alone = drawn(own, one, (whole, float(amounts[0][row])), (step, second))
            torch.testing.assert_close(together[place : place + 1], alone, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together[4:5], own.render(plain, Quality()), atol=1e-5, rtol=1e-4)
    # The move of the point is made with the other weights: in their w.
    moved = edited(other, other.sample([12], 0.8), [Move(step, torch.tensor([-1.0]))])
    torch.testing.assert_close(together[1:2], other.render(moved, Quality()), atol=1e-4, rtol=1e-4)


# A network in closed form


class Plain:
    """x = W z + b of two numbers to a picture of 4, and θ = (W, b) can be changed."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.device = CPU
        self.weight, self.bias = weight, bias
        self.card = ModelCard(
            name="plain", family="plain", path="", output=IMAGE.card((1, 2, 2)), fingerprint="2" * 64,
            spaces={"z": SpaceCard(shape=(2,), prior="normal")}, capabilities=("weights",),
        )  # fmt: skip
        self.asked = 0

    def sample(self, seeds: list[int], truncation_psi: float = 1.0) -> Latent:
        rows = [torch.randn(2, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return Latent({"z": torch.stack(rows) * truncation_psi})

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        return (latent.tensors["z"] @ self.weight.T + self.bias).reshape(-1, 1, 2, 2)

    def reweighted(self, edits: tuple[WeightEdit, ...]) -> Plain:
        self.asked += 1
        weight, bias = self.weight, self.bias
        for edit in edits:
            changes = edit.control.weight_changes(edit.amount)
            weight, bias = weight + changes["weight"], bias + changes["bias"]
        return Plain(weight, bias)


def plain() -> tuple[Plain, WeightsControl]:
    source = torch.Generator().manual_seed(0)
    weight, more = (torch.randn(4, 2, generator=source) / 4 for _ in range(2))
    bias, other = (torch.randn(4, generator=source) / 4 for _ in range(2))
    card = ControlCard(name="c", space=WEIGHTS, low=-1.0, high=2.0)
    return Plain(weight, bias), WeightsControl(card, {"weight": more, "bias": other})


def test_a_linear_network_in_closed_form() -> None:
    generator, control = plain()
    latent = generator.sample([1, 2, 3, 4, 5])
    amounts = torch.tensor([-1.0, 0.0, 0.5, 1.0, 0.0])
    pictures = rendered(generator, [(latent, [Move(control, amounts)])], Quality())
    z = latent.tensors["z"]
    for row, amount in enumerate(amounts):
        weight = generator.weight + amount * control.change["weight"]
        bias = generator.bias + amount * control.change["bias"]
        torch.testing.assert_close(pictures[row].flatten(), weight @ z[row] + bias)
    assert torch.equal(pictures[[1, 4]], generator.render(Latent({"z": z[[1, 4]]}), Quality()))
    assert generator.asked == 3  # one network an amount that is not 0


def test_calibrated_steps_in_closed_form() -> None:
    """The change is α (ΔW z + Δb), so its mean root mean square is linear in α."""
    generator, control = plain()
    bases, tau = generator.sample(list(range(16))), 0.04
    per_unit = (bases.tensors["z"] @ control.change["weight"].T + control.change["bias"]).square().mean(1).sqrt() / 2
    (alpha,) = alphas(cast(Generator, generator), [control], bases, tau, Quality())
    assert alpha == pytest.approx(tau / float(per_unit.mean()), rel=0.01)


# The engine


@pytest.fixture
def engine(models: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.chdir(models)
    return Engine(CPU)


def ref(other: str = "gan1", **more: object) -> ControlSetRef:
    return ControlSetRef(method="weight_difference", k=3, settings=(("other", other),), **more)  # type: ignore[arg-type]


def view(*edits: Edit, model: str = "gan0", seed: int = 3, controls: ControlSetRef | None = None) -> View:
    return View(
        model=ModelRef(path=model),
        start=Start(Seed(seed), 0.7),
        controls=controls or ref(),
        edits=edits,
    )


def apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def test_a_pane_with_other_weights_beside_one_without(engine: Engine) -> None:
    whole = Edit("whole network", 1.0)
    sefa = ControlSetRef(method="sefa", k=2)
    step = Edit(engine.control_set(ModelRef(path="gan0"), sefa).controls[0].card.name, 2.0)
    views = [view(), view(whole), view(step, controls=sefa), view(whole, seed=4), view(Edit("mapping", -0.5))]
    pictures = engine.render(views)
    assert [one.batch for one in pictures] == [2, 2, 2, 2, 1]
    theirs = engine.render([view(model="gan1"), view(model="gan1", seed=4)])
    assert apart(pictures[1].bgrx, theirs[0].bgrx) <= 1
    assert apart(pictures[3].bgrx, theirs[1].bgrx) <= 1
    assert apart(pictures[0].bgrx, pictures[1].bgrx) > 10
    alone = Engine(CPU)
    for one, picture in zip(views, pictures, strict=True):
        assert apart(alone.render([one])[0].bgrx, picture.bgrx) <= 1
    # After the weights were changed, the origin is still mapped by the network itself.
    assert np.array_equal(engine.render([view()], exact=True)[0].bgrx, alone.render([view()], exact=True)[0].bgrx)


def test_every_origin_starts_with_the_other_weights(engine: Engine, models: Path) -> None:
    w = load(models / "gan0").advance(load(models / "gan0").sample([8]), "w").tensors["w"][0]
    stored = StoredLatent(space="w", shape=(5,), data=w.numpy().astype("<f4").tobytes())
    origins = (stored, Blend((Seed(1), Seed(2)), (0.5, 0.5)), Blend((Seed(1), stored), (0.5, 0.5), "lerp"))
    for origin in origins:
        here, there = (
            View(model=ModelRef(path=model), start=Start(origin, 0.7), controls=ref(), edits=edits)
            for model, edits in (("gan0", (Edit("whole network", 1.0),)), ("gan1", ()))
        )
        assert apart(*(one.bgrx for one in engine.render([here, there]))) <= 1


def test_units_of_equal_effect_and_matching_work_with_weights(engine: Engine) -> None:
    model = ModelRef(path="gan0")
    found = engine.control_set(model, ref(units="effect", tau=0.03))
    assert {one.kind for one in found.controls} == {"weights"}
    assert {one.card.unit for one in found.controls} == {"τ"}
    generator = engine.generator(model)
    bases = generator.sample(list(range(40, 72)))
    base = generator.render(bases, Quality())
    moved = [IMAGE.distance(drawn(generator, bases, (found.controls[0], sign)), base).mean() for sign in (1.0, -1.0)]
    assert float(sum(moved) / 2) == pytest.approx(0.03, rel=0.25)  # other points than it was calibrated on
    turned = derive(found, ref(units="effect", tau=0.03, like=ref()), generator, lambda one: found)
    assert turned.controls[0].card.name == found.controls[0].card.name


def test_long_work_takes_turns_with_other_weights_too(engine: Engine) -> None:
    shared = engine.shared(ModelRef(path="gan0"))
    control = engine.control_set(ModelRef(path="gan0"), ref()).controls[0]
    made = cast(Reweightable, shared).reweighted((WeightEdit(cast(WeightsControl, control), 1.0),))
    assert isinstance(made, TakingTurns)


def test_a_set_of_another_network_is_refused_in_one_sentence(engine: Engine, models: Path) -> None:
    found = METHOD.discover(load(models / "gan0"), 1, settings={"other": str(models / "gan1")})
    control_sets.save(found, models / "w.safetensors")
    edit = Edit("whole network", 1.0)
    theirs = ControlSetRef(path=str(models / "w.safetensors"))
    assert apart(*(one.bgrx for one in engine.render([view(edit, controls=theirs), view(edit)]))) == 0
    with pytest.raises(ControlError, match="another generator"):
        engine.render([view(edit, model="gan1", controls=theirs)])


# What is refused


def test_other_checkpoints_that_do_not_fit(models: Path) -> None:
    own = load(models / "gan0")
    wider = NetworkConfig(**{**NETWORK.to_dict(), "mapping_width": 9, "channels": (8, 6, 6)})
    save_stylegan2(stylegan2(2, wider), models / "wide")
    larger = NetworkConfig(**{**NETWORK.to_dict(), "resolution": 32, "channels": (8, 6, 6, 4)})
    save_stylegan2(stylegan2(2, larger), models / "large")
    save_stylegan2(stylegan2(0), models / "again")
    (models / "again" / "config.json").write_text((models / "gan0" / "config.json").read_text() + "\n")
    for other, words in (
        ("", "name that as 'other'"),
        ("vae1", "of the family VAE and 'gan0' of StyleGAN2"),
        ("gan0", "is the model 'gan0' itself"),
        ("again", "'again' has the same weights as 'gan0'"),
        ("wide", r"'mapping.layers.0.weight' has shape \(9, 6\), that of 'gan0' has shape \(7, 6\)"),
        ("large", "'blocks.3.*, that of 'gan0' is missing"),
    ):
        with pytest.raises(ControlError, match=words):
            METHOD.discover(own, 1, settings={"other": str(models / other) if other else ""})
    with pytest.raises(ModelError, match="does not exist"):
        discovered(own, models / "nowhere")


def test_a_file_of_the_folder_will_do_and_progress_is_heard(models: Path) -> None:
    own, heard = load(models / "gan0"), []
    settings = {"other": str(models / "gan1" / "model.safetensors")}
    found = METHOD.discover(own, 1, settings=settings, progress=heard.append)
    assert found.space == WEIGHTS
    found.check(own.card)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    with pytest.raises(ControlError, match="0 controls"):
        METHOD.discover(own, 0, settings=settings)


def test_models_without_weights_to_change_are_refused(models: Path) -> None:
    toy = ModelCard(
        name="toy",
        family="toy",
        path="",
        output=IMAGE.card((1, 2, 2)),
        spaces={"z": SpaceCard(shape=(2,))},
        fingerprint="0",
    )
    assert "those of 'toy' cannot" in METHOD.refusal(toy)
    assert METHOD.refusal(load(models / "vae0").card) == ""
