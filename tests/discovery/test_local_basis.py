"""Local Basis: the frames against a second computation, the path that follows them, and the warping."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from toys import ToyGenerator, ToyVae, trajectory

from explorer.controls.control_set import load, save
from explorer.controls.local_basis import LocalBasisControl
from explorer.discovery import registry
from explorer.discovery.local_basis import warping
from explorer.errors import ControlError
from explorer.generators.stylegan2 import StyleGAN2Generator
from explorer.generators.stylegan2_network import NetworkConfig, StyleGAN2
from explorer.numerics.derivatives import jacobian_columns
from explorer.numerics.linalg import random_orthonormal
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ControlCard, ModelCard, SpaceCard

WIDTH = 6


@pytest.fixture(scope="module")
def generator() -> StyleGAN2Generator:
    torch.manual_seed(1)
    config = NetworkConfig(resolution=8, channels=(4, 4), z_dim=WIDTH, w_dim=8, mapping_layers=3, mapping_width=12)
    network = StyleGAN2(config)
    for layer in network.mapping.layers:
        torch.nn.init.normal_(layer.bias)  # type: ignore[arg-type]
    card = ModelCard(
        name="tiny",
        family="stylegan2",
        path="tiny",
        output=IMAGE.card((3, 8, 8)),
        spaces={"z": SpaceCard(shape=(WIDTH,), prior="normal"), "w": SpaceCard(shape=(8,))},
        fingerprint="7" * 64,
        capabilities=("truncation", "affine", "mapping"),
    )
    return StyleGAN2Generator(card, network, torch.device("cpu"))


def _controls(generator: StyleGAN2Generator, k: int, **settings: object) -> list[LocalBasisControl]:
    found = registry.method("local_basis").discover(generator, k, settings=settings)  # type: ignore[arg-type]
    found.check(generator.card)
    return [one for one in found.controls if isinstance(one, LocalBasisControl)]


def _decomposed(generator: StyleGAN2Generator, z: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The singular value decomposition of ∂w/∂z (w, z), by differences of the network itself in float64."""
    network, step = generator.network.mapping.double(), 1e-6
    columns = [
        (network(z[None].double() + step * axis) - network(z[None].double() - step * axis))[0] / (2 * step)
        for axis in torch.eye(WIDTH, dtype=torch.float64)
    ]
    generator.network.mapping.float()
    left, values, right = np.linalg.svd(torch.stack(columns, 1).detach().numpy(), full_matrices=False)
    return left, values, right


def test_the_frames_are_those_of_an_independent_decomposition(generator: StyleGAN2Generator) -> None:
    controls = _controls(generator, 4)
    for z in torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(5)).double():
        _, values, right = _decomposed(generator, z)
        for index, control in enumerate(controls):
            tiny = 1e-3
            velocity = (control.move(z[None], torch.tensor([tiny]).double())[0] - z).numpy() / tiny
            expected = control.scale / values[index]
            assert np.linalg.norm(velocity) == pytest.approx(expected, rel=1e-4)
            assert abs(velocity @ right[index]) == pytest.approx(expected, rel=1e-4)


def test_a_unit_goes_equally_far_in_w_wherever_it_starts(generator: StyleGAN2Generator) -> None:
    control = _controls(generator, 2)[1]
    network = generator.network.mapping.double()
    for z in torch.randn(4, 1, WIDTH, generator=torch.Generator().manual_seed(6)).double():
        moved = control.move(z, torch.tensor([1e-4]).double())
        assert float((network(moved) - network(z)).norm()) == pytest.approx(control.scale * 1e-4, rel=1e-3)
    generator.network.mapping.float()


