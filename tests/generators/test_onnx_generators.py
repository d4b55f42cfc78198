"""ONNX generators: pictures whose numbers are known, every input, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnx_files import linear_weights, save_encoder, save_graph, save_linear

from explorer.discovery import registry as methods
from explorer.errors import ControlError, ModelError, SceneError
from explorer.generators import registry
from explorer.generators.base import Conditional, Generator, Latent
from explorer.inversion import registry as inversions
from explorer.scene.model import Condition, Quality

CPU = torch.device("cpu")


def opened(path: Path, **about: Any) -> Generator:
    if about:
        path.with_suffix(".json").write_text(json.dumps(about))
    generator = registry.load(str(path), CPU)
    assert generator.card.family == "onnx"
    return generator


def drawn(generator: Generator, latent: Latent) -> torch.Tensor:
    return generator.render(latent, Quality())


def expected(z: torch.Tensor, shape: tuple[int, ...] = (3, 8, 8)) -> torch.Tensor:
    """By hand."""
    return torch.tanh(z @ torch.from_numpy(linear_weights(z.shape[1], shape))).reshape(-1, *shape)


def test_z_becomes_a_picture(tmp_path: Path) -> None:
    generator = opened(save_linear(tmp_path / "a.onnx"))
    card = generator.card
    assert (card.shape, card.spaces["z"].shape, card.spaces["z"].prior) == ((3, 8, 8), (4,), "normal")
    assert card.parameters == 4 * 192
    assert card.runtime.startswith("onnxruntime ")
    assert card.runtime.endswith("with CPUExecutionProvider; pictures are NCHW, -1 to 1, as 8 of them show")
    latent = generator.sample(range(40), 0.7)
    assert torch.equal(
        latent.tensors["z"], 0.7 * registry.load(str(tmp_path / "a.onnx"), CPU).sample(range(40)).tensors["z"]
    )
    torch.testing.assert_close(drawn(generator, latent), expected(latent.tensors["z"]), atol=1e-6, rtol=0)
    described = registry.describe(str(tmp_path / "a.onnx"))
    assert described.spaces == card.spaces
    assert described.fingerprint == card.fingerprint


def scaled(*steps: str) -> list[onnx.NodeProto]:
    """From ``tanh`` to ``y``, each step by ``half``."""
    names = ["tanh", *steps[:-1], "y"]
    return [
        helper.make_node(step, [before, "half"], [after])
        for step, before, after in zip(steps, names, [*steps[:-1], "y"], strict=False)
    ]


SCALES = {
    (0.0, 1.0): (scaled("Mul", "Add"), 0.5),
    (0.0, 255.0): (scaled("Mul", "Add"), 127.5),
    (-1.0, 1.0): (scaled("Mul"), 1.0),
}


@pytest.mark.parametrize("value_range", SCALES)
@pytest.mark.parametrize("batch", ["n", 1, 3])
def test_the_range_of_pictures_is_seen_whatever_the_batch(
    value_range: tuple[float, float], batch: int | str, tmp_path: Path
) -> None:
    end, half = SCALES[value_range]
    path = save_linear(tmp_path / "a.onnx", batch=batch, end=end, constants={"half": np.float32(half)})
    generator = opened(path)
    assert f"{value_range[0]:g} to {value_range[1]:g}, as 8" in generator.card.runtime
    latent = generator.sample(range(7))
    torch.testing.assert_close(drawn(generator, latent), expected(latent.tensors["z"]), atol=1e-5, rtol=0)


def test_the_description_says_the_range_where_pictures_do_not(tmp_path: Path) -> None:
    path = save_linear(tmp_path / "a.onnx")
    generator = opened(path, range=[0, 1], licence="MIT", origin="here", notes="A note.")
    assert generator.card.runtime.endswith("0 to 1, as its description says")
    assert (generator.card.licence, generator.card.origin, generator.card.notes) == ("MIT", "here", "A note.")
    latent = generator.sample([1])
    wanted = (expected(latent.tensors["z"]) * 2 - 1).clamp(-1, 1)
    torch.testing.assert_close(drawn(generator, latent), wanted, atol=1e-5, rtol=0)
    assert generator.card.fingerprint != opened(save_linear(tmp_path / "b.onnx")).card.fingerprint


def test_channels_last_and_whole_numbers(tmp_path: Path) -> None:
    end = [
        helper.make_node("Mul", ["tanh", "half"], ["m"]),
        helper.make_node("Add", ["m", "half"], ["p"]),
        helper.make_node("Cast", ["p"], ["y"], to=TensorProto.UINT8),
    ]
    path = save_linear(
        tmp_path / "a.onnx", (8, 8, 3), end=end, constants={"half": np.float32(127.5)}, kind=TensorProto.UINT8
    )
    generator = opened(path)
    assert generator.card.shape == (3, 8, 8)
    assert "NHWC, 0 to 255" in generator.card.runtime
    latent = generator.sample([0, 1])
    wanted = expected(latent.tensors["z"], (8, 8, 3)).permute(0, 3, 1, 2)
    torch.testing.assert_close(drawn(generator, latent), wanted, atol=1 / 127, rtol=0)


def test_a_size_that_the_graph_leaves_open_is_seen(tmp_path: Path) -> None:
    path = save_linear(tmp_path / "a.onnx", made=["n", 3, None, None])
    assert registry.describe(str(path)).shape == (3, 8, 8)
    assert opened(path).card.shape == (3, 8, 8)


def test_rows_of_numbers_are_pictures_where_the_description_says_so(tmp_path: Path) -> None:
    path = save_linear(tmp_path / "a.onnx", (784,))
    with pytest.raises(ModelError, match=r"'a\.onnx' is an ONNX network that makes no pictures of points"):
        registry.load(str(path), CPU)
    generator = opened(path, shape=[1, 28, 28])
    latent = generator.sample([0])
    wanted = expected(latent.tensors["z"], (784,)).reshape(1, 1, 28, 28)
    torch.testing.assert_close(drawn(generator, latent), wanted, atol=1e-6, rtol=0)


def save_classes(path: Path, one_hot: bool, batch: int | str = "n") -> Path:
    """y = tanh(z W + table[class])."""
    table = linear_weights(5)
    found = (
        helper.make_node("MatMul", ["y_in", "table"], ["shift"])
        if one_hot
        else helper.make_node("Gather", ["table", "y_in"], ["shift"])
    )
    nodes = [
        helper.make_node("MatMul", ["z", "W"], ["flat"]), found, helper.make_node("Add", ["flat", "shift"], ["sum"]),
        helper.make_node("Reshape", ["sum", "shape"], ["square"]), helper.make_node("Tanh", ["square"], ["y"]),
    ]  # fmt: skip
    given = ("y_in", TensorProto.FLOAT, [batch, 5]) if one_hot else ("y_in", TensorProto.INT64, [batch])
    weights = {"W": linear_weights(4), "table": table, "shape": np.array([-1, 3, 8, 8], np.int64)}
    outputs = [("y", TensorProto.FLOAT, [batch, 3, 8, 8])]
    return save_graph(path, nodes, [("z", TensorProto.FLOAT, [batch, 4]), given], outputs, weights)


@pytest.mark.parametrize("one_hot", [True, False])
@pytest.mark.parametrize("batch", ["n", 2])
def test_classes_are_chosen(one_hot: bool, batch: int | str, tmp_path: Path) -> None:
    path = save_classes(tmp_path / "a.onnx", one_hot, batch)
    generator = opened(path, label="y_in") if one_hot else opened(path)
    assert generator.card.classes == 5
    assert generator.card.spaces["label"].shape == (5,)
    latent = generator.sample(range(3))
    assert latent.label is not None
    assert latent.label.sum(1).tolist() == [1, 1, 1]
    for which in (0, 4):
        told = cast(Conditional, generator).conditioned(latent, Condition(classes=((which, 1.0),)))
        shift = torch.from_numpy(linear_weights(5))[which]
        wanted = torch.tanh(latent.tensors["z"] @ torch.from_numpy(linear_weights(4)) + shift).reshape(-1, 3, 8, 8)
        torch.testing.assert_close(drawn(generator, told), wanted, atol=1e-6, rtol=0)
    with pytest.raises(SceneError, match="classes 0 to 4"):
        cast(Conditional, generator).conditioned(latent, Condition(classes=((5, 1.0),)))
    assert "classes" in methods.fitting(generator.card)
    blend = cast(Conditional, generator).conditioned(latent, Condition(classes=((0, 0.4), (1, 0.6))))
    drawn(generator, blend)  # a number of a class takes the heaviest


def test_a_class_without_a_table_asks_how_many(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["which"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["z", "W"], ["flat"]),
        helper.make_node("Add", ["flat", "number"], ["sum"]),
        helper.make_node("Reshape", ["sum", "shape"], ["y"]),
    ]
    weights = {"W": linear_weights(4), "shape": np.array([-1, 3, 8, 8], np.int64)}
    inputs = [("z", TensorProto.FLOAT, ["n", 4]), ("which", TensorProto.INT64, ["n", 1])]
    path = save_graph(tmp_path / "a.onnx", nodes, inputs, [("y", TensorProto.FLOAT, ["n", 3, 8, 8])], weights)
    with pytest.raises(ModelError, match=r"takes a class as 'which' .*\"classes\": 10.*a\.json"):
        registry.load(str(path), CPU)
    assert opened(path, classes=7, range=[0, 1]).card.classes == 7


def save_several(path: Path) -> Path:
    """y = tanh(z W + psi · (angle V)), with an angle of two numbers, and psi for all of a batch."""
    nodes = [
        helper.make_node("MatMul", ["z", "W"], ["flat"]), helper.make_node("MatMul", ["angle", "V"], ["turn"]),
        helper.make_node("Mul", ["turn", "psi"], ["scaled"]), helper.make_node("Add", ["flat", "scaled"], ["sum"]),
        helper.make_node("Reshape", ["sum", "shape"], ["square"]), helper.make_node("Tanh", ["square"], ["y"]),
    ]  # fmt: skip
    weights = {"W": linear_weights(4), "V": linear_weights(2), "shape": np.array([-1, 3, 8, 8], np.int64)}
    inputs = [
        ("angle", TensorProto.FLOAT, ["n", 2]), ("psi", TensorProto.FLOAT, []), ("z", TensorProto.FLOAT, ["n", 4])
    ]  # fmt: skip
    return save_graph(path, nodes, inputs, [("y", TensorProto.FLOAT, ["n", 3, 8, 8])], weights)


def test_every_other_input_is_a_space(tmp_path: Path) -> None:
    path = save_several(tmp_path / "a.onnx")
    generator = opened(path, inputs={"angle": {"mean": [0.5, -0.5]}})
    assert list(generator.card.spaces) == ["z", "angle"]
    assert generator.card.spaces["angle"].prior == ""
    latent = generator.sample([3, 4], 0.5)
    latent = Latent(latent.tensors, torch.tensor([0.5, 2.0]))  # two truncations in one batch
    w, v = torch.from_numpy(linear_weights(4)), torch.from_numpy(linear_weights(2))

    def by_hand(angle: torch.Tensor) -> torch.Tensor:
        turn = (angle @ v) * torch.tensor([[0.5], [2.0]])
        return torch.tanh(latent.tensors["z"] @ w + turn).reshape(-1, 3, 8, 8)

    still = torch.tensor([[0.5, -0.5]]).repeat(2, 1)
    torch.testing.assert_close(drawn(generator, latent), by_hand(still), atol=1e-6, rtol=0)
    turned = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    torch.testing.assert_close(drawn(generator, latent.with_space("angle", turned)), by_hand(turned), atol=1e-6, rtol=0)
    assert generator.advance(latent, "angle").tensors["angle"].tolist() == still.tolist()


def test_points_lie_as_the_description_says(tmp_path: Path) -> None:
    path = save_linear(tmp_path / "a.onnx")
    spread = [[2.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]
    generator = opened(path, inputs={"z": {"mean": [1, 2, 3, 4], "spread": spread}})
    assert generator.card.spaces["z"].prior == ""
    z = generator.sample(range(4000)).tensors["z"].double()
    truth = torch.tensor(spread, dtype=torch.float64)
    torch.testing.assert_close(z.mean(0), torch.tensor([1.0, 2, 3, 4], dtype=torch.float64), atol=0.12, rtol=0)
    torch.testing.assert_close(z.T.cov(), truth @ truth.T, atol=0.3, rtol=0)
    assert generator.sample([1], 0.0).tensors["z"].tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("order", [("mean", "log"), ("log", "mean")])
@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_an_encoder_beside_the_decoder_encodes(
    order: tuple[str, str], value_range: tuple[float, float], tmp_path: Path
) -> None:
    """Whatever the order of mean and log-variance, and the range of its pictures."""
    save_linear(tmp_path / "vae_decoder.onnx")
    save_encoder(tmp_path / "vae_encoder.onnx", order, value_range, last=order[0] == "log")
    generator = registry.load(str(tmp_path), CPU)
    assert "encode" in generator.card.capabilities
    latent = generator.sample(range(20))
    found = cast(Any, generator).encode(drawn(generator, latent))
    # The encoder inverts what lies before the tanh only nearly.
    correlation = torch.corrcoef(torch.stack([found.tensors["z"].flatten(), latent.tensors["z"].flatten()]))[0, 1]
    assert correlation > 0.99
    with pytest.raises(ModelError, match="resize them first"):
        cast(Any, generator).encode(torch.zeros(1, 3, 9, 9))


def test_an_encoder_of_another_model_is_refused(tmp_path: Path) -> None:
    save_linear(tmp_path / "decoder.onnx")
    path = save_encoder(tmp_path / "encoder.onnx", ("mean", "log"), (-1.0, 1.0))
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name == "inverse":
            tensor.raw_data = np.random.default_rng(1).normal(0, 3, (192, 4)).astype(np.float32).tobytes()
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"'encoder\.onnx' does not bring back the pictures"):
        registry.load(str(tmp_path), CPU)


def test_a_folder_of_several_graphs_is_not_guessed_at(tmp_path: Path) -> None:
    save_linear(tmp_path / "a.onnx")
    save_linear(tmp_path / "b.onnx")
    with pytest.raises(ModelError, match=r"open a file in it: a\.onnx, b\.onnx"):
        registry.load(str(tmp_path), CPU)


def with_noise(path: Path) -> Path:
    noise = helper.make_node("RandomNormalLike", ["tanh"], ["n"])
    return save_linear(path, end=[noise, helper.make_node("Add", ["tanh", "n"], ["y"])])


def spreading(**told: Any) -> dict[str, Any]:
    return {"inputs": {"z": told}}


REFUSED: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str]] = {
    "noise of its own": (with_noise, {}, r"draws noise of its own \(RandomNormalLike\)"),
    "four channels": (lambda path: save_linear(path, (4, 8, 8)), {}, "makes no pictures"),
    "numbers that are not finite": (
        lambda path: save_linear(path, end=[helper.make_node("Log", ["tanh"], ["y"])]), {}, "not finite"),
    "an unknown range": (save_linear, {"range": [0, 2]}, r"'range' is \[0, 1\]"),
    "an unknown entry": (save_linear, {"colour": 1}, "unknown field"),
    "an input that is none": (save_linear, {"inputs": {"q": {}}}, "has no 'q'"),
    "means that do not fit": (save_linear, spreading(mean=[1]), "'mean' of 'z' has 1 numbers and the input 4"),
    "a ragged spread": (save_linear, spreading(spread=[[1], [1, 2], [1], [1]]), "'spread' of 'z' must have 4"),
    "a shape that is not": (save_linear, spreading(shape=[5]), "points of shape 5 are none of these"),
    "an open shape": (lambda path: _opened_up(save_linear(path)), {}, "leaves its shape open"),
    "a text": (lambda path: _with_input(path, TensorProto.STRING), {}, "neither a point nor a class"),
    "pictures of another size": (
        lambda path: save_linear(path, made=["n", 3, 9, 9]), {}, r"3 × 8 × 8 where 3 × 9 × 9|cannot be loaded"),
}  # fmt: skip


def _opened_up(path: Path) -> Path:
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "width"
    onnx.save(model, path)
    return path


def _with_input(path: Path, kind: int) -> Path:
    save_linear(path)
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("more", kind, ["n", 2]))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_no_generator_says_so_in_one_sentence(fault: str, tmp_path: Path) -> None:
    write, about, words = REFUSED[fault]
    write(tmp_path / "a.onnx")
    if about:
        (tmp_path / "a.json").write_text(json.dumps(about))
    with pytest.raises(ModelError, match=words) as caught:
        registry.load(str(tmp_path / "a.onnx"), CPU)
    assert "\n" not in str(caught.value)
    assert "a.onnx" in str(caught.value) or "'a'" in str(caught.value)


# --- gradients -----------------------------------------------------------------------------------------------------

FOLLOW_GRADIENTS = {"voynov", "latentclr", "warped", "potential_flow", "lowrankgan"}


def test_methods_that_follow_gradients_say_so(tmp_path: Path) -> None:
    generator = opened(save_linear(tmp_path / "a.onnx"))
    refusals = methods.refusals(generator.card)
    for name in FOLLOW_GRADIENTS:
        assert "follows gradients of pictures, and 'a' has none" in refusals[name], name
    assert {name for name, reason in refusals.items() if "gradients of pictures" in reason} == FOLLOW_GRADIENTS
    with pytest.raises(ControlError, match="transposed Jacobian follows gradients"):
        methods.method("jacobian").discover(generator, 2, settings={"estimate": "probes"})
    assert "gradients of pictures" in inversions.refusal(inversions.inversions()["z"], generator.card)
    z = generator.sample([0]).tensors["z"].requires_grad_()
    with pytest.raises(ModelError, match="no gradients"):
        drawn(generator, Latent({"z": z}))


def test_methods_that_fit_draw_pictures_only(tmp_path: Path) -> None:
    """All others run to their end; by differences they find what gradients would have found."""
    generator = opened(save_linear(tmp_path / "a.onnx"))
    fit = set(methods.fitting(generator.card))
    assert {"random_orthogonal", "jacobian", "hessian", "orthogonal_effects", "helmholtz_flow"} <= fit
    quick = {"steps": 3, "samples": 64, "batch": 4}
    for name in sorted(fit):
        card = methods.method(name).card
        needed = {setting.kind for setting in card.settings if setting.default == ""}
        if card.supervised or needed & {"attributes", "attribute", "file"}:
            continue
        settings = {one.name: max(quick[one.name], int(one.low or 0)) for one in card.settings if one.name in quick}
        assert methods.method(name).discover(generator, 2, settings=settings).controls, name
    found = methods.method("jacobian").discover(generator, 1, settings={"samples": 4000})
    z = generator.sample(range(2000)).tensors["z"]
    w = torch.from_numpy(linear_weights())
    slopes = 1 - torch.tanh(z @ w) ** 2  # J of a picture is w scaled by these
    mean = torch.einsum("dp,np,ep->de", w, slopes**2, w) / len(z)
    leading = torch.linalg.eigh(mean)[1][:, -1]
    direction = cast(Any, found.controls[0]).direction.flatten()
    assert abs(float(torch.nn.functional.cosine_similarity(direction, leading, dim=0))) > 0.99
