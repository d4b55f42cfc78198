"""LoRA files of other programs: their keys, their strength, and that their pictures are those of the merged network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from diffusers import DDIMScheduler
from tiny_pipelines import save_ddim, tiny_unet
from torch import Tensor
from toys import ToyVae

from explorer.controls.base import Move
from explorer.controls.control_set import load, save
from explorer.controls.low_rank import LowRankControl
from explorer.errors import ControlError
from explorer.file_kinds import registry as file_kinds
from explorer.generators import registry as generators
from explorer.generators.editing import rendered
from explorer.importers import asking
from explorer.importers.registry import open_controls, read
from explorer.scene.model import Quality

LAYERS = ("mid_block.resnets.0.conv1", "down_blocks.0.resnets.0.time_emb_proj", "up_blocks.1.resnets.1.conv_shortcut")
ALPHA, RANK = 1.0, 2


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def halves() -> dict[str, tuple[Tensor, Tensor]]:
    """Layer → (down, up) for layers of the tiny U-Net."""
    state, made = tiny_unet().state_dict(), {}
    for seed, layer in enumerate(LAYERS):
        outputs, inputs, *kernel = state[f"{layer}.weight"].shape
        ones = (1,) * len(kernel)
        made[layer] = (normal(seed, RANK, inputs, *kernel), normal(seed + 9, outputs, RANK, *ones))
    return made


def kohya() -> dict[str, Tensor]:
    """As kohya's scripts and concept sliders write it: names with underscores, and alpha beside each layer."""
    found = {}
    for layer, (down, up) in halves().items():
        name = f"lora_unet_{layer.replace('.', '_')}"
        found |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": torch.tensor(ALPHA)}
    return found


def diffusers(prefix: str = "unet.", down: str = "lora_A", up: str = "lora_B") -> dict[str, Tensor]:
    """As diffusers writes it: names with dots, the strength within the matrices."""
    found = {}
    for layer, pair in halves().items():
        found |= {f"{prefix}{layer}.{down}.weight": pair[0], f"{prefix}{layer}.{up}.weight": pair[1] * (ALPHA / RANK)}
    return found


FILES: dict[str, dict[str, Tensor]] = {
    "kohya": kohya(),
    "diffusers": diffusers(),
    "peft": diffusers("base_model.model."),
    "old diffusers": diffusers("unet.", "lora.down", "lora.up"),
}


def written(folder: Path, tensors: dict[str, Any], suffix: str = ".safetensors") -> Path:
    path = folder / f"age{suffix}"
    if suffix == ".safetensors":
        safetensors.torch.save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


@torch.no_grad()
def merged(x: Tensor, strength: float) -> Tensor:
    """A picture by diffusers' own U-Net and scheduler, the products added to its weights."""
    network, scheduler = tiny_unet().eval(), DDIMScheduler(clip_sample=False)
    for layer, (down, up) in halves().items():
        weight = network.get_parameter(f"{layer}.weight")
        weight.add_(strength * ALPHA / RANK * (up.flatten(1) @ down.flatten(1)).reshape(weight.shape))
    scheduler.set_timesteps(4)
    for t in scheduler.timesteps:
        x = scheduler.step(network(x, t).sample, t, x).prev_sample
    return x.clamp(-1, 1)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("kind", list(FILES))
def test_a_picture_is_that_of_the_network_into_which_it_was_merged(tmp_path: Path, kind: str, suffix: str) -> None:
    generator = generators.load(str(save_ddim(tmp_path / "model")), torch.device("cpu"))
    path = written(tmp_path, FILES[kind], suffix)
    found = open_controls(path, generator.card)
    (control,) = found.controls
    assert isinstance(control, LowRankControl)
    assert (control.card.name, control.card.unit, control.card.figure) == ("age", "strength", "rank 2")
    assert set(control.factors) == {f"{layer}.weight" for layer in LAYERS}
    start = generator.sample([5])
    ours = rendered(generator, [(start, [Move(control, torch.tensor([0.8]))])], Quality(steps=4))
    torch.testing.assert_close(ours, merged(start.tensors["x_T"], 0.8), atol=1e-5, rtol=0)
    save(found, tmp_path / "set.safetensors")
    again = load(tmp_path / "set.safetensors").controls[0]
    assert torch.equal(rendered(generator, [(start, [Move(again, torch.tensor([0.8]))])], Quality(steps=4)), ours)


