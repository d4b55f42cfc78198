"""InterFaceGAN and the regression of attributes, on attributes whose directions are known in closed form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toys import ToyDiffusion, ToyGenerator, ToyVae

from explorer.attributes.base import Attribute, Values
from explorer.controls.control_set import ControlSet, load, save
from explorer.controls.linear import LinearControl
from explorer.discovery import attribute_data as data_module
from explorer.discovery.attribute_data import Target, varying
from explorer.discovery.attribute_regression import AttributeRegression, ridge_weights, separating
from explorer.discovery.extremes import extremes, most_and_least
from explorer.discovery.interfacegan import InterFaceGan, boundary, conditional
from explorer.discovery.registry import fitting, method
from explorer.errors import Cancelled, ControlError, ExplorerError

ACTIVE = (0, 2, 4, 5)
MIXING = np.array([[2.0, 0.5, 0.0, 0.0], [0.0, 1.0, -1.0, 0.3], [0.4, 0.0, 0.2, 1.5]])  # (attributes, active axes)


class KnownReader:
    """Numbers that are linear in the z of a ``ToyVae``, whose pictures are inverted exactly; one that never varies; a
    category that is the sign of the first; an angle; one that a picture shows now and then."""

    name = "known"
    digest = "0" * 64
    attributes = (
        Attribute("one"),
        Attribute("two"),
        Attribute("three"),
        Attribute("still"),
        Attribute("sign", "category", levels=(0.0, 1.0), labels=("minus", "plus")),
        Attribute("turn", period=1.0),
        Attribute("rare"),
    )

    def __init__(self, toy: ToyVae) -> None:
        self.decoder = toy.decoder.double()

    def read(self, pictures: torch.Tensor) -> Values:
        z = (torch.atanh(pictures.flatten(1).double()) @ self.decoder).numpy()
        numbers = z[:, ACTIVE] @ MIXING.T
        turn = (np.arctan2(z[:, 2], z[:, 0]) / (2 * np.pi)) % 1.0
        rare = np.where(z[:, 0] > 3.2, z[:, 2], np.nan)
        return np.column_stack([numbers, np.full(len(z), 7.0), z[:, 0] > 0, turn, rare])


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ToyVae:
    one = ToyVae()
    monkeypatch.setattr(data_module, "open_reader", lambda text, model, generator: KnownReader(one))
    return one


def _directions(found: ControlSet) -> dict[str, np.ndarray]:
    return {one.card.name: one.direction.double().numpy() for one in found.controls if isinstance(one, LinearControl)}


def _discover(name: str, toy: ToyVae, k: int = 3, **given: Any) -> ControlSet:
    return method(name).discover(toy, k, settings={"samples": 1500, "attribute": "one, two, three"} | given)


def test_another_reader_reads_the_pictures_itself(toy: ToyVae, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples are kept with the generator, and what one reader has read of them is not taken for another's."""

    class Opposite(KnownReader):
        digest = "1" * 64

        def read(self, pictures: torch.Tensor) -> Values:
            return -super().read(pictures)

    before = _directions(_discover("attribute_regression", toy))
    monkeypatch.setattr(data_module, "open_reader", lambda text, model, generator: Opposite(toy))
    after = _directions(_discover("attribute_regression", toy))
    for name, direction in before.items():
        np.testing.assert_allclose(after[name], -direction, atol=1e-6)


def test_regression_recovers_a_known_map(toy: ToyVae) -> None:
    found = _discover("attribute_regression", toy, ridge=0.0, damping=0.0)
    assert [one.card.figure for one in found.controls] == ["R² 1.00"] * 3
    for index, name in enumerate(("one", "two", "three")):
        change = MIXING @ _directions(found)[name][list(ACTIVE)]
        # More of the attribute, and of no other.
        assert change[index] > 0.1
        assert np.abs(np.delete(change, index)).max() < 1e-4 * change[index]
        # One unit is one standard deviation of the prior, which is 1.
        assert np.linalg.norm(_directions(found)[name]) == pytest.approx(1.0, abs=0.06)
    assert found.cost["generator_evaluations"] == 1500
    assert found.cost["labels"] == 4500
    assert found.space == "z"


