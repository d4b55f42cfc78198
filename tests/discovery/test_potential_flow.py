"""Potential flows: networks side by side, what they are trained with, and the search."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor
from toys import ToyDiffusion, ToyGenerator

from explorer.controls.control_set import ControlSet, load, save
from explorer.controls.field import FieldControl
from explorer.discovery import potential_search, shift_predictor
from explorer.discovery.base import Watch
from explorer.discovery.potential_flow import METHOD, PotentialFlow
from explorer.discovery.potential_losses import EQUATIONS, QUICKEST, SLOWEST, Equation, change_gained, rollout
from explorer.discovery.potential_search import PotentialSearch, begun
from explorer.errors import Cancelled, ControlError
from explorer.fields.potential_bank import PotentialBank
from explorer.generators.base import Latent
from explorer.numerics.flow_equations import hamilton_jacobi, heat, wave
from explorer.numerics.integrators import integrate
from explorer.numerics.randomness import seeded
from explorer.scene.model import Quality, Scalar

K, WIDTH, STEPS = 3, 10, 3
QUICK: dict[str, Scalar] = {"steps": 4, "batch": 4, "timesteps": 2 * STEPS}


@pytest.fixture(autouse=True)
def fewer_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examination at the end would take longer than the rest of a test."""
    monkeypatch.setattr(shift_predictor, "HELD_OUT", 64)


def _normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _bank(bounded: bool = True, timed: bool = True) -> PotentialBank:
    return PotentialBank(K, WIDTH, bounded, timed, 0, 1).double()


def _flows(found: ControlSet) -> list[FieldControl]:
    return [one for one in found.controls if isinstance(one, FieldControl)]


def _figures(found: ControlSet) -> list[float]:
    return [float(one.card.figure.removesuffix("%")) / 100 for one in found.controls]


def _search(settings: dict[str, Scalar], generator: ToyGenerator | None = None) -> PotentialSearch:
    generator = generator or ToyGenerator()
    asked = METHOD.begin(generator, K, 0, QUICK | settings, None)
    return begun(asked, generator, asked.text("compat") == "released")


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("bounded", [True, False])
def test_each_network_is_the_field_that_is_kept_of_it(bounded: bool, timed: bool) -> None:
    bank, z, time = _bank(bounded, timed), _normal(0, K, 5, WIDTH), _normal(1, K, 5).abs()
    sigma, which = 0.7, torch.tensor([2, 0, 2, 1])
    for index in range(K):
        field = bank.field(index, sigma, (0.0, 4.0) if timed else None)
        value, velocity = (
            bank.networks().potential(z, time)[index],
            bank.networks().velocity(z, time)[index],
        )
        torch.testing.assert_close(field.potential(sigma * z[index], time[index]), value)
        torch.testing.assert_close(field.velocity(sigma * z[index], time[index]), velocity / sigma)
        assert not any(tensor.requires_grad for tensor in field.tensors().values())
    own = bank.networks(which).velocity(z[which], time[which])
    torch.testing.assert_close(own, bank.networks().velocity(z, time)[which])


def test_networks_begin_from_the_seed_as_linear_layers_do() -> None:
    one, same, other = (PotentialBank(K, 100, True, True, seed, 1) for seed in (0, 0, 1))
    for weight, again, different in zip(one.weights, same.weights, other.weights, strict=True):
        assert torch.equal(weight, again)
        assert not torch.equal(weight, different)
        assert 0.097 < float(weight.detach().abs().max()) <= 0.1


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_equation_is_asked_at_points_between_the_steps(name: str) -> None:
    bank, which = _bank(), torch.tensor([2, 0, 2, 1])
    equation = Equation(name, False, K, WIDTH, 0).double()
    if equation.raw_speed is not None:
        with torch.no_grad():
            equation.raw_speed += torch.tensor([-1.0, 0.0, 2.0])
    way = rollout(bank.networks(which), _normal(2, 4, 1, WIDTH), STEPS)
    left = equation.residual(which, way, seeded(0, 0))
    later, found = torch.rand(4, STEPS, generator=seeded(0, 0)).double(), []
    for row, index in enumerate(which.tolist()):
        field, z = bank.field(index, 1.0, (0.0, 3.0)), way.points[0][row]
        for number in range(STEPS):
            xi = later[row, number : number + 1]
            velocity = field.velocity(z, torch.tensor([float(number)]).double())
            at, time = z + xi * velocity, number + xi
            if equation.force is not None:
                force = equation.force.field(index, 1.0, (0.0, 3.0))
                found.append(hamilton_jacobi(field, at, time, force.potential(at, time)))
            else:
                found.append((wave if name == "wave" else heat)(field, at, time, equation.speed()[index : index + 1]))
            z = z + velocity
    torch.testing.assert_close(left, torch.stack(found).square().mean())


