"""What do() changes of a picture: in all, directly, and by way of the effects; beside views that need none of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from causal_folders import write_causal_diffusion, write_causal_vae
from toys import ToyCauses, ToyCausesFamily

from explorer.causal.interventions import Hard
from explorer.causal.posterior import counterfactual
from explorer.controls import control_set
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.causes import do
from explorer.engine.engine import Engine
from explorer.errors import CausalError
from explorer.generators import registry
from explorer.generators.base import Latent
from explorer.outputs import signed_scale
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ControlCard
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Quality, Seed, Start, View
from explorer.scene.views import EFFECTS

CAUSES = ControlSetRef(method="causes", k=3)
NEUTRAL = [*signed_scale.STOPS[2][::-1], 255]
"""Where nothing changes: blue, green, red, unused."""


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    """An engine that knows the toy whose bars are a → b → c, and no other."""
    monkeypatch.setattr(registry, "families", lambda: {"toy_causes": ToyCausesFamily()})
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "toy.txt").write_text("0")
    monkeypatch.chdir(tmp_path)
    return Engine(torch.device("cpu"))


START = Start(Seed(7))


def view(model: str = "toy", **changes: object) -> View:
    plain = View(model=ModelRef(path=model), start=Start(Seed(3)), controls=CAUSES, edits=())
    return msgspec.structs.replace(plain, **changes)


def maps(engine: Engine, **changes: object) -> dict[str, np.ndarray]:
    """The three maps of one pane, drawn as one batch."""
    pictures = engine.render([view(view=one, **changes) for one in EFFECTS])
    return {one: picture.bgrx for one, picture in zip(EFFECTS, pictures, strict=True)}


@pytest.mark.parametrize("family", ["causal_vae", "causal_diffusion", "pendulum-dscm"])
def test_they_are_the_differences_that_their_definitions_say(family: str, tmp_path: Path) -> None:
    """Pearl 2001: the picture is the outcome, what is set the cause, and all other variables lie between. The points
    are made here by hand, of what the mechanisms say, coordinate by coordinate."""
    writers = {"causal_vae": write_causal_vae, "causal_diffusion": write_causal_diffusion}
    path = str(writers[family](tmp_path / "own")) if family in writers else family
    engine = Engine(torch.device("cpu"))
    generator = registry.load(path, engine.device)
    model, coding, space = generator.structural_model(), generator.coding(), next(iter(generator.card.spaces))
    cause = model.order[0]
    for seed in range(3, 20):  # one whose noise the picture tells
        start = generator.sample([seed]).tensors[space]
        factual = coding.values(start)
        target = float(factual[cause]) - 0.8 * coding.axes[cause].deviation
        after = model.counterfactual(factual, {cause: Hard(target)})
        if not any(value.isnan().any() for value in after.values()):
            break
    parts = {
        "total_effect": after,
        "direct_effect": {**factual, cause: after[cause]},
        "indirect_effect": {**after, cause: factual[cause]},
    }
    assert any(after[name] != factual[name] for name in model.order[1:])

    def drawn(values: dict[str, torch.Tensor]) -> torch.Tensor:
        point = coding.written(start, factual, values)
        with torch.inference_mode():
            return generator.render(Latent({space: point}), Quality())

    edits = (Edit(cause, value=target),)
    own = ControlSetRef(method="causes", k=2)
    pictures = engine.render(
        [view(path, start=Start(Seed(seed)), controls=own, view=one, edits=edits) for one in parts]
    )
    for picture, (name, values) in zip(pictures, parts.items(), strict=True):
        expected = IMAGE.signed_difference(drawn(factual), drawn(values))
        colours = ((expected[0].movedim(0, -1) + 1) * 127.5).round().numpy()
        assert np.abs(picture.bgrx[..., 2::-1].astype(float) - colours).max() <= 2, name
        assert picture.rms == pytest.approx(float(IMAGE.distance(drawn(factual), drawn(values))), abs=1e-4)
        assert picture.rms > 1e-3, name
    assert len({picture.bgrx.tobytes() for picture in pictures}) == 3


def test_what_is_set_to_what_it_is_changes_no_bit(toys: Engine) -> None:
    place = toys.places(ModelRef(path="toy"), CAUSES, Start(Seed(3)))
    for edits in ((), (Edit("a", value=place["a"].value),)):
        for bgrx in maps(toys, edits=edits).values():
            assert (bgrx == NEUTRAL).all()


def test_of_a_leaf_all_is_direct_and_of_a_chain_the_last_takes_part_indirectly(toys: Engine) -> None:
    leaf = maps(toys, edits=(Edit("c", value=20.0),))
    assert (leaf["direct_effect"] == leaf["total_effect"]).all()
    assert (leaf["indirect_effect"] == NEUTRAL).all()
    # Where b is set too, nothing of a reaches c but by what b is set to.
    both = maps(toys, edits=(Edit("a", value=3.0), Edit("b", value=-9.0)))
    other = maps(toys, edits=(Edit("a", value=-2.0), Edit("b", value=-9.0)))
    assert (both["indirect_effect"] == other["indirect_effect"]).all()
    assert (both["direct_effect"] != other["direct_effect"]).any()


def test_other_sliders_of_the_set_move_both_pictures(toys: Engine, tmp_path: Path) -> None:
    """Else their part would be called an effect of what is set."""
    toy = ToyCauses()
    shift = LinearControl(ControlCard(name="shift", space="z"), torch.eye(5)[2])
    controls = (do("a", toy.model, toy.coding(), "z"), shift)
    own = ControlSet(method="own", title="Own", fingerprint=toy.card.fingerprint, space="z", controls=controls)
    control_set.save(own, tmp_path / "own.safetensors")
    ref = ControlSetRef(path=str(tmp_path / "own.safetensors"))
    still = maps(toys, controls=ref, edits=(Edit("shift", 0.7),))
    assert all((bgrx == NEUTRAL).all() for bgrx in still.values())
    with torch.inference_mode():
        start = toy.sample([3]).tensors["z"] + 0.7 * torch.eye(5)[2]
        moved = start.clone()
        moved[0, 3] = (3.0 - 1.0) / 2.0  # a alone, on its axis
        before, after = (toy.render(Latent({"z": point}), Quality()) for point in (start, moved))
    expected = ((IMAGE.signed_difference(before, after)[0].movedim(0, -1) + 1) * 127.5).round().numpy()
    direct = maps(toys, controls=ref, edits=(Edit("shift", 0.7), Edit("a", value=3.0)))["direct_effect"]
    assert np.abs(direct[..., 2::-1].astype(float) - expected).max() <= 1


def test_the_total_effect_and_the_picture_are_drawn_once(toys: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    render = ToyCauses.render

    def counted(self: ToyCauses, latent: Latent, quality: Quality) -> torch.Tensor:
        rows.append(latent.batch)
        return render(self, latent, quality)

    toys.generator(ModelRef(path="toy"))  # which draws first pictures of its own
    monkeypatch.setattr(ToyCauses, "render", counted)
    edits = (Edit("a", value=2.0),)
    toys.render(
        [view(edits=edits), view(view="unmoved", edits=edits), *(view(view=one, edits=edits) for one in EFFECTS)]
    )
    assert rows == [4]  # factual, counterfactual, and one more for each part, in one batch


def test_a_direct_effect_leaves_nothing_open() -> None:
    """A shadow that is as short as it gets tells no noise: what follows is open, what is held is not."""
    engine = Engine(torch.device("cpu"))
    generator = registry.load("pendulum-dscm", engine.device)
    model, coding = generator.structural_model(), generator.coding()
    values = coding.values(generator.sample(range(200)).tensors["z"])
    after = counterfactual(model, values, {"angle": Hard(-35.0), "light": Hard(100.0)}, draws=50)
    seed = int((after.low["shadow_length"] < after.high["shadow_length"]).nonzero()[0])
    edits = (Edit("angle", value=-35.0), Edit("light", value=100.0))
    total, direct, indirect = engine.render(
        [view("pendulum-dscm", start=Start(Seed(seed)), view=one, edits=edits) for one in EFFECTS]
    )
    assert "not unique" in {remark.mark for remark in total.remarks.values()}
    assert indirect.remarks == total.remarks
    assert direct.remarks == {}


def test_a_noise_that_is_drawn_anew_is_no_effect_of_what_is_set() -> None:
    """The picture before has it too; only the set variable differs in the direct map, and only others in the
    indirect one."""
    engine, all_of_it = Engine(torch.device("cpu")), ControlSetRef(method="causes", k=12)
    generator = registry.load("pendulum-dscm", engine.device)
    coding = generator.coding()
    start = generator.sample([7]).tensors["z"]
    noise = Edit("noise: shadow_position", 3.0)

    def outcome(*edits: Edit) -> dict[str, torch.Tensor]:
        told = engine.outcome(ModelRef(path="pendulum-dscm"), all_of_it, Start(Seed(7)), edits)
        return {one.name: torch.tensor([one.value], dtype=torch.float64) for one in told.variables}

    factual, before, after = coding.values(start), outcome(noise), outcome(noise, Edit("light", value=110.0))
    assert abs(float(before["shadow_position"] - factual["shadow_position"])) > 0.01
    parts = {
        "direct_effect": {**before, "light": after["light"]},
        "indirect_effect": {**after, "light": before["light"]},
    }

    def drawn(values: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.inference_mode():
            return generator.render(Latent({"z": coding.written(start, factual, values)}), Quality())

    edits = (noise, Edit("light", value=110.0))
    for name, values in parts.items():
        (picture,) = engine.render([view("pendulum-dscm", start=START, controls=all_of_it, view=name, edits=edits)])
        expected = ((IMAGE.signed_difference(drawn(before), drawn(values))[0].movedim(0, -1) + 1) * 127.5).round()
        assert np.abs(picture.bgrx[..., 2::-1].astype(float) - expected.numpy()).max() <= 2, name
    still = engine.render(
        [view("pendulum-dscm", start=START, controls=all_of_it, view=one, edits=(noise,)) for one in EFFECTS]
    )
    assert all((picture.bgrx == NEUTRAL).all() for picture in still)


def test_what_is_seen_has_no_effects() -> None:
    edits = (Edit("rung", -1.0), Edit("light", value=110.0))
    ref = ControlSetRef(method="causes", k=12)
    for one in EFFECTS:
        with pytest.raises(CausalError, match="What is seen is not set, so it has no effects; imagine, or do"):
            Engine(torch.device("cpu")).render([view("pendulum-dscm", controls=ref, view=one, edits=edits)])


def test_where_no_variable_is_set_there_is_no_effect_and_the_sentence_says_where(toys: Engine, tmp_path: Path) -> None:
    toy = ToyCauses()
    shift = LinearControl(ControlCard(name="shift", space="z"), torch.eye(5)[2])
    plain = ControlSet(method="own", title="Own", fingerprint=toy.card.fingerprint, space="z", controls=(shift,))
    control_set.save(plain, tmp_path / "plain.safetensors")
    ref = ControlSetRef(path=str(tmp_path / "plain.safetensors"))
    for edits in ((), (Edit("shift", 1.0),)):
        for one in (*EFFECTS, "truth"):
            with pytest.raises(CausalError, match="sets no variables; choose the method Causes"):
                toys.render([view(controls=ref, edits=edits, view=one)])


def test_the_unmoved_picture_is_that_without_edits_and_needs_no_controls(toys: Engine) -> None:
    (plain,) = toys.render([view()])
    unknown = ControlSetRef(method="no such method")
    (unmoved,) = toys.render([view(view="unmoved", controls=unknown, edits=(Edit("a", value=4.0),))])
    assert (plain.bgrx == unmoved.bgrx).all()
