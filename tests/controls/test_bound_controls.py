"""Controls that variables are bound to: where points stand along them, and do() on them, in closed form."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from explorer.attributes.registry import open_reader
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.controls import control_set
from explorer.controls.base import Control, Move
from explorer.controls.bent import BentControl
from explorer.controls.bindings import Bindings, Source
from explorer.controls.bound import OUT_OF_REACH
from explorer.controls.bound_controls import BoundControls
from explorer.controls.bound_intervention import BoundInterventionControl
from explorer.controls.class_blend import ClassControl
from explorer.controls.codebook import CodebookControl
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.controls.scaled import scaled
from explorer.discovery.bound_causes import attribute_map
from explorer.generators import registry as families
from explorer.generators.base import Latent
from explorer.generators.editing import edited
from explorer.generators.known_factors import KnownFactorsGenerator, Variant, write_known_factors
from explorer.generators.known_factors_drawing import FACTORS
from explorer.numerics.bending import Bend
from explorer.scene.cards import ControlCard
from explorer.scene.causal_graph import CausalGraph, Edge, Variable
from explorer.scene.model import Quality

CARD = ControlCard(name="c", space="z")
SCALES = {"x": 0.15, "y": 0.13, "radius": 0.08, "background": 0.17}


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def bound(controls: dict[str, Control], *shape: int, centre: Tensor | None = None) -> BoundControls:
    middle = torch.zeros(math.prod(shape)).double() if centre is None else centre.double()
    return BoundControls(controls, shape, middle, torch.ones(len(controls)).double())


# --- where points stand ----------------------------------------------------------------------------------------------


@given(st.integers(0, 2**16), st.integers(1, 4), st.lists(st.floats(-3, 3), min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_to_move_along_one_straight_control_changes_no_value_of_another(
    seed: int, count: int, amounts: list[float]
) -> None:
    """Whatever the angles between them; the values are those of least squares."""
    names = "abcd"[:count]
    directions = normal(seed, count, 6)
    centre = normal(seed + 1, 6)
    controls = bound(
        {name: LinearControl(CARD, way) for name, way in zip(names, directions, strict=True)}, 6, centre=centre
    )
    points = normal(seed + 2, 3, 6)
    before = controls.values(points)
    fitted = np.linalg.lstsq(directions.double().numpy().T, (points - centre).double().numpy().T, rcond=None)[0]
    np.testing.assert_allclose(torch.stack(list(before.values())).numpy(), fitted, atol=1e-5)
    by = {name: torch.full((3,), amount).double() for name, amount in zip(names, amounts, strict=False)}
    after = controls.values(controls.moved(points.double(), by))
    for name in names:
        torch.testing.assert_close(after[name] - before[name], by[name], atol=1e-6, rtol=1e-6)


def test_of_directions_at_right_angles_a_value_is_the_projection_in_the_control_s_unit() -> None:
    controls = bound({"a": LinearControl(CARD, torch.eye(3)[0] * 2), "b": LinearControl(CARD, torch.eye(3)[2])}, 3)
    values = controls.values(torch.tensor([[3.0, 5.0, -1.0]]))
    assert (float(values["a"]), float(values["b"])) == (1.5, -1.0)


def test_a_codebook_says_its_code_and_along_a_bent_control_a_picture_stands_at_nothing() -> None:
    codes = CodebookControl(CARD, torch.tensor([-1.0, 0.5, 2.0]), 1, 4)
    bent = BentControl(CARD, normal(0, 4), Bend(normal(1, 2, 2, 2), normal(2, 2, 2, 2)))
    controls = bound({"codes": codes, "turned": scaled(codes, -1.0), "bent": bent}, 4)
    point = torch.tensor([[0.1, 0.5, 0.2, -0.3]])
    values = controls.values(point)
    assert {name: float(value) for name, value in values.items()} == {"codes": 1.0, "turned": 1.0, "bent": 0.0}
    assert controls.relative == ("bent",)
    none = torch.zeros(1).double()
    assert torch.equal(controls.moved(point, {"codes": none, "turned": none, "bent": none}), point)
    for name in ("codes", "turned"):
        moved = controls.moved(point, {"codes": none, "turned": none, "bent": none, name: none + 1})
        assert float(moved[0, 1]) == 2.0
    far = controls.moved(point, {"codes": none, "turned": none, "bent": none + 0.7})
    torch.testing.assert_close(far, bent.move(point, torch.tensor([0.7]).double()))


def test_classes_are_blended_together() -> None:
    card = ControlCard(name="c", space="class")
    first, second = ClassControl(card, 0, 3), ClassControl(card, 1, 3)
    controls = bound({"a": first, "b": second}, 3)
    point, half = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([0.5]).double()
    moves = [Move(first, half), Move(second, half)]
    torch.testing.assert_close(controls.moved(point, {"a": half, "b": half}), first.move_together(point, moves))


def test_controls_that_lead_the_same_way_are_refused() -> None:
    ways = {"a": LinearControl(CARD, normal(0, 3)), "b": LinearControl(CARD, -2 * normal(0, 3))}
    with pytest.raises(ValueError, match="a, b, of which some lead the same way"):
        bound(cast("dict[str, Control]", ways), 3)
    with pytest.raises(ValueError, match="several spaces"):
        bound({"a": ways["a"], "b": LinearControl(ControlCard(name="d", space="w"), normal(1, 3))}, 3)


# --- do() ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["distinct", "correlated"])
def generator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> KnownFactorsGenerator:
    return _generator(request.param, tmp_path_factory)


def _generator(variant: Variant, tmp_path_factory: pytest.TempPathFactory) -> KnownFactorsGenerator:
    folder = tmp_path_factory.mktemp(variant)
    write_known_factors(folder, variant)
    return cast(KnownFactorsGenerator, families.load(str(folder), torch.device("cpu")))


def model_of(names: tuple[str, ...], slopes: dict[Edge, float]) -> StructuralModel:
    """All are lines: an effect is its causes' sum, times ``slopes``, and noise of 1."""
    edges = tuple(slopes)
    graph = CausalGraph(variables=tuple(Variable(name=name) for name in names), edges=edges)
    mechanisms = {}
    for name in names:
        causes = graph.parents(name)
        mechanisms[name] = LinearGaussian.of(causes, tuple(slopes[cause, name] for cause in causes), 0.0, 1.0)
    return StructuralModel(graph, mechanisms)