@pytest.mark.parametrize("name", ["wave", "hamilton_jacobi"])
def test_released_losses_are_those_of_the_authors_program(name: str) -> None:
    """Their loop, with double backward passes: one potential and one time for the batch."""
    bank, which, batch = _bank(), torch.tensor([1]), 6
    equation = Equation(name, True, K, WIDTH, 0).double()
    if equation.raw_speed is not None:
        with torch.no_grad():
            equation.raw_speed += torch.tensor([0.3, -0.4, 0.0])
    field, force = bank.field(1, 1.0, (0.0, 9.0)), None
    if equation.force is not None:
        force = equation.force.field(1, 1.0, (0.0, 9.0))
    z, total = _normal(3, batch, WIDTH), torch.zeros(())
    start, rest = z, torch.zeros(())
    for number in range(STEPS):
        z = z.clone().requires_grad_()
        t = number * torch.ones(1, 1, dtype=torch.float64, requires_grad=True)
        u = field.potential(z, t.expand(batch, 1)[:, 0])[:, None]
        u_t = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
        u_z = torch.autograd.grad(u.sum(), z, create_graph=True)[0]
        if force is None:
            u_tt = torch.autograd.grad(u_t.sum(), t, create_graph=True)[0]
            u_zz = torch.autograd.grad(u_z.sum(), z, create_graph=True)[0]
            left = u_tt - (equation.speed()[1] ** 2) * u_zz
        else:
            left = u_t + 0.5 * torch.mean(u_z**2) + force.potential(z, t.expand(batch, 1)[:, 0])[:, None] ** 2
        if number == 0:
            rest = torch.mean(torch.square(u_z))
            if force is not None:
                rest = rest + torch.mean(torch.square(force.potential(z, torch.zeros(batch, dtype=torch.float64))))
        total = total + torch.mean(torch.square(left)) / STEPS
        z = z + u_z
    way = rollout(bank.networks(which), start[None], STEPS)
    torch.testing.assert_close(way.points[-1][0], z, rtol=0, atol=1e-10)
    torch.testing.assert_close(equation.residual(which, way, seeded(0, 0)), total, rtol=0, atol=1e-6)
    torch.testing.assert_close(equation.at_rest(which, way), rest, rtol=0, atol=1e-6)


def test_a_speed_has_limits_unless_it_is_as_released() -> None:
    ours, theirs = Equation("wave", False, K, WIDTH, 0), Equation("wave", True, K, WIDTH, 0)
    for equation in (ours, theirs):
        torch.testing.assert_close(equation.speed(), torch.ones(K))
        assert equation.raw_speed is not None
        with torch.no_grad():
            equation.raw_speed.copy_(torch.tensor([-100.0, 0.0, 100.0]))
    assert float(ours.speed().detach().min()) == SLOWEST
    assert float(ours.speed().detach().max()) == QUICKEST
    assert theirs.speed().tolist() == [-100.0, 0.0, 100.0]
    with pytest.raises(ValueError, match="no heat equation"):
        Equation("heat", True, K, WIDTH, 0)


def test_what_is_gained_by_change_has_a_limit_unless_it_is_as_released() -> None:
    changes = _normal(4, 2, 3, 4, 4)
    squares = changes.square().mean((1, 2, 3))
    torch.testing.assert_close(change_gained(changes, None), -squares.mean())
    torch.testing.assert_close(change_gained(changes, 0.5), -(squares / (squares + 0.5)).mean())
    assert float(change_gained(1e6 * changes, 0.5)) == pytest.approx(-1)
    assert float(change_gained(0 * changes, 0.0)) == 0  # a generator that shows nothing


