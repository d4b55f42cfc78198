"""GradCtrl's classifiers: read from their layout, and followed as their authors' script follows them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from flow_files import controlled, gradctrl, normal, released
from plain_fields import trajectory
from torch import Tensor
from toys import LAYERS, ToyGenerator, ToyVae

from explorer.controls.control_set import ControlSet
from explorer.controls.field import FieldControl
from explorer.errors import ControlError
from explorer.importers.asking import describe
from explorer.importers.registry import open_controls
from explorer.scene.cards import SettingCard, SpaceCard

WIDTH = 8
TOY = ToyGenerator(width=WIDTH).card
FACES = "gender,smile,eyeglasses,age,pose"
START = normal(1, WIDTH, seed=42).double()
WHOLE: dict[str, Any] = {"space": "w"}


def _state(path: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(path, weights_only=True)
    return state


def _control(controls: ControlSet, index: int) -> FieldControl:
    control = controls.controls[index]
    assert isinstance(control, FieldControl)
    return control


def _asked(path: Path, width: int = WIDTH) -> dict[str, SettingCard]:
    return {question.name: question for question in describe(path, ToyGenerator(width=width).card).questions}


@pytest.mark.parametrize("steps", [9, -9])
@pytest.mark.parametrize("channels", [0, 3])
@pytest.mark.parametrize(("hidden", "shared"), [(5, 0), (0, 0), (5, 2)])
def test_whole_amounts_are_the_steps_of_the_authors_script(
    steps: int, channels: int, hidden: int, shared: int, tmp_path: Path
) -> None:
    path = gradctrl(tmp_path, (1, 1, 4), WIDTH, {"attributes": "a,b,c"}, hidden, shared)
    found = open_controls(path, TOY, {**WHOLE, "channels": channels})
    assert [one.card.name for one in found.controls] == ["a", "b", "c 0", "c 1", "c 2", "c 3"]
    sign = 1 if steps > 0 else -1
    amounts = [sign * (number + 1.0) for number in range(abs(steps))]
    for number, (index, target) in enumerate([(0, 0), (1, 0)] if channels else [(0, 0), (1, 0), (2, 0), (2, 3)]):
        held = {1 - index: channels} if channels else {}
        if channels:  # of several classes any one counts, which their script cannot do: two attributes alone
            own = gradctrl(tmp_path / "two", (1, 1), WIDTH, {"attributes": "a,b"}, hidden, shared)
            found = open_controls(own, TOY, {**WHOLE, "channels": channels})
            path = own
        place = number if index < 2 else 2 + target
        expected = released(controlled(_state(path), index, target, held), START, steps, 4 / 9)
        assert float((trajectory(_control(found, place), START, amounts) - expected).abs().max()) <= 1e-6


def test_the_published_filter_and_layers_belong_to_faces(tmp_path: Path) -> None:
    path = gradctrl(tmp_path / "small", (1,) * 5, WIDTH, {"attributes": FACES})
    assert "channels" in _asked(path)  # fewer channels than are published to be held still
    path = gradctrl(tmp_path / "faces", (1,) * 5, 512, {"attributes": FACES})
    model = ToyGenerator(width=512, size=4).card
    spaces = {**model.spaces, "w_plus": SpaceCard(shape=(18, 512), layers=18)}
    model = msgspec.structs.replace(model, spaces=spaces)
    questions = {question.name: question for question in describe(path, model).questions}
    assert (questions["filter"].default, questions["layers"].empty) == ("published", "as the file says")
    found = open_controls(path, model)
    assert found.space == "w_plus"
    layers = {one.card.name: one.card.layers for one in found.controls}
    assert layers == {"gender": (2, 9), "smile": (2, 7), "eyeglasses": (1, 3), "age": (4, 9), "pose": None}
    age = _control(found, 3)
    assert "channels held still: 100 of gender, 300 of eyeglasses" in age.card.details
    start = normal(1, 512, seed=1, scale=0.3).double()
    expected = released(controlled(_state(path), 3, 0, {0: 100, 2: 300}), start, 9, 4 / 9)[-1]
    moved = age.move(start[:, None].repeat(1, 18, 1), torch.tensor([9.0]))[0]
    assert float((moved[4:10] - expected).abs().max()) <= 1e-6
    assert torch.equal(moved[[0, 1, 2, 3, *range(10, 18)]], start.repeat(12, 1))
    plain = open_controls(path, model, {"filter": "none", "layers": "0-17", "space": "w", "length": 1.8})
    assert _control(plain, 3).card.details == ("1 step = 0.2 along the gradient of its probability, by Euler",)
    assert _control(plain, 3).card.layers == (0, 17)


def test_layers_that_a_model_lacks_are_said(tmp_path: Path) -> None:
    path = gradctrl(tmp_path, (8,), WIDTH, {"attributes": "color", "multiclass_classes": "8"})
    found = open_controls(path, TOY)
    assert len(found.controls) == 8
    assert {one.card.layers for one in found.controls} == {None}
    assert f"The layers that its authors move are not there, for 'toy' has {LAYERS}; all are moved." in found.note
    flat = msgspec.structs.replace(TOY, spaces={"w": TOY.spaces["w"]})
    assert open_controls(path, flat).controls[0].card.layers is None


def test_names_come_from_the_parameters_or_are_numbers(tmp_path: Path) -> None:
    path = gradctrl(tmp_path / "a", (1, 1), WIDTH)
    found = open_controls(path, TOY)
    assert [one.card.name for one in found.controls] == ["attribute 0", "attribute 1"]
    assert "Its model_params.pkl is missing, which names the attributes." in found.note
    # Their trainer leaves the names out.
    assert "is missing" not in open_controls(gradctrl(tmp_path / "b", (1, 1), WIDTH, {}), TOY).note
    with pytest.raises(ControlError, match="names 3 attributes, but the file holds 2 classifiers"):
        open_controls(gradctrl(tmp_path / "c", (1, 1), WIDTH, {"attributes": "a,b,c"}), TOY)


def test_the_parameters_alone_lead_to_the_file_beside_them(tmp_path: Path) -> None:
    path = gradctrl(tmp_path, (1,), WIDTH, {"attributes": "a"})
    with pytest.raises(ControlError, match=r"open the model\.pth beside it"):
        describe(path.with_name("model_params.pkl"), TOY)
    path.with_name("model_params.pkl").write_bytes(pickle.dumps({"attributes": ToyVae}))
    with pytest.raises(ControlError, match=r"model_params\.pkl"):
        open_controls(path, TOY)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("classifiers.1.classifier.0.bias"), r"lacks classifiers\.1\.classifier\.0\.bias"),
        (lambda state: state.pop("classifiers.1.classifier.2.weight"), r"lacks classifiers\.1\.classifier\.2\.weight"),
        (
            lambda state: [state.pop(key) for key in list(state) if ".1.classifier.0" in key],
            r"a layer of classifiers\.1\.classifier is missing",
        ),
        (lambda state: state.update({"head.weight": torch.ones(2, 2)}), "holds 'head.weight', which no classifier"),
        (
            lambda state: state.update({"classifiers.0.classifier.2.weight": torch.ones(1, 3)}),
            "classifier 0 has layers that do not follow each other",
        ),
    ],
)
def test_files_that_hold_no_classifier(change: Any, sentence: str, tmp_path: Path) -> None:
    path = gradctrl(tmp_path, (1, 1), WIDTH)
    state = _state(path)
    change(state)
    torch.save(state, path)
    with pytest.raises(ControlError, match=sentence):
        open_controls(path, TOY, WHOLE)


def test_another_width_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"of width 12, but 'toy' has w of width 8; open the model"):
        open_controls(gradctrl(tmp_path, (1,), 12), TOY)
