"""Flows of other programs: read from their layout, asked about, and followed as their authors' scripts follow them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from flow_files import (
    Velocity,
    gradient,
    latent_flow_state,
    normal,
    pdetraversal_state,
    released,
    warped,
    warped_state,
    with_rest,
    write,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_fields import ended, trajectory
from torch import Tensor
from toys import LAYERS, ToyGenerator

from explorer.controls import control_set
from explorer.controls.control_set import ControlSet
from explorer.controls.field import FieldControl
from explorer.errors import ControlError
from explorer.fields.potential import PotentialField
from explorer.fields.sparse_transformation import SparseTransformationField
from explorer.importers.asking import describe
from explorer.importers.registry import open_controls
from explorer.scene.cards import SettingCard
from explorer.scene.imports import is_open

WIDTH, COUNT = 6, 3
TOY = ToyGenerator(width=WIDTH).card
TANH: dict[str, Any] = {"space": "w", "activation": "tanh"}
START = normal(1, WIDTH, seed=42).double()


def _control(controls: ControlSet, index: int) -> FieldControl:
    control = controls.controls[index]
    assert isinstance(control, FieldControl)
    return control


def _asked(path: Path) -> dict[str, SettingCard]:
    return {question.name: question for question in describe(path, TOY).questions}


def _followed(control: FieldControl, steps: int) -> Tensor:
    """(|steps|, d) what the slider shows at each whole amount on the way."""
    sign = 1 if steps > 0 else -1
    return trajectory(control, START, [sign * (number + 1.0) for number in range(abs(steps))])


FLOWS: dict[
    str, tuple[Callable[[], dict[str, Tensor]], dict[str, Any], int, Callable[[dict[str, Tensor], int], Velocity]]
]
FLOWS = {
    "PDETraversal, tanh": (
        lambda: pdetraversal_state(COUNT, WIDTH),
        {"activation": "tanh"},
        0,
        lambda state, k: gradient(state, f"MLP_SET.{k}.", True),
    ),
    "PDETraversal, identity": (
        lambda: pdetraversal_state(COUNT, WIDTH),
        {"activation": "identity"},
        0,
        lambda state, k: gradient(state, f"MLP_SET.{k}.", False),
    ),
    "latent-flow, HJPDE": (
        lambda: latent_flow_state(COUNT, WIDTH, rest=False),
        {},
        1,
        lambda state, k: gradient(state, f"MLP_SET.{k}.", True),
    ),
    "latent-flow, HJPDE2": (
        lambda: latent_flow_state(COUNT, WIDTH, rest=True),
        {},
        1,
        with_rest,
    ),
    "WarpedGANSpace": (
        lambda: warped_state(COUNT, 5, WIDTH),
        {},
        0,
        lambda state, k: warped(state, k, float(state["LOGGAMMA"][k].double().exp())),
    ),
}


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize(("steps", "eps"), [(8, 1.0), (-8, 1.0), (8, 0.2), (-8, 0.35)])
def test_whole_amounts_are_the_steps_of_the_authors_script(flow: str, steps: int, eps: float, tmp_path: Path) -> None:
    state_of, answers, first, velocity = FLOWS[flow]
    state = state_of()
    timed = {} if flow == "WarpedGANSpace" else {"time_steps": 16}
    found = open_controls(write(tmp_path, state), TOY, {"space": "w", "eps": eps, **timed, **answers})
    assert len(found.controls) == COUNT
    for k in range(COUNT):
        expected = released(velocity(state, k), START, steps, eps, first)
        assert float((_followed(_control(found, k), steps) - expected).abs().max()) <= 1e-6
        assert float((expected[-1] - START).norm()) > 0.05  # it goes somewhere


@pytest.mark.parametrize("flow", FLOWS)
def test_imported_flows_are_kept_and_move_the_same(flow: str, tmp_path: Path) -> None:
    state_of, answers, _, _ = FLOWS[flow]
    found = open_controls(write(tmp_path, state_of()), TOY, {"space": "w", **answers})
    control_set.save(found, tmp_path / "set.safetensors")
    again = open_controls(tmp_path / "set.safetensors", TOY)
    assert again.card == found.card
    for one, other in zip(found.controls, again.controls, strict=True):
        amount = torch.tensor([2.5])
        assert torch.equal(one.move(START.float(), amount), other.move(START.float(), amount))
        assert torch.equal(one.move(START.float(), torch.zeros(1)), START.float())


def test_what_is_said_of_a_flow_is_how_it_is_followed(tmp_path: Path) -> None:
    args = {"gan_type": "SNGAN_AnimeFaces", "num_support_timesteps": 10, "num_support_sets": COUNT}
    path = write(tmp_path, pdetraversal_state(COUNT, WIDTH), args)
    found = open_controls(path, TOY)
    assert (found.space, found.title, found.method) == ("z", "PDETraversal (imported)", "pdetraversal")
    card = _control(found, 0).card
    assert (card.unit, card.low, card.high) == ("steps", -5.0, 5.0)
    assert card.details[:3] == ("1 step = 1 × v, by Euler", "trained at the times 0 to 4", "ends with tanh")
    assert card.field is not None
    assert (card.field.nature, card.field.integrator, card.field.times) == ("gradient", "euler", (0.0, 5.0))
    assert (card.laws.timed, card.laws.negative) == (True, "anti-field")
    assert "Followed as its authors do" in found.note
    assert {"activation": "tanh", "time_steps": 10, "eps": 1.0}.items() <= found.settings.items()
    both = open_controls(write(tmp_path / "b", latent_flow_state(COUNT, WIDTH, rest=True)), TOY, {"space": "w"})
    assert _control(both, 0).card.field.nature == "both"  # type: ignore[union-attr]
    unit = open_controls(write(tmp_path / "c", warped_state(COUNT, 4, WIDTH)), TOY, {"space": "w"})
    assert _control(unit, 0).card.field.unit_speed  # type: ignore[union-attr]
    assert (_control(unit, 0).flow.scale, _control(unit, 0).card.high) == (0.2, 16.0)


def test_a_flow_of_w_may_be_limited_to_layers(tmp_path: Path) -> None:
    path = write(tmp_path, pdetraversal_state(1, WIDTH))
    assert _asked(path)["layers"].empty == "all"
    limited = _control(open_controls(path, TOY, {**TANH, "layers": "1-2"}), 0)
    whole = _control(open_controls(path, TOY, TANH), 0)
    assert (limited.card.space, limited.card.layers) == ("w_plus", (1, 2))
    layers = START[:, None].repeat(1, LAYERS, 1)
    moved = limited.move(layers, torch.tensor([3.0]))[0]
    assert torch.equal(moved[[0, 3]], layers[0, [0, 3]])
    assert torch.equal(moved[[1, 2]], whole.move(START, torch.tensor([3.0])).repeat(2, 1))


def test_beyond_the_time_that_was_trained_the_path_ends(tmp_path: Path) -> None:
    for folder, state, first in (("a", pdetraversal_state(1, WIDTH), 0), ("b", latent_flow_state(1, WIDTH, False), 1)):
        answers = {"space": "w", "time_steps": 8, **({"activation": "tanh"} if first == 0 else {})}
        control = _control(open_controls(write(tmp_path / folder, state), TOY, answers), 0)
        assert control.reach == (-4.0, 4.0)
        assert torch.equal(_followed(control, 4)[-1], trajectory(control, START, [9.0])[0])
        assert ended(control, START, 4.0) == ""
        assert f"was made for times {first} to {first + 4} only" in ended(control, START, 4.5)


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_the_last_activation_is_asked_where_no_file_says_the_generator(tmp_path: Path) -> None:
    state = pdetraversal_state(COUNT, WIDTH)
    path = write(tmp_path / "a", state, checkpoint=False)
    assert is_open(_asked(path)["activation"])
    with pytest.raises(ControlError, match="--set activation=tanh or --set activation=identity"):
        open_controls(path, TOY, {"space": "w"})
    with pytest.raises(ControlError, match="'activation' of PDETraversal is 'relu'; it must be one of tanh, identity"):
        open_controls(path, TOY, {"space": "w", "activation": "relu"})
    for gan, activation in (("StyleGAN2", "identity"), ("SNGAN_MNIST", "tanh")):
        told = write(tmp_path / gan, state, {"gan_type": gan, "shift_in_w_space": gan == "StyleGAN2"})
        assert _asked(told)["activation"].default == activation
        assert open_controls(told, TOY).space == ("w" if gan == "StyleGAN2" else "z")


def test_time_steps_come_from_the_trainers_settings_or_the_folders_name(tmp_path: Path) -> None:
    state = latent_flow_state(1, WIDTH, False)
    named = tmp_path / "VAE_MNIST-scratch-K3-D12-LearnGammas-eps0.0_8.1"
    plain = write(tmp_path / "plain", state)
    assert _asked(plain)["time_steps"].default == 16
    sentence = "Nor does it say for how many steps of time it was trained; its authors take 16."
    assert sentence in describe(plain, TOY).unknown
    assert sentence not in describe(write(named, state), TOY).unknown
    assert sentence in open_controls(plain, TOY, {"space": "w"}).note
    assert sentence not in open_controls(plain, TOY, {"space": "w", "time_steps": 10}).note
    assert _asked(write(named, state))["time_steps"].default == 12
    assert _asked(write(named, state, {"num_timesteps": 14}))["time_steps"].default == 14
    assert _asked(write(named, state, {"num_timesteps": "many"}))["time_steps"].default == 12


def test_a_gamma_that_was_not_learned_is_the_trainers(tmp_path: Path) -> None:
    state = warped_state(COUNT, 4, WIDTH)
    for args, gamma in (
        ({"learn_gammas": False, "gamma": 0.21}, 0.21),
        ({"learn_gammas": False, "gamma": None}, 1 / WIDTH),
        ({"learn_gammas": True, "gamma": 0.21}, float(state["LOGGAMMA"][0].double().exp())),
    ):
        path = write(tmp_path, state, {"gan_type": "ProgGAN", **args})
        control = _control(open_controls(path, TOY, {"eps": 0.5}), 0)
        expected = released(warped(state, 0, gamma), START, 3, 0.5)
        assert float((_followed(control, 3) - expected).abs().max()) <= 1e-6
    path = write(tmp_path, state, {"gan_type": "ProgGAN", "learn_gammas": False, "gamma": -1.0})
    with pytest.raises(ControlError, match=r"has a gamma of -1\.0, which is none"):
        open_controls(path, TOY)


# --- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [pdetraversal_state(2, 8), latent_flow_state(2, 8, True), warped_state(2, 3, 8)], ids=["pde", "hj", "rbf"]
)
def test_another_width_is_one_sentence(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = write(tmp_path, state, {"gan_type": "SNGAN_MNIST"})
    for read in (lambda: open_controls(path, TOY), lambda: describe(path, TOY)):
        with pytest.raises(ControlError, match=r"of width 8, but 'toy' has z of width 6.*; open the model"):
            read()


def test_an_odd_width_is_one_sentence(tmp_path: Path) -> None:
    for state in (pdetraversal_state(1, 5), latent_flow_state(1, 5, True)):
        path = write(tmp_path, state, {"gan_type": "SNGAN_MNIST"})
        with pytest.raises(
            ControlError, match=r"MLP_SET\.0 has width 5, but the published embedding of the time needs"
        ):
            open_controls(path, TOY)


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"eps": 0.0}, "With 'eps' at 0 nothing"),
        ({"eps": -1.0}, "'eps' of PDETraversal is -1.0; it must be between 0 and 100"),
        ({"time_steps": 0}, "'time_steps' of PDETraversal is 0"),
        ({"time_steps": 4.5}, "must be a whole number"),
    ],
)
def test_answers_that_mean_nothing(answers: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=sentence):
        open_controls(write(tmp_path, pdetraversal_state(1, WIDTH)), TOY, {**TANH, **answers})


STATES = {
    "pde": lambda: pdetraversal_state(2, WIDTH),
    "hj": lambda: latent_flow_state(2, WIDTH, False),
    "sta": lambda: latent_flow_state(2, WIDTH, True),
    "rbf": lambda: warped_state(2, 3, WIDTH),
}


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(STATES)),
    place=st.integers(0, 10_000),
    change=st.sampled_from(["missing", "short", "wide", "nan", "text", "complex", "scalar", "empty", "whole"]),
)
def test_any_part_that_is_missing_or_wrong_ends_in_a_set_or_one_sentence(
    name: str, place: int, change: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    state: dict[str, Any] = STATES[name]()
    key = sorted(state)[place % len(state)]
    value = state[key]
    changes: dict[str, Callable[[], Any]] = {
        "short": lambda: value[..., :-1], "wide": lambda: torch.cat([value, value], -1), "nan": lambda: value / 0,
        "text": lambda: "seven", "complex": lambda: value * 1j, "scalar": lambda: torch.tensor(1.0),
        "empty": lambda: value[:0], "whole": lambda: value.round().to(torch.int64),
    }  # fmt: skip
    if change == "missing":
        del state[key]
    else:
        state[key] = changes[change]()
    path = write(tmp_path_factory.mktemp("changed"), state)
    try:
        found = open_controls(path, TOY, TANH if "c" in state and name != "rbf" else {"space": "w"})
        said = ""
        for control in found.controls:
            assert control.move(START.float(), torch.ones(1)).isfinite().all()
    except ControlError as error:
        said = str(error)
        assert "checkpoint.pt" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({**pdetraversal_state(1, WIDTH), "c": "seven"}, "holds no numbers as c"),
        ({"c": torch.ones(1, 1), "MLP_SET.0.layer_x.weight": "seven"}, r"lacks MLP_SET\.0\.layer_\w+\.weight"),
        ({"MLP_SET.0.layer_x.weight": "seven"}, r"lacks MLP_SET\.0\.layer_\w+\.weight"),
        ({**warped_state(1, 2, WIDTH), "ALPHAS": "seven"}, "its ALPHAS is no tensor"),
    ],
)
def test_what_is_no_tensor_is_named(state: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=sentence):
        open_controls(write(tmp_path, state), TOY, {"space": "w", **({"activation": "tanh"} if "c" in state else {})})


def test_a_hole_among_the_networks_is_named(tmp_path: Path) -> None:
    state = pdetraversal_state(3, WIDTH)
    state = {key: value for key, value in state.items() if not key.startswith("MLP_SET.1.")}
    with pytest.raises(ControlError, match=r"is damaged: it lacks MLP_SET\.1\.layer_x\.weight; download it again"):
        open_controls(write(tmp_path, state), TOY, TANH)


# --- the field of latent-flow's second kind --------------------------------------------------------------------------


def test_the_velocity_of_a_potential_and_its_rest_is_theirs_and_its_divergence_is_not_0(tmp_path: Path) -> None:
    state = latent_flow_state(1, WIDTH, True)
    field = _control(open_controls(write(tmp_path, state), TOY, {"space": "w"}), 0).field
    assert isinstance(field, SparseTransformationField)
    precise = type(field).restore({key: value.double() for key, value in field.tensors().items()}, field.parameters())
    z, time = normal(4, WIDTH, seed=3).double(), torch.tensor([0.0, 1.0, 2.5, 7.0]).double()
    expected = torch.cat([with_rest(state, 0)(row[None], float(t)) for row, t in zip(z, time, strict=True)])
    assert float((precise.velocity(z, time) - expected).abs().max()) <= 1e-12
    assert torch.equal(precise.potential(z, time), precise.gradient.potential(z, time))
    jacobian = torch.func.vmap(torch.func.jacrev(lambda one, at: precise.velocity(one[None], at[None])[0]))(z, time)
    assert isinstance(precise.gradient, PotentialField)
    assert float((jacobian - jacobian.mT).abs().max()) > 1e-3  # no gradient
    assert field.nature == "both"


def test_layers_beside_a_potential_of_another_width_are_refused() -> None:
    state = latent_flow_state(1, WIDTH, True)
    own = {key.removeprefix("MLP_SET.0."): value for key, value in state.items() if key.startswith("MLP_SET.0.")}
    rest = {key.replace("DIV_MLP.0.", "rest."): value for key, value in state.items() if key.startswith("DIV_MLP")}
    told = {"bounded": True, "first": 0.0, "last": 4.0}
    assert SparseTransformationField.restore({**own, **rest}, told).width == WIDTH
    with pytest.raises(ValueError, match="layer_out beside the potential is not of width 6"):
        SparseTransformationField.restore({**own, **rest, "rest.layer_out.bias": torch.zeros(5)}, told)
    with pytest.raises(KeyError):
        SparseTransformationField.restore(own, told)
    field = SparseTransformationField.restore({**own, **rest}, told)
    assert field.tensors().keys() == {*own, *rest}
    assert dataclasses.is_dataclass(field)