@pytest.mark.parametrize("compat", ["corrected", "released"])
def test_a_flow_goes_where_its_potential_was_trained_to_go(compat: str) -> None:
    search = _search({"compat": compat})
    control = search.controls()[1]
    assert isinstance(control, FieldControl)
    assert control.field.times == (0.0, STEPS)
    assert (control.card.low, control.card.high) == (-STEPS, STEPS)
    z = potential_search.points(search.generator, "w", 4, seeded(5, 0))
    networks = search.bank.networks(torch.tensor([1]))
    x = (z / search.unit)[None]
    if compat == "released":
        assert control.flow.integrator == "euler"
        x = rollout(networks, x, STEPS).points[-1]
    else:
        assert control.flow.integrator == "rk4"
        assert search.unit == search.deviation != 1
        x = integrate("rk4", lambda at, t: networks.velocity(at, torch.full((1, 4), float(t))), x, 0.0, STEPS, 48)
    torch.testing.assert_close(
        control.move(z, torch.full((4,), float(STEPS))), search.unit * x[0].detach(), atol=1e-5, rtol=1e-5
    )
    anti = control.move(z[:1], torch.tensor([-float(STEPS)]))
    assert float((anti - z[:1]).norm()) > 0


def test_below_0_is_the_field_turned_round_or_nothing() -> None:
    (control, *_) = _search({"negative": "reverse"}).controls()
    assert control.card.low == 0
    assert control.card.laws.negative == "none"
    (control, *_) = _search({}).controls()
    assert control.card.laws.negative == "anti-field"


class Opaque(torch.autograd.Function):
    """The identity, without a derivative in forward mode."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> Tensor:
        return grad


class Backward(ToyGenerator):
    """Its pictures have derivatives in reverse mode only."""

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        drawn: Tensor = Opaque.apply(super().render(latent, quality))
        return drawn


def test_generators_without_forward_mode_are_differenced() -> None:
    exact, quotient = _search({}), _search({}, Backward())
    assert exact.forward
    assert not quotient.forward
    losses = []
    for search in (exact, quotient):
        value, figures = search.loss(0, seeded(0, 1))
        value.backward()  # type: ignore[no-untyped-call]
        slopes = [weight.grad for weight in search.bank.weights]
        losses.append((figures["change"], torch.cat([one.flatten() for one in slopes if one is not None])))
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-2)
    torch.testing.assert_close(losses[0][1], losses[1][1], rtol=0.05, atol=1e-3)


def test_a_batch_holds_flows_of_all_kinds_unless_it_is_as_released(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    paths = PotentialSearch.paths
    monkeypatch.setattr(
        PotentialSearch,
        "paths",
        lambda self, which, rows, source: (heard.append(len(which.unique())), paths(self, which, rows, source))[1],
    )
    for compat, kinds in (("corrected", K), ("released", 1)):
        heard.clear()
        _search({"compat": compat, "batch": 12}).loss(0, seeded(0, 1))
        assert heard == [kinds]


def test_training_makes_the_flows_recognisable() -> None:
    generator = ToyGenerator()
    early = METHOD.discover(generator, K, settings={**QUICK, "steps": 1})
    late = METHOD.discover(generator, K, settings={**QUICK, "batch": 16, "steps": 120, "rate": 0.005})
    assert np.mean(_figures(early)) < 0.6
    assert np.mean(_figures(late)) > 0.9
    assert f"{np.mean(_figures(late)):.0%} of held-out steps (chance 33%), after 120 steps" in late.note
    assert "Flat" not in late.note


@pytest.mark.parametrize("equation", EQUATIONS)
def test_every_equation_gives_flows_with_their_time(equation: str) -> None:
    found = METHOD.discover(ToyGenerator(), K, settings={**QUICK, "equation": equation})
    assert len(_flows(found)) == K
    for control in _flows(found):
        assert control.card.laws.timed
        assert control.card.field is not None
        assert (control.card.field.nature, control.card.field.potential) == ("gradient", True)
        assert control.card.field.times == (0.0, STEPS)
        assert "σ long in all its time" in " ".join(control.card.details)


class Blind(ToyGenerator):
    """Its pictures are all alike, whatever the latent."""

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        return super().render(latent, quality) * 0


def test_flat_potentials_are_said_with_what_to_change() -> None:
    """Where nothing can be seen, the equation and the start are all that is left, and a flat potential fulfils both."""
    settings: dict[str, Scalar] = {**QUICK, "steps": 150, "rate": 0.01, "rest_weight": 100.0}
    found = METHOD.discover(Blind(), K, settings=settings)
    assert np.mean(_figures(found)) == pytest.approx(1 / K, abs=0.02)
    assert "(chance 33%)" in found.note
    assert "Flat: flows 1, 2, 3 move less than 0.05 σ in all their time; raise change_weight" in found.note


def test_its_cost_is_what_it_drew_and_its_chance_its_own() -> None:
    generator = ToyGenerator()
    state = torch.random.get_rng_state()
    found = METHOD.discover(generator, K, settings=QUICK)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert found.cost["generator_evaluations"] == generator.rendered
    other = METHOD.discover(generator, K, seed=1, settings=QUICK)
    assert not torch.equal(_flows(other)[0].tensors()["layer_x.weight"], _flows(found)[0].tensors()["layer_x.weight"])


@pytest.mark.parametrize(("equation", "compat"), [("wave", "corrected"), ("hamilton_jacobi", "released")])
def test_an_interrupted_search_goes_on_to_the_same_flows(equation: str, compat: str, tmp_path: Path) -> None:
    settings: dict[str, Scalar] = {**QUICK, "steps": 8, "equation": equation, "compat": compat}

    def stop(share: float) -> None:
        if share >= 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        METHOD.discover(ToyGenerator(), K, 3, settings, Watch(stop, checkpoint=tmp_path / "search.pt"))
    shares: list[float] = []
    again = METHOD.discover(ToyGenerator(), K, 3, settings, Watch(shares.append, checkpoint=tmp_path / "search.pt"))
    assert shares[0] == 0.5
    for one, same in zip(_flows(again), _flows(METHOD.discover(ToyGenerator(), K, 3, settings)), strict=True):
        assert one.card == same.card
        for name, tensor in one.tensors().items():
            assert torch.equal(tensor, same.tensors()[name])


def test_a_file_brings_back_the_same_flows(tmp_path: Path) -> None:
    generator = ToyGenerator()
    found = METHOD.discover(generator, K, settings=QUICK)
    save(found, tmp_path / "flows.safetensors")
    again = load(tmp_path / "flows.safetensors")
    z = generator.advance(generator.sample([1]), "w").tensors["w"]
    for one, same in zip(found.controls, again.controls, strict=True):
        for amount in (-2.0, 0.5, 3.0):
            by = torch.tensor([amount])
            assert torch.equal(one.move(z, by), same.move(z, by))


class Failing(ToyGenerator):
    """Its pictures are no numbers from some picture on."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self.last = last

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        picture = super().render(latent, quality)
        return picture if self.rendered <= self.last else picture * float("nan")


