"""do() on attributes that are read from pictures: what is reached, what is held, what files keep, and refusals."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.attributes.registry import open_reader
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.controls import control_set
from explorer.controls.base import Joint, Move, Moves, StartBound
from explorer.controls.bindings import Bindings, Source
from explorer.controls.bound import OUT_OF_REACH
from explorer.controls.bound_controls import BoundControls
from explorer.controls.bound_intervention import BoundInterventionControl
from explorer.controls.bound_start import _corners, _nearer
from explorer.controls.control_set import ControlSet
from explorer.discovery.bound_causes import attribute_map
from explorer.errors import CausalError
from explorer.generators import registry as families
from explorer.generators.base import Latent
from explorer.generators.editing import edited
from explorer.generators.known_factors import KnownFactorsGenerator, write_known_factors
from explorer.generators.known_factors_drawing import FACTORS
from explorer.scene.cards import ControlCard
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.model import Quality

SCALES = {"x": 0.15, "y": 0.13, "radius": 0.08, "background": 0.17}
SLOPE = 0.2


@pytest.fixture(scope="module", params=["distinct", "curved"])
def generator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> KnownFactorsGenerator:
    folder = tmp_path_factory.mktemp(request.param)
    write_known_factors(folder, request.param)
    return cast(KnownFactorsGenerator, families.load(str(folder), torch.device("cpu")))


def structural_model() -> StructuralModel:
    """x → radius, the others alone, all with noise that adds up."""
    variables = tuple(
        Variable(name=name, kind="cyclic", low=0.0, high=1.0, unit="turns") if name == "hue" else Variable(name=name)
        for name in FACTORS
    )
    alone = {name: LinearGaussian.of((), (), 0.0, 1.0) for name in FACTORS if name != "radius"}
    return StructuralModel(
        CausalGraph(variables=variables, edges=(("x", "radius"),)),
        {**alone, "radius": LinearGaussian.of(("x",), (SLOPE,), 0.4, 0.1)},
    )


def controls_of(generator: KnownFactorsGenerator) -> dict[str, BoundInterventionControl]:
    """What the method makes of 600 pictures, with mechanisms that are known."""
    model, reader = structural_model(), open_reader("known_factors")
    latent = generator.sample(range(600))
    read = reader.read(generator.render(latent, Quality()))
    rows = dict(zip(FACTORS, read.T, strict=True))
    attributes = attribute_map(model.graph.variables, rows, latent.tensors["z"].double().numpy())
    source = Source("known_factors", "known_factors", reader.digest, {name: name for name in FACTORS}, {})
    bindings = Bindings(model.graph.variables, attributes, source, BoundControls.none((8,)))
    return {
        name: BoundInterventionControl(ControlCard(name=name, space="z", shows="value"), name, model, bindings)
        for name in FACTORS
    }


def sent(control: BoundInterventionControl, value: float) -> Move:
    return Move(control, torch.tensor([value], dtype=torch.float64), True)


def read(generator: KnownFactorsGenerator, latent: Latent) -> dict[str, float]:
    values = open_reader("known_factors").read(generator.render(latent, Quality()))[0]
    return dict(zip(FACTORS, map(float, values), strict=True))


def turned(value: float) -> float:
    """The shorter way round."""
    return (value + 0.5) % 1.0 - 0.5


@pytest.mark.parametrize("which", [0, 1])
def test_the_picture_reads_what_was_set_what_follows_and_what_is_held(
    generator: KnownFactorsGenerator, which: int
) -> None:
    """Of pictures from which there is room: x reaches from -.35 to .35, the radius from .26 to .58."""
    seeds = [seed for seed in range(40) if abs(read(generator, generator.sample([seed]))["x"]) < 0.15]
    controls, start = controls_of(generator), generator.sample([seeds[which]])
    before = read(generator, start)
    by = 0.15 if before["radius"] < 0.42 else -0.15
    after = read(generator, edited(generator, start, [sent(controls["x"], before["x"] + by)]))
    assert after["x"] == pytest.approx(before["x"] + by, abs=0.02 * SCALES["x"])
    assert after["radius"] == pytest.approx(before["radius"] + by * SLOPE, abs=0.02 * SCALES["radius"])
    assert after["y"] == pytest.approx(before["y"], abs=0.02 * SCALES["y"])
    assert after["background"] == pytest.approx(before["background"], abs=0.02 * SCALES["background"])
    assert abs(turned(after["hue"] - before["hue"])) < 0.02 / math.tau
    leaf = read(generator, edited(generator, start, [sent(controls["radius"], before["radius"] + by / 3)]))
    assert leaf["radius"] == pytest.approx(before["radius"] + by / 3, abs=0.02 * SCALES["radius"])
    assert leaf["x"] == pytest.approx(before["x"], abs=0.02 * SCALES["x"])


def test_a_hue_goes_round_and_several_are_set_at_once(generator: KnownFactorsGenerator) -> None:
    controls, start = controls_of(generator), generator.sample([3])
    before = read(generator, start)
    hue = (before["hue"] + 0.3) % 1.0
    moves = [sent(controls["hue"], hue), sent(controls["background"], 0.5)]
    after = read(generator, edited(generator, start, moves))
    assert abs(turned(after["hue"] - hue)) < 0.02 / math.tau
    assert after["background"] == pytest.approx(0.5, abs=0.02 * SCALES["background"])
    assert after["x"] == pytest.approx(before["x"], abs=0.02 * SCALES["x"])
    there = edited(generator, start, moves).tensors["z"]
    assert torch.equal(edited(generator, start, moves[::-1]).tensors["z"], there)
    amounts = [Move(controls["hue"], torch.tensor([0.3])), Move(controls["hue"], torch.tensor([-0.7]))]
    near, round_it = (edited(generator, start, [move]).tensors["z"] for move in amounts)
    torch.testing.assert_close(near, round_it, atol=1e-5, rtol=0)  # one value, one picture


def prepared(control: BoundInterventionControl, generator: KnownFactorsGenerator, latent: Latent) -> Any:
    assert isinstance(control, StartBound)
    assert isinstance(control, Joint)
    return control.prepare(generator, latent)


def test_the_value_that_stands_there_changes_no_bit_and_another_start_is_another_search(
    generator: KnownFactorsGenerator,
) -> None:
    control, start = controls_of(generator)["y"], generator.sample([4, 5])
    start.tensors["z"][0, 0] = -0.0
    ready = prepared(control, generator, start)
    here = ready.place.value(start.tensors["z"])
    moved = ready.move_together(start.tensors["z"], [Move(ready, here.float(), True)])
    assert torch.equal(moved.view(torch.int32), start.tensors["z"].view(torch.int32))
    both = ready.move(start.tensors["z"], torch.tensor([0.1, 0.0]))
    alone = prepared(control, generator, generator.sample([5]))
    assert torch.equal(both[1], start.tensors["z"][1])
    assert not torch.equal(both[0], start.tensors["z"][0])
    assert float(alone.place.value(start.tensors["z"][1:])) == float(here[1])


VALUES = st.floats(-0.15, 0.15)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=3), VALUES, VALUES)
@settings(max_examples=6, deadline=None)
def test_the_way_there_leaves_no_trace(
    generator: KnownFactorsGenerator, ways: list[tuple[float, float]], x: float, y: float
) -> None:
    """A picture is a function of what is set, whatever was set before."""
    start = generator.sample([6])
    controls, fresh = controls_of(generator), controls_of(generator)

    def moves(of: dict[str, BoundInterventionControl], x: float, y: float) -> Moves:
        return [sent(of["x"], x), sent(of["y"], y)]

    for way in ways:
        edited(generator, start, moves(controls, *way))
    again = KnownFactorsGenerator(generator.card, generator.network, generator.device)  # with which nothing is kept
    assert torch.equal(
        edited(generator, start, moves(controls, x, y)).tensors["z"],
        edited(again, start, moves(fresh, x, y)).tensors["z"],
    )


def test_between_knots_there_are_no_jumps_and_what_is_read_is_what_is_meant(generator: KnownFactorsGenerator) -> None:
    control, start = controls_of(generator)["background"], generator.sample([7])
    ready = prepared(control, generator, start)
    z = start.tensors["z"].double()
    amounts = torch.linspace(-0.06, 0.06, 61).double()
    way = torch.cat([ready.move(z, amount[None]) for amount in amounts])
    steps = (way[1:] - way[:-1]).norm(dim=1)
    assert float(steps.max()) < 4 * float(steps.median())
    shown = open_reader("known_factors").read(generator.render(Latent({"z": way.float()}), Quality()))
    factual = float(ready.place.value(z))
    error = shown[:, FACTORS.index("background")] - factual - amounts.numpy()
    assert np.abs(error).max() < 0.02 * SCALES["background"]


def test_what_the_generator_does_not_draw_is_said_with_what_comes_nearest(generator: KnownFactorsGenerator) -> None:
    """The ground is between .1 and .9, however far one goes."""
    control, start = controls_of(generator)["background"], generator.sample([1])
    ready = prepared(control, generator, start)
    moves = [sent(ready, 1.5)]
    (remark,) = ready.remarks(start.tensors["z"], moves)
    assert remark.mark == OUT_OF_REACH
    reached = read(generator, edited(generator, start, [sent(control, 1.5)]))["background"]
    assert 0.6 < reached < 0.91
    assert re.match(rf"comes only to {reached:.3g} in place of 1.5, where pictures end", remark.text)
    assert float(edited(generator, start, [sent(control, 1.5)]).tensors["z"].norm()) < 6  # where points are
    (quiet,) = ready.remarks(start.tensors["z"], [sent(ready, read(generator, start)["background"])])
    assert quiet is None


def test_a_file_keeps_all_but_the_pictures_and_refuses_without_what_reads_them(
    generator: KnownFactorsGenerator, tmp_path: Path
) -> None:
    controls = controls_of(generator)
    made = ControlSet("bound_causes", "Causes", generator.card.fingerprint, "z", tuple(controls.values()))
    control_set.save(made, tmp_path / "set.safetensors")
    again = control_set.load(tmp_path / "set.safetensors").control("x")
    start = generator.sample([8])
    assert isinstance(again, BoundInterventionControl)
    assert again.group == controls["x"].group
    assert torch.equal(
        edited(generator, start, [sent(again, 0.1)]).tensors["z"],
        edited(generator, start, [sent(controls["x"], 0.1)]).tensors["z"],
    )
    parameters = again.parameters()
    gone = again.restore(
        again.card,
        again.tensors(),
        {**parameters, "source": str(parameters["source"]).replace('"text":"known_factors"', '"text":"gone.onnx"')},
    )
    with pytest.raises(CausalError, match=r"'gone.onnx', which reads x, .* cannot be opened: .*gone.onnx"):
        gone.prepare(generator, start)
    digest = again.bindings.source.digest
    other = again.restore(
        again.card, again.tensors(), {**parameters, "source": str(parameters["source"]).replace(digest, "0" * 64)}
    )
    with pytest.raises(CausalError, match=r"does not read x, .* as it did when these controls were made"):
        other.prepare(generator, start)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shape": "9"}, r"points of shape \(9,\) for width 8"),
        ({"shape": "a"}, "invalid literal"),
        ({"source": "{}"}, "missing required field"),
        ({"source": 3}, "no text"),
        ({"variable": "z"}, "'z' among x, y"),
    ],
)
def test_a_damaged_file_is_told(generator: KnownFactorsGenerator, changes: dict[str, Any], sentence: str) -> None:
    control = controls_of(generator)["x"]
    with pytest.raises(ValueError, match=sentence):
        control.restore(control.card, control.tensors(), {**control.parameters(), **changes})


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.sets(st.integers(0, 2)))
def test_a_place_is_the_mixture_of_its_corners(numbers: list[float], moving: set[int]) -> None:
    places = torch.tensor([value if index in moving else 0.0 for index, value in enumerate(numbers)]).double()
    corners = _corners(places, sorted(moving))
    assert len(corners) <= len(moving) + 1
    mixed = sum((weight * torch.tensor(grid).double() for grid, weight in corners), torch.zeros(3).double())
    torch.testing.assert_close(mixed, places)
    assert sum(float(weight) for _, weight in corners) == pytest.approx(1.0)


@given(st.tuples(st.integers(-128, 128), st.integers(-128, 128)).filter(any))
def test_every_knot_is_a_few_bounds_from_the_start(grid: tuple[int, ...]) -> None:
    bounds = 0
    while any(grid):
        nearer = _nearer(grid)
        assert sum(map(abs, nearer)) < sum(map(abs, grid))
        grid, bounds = nearer, bounds + 1
    assert bounds <= 2 * (128 // 8 + 3)
