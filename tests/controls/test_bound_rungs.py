"""Imagine, do and see, and other noises, of variables that are bound to a generator."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.attributes.registry import open_reader
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.controls import control_set
from explorer.controls.base import Control, EffectPart, Move
from explorer.controls.bound import OUT_OF_REACH, Bound
from explorer.controls.bound_rung import BoundRungControl
from explorer.controls.control_set import ControlSet
from explorer.discovery.bound_causes import METHOD
from explorer.engine.causes import outcome
from explorer.errors import CausalError, ControlError
from explorer.generators import registry as families
from explorer.generators.base import Latent
from explorer.generators.editing import edited
from explorer.generators.known_factors import KnownFactorsGenerator, write_known_factors
from explorer.generators.known_factors_drawing import FACTORS
from explorer.scene.cards import Remark
from explorer.scene.choices import case_of_seed
from explorer.scene.model import Edit, Quality, Scalar

SETTINGS: dict[str, Scalar] = {
    "attributes": "known_factors",
    "controls": "random_orthogonal:3",
    "control": "push=random 1",
    "graph": '{"push": [], "radius": ["push"], "background": ["radius"], "y": []}',
    "mechanisms": "push=linear_gaussian,radius=linear_gaussian,background=linear_gaussian,y=linear_gaussian",
    "samples": 600,
}
CLOSE = {"y": 0.003, "radius": 0.002, "background": 0.004}


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> KnownFactorsGenerator:
    folder = tmp_path_factory.mktemp("correlated")
    write_known_factors(folder, "correlated")
    return cast(KnownFactorsGenerator, families.load(str(folder), torch.device("cpu")))


@pytest.fixture(scope="module")
def controls(generator: KnownFactorsGenerator) -> ControlSet:
    return METHOD.discover(generator, 4, 0, SETTINGS)


def rung_of(controls: ControlSet) -> BoundRungControl:
    return cast(BoundRungControl, controls.control("rung"))


def sent(control: Control, value: float) -> Move:
    return Move(control, torch.tensor([value], dtype=torch.float64), True)


def chosen(control: Control, case: int) -> Move:
    return Move(control, torch.tensor([float(case)]))


def read(generator: KnownFactorsGenerator, latent: Latent) -> dict[str, float]:
    values = open_reader("known_factors").read(generator.render(latent, Quality()))[0]
    return dict(zip(FACTORS, map(float, values), strict=True))


def point(generator: KnownFactorsGenerator, start: Latent, *moves: Move) -> Tensor:
    return edited(generator, start, list(moves)).tensors["z"]


def push(controls: ControlSet, z: Tensor) -> float:
    return float(rung_of(controls).bindings.controls.values(z)["push"])


def who(controls: ControlSet, case: int) -> int:
    """The seed of the picture that draw ``case`` does."""
    rung = rung_of(controls)
    return int(rung.seeds[int(np.random.default_rng([case, 89]).integers(len(rung.seeds)))])


def test_to_do_is_to_set_the_variables_of_another_picture(
    generator: KnownFactorsGenerator, controls: ControlSet
) -> None:
    """Bit for bit what imagining makes of that picture; without anything set it is that picture."""
    start, rung, do = generator.sample([3]), controls.control("rung"), controls.control("push")
    for draw in (1, 2):
        other = generator.sample([who(controls, draw)])
        assert torch.equal(point(generator, start, chosen(rung, draw)), other.tensors["z"])
        moved = point(generator, start, sent(do, 0.7), chosen(rung, draw))
        assert torch.equal(moved, point(generator, other, sent(do, 0.7)))
    assert not torch.equal(point(generator, start, chosen(rung, 1)), point(generator, start, chosen(rung, 2)))
    assert torch.equal(point(generator, start, chosen(rung, 0)), start.tensors["z"])


@pytest.mark.parametrize("part", ["direct", "indirect"])
def test_parts_of_an_effect_are_those_on_the_other_picture(
    generator: KnownFactorsGenerator, controls: ControlSet, part: EffectPart
) -> None:
    other = generator.sample([who(controls, 1)])
    do = sent(controls.control("push"), 0.7)._replace(part=part)
    rung = chosen(controls.control("rung"), 1)._replace(part=part)
    moved = point(generator, generator.sample([3]), do, rung)
    assert torch.equal(moved, point(generator, other, do))
    assert not torch.equal(moved, point(generator, other, do._replace(part="all")))


def test_to_see_an_effect_tells_of_its_cause_and_to_do_it_does_not(
    generator: KnownFactorsGenerator, controls: ControlSet
) -> None:
    """push is standard normal, and the radius a line of it with normal noise: of pictures whose radius is r, the mean
    of push is slope (r - mean) / variance."""
    rung, start = controls.control("rung"), generator.sample([3])
    rows = rung_of(controls).rows
    radius = rows["radius"].mean() + 1.2 * rows["radius"].std()
    told = float(torch.corrcoef(torch.stack([rows["push"], rows["radius"]]))[0, 1]) * 1.2
    means = {}
    for sign in (1, -1):
        moves = [[sent(controls.control("radius"), float(radius)), chosen(rung, sign * draw)] for draw in range(1, 61)]
        points = [point(generator, start, *each) for each in moves]
        means[sign] = sum(push(controls, each) for each in points) / 60
        shown = read(generator, Latent({"z": points[0]}))
        assert shown["radius"] == pytest.approx(float(radius), abs=CLOSE["radius"])
    assert abs(means[1]) < 0.4  # of 60 normal numbers the mean lies within .13 of 0, by a standard deviation
    assert told > 0.5
    assert means[-1] == pytest.approx(told, abs=0.4)


def test_who_is_seen_showed_nearly_that_before(generator: KnownFactorsGenerator, controls: ControlSet) -> None:
    rung = cast(BoundRungControl, rung_of(controls).prepare(generator, generator.sample([3])))
    for draw in range(1, 20):
        start = rung._drawn(-draw, {"push": 0.8, "y": 0.1})
        assert float(start.by_name()["push"]) == pytest.approx(0.8, abs=0.5)
        assert float(start.by_name()["y"]) == pytest.approx(0.1, abs=0.07)


def test_other_noise_is_followed(generator: KnownFactorsGenerator, controls: ControlSet) -> None:
    """Of lines in closed form: radius = a + b push + noise, and the rest is held, or follows."""
    start = generator.sample([3])
    model = rung_of(controls).model
    line, last = (cast(LinearGaussian, model.mechanisms[name]) for name in ("radius", "background"))
    assert line.slopes is not None
    assert last.slopes is not None
    before, stood = read(generator, start), push(controls, start.tensors["z"])
    other = generator.sample([11])
    theirs = read(generator, other)["radius"] - line.intercept - float(line.slopes) * push(controls, other.tensors["z"])
    drawn = float(line.assign(torch.zeros(1, 1).double(), model.noises(1, 5)["radius"])) - line.intercept
    for case, noise in ((5, drawn), (case_of_seed(11), theirs)):
        moved = point(generator, start, chosen(controls.control("noise: radius"), case))
        radius = line.intercept + float(line.slopes) * stood + noise
        shown = read(generator, Latent({"z": moved}))
        assert shown["radius"] == pytest.approx(radius, abs=CLOSE["radius"])
        by = float(last.slopes) * (radius - before["radius"])
        assert shown["background"] == pytest.approx(before["background"] + by, abs=CLOSE["background"])
        assert shown["y"] == pytest.approx(before["y"], abs=CLOSE["y"])
        assert push(controls, moved) == pytest.approx(stood, abs=1e-5)


def test_the_picture_s_own_noise_is_all_that_no_variable_tells(
    generator: KnownFactorsGenerator, controls: ControlSet
) -> None:
    """Another picture, made to read as this one: hue and x are its own."""
    start, own = generator.sample([3]), controls.control("noise: picture")
    other = generator.sample([12])
    before, stood = read(generator, start), push(controls, start.tensors["z"])
    moved = point(generator, start, chosen(own, case_of_seed(12)))
    shown = read(generator, Latent({"z": moved}))
    for name, close in CLOSE.items():
        assert shown[name] == pytest.approx(before[name], abs=close)
    assert push(controls, moved) == pytest.approx(stood, abs=1e-5)
    assert float((moved - other.tensors["z"]).norm()) < float((moved - start.tensors["z"]).norm())
    again = point(generator, start, chosen(own, case_of_seed(12)), sent(controls.control("push"), stood + 0.5))
    assert push(controls, again) == pytest.approx(stood + 0.5, abs=1e-5)


def test_a_batch_of_several_cases_equals_its_rows(generator: KnownFactorsGenerator, controls: ControlSet) -> None:
    start = generator.sample([3, 4, 5])
    cases, by = torch.tensor([0.0, 2.0, -1.0]), torch.tensor([0.4, -0.3, 0.2])
    moved = point(
        generator, start, Move(controls.control("push"), by), Move(controls.control("rung"), cases),
        Move(controls.control("noise: y"), torch.tensor([3.0, 0.0, 0.0])),
    )  # fmt: skip
    for row, seed in enumerate((3, 4, 5)):
        alone = point(
            generator, generator.sample([seed]), Move(controls.control("push"), by[row : row + 1]),
            Move(controls.control("rung"), cases[row : row + 1]),
            Move(controls.control("noise: y"), torch.tensor([3.0 if row == 0 else 0.0])),
        )  # fmt: skip
        torch.testing.assert_close(alone[0], moved[row], atol=2e-4, rtol=0)


def test_what_is_too_rare_to_be_seen_is_a_sentence_and_what_is_missed_is_told(
    generator: KnownFactorsGenerator, controls: ControlSet
) -> None:
    start = generator.sample([3])
    rare = outcome(generator, controls, start, [Edit("push", value=9.0), Edit("rung", -1.0)])
    assert rare.problem.startswith("Rows with push = 9 are so rare that only 0 of")
    told = outcome(generator, controls, start, [Edit("rung", 1.0)])
    assert (told.rung, told.draw, told.problem) == ("do", 1, "")
    remarks: dict[str, Remark] = {}
    far = [sent(controls.control("background"), 1.5), chosen(controls.control("rung"), 1)]
    edited(generator, start, far, remarks=remarks)
    assert remarks["background"].mark == OUT_OF_REACH
    assert "another picture" in remarks["rung"].text


def test_rungs_are_not_offered_where_no_picture_stands_along_a_control(tmp_path: Path) -> None:
    write_known_factors(tmp_path, "curved")
    curved = cast(KnownFactorsGenerator, families.load(str(tmp_path), torch.device("cpu")))
    bent = {**SETTINGS, "controls": "true_directions", "control": "push=x"}
    names = [control.card.name for control in METHOD.discover(curved, 4, 0, bent).controls]
    assert "rung" not in names
    assert names[4:] == ["noise: y", "noise: radius", "noise: background", "noise: push", "noise: picture"]


def test_a_file_keeps_them_and_tells_what_is_damaged(
    generator: KnownFactorsGenerator, controls: ControlSet, tmp_path: Path
) -> None:
    control_set.save(controls, tmp_path / "set.safetensors")
    again = control_set.load(tmp_path / "set.safetensors")
    start = generator.sample([3])
    for names in (("rung", 2), ("rung", -2), ("noise: radius", 4), ("noise: picture", 1)):
        one, other = (
            point(generator, start, sent(each.control("push"), 0.6), chosen(each.control(names[0]), names[1]))
            for each in (controls, again)
        )
        assert torch.equal(one, other)
    rung = rung_of(again)
    with pytest.raises(ValueError, match="seeds of rows"):
        rung.restore(rung.card, {**rung.tensors(), "seeds": rung.seeds[1:]}, rung.parameters())
    with pytest.raises(ValueError, match="rows of"):
        rung.restore(rung.card, {k: v for k, v in rung.tensors().items() if k != "rows.y"}, rung.parameters())
    noise = again.control("noise: y")
    with pytest.raises(ValueError, match="the noise of 'z'"):
        noise.restore(noise.card, noise.tensors(), {**noise.parameters(), "variable": "z"})


def test_without_a_model_that_draws_them_there_are_no_other_pictures(controls: ControlSet) -> None:
    for name, case in (("rung", 1), ("noise: y", -1)):
        with pytest.raises(ControlError, match="no model is there that draws"):
            controls.control(name).move(torch.zeros(1, 8), torch.tensor([float(case)]))


def test_a_picture_that_does_not_show_a_variable_gives_none_of_its_noise(
    generator: KnownFactorsGenerator, controls: ControlSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = generator.sample([3])
    noise = cast(Bound, controls.control("noise: radius")).prepare(generator, start)
    assert noise.pictures is not None
    monkeypatch.setattr(type(noise.pictures), "shown", lambda self, pictures: torch.full((len(pictures), 3), torch.nan))
    with pytest.raises(CausalError, match="does not show"):
        noise.move(start.tensors["z"], torch.tensor([float(case_of_seed(77))]))


class Lit(KnownFactorsGenerator):
    """Of which the class says how far the disc is to the right."""

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        by = 0.0 if latent.label is None else latent.label[:, :1] * self.true_directions()[0]
        return super().render(Latent({"z": latent.tensors["z"] + by}), quality)


def test_pictures_of_other_classes_are_read_as_such(generator: KnownFactorsGenerator, controls: ControlSet) -> None:
    """Of the very same points, alone and beside others, and of other seeds."""
    lit = Lit(generator.card, generator.network, generator.device)
    settings: dict[str, Scalar] = {"attributes": "known_factors", "graph": '{"x": [], "y": []}', "samples": 60}
    found = METHOD.discover(lit, 2, 0, settings)
    control = cast(Bound, found.control("x"))
    z = generator.sample([3]).tensors["z"]

    def values(*labels: float) -> Tensor:
        latent = Latent({"z": z.expand(len(labels), -1)}, label=torch.tensor([[label] for label in labels]))
        return control.prepare(lit, latent).values(latent.tensors["z"])["x"]

    plain, moved = values(0.0), values(0.8)
    assert abs(float(moved - plain)) > 0.03
    assert torch.equal(values(0.8, 0.0), torch.cat([moved, plain]))
    others = [control.prepare(lit, Latent({"z": z}, label=torch.tensor([[label]]))).pictures for label in (0.0, 0.8)]
    ends = [float(each.of_seed(9).by_name()["x"]) for each in others if each is not None]
    assert abs(ends[0] - ends[1]) > 0.03


def test_models_are_of_lines_here(controls: ControlSet) -> None:
    model: StructuralModel = rung_of(controls).model
    assert all(isinstance(mechanism, LinearGaussian) for mechanism in model.mechanisms.values())