def test_no_number_ends_it_at_the_last_good_step() -> None:
    usual = 5 * potential_search.USUAL
    settings: dict[str, Scalar] = {**QUICK, "steps": 80, "batch": 2, "timesteps": 4}
    broken = METHOD.discover(Failing(usual + 4 * 60), K, 0, settings)
    assert broken.note.startswith("Stopped at step 61 of 80")
    assert "after 50 steps" in broken.note
    with pytest.raises(ControlError, match=r"Potential flow broke down at step 1 of 80"):
        METHOD.discover(Failing(usual), K, 0, settings)


def test_what_it_cannot_do_it_refuses_in_one_sentence() -> None:
    assert "run of its sampler" in METHOD.refusal(ToyDiffusion().card)
    card = ToyGenerator().card
    assert "Latent axes" in METHOD.refusal(msgspec.structs.replace(card, capabilities=("axes",)))
    assert METHOD.refusal(card) == ""
    with pytest.raises(ControlError, match="Potential flow tells directions apart, so it needs 2 at least"):
        METHOD.discover(ToyGenerator(), 1)
    with pytest.raises(ControlError, match="have no heat equation; choose another, or corrected"):
        METHOD.discover(ToyGenerator(), K, settings={"equation": "heat", "compat": "released"})
    assert isinstance(METHOD, PotentialFlow)


def test_an_odd_width_has_flows_as_well() -> None:
    found = METHOD.discover(ToyGenerator(width=7), K, settings=QUICK)
    assert _flows(found)[0].field.width == 7