def controls_of(
    generator: KnownFactorsGenerator, model: StructuralModel, along: dict[str, str]
) -> dict[str, BoundInterventionControl]:
    """The variables ``along`` (variable → factor) are the true controls of these factors, all others are read."""
    true = {control.card.name: control for control in generator.true_controls()}
    chosen = {name: true[along[name]] for name in model.graph.names if name in along}
    read = tuple(one for one in model.graph.variables if one.name not in along)
    reader = open_reader("known_factors")
    latent = generator.sample(range(600))
    values = reader.read(generator.render(latent, Quality()))
    rows = {one.name: values[:, FACTORS.index(one.name)] for one in read}
    source = Source("known_factors", "known_factors", reader.digest, {name: name for name in rows}, {})
    attributes = attribute_map(read, rows, latent.tensors["z"].double().numpy())
    bindings = Bindings(model.graph.variables, attributes, source, bound(chosen, 8))
    return {
        name: BoundInterventionControl(ControlCard(name=name, space="z", shows="value"), name, model, bindings)
        for name in model.graph.names
    }


def sent(control: Control, value: float) -> Move:
    return Move(control, torch.tensor([value], dtype=torch.float64), True)


def read(generator: KnownFactorsGenerator, latent: Latent) -> dict[str, float]:
    values = open_reader("known_factors").read(generator.render(latent, Quality()))[0]
    return dict(zip(FACTORS, map(float, values), strict=True))


