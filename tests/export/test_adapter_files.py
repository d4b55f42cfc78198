"""Adapters written for other programs: what our importer reads back, and what diffusers' own reader draws with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import safetensors.torch
import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils.state_dict_utils import convert_unet_state_dict_to_peft
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_pipelines import save_ddim, tiny_unet
from tiny_texts import save_stable
from torch import Tensor

from explorer.cli.main import run
from explorer.controls import control_set
from explorer.controls.base import WEIGHTS, Move
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.controls.low_rank import LowRank, LowRankControl
from explorer.controls.scaled import scaled
from explorer.errors import ControlError, ExportError
from explorer.export.directions import lost, write
from explorer.generators import registry as generators
from explorer.generators.editing import rendered
from explorer.importers.registry import read
from explorer.scene.adapters import DIFFUSERS, KOHYA
from explorer.scene.cards import ControlCard
from explorer.scene.model import Condition, Quality

KEYS = (KOHYA, DIFFUSERS)
CARD = ControlCard(name="age", space=WEIGHTS, unit="strength")


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def of_every_layer(network: Any, rank: int = 2, size: float = 0.1) -> LowRankControl:
    """A change of all weights of linear layers and convolutions."""
    factors = {}
    for seed, (name, weight) in enumerate(network.state_dict().items()):
        if name.endswith("weight") and weight.dim() in (2, 4):
            outputs, inputs, *kernel = weight.shape
            ones = (1,) * len(kernel)
            factors[name] = LowRank(
                size * normal(seed, rank, inputs, *kernel), size * normal(99 + seed, outputs, rank, *ones)
            )
    return LowRankControl(CARD, factors)


def alone(control: Any, fingerprint: str = "f" * 64) -> ControlSet:
    return ControlSet("concept_slider", "Concept slider", fingerprint, WEIGHTS, (control,))


@pytest.mark.parametrize("keys", KEYS)
def test_what_is_written_is_read_back_to_the_same_bits(keys: str, tmp_path: Path) -> None:
    """Of every layer of a U-Net, attention and time embedding included; and again of what was read."""
    card = generators.describe(str(save_ddim(tmp_path / "model")))
    control = of_every_layer(tiny_unet(), rank=3)
    for round_ in range(2):
        (path,) = write(alone(control), tmp_path / f"age.{keys}.safetensors")
        (again,) = read(path, card).controls
        assert isinstance(again, LowRankControl)
        assert again.card.name == "age"
        assert again.factor == 1.0
        assert set(again.factors) == set(control.factors), round_
        for name, pair in control.factors.items():
            assert all(map(torch.equal, pair, again.factors[name]))
        control = again
    assert "which model it is for" in lost(alone(control), path)


@settings(max_examples=20, deadline=None)
@given(
    factor=st.floats(-8, 8, width=32).filter(lambda value: abs(value) > 1e-2),
    rank=st.integers(1, 5),
    keys=st.sampled_from(KEYS),
)
def test_another_unit_travels_along(
    factor: float, rank: int, keys: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("unit")
    card = generators.describe(str(save_ddim(folder / "model")))
    control = of_every_layer(tiny_unet(), rank)
    (path,) = write(alone(scaled(control, factor)), folder / f"age.{keys}.safetensors")
    (again,) = read(path, card).controls
    assert isinstance(again, LowRankControl)
    for name, change in again.weight_changes(1.0).items():
        torch.testing.assert_close(change, control.weight_changes(factor)[name], atol=1e-6, rtol=1e-5)


def merged_by_diffusers(unet: Any, path: Path, strength: float) -> None:
    """W + strength · α / r · B A, of the matrices and alphas that diffusers' own reader finds in the file."""
    found, alphas = StableDiffusionPipeline.lora_state_dict(str(path.parent), weight_name=path.name)
    found, alphas = convert_unet_state_dict_to_peft(found), convert_unet_state_dict_to_peft(alphas or {})
    alphas = {key.removesuffix(".alpha").removesuffix(".lora_A.weight"): value for key, value in alphas.items()}
    layers = [key.removesuffix(".lora_A.weight") for key in found if key.endswith(".lora_A.weight")]
    assert len(layers) * 2 == len(found)
    assert not alphas or set(alphas) == set(layers)
    for layer in layers:
        down, up = found[f"{layer}.lora_A.weight"], found[f"{layer}.lora_B.weight"]
        alpha = float(alphas.get(layer, len(down)))
        weight = unet.get_parameter(f"{layer.removeprefix('unet.')}.weight")
        product = torch.einsum("or,ri->oi", up.flatten(1), down.flatten(1)).reshape(weight.shape)
        weight.data.add_(strength * alpha / len(down) * product)