def test_damping_turns_from_the_pseudo_inverse_to_the_gradient() -> None:
    np.testing.assert_allclose(separating(MIXING, 0.0), np.linalg.pinv(MIXING).T, atol=1e-9)
    steep = separating(MIXING, 1e6)
    np.testing.assert_allclose(steep / np.linalg.norm(steep), MIXING / np.linalg.norm(MIXING), atol=1e-4)


def test_ridge_is_the_closed_form() -> None:
    source = np.random.default_rng(0)
    x, y = source.standard_normal((50, 4)), source.standard_normal(50)
    weights, constant = ridge_weights(x, y, 0.3)
    # The gradient of the mean squared error and the penalty is zero, and so is the mean of what is left.
    left = y - x @ weights - constant
    np.testing.assert_allclose(x.T @ left / 50, 0.3 * weights, atol=1e-12)
    assert left.mean() == pytest.approx(0.0, abs=1e-12)


def test_the_normal_between_two_clouds() -> None:
    source = np.random.default_rng(1)
    normal = source.standard_normal(4)
    normal /= np.linalg.norm(normal)
    shown = np.arange(3000) % 2 == 0
    points = 4 * source.standard_normal((3000, 4))
    points -= 0.75 * (points @ normal)[:, None] * normal  # a deviation of 1 along the normal, of 4 across it
    points += np.where(shown[:, None], 1.0, -1.0) * normal
    found = boundary(points, Target("shown", shown.astype(float)), 0.5, seed=0)
    assert found is not None
    assert found.normal @ normal > 0.999
    # Φ(1) of each cloud lies on its own side.
    assert found.accuracy == pytest.approx(0.841, abs=0.03)
    assert (found.fitted, found.tested) == (1050, 900)
    # ±1 and a deviation of 1 within each cloud: half the variance of the distance is the label's.
    assert found.correlation == pytest.approx(np.sqrt(0.5), abs=0.03)


def test_interfacegan_finds_the_gradients(toy: ToyVae) -> None:
    found = _discover("interfacegan", toy, share=0.2)
    for index, name in enumerate(("one", "two", "three")):
        truth = np.zeros(6)
        truth[list(ACTIVE)] = MIXING[index]
        direction = _directions(found)[name]
        assert direction @ truth / np.linalg.norm(direction) / np.linalg.norm(truth) > 0.98
        assert np.linalg.norm(direction) == pytest.approx(1.0, abs=0.06)
    assert all("chance 50%" in " ".join(one.card.details) for one in found.controls)
    assert (found.cost["generator_evaluations"], found.cost["labels"]) == (1500, 4500)


def test_conditional_normals_are_the_published_closed_forms() -> None:
    source = np.random.default_rng(2)
    n, c1, c2 = (one / np.linalg.norm(one) for one in source.standard_normal((3, 9)))
    one = n - (n @ c1) * c1
    np.testing.assert_allclose(conditional(n, c1[None]), one / np.linalg.norm(one), atol=1e-12)
    # Two conditions: n - a c1 - b c2 with a and b from the 2 x 2 system of their cosines.
    cosine = c1 @ c2
    a = (n @ c1 - (n @ c2) * cosine) / (1 - cosine**2)
    b = (n @ c2 - (n @ c1) * cosine) / (1 - cosine**2)
    two = n - a * c1 - b * c2
    np.testing.assert_allclose(conditional(n, np.stack([c1, c2])), two / np.linalg.norm(two), atol=1e-12)
    many = source.standard_normal((5, 9))
    q, _ = np.linalg.qr(many.T)
    rest = n - q @ (q.T @ n)
    np.testing.assert_allclose(conditional(n, many), rest / np.linalg.norm(rest), atol=1e-6)
    assert conditional(c1, np.stack([c2, c1])) is None


def test_conditions_are_held(toy: ToyVae) -> None:
    free, held = _discover("interfacegan", toy), _discover("interfacegan", toy, conditions="two, three")
    for name in ("two", "three"):
        unit = _directions(free)[name] / np.linalg.norm(_directions(free)[name])
        assert abs(unit @ _directions(held)["one"]) < 1e-5
    # An attribute may be held without being asked for.
    alone = _discover("interfacegan", toy, k=1, attribute="one", conditions="two")
    assert [one.card.name for one in alone.controls] == ["one"]
    assert any("holds two" in line for line in alone.controls[0].card.details)
    with pytest.raises(ControlError, match="has no attribute 'four'; there are: one, two"):
        _discover("interfacegan", toy, conditions="four")