def stands(controls: dict[str, BoundInterventionControl], latent: Latent, name: str) -> float:
    bindings = controls[name].bindings
    return float(bindings.controls.values(latent.tensors["z"])[name])


MIXED = ("push", "radius", "background", "y", "lift")
SLOPES: dict[Edge, float] = {("push", "radius"): 0.04, ("radius", "background"): 0.5}


def test_a_control_is_moved_attributes_follow_to_the_grandchild_and_all_else_is_held(
    generator: KnownFactorsGenerator,
) -> None:
    """push is the control of x alone: what x then shows is told by its amount in closed form."""
    controls = controls_of(generator, model_of(MIXED, SLOPES), {"push": "x", "lift": "hue"})
    start = generator.sample([4])
    before, stood = read(generator, start), {name: stands(controls, start, name) for name in ("push", "lift")}
    after = edited(generator, start, [sent(controls["push"], stood["push"] + 0.8)])
    shown = read(generator, after)
    assert stands(controls, after, "push") == pytest.approx(stood["push"] + 0.8, abs=1e-5)
    assert stands(controls, after, "lift") == pytest.approx(stood["lift"], abs=1e-5)
    assert shown["radius"] == pytest.approx(before["radius"] + 0.032, abs=0.02 * SCALES["radius"])
    assert shown["background"] == pytest.approx(before["background"] + 0.016, abs=0.02 * SCALES["background"])
    assert shown["y"] == pytest.approx(before["y"], abs=0.02 * SCALES["y"])
    assert shown["x"] != pytest.approx(before["x"], abs=0.02)  # what the control does
    leaf = edited(generator, start, [sent(controls["background"], before["background"] + 0.05)])
    assert stands(controls, leaf, "push") == pytest.approx(stood["push"], abs=1e-5)
    assert read(generator, leaf)["radius"] == pytest.approx(before["radius"], abs=0.02 * SCALES["radius"])


def test_a_control_that_is_an_effect_is_moved_by_what_the_mechanism_says(generator: KnownFactorsGenerator) -> None:
    model = model_of(("x", "y", "push"), {("x", "push"): -4.0})
    controls, start = controls_of(generator, model, {"push": "radius"}), generator.sample([4])
    before, stood = read(generator, start), stands(controls, start, "push")
    after = edited(generator, start, [sent(controls["x"], before["x"] + 0.05)])
    assert stands(controls, after, "push") == pytest.approx(stood - 0.2, abs=1e-5)
    assert read(generator, after)["x"] == pytest.approx(before["x"] + 0.05, abs=0.02 * SCALES["x"])
    assert read(generator, after)["y"] == pytest.approx(before["y"], abs=0.02 * SCALES["y"])


def test_where_all_are_controls_the_point_is_the_sum_of_what_they_add(generator: KnownFactorsGenerator) -> None:
    """Nothing is read, and nothing sought: z + Σ (v' - v) d."""
    model = model_of(("a", "b", "c"), {("a", "b"): 0.5, ("b", "c"): -2.0})
    controls = controls_of(generator, model, {"a": "x", "b": "y", "c": "hue"})
    start = generator.sample([0, 1])
    true = {control.card.name: cast(Tensor, control.offset) for control in generator.true_controls()}
    by = torch.tensor([0.7, -1.2])
    moved = edited(generator, start, [Move(controls["a"], by)]).tensors["z"]
    rows = by[:, None] * true["x"] + 0.5 * by[:, None] * true["y"] - by[:, None] * true["hue"]
    torch.testing.assert_close(moved, start.tensors["z"] + rows, atol=1e-5, rtol=1e-5)
    alone = edited(generator, generator.sample([1]), [Move(controls["a"], by[1:])]).tensors["z"]
    assert torch.equal(alone[0], moved[1])


