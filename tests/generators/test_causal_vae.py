"""The CausalVAE: its causal layer, the structural model that this is, its blocks, and broken folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from causal_folders import CONDITIONS, ROWS, VAE, vae_network, write_causal_vae

from explorer.causal.mechanisms.additive import AdditiveNoise
from explorer.causal.mechanisms.floored import Floored
from explorer.errors import ModelError
from explorer.generators import registry
from explorer.generators.causal_vae_network import CausalLayer
from explorer.generators.conditions import Condition
from explorer.scene.model import Quality
from explorer.worlds.base import Factor

CPU = torch.device("cpu")
THREE = tuple(
    Condition(factor=Factor(name, (0.0, 5.0)), mean=mean, deviation=deviation)
    for name, mean, deviation in (("a", 1.0, 2.0), ("b", -3.0, 0.5), ("c", 4.0, 3.0))
)


def layer() -> CausalLayer:
    torch.manual_seed(1)
    made = CausalLayer(3, 6)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
        made.adjacency.mul_(torch.ones(3, 3).triu(1))
    return made


def test_a_factor_depends_on_those_before_it_alone() -> None:
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    expected = layer()(rows)
    for effect in range(3):
        (slope,) = torch.autograd.grad(expected[:, effect].sum(), rows, retain_graph=True)
        assert bool((slope[:, :effect] != 0).all())
        assert not slope[:, effect:].any()


def test_what_is_cut_has_no_say_any_more() -> None:
    made = layer()
    with torch.no_grad():
        made.adjacency.copy_(torch.tensor([[0.0, 0.5, 0.01], [0.0, 0.0, -0.4], [0.0, 0.0, 0.0]]))
    made.cut(0.05)
    assert [made.causes_of(effect) for effect in range(3)] == [[], [0], [1]]
    rows = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    other = rows.clone()
    other[:, 0] += 2.0
    assert torch.equal(made(rows)[:, 2], made(other)[:, 2])
    with torch.no_grad():
        made.adjacency.fill_(1.0)  # whatever is learned afterwards
    assert made.causes_of(2) == [1]


def test_the_layer_is_a_structural_model_in_the_factors_own_units() -> None:
    made = layer()
    made.cut(0.0)
    rows = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    means, deviations = (torch.tensor([getattr(one, name) for one in THREE]) for name in ("mean", "deviation"))
    values = (rows * deviations + means).double()
    expected = made(rows).double() * deviations + means
    for effect, floor in ((1, None), (2, 0.5)):
        mechanism = made.mechanism(effect, THREE, floor)
        assert mechanism.parents == ("a", "b")[:effect]
        assert isinstance(mechanism, AdditiveNoise if floor is None else Floored)
        predicted = mechanism.function(values[:, :effect])[:, 0]
        torch.testing.assert_close(predicted, expected[:, effect], rtol=1e-4, atol=1e-4)
        deviation = made.log_deviation[effect].exp().item() * THREE[effect].deviation
        assert mechanism.deviation == pytest.approx(deviation)
    restored = AdditiveNoise.restore(("a",), *_kept(made.mechanism(1, THREE, None)))
    assert torch.equal(restored.function(values[:, :1]), made.mechanism(1, THREE, None).function(values[:, :1]))


def _kept(mechanism: Any) -> tuple[Any, Any]:
    return mechanism.tensors(), mechanism.parameters()


def test_surprise_is_the_negative_log_likelihood_in_squares_of_residuals() -> None:
    made = layer()
    rows = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    floor = 0.1
    rows[:, 2] = rows[:, 2].clamp(min=floor)
    expected, total = made(rows), 0.0
    for effect in range(3):
        deviation = made.log_deviation[effect].exp()
        normal = torch.distributions.Normal(expected[:, effect], deviation)
        log = normal.log_prob(rows[:, effect])
        if effect == 2:
            log = torch.where(rows[:, 2] == floor, normal.cdf(torch.tensor(floor)).log(), log)
        total -= (deviation**2 * log.mean()).item()
    assert made.surprise(rows, (None, None, floor)).item() == pytest.approx(total, rel=1e-4)


def test_deviations_are_those_of_the_residuals() -> None:
    made, source = layer(), torch.Generator().manual_seed(0)
    rows = torch.randn(4000, 3, generator=source)
    noise = torch.tensor([0.5, 0.2, 0.1])
    for effect in range(3):
        rows[:, effect] = made(rows)[:, effect].detach() + noise[effect] * torch.randn(4000, generator=source)
    floor = float(rows[:, 2].quantile(0.3))
    rows[:, 2] = rows[:, 2].clamp(min=floor)
    made.fit_deviations(rows, (None, None, floor))
    torch.testing.assert_close(made.log_deviation.exp().detach(), noise, rtol=0.05, atol=0.0)


def test_a_block_is_a_factor_and_its_own_numbers() -> None:
    network = vae_network().eval()
    z, rows = torch.randn(2, 4, generator=torch.Generator().manual_seed(0)), ROWS[:2]
    with torch.no_grad():
        before = [block.register_forward_hook(_remember) for block in network.blocks]
        _SEEN.clear()
        drawn = network.drawn_from(z, rows)
        for hook in before:
            hook.remove()
    assert drawn.shape == (2, VAE.hidden)
    for index, seen in enumerate(_SEEN):
        assert torch.equal(seen[:, :2], z[:, 2 * index : 2 * index + 2])
        assert torch.equal(seen[:, 2], rows[:, index])


_SEEN: list[torch.Tensor] = []


def _remember(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
    _SEEN.append(inputs[0])


def test_it_is_loaded_drawn_and_its_drawing_weights_are_all_named(tmp_path: Path) -> None:
    generator: Any = registry.load(str(write_causal_vae(tmp_path / "own")), CPU)
    assert generator.card.family == "causal_vae"
    assert "causes" in generator.card.capabilities
    assert generator.render(generator.sample([1]), Quality()).shape == (1, 3, 16, 16)
    assert set(generator.structural_model().graph.names) == {one.factor.name for one in CONDITIONS}
    parts = {name for part in generator.weight_parts().values() for name in part}
    drawing = {name for name, _ in vae_network().named_parameters() if name.startswith(("blocks", "decoder", "output"))}
    assert parts == drawing


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"own": 3}, "4 latents are not 3 for each of 2 factors"),
        ({"own": 0}, "own must be 1..256"),
        ({"mechanism": 6}, "has shape"),
        ({"conditions": []}, "latents are not"),
        ({"latents": 6, "own": 3}, "has shape"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    folder = write_causal_vae(tmp_path / "own")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError, match=sentence):
        registry.load(str(folder), CPU)


def test_factors_that_are_no_plain_numbers_are_refused() -> None:
    kind = Condition(factor=Factor("kind", (0.0, 1.0), kind="category"), mean=0.5, deviation=0.5)
    hue = Condition(factor=Factor("hue", (0.0, 1.0), cyclic=True), mean=0.5, deviation=0.5)
    for strange in (kind, hue):
        config = msgspec.structs.replace(VAE, conditions=(CONDITIONS[0], strange))
        assert f"'{strange.factor.name}' is no plain number" in config.problem()