def test_the_attention_s_processors_of_old_files_are_known(tmp_path: Path) -> None:
    generator = generators.load(str(save_ddim(tmp_path / "model")), torch.device("cpu"))
    name = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor"
    tensors = {f"{name}.to_q_lora.down.weight": normal(0, 2, 4), f"{name}.to_q_lora.up.weight": normal(1, 4, 2)}
    tensors |= {f"{name}.to_out_lora.down.weight": normal(0, 2, 4), f"{name}.to_out_lora.up.weight": normal(1, 4, 2)}
    (control,) = read(written(tmp_path, tensors), generator.card).controls
    assert isinstance(control, LowRankControl)
    inner = "down_blocks.1.attentions.0.transformer_blocks.0.attn1"
    assert set(control.factors) == {f"{inner}.to_q.weight", f"{inner}.to_out.0.weight"}
    with pytest.raises(ControlError, match=r"does not fit 'model': the tensor 'down_blocks\.1\.attentions\.0"):
        rendered(generator, [(generator.sample([1]), [Move(control, torch.ones(1))])], Quality(steps=2))


def test_what_it_changes_in_a_text_encoder_is_left_out_and_said(tmp_path: Path) -> None:
    card = generators.describe(str(save_ddim(tmp_path / "model")))
    text = {"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": normal(0, 2, 4)}
    found = read(written(tmp_path, {**kohya(), **text}), card)
    assert "left out: 1 tensors" in found.note
    with pytest.raises(ControlError, match="changes a text encoder alone"):
        read(written(tmp_path, text), card)


def test_the_window_asks_nothing_and_says_what_it_is(tmp_path: Path) -> None:
    card = generators.describe(str(save_ddim(tmp_path / "model")))
    path = written(tmp_path, kohya())
    about = asking.describe(path, card)
    assert about.text == "1 control of the network's weights, rank 2, 3 layers"
    assert about.questions == ()
    assert "is an adapter (LoRA" in file_kinds.sentence(path)
    use = file_kinds.use(path)
    assert use is not None
    assert (use.kind, use.path) == ("controls", str(path))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"lora_unet_mid_block_resnets_0_conv1.lora_up.weight": None},
            "lacks the half 'up' of 'mid_block",
        ),
        ({"lora_unet_mid_block_resnets_0_conv1.lora_mid.weight": normal(0, 2, 2, 3, 3)}, "no change of low rank"),
        ({"lora_unet_mid_block_resnets_0_conv1.dora_scale": normal(0, 16)}, "no LoHa, LoKr, OFT or DoRA"),
        ({"lora_unet_mid_block_resnets_0_conv1.alpha": torch.tensor(float("nan"))}, "rank 2, alpha nan"),
        ({"lora_unet_mid_block_resnets_0_conv1.lora_up.weight": torch.full((16, 2, 1, 1), torch.inf)}, "not finite"),
        ({"lora_unet_mid_block_resnets_0_conv1.lora_up.weight": normal(0, 16, 5, 1, 1)}, "factors of the shapes"),
        ({"lora_unet_mid_block_resnets_0_conv1.lora_down.weight": torch.ones(())}, "rank 0"),
        ({"lora_unet_mid_block_resnets_0_conv1.lora_down.weight": normal(0, 2, 16, 3, 3) * 1e30}, "far too large"),
    ],
)
def test_one_that_is_broken_is_one_sentence(tmp_path: Path, change: dict[str, Tensor | None], reason: str) -> None:
    card = generators.describe(str(save_ddim(tmp_path / "model")))
    tensors = {name: tensor for name, tensor in {**kohya(), **change}.items() if tensor is not None}
    with pytest.raises(ControlError, match=reason):
        read(written(tmp_path, tensors), card)


def test_a_model_that_is_no_diffusion_model_refuses_it(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="changes the weights of a diffusion model, and"):
        read(written(tmp_path, kohya()), ToyVae().card)
