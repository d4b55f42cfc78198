"""Gradient controls: that classifiers learn what is there, hold what shall be held, and say what they do not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import LAYERS, ToyDiffusion, ToyGenerator, ToyVae

from explorer.attributes.base import Attribute, Values
from explorer.controls.control_set import ControlSet, load, save
from explorer.controls.field import FieldControl
from explorer.discovery import attribute_data as data_module
from explorer.discovery.attribute_data import Target, varying
from explorer.discovery.base import Watch
from explorer.discovery.extremes import most_and_least
from explorer.discovery.gradient_controls import METHOD
from explorer.discovery.latent_classifiers import LatentClassifiers, task
from explorer.discovery.registry import fitting, method
from explorer.errors import Cancelled, ControlError
from explorer.fields.classifier import ClassifierField

ACTIVE = (0, 2, 4, 5)
TIME = torch.zeros(1)


class Sectors:
    """Of the z of a ``ToyVae``: how far along the first axis and along the second; which of three sectors of their
    plane; how near a ring, which no straight line tells; noise."""

    name, digest = "sectors", "5" * 64
    attributes = (
        Attribute("along"),
        Attribute("across"),
        Attribute("sector", "category", levels=(0.0, 1.0, 2.0), labels=("east", "north", "south")),
        Attribute("ring"),
        Attribute("noise"),
    )

    def __init__(self, toy: ToyVae) -> None:
        self.decoder = toy.decoder.double()

    def read(self, pictures: torch.Tensor) -> Values:
        z = (torch.atanh(pictures.flatten(1).double()) @ self.decoder).numpy()
        x, y = z[:, 0], z[:, 2]
        sector = np.floor((np.arctan2(y, x) / (2 * np.pi) + 1 / 6) % 1.0 * 3)
        noise = np.random.default_rng(int(abs(z[0, 0]) * 1e9)).standard_normal(len(z))
        return np.column_stack([x, y + 0.5 * x, sector, np.hypot(x, y), noise])


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ToyVae:
    one = ToyVae()
    monkeypatch.setattr(data_module, "open_reader", lambda text, model, generator: Sectors(one))
    return one


def _discover(toy: ToyVae, k: int = 6, **given: Any) -> ControlSet:
    return METHOD.discover(toy, k, settings={"samples": 1500, "steps": 200, "share": 0.2, "rate": 0.03} | given)


def _by_name(found: ControlSet) -> dict[str, FieldControl]:
    return {one.card.name: one for one in found.controls if isinstance(one, FieldControl)}


def _read(toy: ToyVae, z: torch.Tensor) -> Values:
    return Sectors(toy).read(torch.tanh(z @ toy.decoder.T).reshape(-1, 1, 8, 8))


def test_paths_lead_to_more_of_the_attribute(toy: ToyVae) -> None:
    found = _discover(toy)
    controls = _by_name(found)
    assert set(controls) == {"along", "across", "sector: east", "sector: north", "sector: south", "ring"}
    z = toy.sample(range(30)).tensors["z"]
    for column, name in ((0, "along"), (1, "across"), (3, "ring")):
        there, back = (_read(toy, controls[name].move(z, torch.full((30,), by)))[:, column] for by in (1.5, -1.5))
        # A unit is a deviation; a path that ran straight up would change the first by 3.
        assert (there - back).mean() > (1.0 if name == "ring" else 2.0)
    card = controls["along"].card
    assert card.field is not None
    assert (card.field.nature, card.field.unit_speed, card.field.potential) == ("gradient", True, True)
    # One unit is a way as long as the typical deviation of the space, and the prior's is 1.
    assert controls["along"].flow.scale == pytest.approx(1.0, abs=0.05)
    assert (found.cost["generator_evaluations"], found.cost["labels"]) == (1500, 7500)


def test_every_class_of_a_category_has_a_path_to_it(toy: ToyVae) -> None:
    controls, z = _by_name(_discover(toy, attribute="sector")), toy.sample(range(40)).tensors["z"]
    assert sorted(controls) == ["sector: east", "sector: north", "sector: south"]
    for number, name in enumerate(("sector: east", "sector: north", "sector: south")):
        before, after = (
            (_read(toy, controls[name].move(z, torch.full((40,), by)))[:, 2] == number).mean() for by in (0.0, 3.0)
        )
        assert before < 0.5
        assert after > 0.85
        field = controls[name].field
        assert isinstance(field, ClassifierField)
        assert (field.classifier.classes, field.target) == (3, number)
    assert all("chance 33%" in one.card.details[0] for one in controls.values())


def test_a_condition_holds_its_channels(toy: ToyVae) -> None:
    """ "across" changes with the first two of the four axes of the picture, mostly the second: that one is left out."""
    free, held = (_by_name(_discover(toy, **more)) for more in ({}, {"conditions": "across", "channels": 1}))
    z = toy.sample(range(20)).tensors["z"]
    moved = held["along"].move(z, torch.full((20,), 1.0)) - z
    assert float(moved[:, 2].abs().max()) == 0.0
    assert float((free["along"].move(z, torch.full((20,), 1.0)) - z)[:, 2].abs().max()) > 0.01
    # It is not held from its own path.
    own = held["across"].move(z, torch.full((20,), 1.0)) - z
    assert float(own[:, 2].abs().mean()) > 0.3
    assert held["along"].card.field is not None
    assert held["along"].card.field.nature == "both"
    assert "holds across: without the 1 channels that change each most" in held["along"].card.details
    # An attribute may be held without being asked for.
    alone = _discover(toy, k=1, attribute="along", conditions="across")
    assert [one.card.name for one in alone.controls] == ["along"]


def test_what_is_told_no_better_than_chance_is_said_and_left_out(toy: ToyVae) -> None:
    found = _discover(toy)
    assert "'noise' is told no better than by chance (" in found.note
    assert "so its gradient is noise; left out." in found.note
    with pytest.raises(ControlError, match=r"'noise' is told no better than by chance \(\d+% of \d+ samples held out"):
        _discover(toy, attribute="noise")
    with pytest.raises(ControlError, match=r"'noise' is told .*, so it cannot be held; leave it out of 'conditions'"):
        _discover(toy, attribute="along", conditions="noise")


def test_a_classifier_that_is_certain_is_said(toy: ToyVae) -> None:
    calm, sure = (_discover(toy, k=1, attribute="along", steps=steps, rate=0.1) for steps in (20, 600))
    assert "is certain at" not in calm.note
    assert "The classifier of 'along' is certain at" in sure.note
    assert "its probability hardly changes there" in sure.note


def test_classifiers_are_those_of_the_points_as_they_are() -> None:
    """Trained on points of mean 0 and deviation 1, given for points of any."""
    source = np.random.default_rng(0)
    latents = 5.0 + 3.0 * source.standard_normal((400, 4))
    one = task(Target("first", latents[:, 0]), 0.3, 4, 0)
    assert one is not None
    made = LatentClassifiers([one], latents, 8, 0)
    z = torch.from_numpy(latents[:9]).float()
    direct = made.networks[0]((z - made.centre) / made.sigma)
    torch.testing.assert_close(made.classifier(0).logits(z), direct, rtol=1e-4, atol=1e-4)
    assert made.sigma == pytest.approx(3.0, rel=0.1)


def test_the_loss_is_the_cross_entropy_of_what_was_drawn() -> None:
    source = np.random.default_rng(1)
    latents = source.standard_normal((300, 3))
    level = np.digitize(latents[:, 0], [-0.4, 0.4]).astype(float)
    (target,), _ = varying([Attribute("l", "category", levels=(0.0, 1.0, 2.0))], level[:, None], latents)
    tasks = [task(target, 0.3, 3, 0), task(Target("second", latents[:, 1]), 0.3, 3, 0)]
    assert tasks[0] is not None
    assert tasks[1] is not None
    assert tasks[0].kinds == ("0", "1", "2")
    made = LatentClassifiers([one for one in tasks if one], latents, 5, 0)
    loss, _ = made.loss(20_000, torch.Generator().manual_seed(0))
    expected = 0.0
    for index, one in enumerate(made.tasks):
        known = made.classifier(index).log_probabilities(torch.from_numpy(latents).float()).double()
        kinds = [float(-known[torch.from_numpy(rows), kind].mean()) for kind, rows in enumerate(one.parted.fitted)]
        expected += sum(kinds) / len(kinds)
    assert float(loss.detach()) == pytest.approx(expected, abs=0.02)


def test_held_out_samples_are_not_learned_from() -> None:
    parted = most_and_least(Target("t", np.arange(1000.0)), 0.1, 2, 0)
    assert parted is not None
    fitted, kinds = parted.labelled(parted.fitted)
    tested, _ = parted.labelled(parted.tested)
    assert not set(fitted) & set(tested)
    assert sorted(np.concatenate([fitted, tested])) == [*range(100), *range(900, 1000)]
    assert (kinds == (fitted < 500)).all()  # the kind 0 has most
    assert (len(fitted), len(tested)) == (140, 60)


def test_rare_classes_are_no_classes() -> None:
    latents = np.random.default_rng(0).standard_normal((200, 3))
    attribute = Attribute("l", "category", levels=(0.0, 1.0, 2.0, 3.0), labels=("a", "b", "c", "d"))
    levels = np.arange(200) % 3 * 1.0
    levels[:4] = 3.0
    (target,), _ = varying([attribute], levels[:, None], latents)
    assert target.classes is not None
    assert target.classes.names == ("a", "b", "c")
    assert (target.classes.numbers[:4] == -1).all()
    (two,), _ = varying([attribute], np.where(levels == 2.0, 1.0, levels)[:, None], latents)
    assert two.classes is None


def test_it_keeps_the_promises_of_methods(toy: ToyVae, tmp_path: Path) -> None:
    shares: list[float] = []
    found = method("gradctrl").discover(toy, 3, seed=3, settings={"samples": 600, "steps": 50}, progress=shares.append)
    found.check(toy.card)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    save(found, tmp_path / "found.safetensors")
    again = METHOD.discover(toy, 3, seed=3, settings={"samples": 600, "steps": 50})
    z = toy.sample(range(3)).tensors["z"]
    for one, other in zip(load(tmp_path / "found.safetensors").controls, again.controls, strict=True):
        assert one.card == other.card
        assert torch.equal(one.move(z, torch.full((3,), 1.3)), other.move(z, torch.full((3,), 1.3)))
    assert METHOD.card.supervised
    assert "gradient_controls" in fitting(toy.card)
    grown = METHOD.discover(toy, 5, seed=3, settings={"samples": 600, "steps": 50})
    assert {one.card.name for one in found.controls} <= {one.card.name for one in grown.controls}


def test_an_interrupted_search_goes_on_to_the_same_paths(toy: ToyVae, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"samples": 400, "steps": 60, "rate": 0.03, "attribute": "along, sector"}

    def stop(share: float) -> None:
        if share > 0.95:
            raise Cancelled

    kept = tmp_path / "unfinished.pt"
    with pytest.raises(Cancelled):
        METHOD.discover(toy, 4, settings=settings, progress=Watch(stop, checkpoint=kept))
    assert kept.exists()
    on = METHOD.discover(toy, 4, settings=settings, progress=Watch(checkpoint=kept))
    assert not kept.exists()
    whole = METHOD.discover(toy, 4, settings=settings)
    for one, other in zip(on.controls, whole.controls, strict=True):
        assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in one.tensors().items())


def _of_brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bright:
        name, digest, attributes = "bright", "1" * 64, (Attribute("bright"),)

        def read(self, pictures: torch.Tensor) -> Values:
            return pictures.mean((1, 2, 3)).double().numpy()[:, None]

    monkeypatch.setattr(data_module, "open_reader", lambda text, model, generator: Bright())


def test_some_layers_of_a_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    _of_brightness(monkeypatch)
    toy = ToyGenerator()
    found = METHOD.discover(toy, 1, settings={"samples": 400, "first_layer": 1, "last_layer": 2})
    (one,) = found.controls
    found.check(toy.card)
    assert (found.space, one.card.layers) == ("w_plus", (1, 2))
    z = toy.advance(toy.sample(range(3)), "w_plus").tensors["w_plus"]
    moved = (one.move(z, torch.full((3,), 1.0)) - z).norm(dim=2) > 0
    assert moved.tolist() == [[False, True, True, False]] * 3
    assert LAYERS == 4


def test_the_bottleneck_of_a_diffusion_model(monkeypatch: pytest.MonkeyPatch) -> None:
    _of_brightness(monkeypatch)
    toy = ToyDiffusion()
    found = METHOD.discover(toy, 1, settings={"samples": 300, "steps": 200, "rate": 0.03})
    found.check(toy.card)
    assert found.space == "h"
    h = torch.randn(40, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    change = found.controls[0].move(h, torch.full((40,), 1.0)) - h
    assert change.shape == h.shape
    assert float((change.flatten(1) @ toy.up.mean(0)).mean()) > 0  # what h adds to the brightness, but for the tanh


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"attribute": "on"}, "'sectors' has no attribute 'on'"),
        ({"conditions": "four"}, "has no attribute 'four'"),
        ({"samples": 5}, "5 samples are too few"),
        ({"conditions": "along, across", "channels": 3}, "3 channels for each of 2 .* all 6 of z; choose at most 2"),
        ({"conditions": "along", "channels": 6}, "choose at most 5"),
        ({"rate": 2.0}, "must be between"),
        ({"first_layer": 1}, "has no layers to choose from"),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(toy: ToyVae, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ControlError, match=sentence):
        METHOD.discover(toy, 2, settings={"samples": 100} | given)