def test_conditions_may_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = ToyVae((0.01, 0.05))

    class Plane:
        name, digest, attributes = "plane", "3" * 64, tuple(Attribute(name) for name in "abc")

        def read(self, pictures: torch.Tensor) -> Values:
            z = (torch.atanh(pictures.flatten(1).double()) @ toy.decoder.double()).numpy()
            return np.column_stack([z[:, 0], z[:, 1], z.sum(1)])

    monkeypatch.setattr(data_module, "open_reader", lambda text, model, generator: Plane())
    with pytest.raises(ControlError, match="Nothing is left of 'a' when b, c are held; choose other attributes"):
        _discover("interfacegan", toy, k=1, attribute="a", conditions="b, c", samples=300)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.integers(1, 40))
def test_extremes_never_share_a_value(values: list[int], wanted: int) -> None:
    target = Target("t", np.array([*values, np.nan], float))
    low, high = extremes(target, wanted, np.random.default_rng(0))
    assert len(low) == len(high) <= wanted
    if len(low):
        assert target.values[low].max() < target.values[high].min()
        assert not set(low) & set(high)
    assert bool(len(low)) == (len(set(values)) > 1)
    if values.count(0) >= wanted and values.count(4) >= wanted:
        assert len(low) == wanted


def test_what_attributes_become() -> None:
    source = np.random.default_rng(3)
    latents = source.standard_normal((400, 5))
    angle = np.arctan2(latents[:, 1], 0.2 * latents[:, 0] + 0.5 * source.standard_normal(400)) / (2 * np.pi) * 360 % 360
    level = np.where(latents[:, 2] > 0.5, 2.0, (source.random(400) > 0.5).astype(float))
    rare = np.zeros(400)
    rare[:3] = 1
    attributes = [
        Attribute("hue", period=360.0, unit="°"),
        Attribute("kind", "category", levels=(0.0, 1.0, 2.0), labels=("a", "b", "c")),
        Attribute("rare", "category", levels=(0.0, 1.0)),
        Attribute("still"),
        Attribute("hidden"),
    ]
    values = np.column_stack([angle, level, rare, np.full(400, 0.1), np.full(400, np.nan)])
    targets, why = varying(attributes, values, latents)
    assert [one.name for one in targets] == ["hue", "kind"]
    # The sine is told by the second latent, the cosine hardly: the leading diameter goes through 90 degrees.
    towards = float(targets[0].towards.split(" of ")[0])
    assert min(abs(towards - 90), abs(towards - 270)) < 15
    assert np.abs(targets[0].values).max() <= 1 + 1e-9
    # Of the three kinds, the latents tell the last.
    assert targets[1].towards == "'c'"
    np.testing.assert_array_equal(targets[1].values, level == 2)
    assert why == {"rare": "is the same in all but 3", "still": "never varies", "hidden": "is shown by 0"}


@pytest.mark.parametrize("name", ["attribute_regression", "interfacegan"])
def test_supervised_methods_keep_the_promises_of_methods(name: str, toy: ToyVae, tmp_path: Path) -> None:
    shares: list[float] = []
    found = method(name).discover(toy, 6, seed=3, settings={"samples": 600}, progress=shares.append)
    found.check(toy.card)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    # Fewer attributes than controls are said, and so is what was left out.
    assert {"one", "two", "three", "sign", "turn"} == set(_directions(found))
    assert "5 of 6 controls" in found.note
    assert "still never varies" in found.note
    save(found, tmp_path / "found.safetensors")
    again = method(name).discover(toy, 6, seed=3, settings={"samples": 600})
    for one, other in zip(load(tmp_path / "found.safetensors").controls, again.controls, strict=True):
        assert one.card == other.card
        assert torch.equal(one.tensors()["direction"], other.tensors()["direction"])
    assert method(name).card.supervised
    assert name in fitting(toy.card)

    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        method(name).discover(toy, 2, settings={"samples": 100}, progress=stop)
    for wrong, sentence in (
        ({"attribute": "still"}, "'still' never varies over 100 samples of 'toy-vae'"),
        ({"attribute": "on"}, "'known' has no attribute 'on'; did you mean 'one'"),
        ({"samples": 5}, "5 samples are too few"),
    ):
        with pytest.raises(ControlError, match=sentence):
            method(name).discover(toy, 2, settings={"samples": 100} | wrong)