def test_the_direction_is_followed_along_the_path_and_does_not_turn_back(generator: StyleGAN2Generator) -> None:
    control, frozen = _controls(generator, 3, step=0.1)[2], _controls(generator, 3, frozen=True)[2]
    z = torch.randn(1, WIDTH, generator=torch.Generator().manual_seed(8)).double()
    amounts = torch.linspace(-2, 2, 41, dtype=torch.float64)
    path = trajectory(control, z, amounts)[:, 0]
    moves = path.diff(dim=0)
    for before, after in pairwise(moves):
        assert float(torch.cosine_similarity(before, after, 0)) > 0
    # At every knot the move is along a singular vector of the place: found again by the independent decomposition.
    turned = 0
    for place, move in zip(path[21:-1:4], moves[21::4], strict=False):
        _, _, right = _decomposed(generator, place)
        overlaps = np.abs(right @ move.numpy()) / float(move.norm())
        assert overlaps.max() > 1 - 1e-6
        turned += float(torch.cosine_similarity(move, moves[20], 0)) < 0.999
    assert turned > 0  # the network bends, so a frame that is kept would have been wrong
    straight = trajectory(frozen, z, amounts)[:, 0].diff(dim=0)
    torch.testing.assert_close(straight, straight[:1].expand_as(straight), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(straight[20], moves[20], rtol=1e-6, atol=1e-9)


def test_signs_agree_between_points(generator: StyleGAN2Generator) -> None:
    control = _controls(generator, 1)[0]
    network = generator.network.mapping.double()
    for z in torch.randn(8, 1, WIDTH, generator=torch.Generator().manual_seed(9)).double():
        change = network(control.move(z, torch.tensor([1e-3]).double())) - network(z)
        assert float(change[0] @ control.reference.double()) >= 0
    generator.network.mapping.float()


def test_a_file_keeps_the_control(generator: StyleGAN2Generator, tmp_path: Path) -> None:
    found = registry.method("local_basis").discover(generator, 3, settings={"frozen": True, "step": 0.5})
    save(found, tmp_path / "set.safetensors")
    z = torch.randn(2, WIDTH, generator=torch.Generator().manual_seed(0))
    for one, again in zip(found.controls, load(tmp_path / "set.safetensors").controls, strict=True):
        assert torch.equal(one.move(z, torch.tensor([1.3, -0.4])), again.move(z, torch.tensor([1.3, -0.4])))
        assert one.card == again.card


def test_what_was_drawn_in_inference_mode_can_be_differentiated_later(generator: StyleGAN2Generator) -> None:
    control = _controls(generator, 1)[0]
    z = torch.randn(1, WIDTH, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        drawn = control.move(z, torch.ones(1)).clone()
    amount = torch.ones(1, requires_grad=True)
    moved = control.move(z, amount)
    moved.sum().backward()
    assert torch.equal(moved.detach(), drawn)
    assert amount.grad is not None


def test_warping_is_the_geodesic_distance_and_zero_for_a_linear_network() -> None:
    angle = 0.3
    one = torch.tensor([[1.0, 0, 0], [0, 1, 0]], dtype=torch.float64)
    other = torch.tensor([[1.0, 0, 0], [0, math.cos(angle), math.sin(angle)]], dtype=torch.float64)
    assert warping([one, other]) == pytest.approx(angle)
    assert warping([one, other, one]) == pytest.approx(2 * angle / 3)
    turn = random_orthonormal(2, 2, 0)
    assert warping([one, turn @ one]) == pytest.approx(0, abs=1e-7)
    weight = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double()
    points = torch.randn(3, 4, generator=torch.Generator().manual_seed(1)).double()
    frames = []
    for point in points:
        columns = jacobian_columns(lambda x: x @ weight.T, point, torch.eye(4).double(), 4)
        frames.append(torch.linalg.svd(columns.T).U[:, :2].T)
    assert warping(frames) == pytest.approx(0, abs=1e-7)


def test_the_note_tells_the_warping_and_its_bounds(generator: StyleGAN2Generator) -> None:
    found = registry.method("local_basis").discover(generator, 2)
    told = float(found.note.split()[2])
    assert 0 < told < math.sqrt(2) * math.pi / 2
    assert f"{math.sqrt(2) * math.pi / 2:.2f}" in found.note
    assert found.note[1 : -len(" over 32 points.")] in found.controls[0].card.details[-1]


def test_models_without_a_mapping_network_are_refused() -> None:
    for toy in (ToyGenerator(), ToyVae()):
        assert "mapping network" in registry.method("local_basis").refusal(toy.card)
        with pytest.raises(ControlError, match="mapping network"):
            registry.method("local_basis").discover(toy, 2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"index": 4}, "index 4"),
        ({"index": -1}, "index -1"),
        ({"step": 0.0}, "step 0"),
        ({"scale": -1.0}, "scale -1"),
        ({"weights": ()}, "no layers"),
        ({"weights": (torch.ones(4, 4), torch.ones(4, 5))}, "follow each other"),
        ({"reference": torch.ones(3)}, "another width"),
    ],
)
def test_numbers_that_mean_nothing_make_no_control(change: dict[str, object], sentence: str) -> None:
    good: dict[str, object] = {
        "card": ControlCard(name="c", space="z"),
        "weights": (torch.ones(4, 4), torch.ones(4, 4)),
        "biases": (torch.ones(4), torch.ones(4)),
        "reference": torch.ones(4),
        "index": 0,
        "scale": 1.0,
        "step": 0.5,
    }
    LocalBasisControl(**good)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=sentence):
        LocalBasisControl(**{**good, **change})  # type: ignore[arg-type]


def test_more_directions_than_there_are_are_refused(generator: StyleGAN2Generator) -> None:
    with pytest.raises(ControlError, match=r"7 controls .* 6 dimensions"):
        registry.method("local_basis").discover(generator, 7)