@pytest.mark.parametrize("keys", KEYS)
def test_diffusers_reads_the_file_and_draws_the_same(keys: str, tmp_path: Path) -> None:
    """Without PEFT diffusers reads adapters, and puts them into no network: its reader and its own pipeline are the
    reference here, with the products added to the weights by the published formula."""
    folder = save_stable(tmp_path / "model")
    generator = generators.load(str(folder), torch.device("cpu"))
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    control = scaled(of_every_layer(pipeline.unet), 0.5)
    (path,) = write(alone(control), tmp_path / f"age.{keys}.safetensors")
    start = generator.conditioned(generator.sample([5]), Condition(prompt="red cat", guidance=3.0))
    ours = rendered(generator, [(start, [Move(control, torch.tensor([1.5]))])], Quality(steps=4))
    plain = rendered(generator, [(start, [])], Quality(steps=4))
    merged_by_diffusers(pipeline.unet, path, 1.5)
    theirs = pipeline(
        "red cat", latents=start.tensors["x_T"], num_inference_steps=4, guidance_scale=3.0, output_type="pt"
    ).images
    torch.testing.assert_close((ours + 1) / 2, theirs, atol=1e-5, rtol=0)
    assert float((ours - plain).abs().mean()) > 1e-3  # it does something


def test_what_no_adapter_holds_is_one_sentence(tmp_path: Path) -> None:
    control = of_every_layer(tiny_unet())
    second = LowRankControl(msgspec.structs.replace(CARD, name="smile"), control.factors)
    both = ControlSet("m", "t", "f", WEIGHTS, (control, second))
    path = tmp_path / "a.kohya.safetensors"
    with pytest.raises(ControlError, match=r"holds 2 \(age, smile\); choose one of them"):
        write(both, path)
    with pytest.raises(ControlError, match="is of kind 'linear', but adapters"):
        write(alone(LinearControl(ControlCard(name="a", space="w"), normal(0, 3))), path)
    pair = control.factors["conv_in.weight"]
    with pytest.raises(ControlError, match="changes 'conv_in', and an adapter"):
        write(alone(LowRankControl(CARD, {"conv_in": pair})), path)
    odd = alone(LowRankControl(CARD, {"own_blocks.first.weight": pair}))
    with pytest.raises(ControlError, match=r"layer 'own_blocks\.first' cannot be told"):
        write(odd, path)
    assert write(odd, tmp_path / "a.diffusers.safetensors")
    wild = LowRankControl(CARD, {"conv_in.weight": LowRank(pair.down, pair.up * torch.inf)})
    with pytest.raises(ControlError, match="not finite"):
        write(alone(wild), path)
    with pytest.raises(ExportError, match=r"ends in \.kohya\.safetensors or \.diffusers\.safetensors"):
        write(alone(control), tmp_path / "a.safetensors")
    with pytest.raises(ControlError, match=r"or write an adapter \(\.kohya\.safetensors\)"):
        write(alone(control), tmp_path / "a.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["a.diffusers.safetensors"]


def test_the_command_line_writes_one_of_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    control = of_every_layer(tiny_unet())
    second = LowRankControl(msgspec.structs.replace(CARD, name="smile"), control.factors)
    source, out = tmp_path / "set.safetensors", tmp_path / "smile.kohya.safetensors"
    control_set.save(ControlSet("m", "t", "f", WEIGHTS, (control, second)), source)
    assert run(["export-directions", str(source), "-o", str(out)]) == 2
    assert capsys.readouterr().err.startswith("error: The file of an adapter holds one control, and the set holds 2")
    assert run(["export-directions", str(source), "--control", "smile", "-o", str(out)]) == 0
    told = capsys.readouterr().out
    assert "which model it is for" in told
    assert "lora_unet_conv_in.lora_down.weight" in safetensors.torch.load_file(out)
    assert run(["export-directions", str(source), "--control", "grin", "-o", str(out)]) == 2
    assert "There is no control 'grin'" in capsys.readouterr().err