def test_the_bottleneck_of_a_diffusion_model(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bright:
        name, digest, attributes = "bright", "1" * 64, (Attribute("bright"),)

        def read(self, pictures: torch.Tensor) -> Values:
            return pictures.mean((1, 2, 3)).double().numpy()[:, None]

    monkeypatch.setattr(data_module, "open_reader", lambda text, model, generator: Bright())
    toy = ToyDiffusion()
    uphill = toy.up.mean(0)  # what h adds to the brightness, but for the tanh
    for name in ("attribute_regression", "interfacegan"):
        found = method(name).discover(toy, 1, settings={"samples": 300})
        found.check(toy.card)
        assert found.space == "h"
        (one,) = found.controls
        assert one.tensors()["direction"].shape == (2, 3, 3)
        assert float(one.tensors()["direction"].flatten() @ uphill) > 0
        assert found.cost["generator_evaluations"] == 600


def test_a_difference_of_means_is_that_of_the_samples_with_most_and_with_least() -> None:
    source = np.random.default_rng(3)
    latents = source.standard_normal((200, 40))  # too wide for a plane of so few
    values = latents @ np.arange(40.0) + source.standard_normal(200)
    target = Target("t", values, "more", lambda column: column)
    found = boundary(latents, target, 0.1, 0, by_means=True)
    assert found is not None
    assert found.fitted == 14
    parted = most_and_least(target, 0.1, 0, 0)
    assert parted is not None
    most, least = (latents[rows].mean(0) for rows in parted.fitted)
    assert values[parted.fitted[0]].min() > values[parted.fitted[1]].max()
    np.testing.assert_allclose(found.normal, (most - least) / np.linalg.norm(most - least))

    def is_high(rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        away = [np.linalg.norm(latents[rows] - mean, axis=1) for mean in (most, least)]
        return np.asarray(away[0] < away[1])

    right = np.concatenate([is_high(parted.tested[0]), ~is_high(parted.tested[1])])
    assert found.accuracy == pytest.approx(right.mean())
    assert boundary(np.zeros((200, 40)), target, 0.1, 0, by_means=True) is None


def test_a_difference_of_means_is_made_orthogonal_to_its_conditions(toy: ToyVae) -> None:
    held = _discover("interfacegan", toy, conditions="two, three", direction="means", share=0.1)
    free = _discover("interfacegan", toy, direction="means", share=0.1)
    plane = _discover("interfacegan", toy, share=0.1)
    assert not torch.equal(free.control("one").tensors()["direction"], plane.control("one").tensors()["direction"])
    one = held.control("one").tensors()["direction"].flatten()
    for other in ("two", "three"):
        normal = free.control(other).tensors()["direction"].flatten()
        assert abs(float(torch.cosine_similarity(one, normal, dim=0))) < 1e-5


def test_attributes_that_nothing_tells_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Noise:
        name, digest, attributes = "noise", "2" * 64, (Attribute("noise"),)

        def read(self, pictures: torch.Tensor) -> Values:
            return np.random.default_rng(len(pictures)).standard_normal((len(pictures), 1))

    monkeypatch.setattr(data_module, "open_reader", lambda text, model, generator: Noise())
    with pytest.raises(ControlError, match=r"No attribute can be told from w by a linear map; the best is 'noise'"):
        AttributeRegression().discover(ToyGenerator(), 1, settings={"samples": 400})


def test_a_model_without_a_world_asks_for_attributes() -> None:
    for one in (InterFaceGan(), AttributeRegression()):
        with pytest.raises(ExplorerError, match="does not say what it was trained on; name the attributes to read"):
            one.discover(ToyGenerator(), 2)