def test_the_value_that_stands_there_changes_no_bit(generator: KnownFactorsGenerator) -> None:
    controls = controls_of(generator, model_of(MIXED, SLOPES), {"push": "x", "lift": "hue"})
    start = generator.sample([7])
    start.tensors["z"][0, 0] = -0.0
    for name in ("push", "radius"):
        ready = cast(BoundInterventionControl, controls[name].prepare(generator, start))
        value = ready.value(start.tensors["z"])
        moved = edited(generator, start, [Move(controls[name], value.float(), True)]).tensors["z"]
        assert torch.equal(moved.view(torch.int32), start.tensors["z"].view(torch.int32))


def test_the_search_never_takes_back_what_a_control_does(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where what the control does is at odds with what is held, that is said, and the control goes where it is sent.
    Of directions at right angles, so that nothing else moves x."""
    generator = _generator("distinct", tmp_path_factory)
    controls, start = controls_of(generator, model_of(("push", "x"), {}), {"push": "x"}), generator.sample([3])
    before, value = read(generator, start), stands(controls, start, "push") + 1.0
    after = edited(generator, start, [sent(controls["push"], value)])
    assert stands(controls, after, "push") == pytest.approx(value, abs=1e-5)
    ready = controls["push"].prepare(generator, start)
    (remark,) = ready.remarks(start.tensors["z"], [sent(ready, value)])
    assert remark is not None
    assert remark.mark == OUT_OF_REACH
    reached = read(generator, after)["x"]
    assert re.search(rf"with x {reached:.3g} in place of {before['x']:.3g}", remark.text)


def test_along_a_bent_control_values_are_amounts_from_the_picture(tmp_path_factory: pytest.TempPathFactory) -> None:
    curved = _generator("curved", tmp_path_factory)
    controls = controls_of(curved, model_of(("push", "radius", "y"), {("push", "radius"): 0.04}), {"push": "x"})
    start = curved.sample([4])
    before = read(curved, start)
    ready = cast(BoundInterventionControl, controls["push"].prepare(curved, start))
    assert float(ready.value(start.tensors["z"])) == 0.0
    there = edited(curved, start, [sent(controls["push"], 0.6)])
    after = read(curved, there)
    (alone,) = (control for control in curved.true_controls() if control.card.name == "x")
    plain = edited(curved, start, [Move(alone, torch.tensor([0.6]))])
    assert read(curved, plain)["radius"] == pytest.approx(before["radius"], abs=1e-3)  # it moves x alone
    led, sought = (plain.tensors["z"] - start.tensors["z"])[0], (there.tensors["z"] - plain.tensors["z"])[0]
    assert float(sought.norm()) > 0.1
    assert abs(float(led @ sought)) < 0.01 * float(led.norm() * sought.norm())
    assert after["radius"] == pytest.approx(before["radius"] + 0.024, abs=0.02 * SCALES["radius"])
    assert after["y"] == pytest.approx(before["y"], abs=0.02 * SCALES["y"])


def test_a_file_keeps_what_variables_are_bound_to(generator: KnownFactorsGenerator, tmp_path: Path) -> None:
    controls = controls_of(generator, model_of(MIXED, SLOPES), {"push": "x", "lift": "hue"})
    made = ControlSet("bound_causes", "Causes", generator.card.fingerprint, "z", tuple(controls.values()))
    control_set.save(made, tmp_path / "set.safetensors")
    again = control_set.load(tmp_path / "set.safetensors").control("push")
    start = generator.sample([8])
    assert isinstance(again, BoundInterventionControl)
    assert again.group == controls["push"].group
    assert torch.equal(
        edited(generator, start, [sent(again, 0.9)]).tensors["z"],
        edited(generator, start, [sent(controls["push"], 0.9)]).tensors["z"],
    )
    parameters = again.parameters()
    for described, sentence in (
        (str(parameters["controls"]).replace('"linear"', '"wobbly"'), "unknown kind 'wobbly'"),
        ("[", "truncated"),
        ("[]", "slopes of shape"),
    ):
        with pytest.raises(ValueError, match=sentence):
            again.restore(again.card, again.tensors(), {**parameters, "controls": described})
