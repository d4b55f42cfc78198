"""Adapters (LoRA) of diffusion models, as kohya's scripts, concept sliders and diffusers write them: a change of the
U-Net's weights, of low rank."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from explorer.controls.base import WEIGHTS, Control
from explorer.controls.low_rank import STRENGTH, LowRank, LowRankControl
from explorer.errors import ControlError
from explorer.importers.base import Drawn, Importer, Sketch
from explorer.importers.files import ForeignFile
from explorer.scene.adapters import DIFFUSERS, KOHYA
from explorer.scene.cards import ControlCard, ModelCard

LOW, HIGH = -2.0, 2.0
LARGEST = 1e6
"""Beyond it no change of a weight is meant; those of networks are of the order of 1."""

_DOWN = ("lora_down.weight", "lora_A.weight", "lora.down.weight", "lora_A.default.weight")
_UP = ("lora_up.weight", "lora_B.weight", "lora.up.weight", "lora_B.default.weight")
# Old diffusers wrote the layer of the attention's processor: `…attn1.processor.to_q_lora.down.weight`.
_PROCESSOR = re.compile(r"(.{1,400})\.processor\.(to_[qkv]|to_out)_lora\.(down|up)\.weight")
_UNET = ("lora_unet_", "unet.", "base_model.model.unet.", "base_model.model.", "diffusion_model.")
_TEXT = ("lora_te", "text_encoder", "te1_", "te2_")
# The words of which the names of layers in diffusers' U-Nets are made; kohya writes them with _ in place of the dots.
_WORDS = (
    "down_blocks", "up_blocks", "mid_block", "transformer_blocks", "attentions", "resnets", "downsamplers",
    "upsamplers", "attn1", "attn2", "to_q", "to_k", "to_v", "to_out", "ff", "net", "proj_in", "proj_out", "proj",
    "conv_shortcut", "conv_in", "conv_out", "conv1", "conv2", "conv", "time_emb_proj", "time_embedding",
    "add_embedding", "class_embedding", "linear_1", "linear_2", "query", "key", "value", "proj_attn", "group_norm",
)  # fmt: skip
_WORD = "|".join((*sorted(_WORDS, key=len, reverse=True), r"\d{1,4}"))
_UNDERSCORED = re.compile(rf"(?:{_WORD})(?:_(?:{_WORD}))*")


class _Half(NamedTuple):
    """One of the two matrices of a layer, or its alpha."""

    layer: str
    part: str
    tensor: Tensor


class Adapters(Importer):
    """W + α / r · up · down for every layer that the file names (Hu et al., ICLR 2022); r is the rank, α is r where it
    is not said. Concept sliders (Gandikota et al., ECCV 2024) are such files. What they change in a text encoder is
    left out, and said."""

    name = "low_rank"
    title = "LoRA"
    spaces = (WEIGHTS,)

    def claims(self, file: ForeignFile) -> bool:
        return any(_ends(key, (*_DOWN, *_UP)) or _PROCESSOR.fullmatch(key) for key in file.tensors())

    def sketch(self, file: ForeignFile) -> Sketch:
        halves: dict[str, dict[str, Tensor]] = {}
        foreign, texts = [], 0
        for key, tensor in file.tensors().items():
            if key.startswith(_TEXT):
                texts += 1
            elif (half := _half(key, tensor)) is None:
                foreign.append(key)
            else:
                halves.setdefault(half.layer, {})[half.part] = half.tensor
        if foreign:
            raise ControlError(
                f"'{file.name}' is an adapter that holds '{foreign[0]}', which is no change of low rank of a U-Net; of "
                "adapters only LoRA is read (no LoHa, LoKr, OFT or DoRA)."
            )
        if not halves:
            raise ControlError(f"'{file.name}' changes a text encoder alone, and no U-Net; such adapters are not read.")
        factors = {f"{layer}.weight": _pair(file, layer, parts) for layer, parts in halves.items()}
        ranks = sorted({pair.down.shape[0] for pair in factors.values()})
        rank = f"{ranks[0]}" if len(ranks) == 1 else f"{ranks[0]} to {ranks[-1]}"

        def make(card: ControlCard) -> Control:
            try:
                return LowRankControl(card, factors)
            except ValueError as error:
                raise ControlError(f"'{file.name}' cannot be used: {error}.") from error

        left_out = (f"What it changes in text encoders was left out: {texts} tensors.",) if texts else ()
        layers = f"{len(factors)} {'layer' if len(factors) == 1 else 'layers'}"
        drawn = Drawn(_name(file.path), None, STRENGTH, LOW, HIGH, f"rank {rank}", (layers,), make=make)
        return Sketch((drawn,), (), space=WEIGHTS, firm=True, note=" ".join(left_out))

    def fitted(self, sketch: Sketch, model: ModelCard, space: str, file: ForeignFile) -> Sketch:
        if "weights" not in model.capabilities or "steps" not in model.capabilities:
            raise ControlError(
                f"'{file.name}' changes the weights of a diffusion model, and '{model.name}' is none whose weights can "
                "be changed; open the model that it was made for."
            )
        return sketch


def _name(path: Path) -> str:
    """What the adapter is called: its file, without whose keys it holds."""
    return path.stem.removesuffix(f".{KOHYA}").removesuffix(f".{DIFFUSERS}") or path.stem


def _ends(key: str, ends: Iterable[str]) -> str:
    """That of ``ends`` with which ``key`` ends; empty where it ends with none."""
    return next((end for end in ends if key.endswith("." + end)), "")


def _half(key: str, tensor: Tensor) -> _Half | None:
    """What ``tensor`` is; None where it is nothing of a LoRA of a U-Net."""
    if match := _PROCESSOR.fullmatch(key):
        inner = "to_out.0" if match[2] == "to_out" else match[2]
        return _Half(layer_of(f"{match[1]}.{inner}"), match[3], tensor)
    for part, ends in (("down", _DOWN), ("up", _UP), ("alpha", ("alpha",))):
        if end := _ends(key, ends):
            layer = layer_of(key.removesuffix("." + end))
            return _Half(layer, part, tensor) if layer else None
    return None


def layer_of(name: str) -> str:
    """The layer as diffusers calls it; empty where it is none of a U-Net."""
    for prefix in _UNET:
        if name.startswith(prefix):
            name = name[len(prefix) :]
            break
    if "." in name:
        return name
    return name if not _UNDERSCORED.fullmatch(name) else ".".join(re.findall(_WORD, name))


def _pair(file: ForeignFile, layer: str, parts: dict[str, Tensor]) -> LowRank:
    """The factors of ``layer``, with α / r within ``up``. Raises :class:`ControlError`."""
    if "down" not in parts or "up" not in parts:
        missing = "down" if "up" in parts else "up"
        raise ControlError(f"'{file.name}' lacks the half '{missing}' of '{layer}'; it is incomplete.")
    down, up = parts["down"].float(), parts["up"].float()
    if not bool(down.isfinite().all() and up.isfinite().all()):
        raise ControlError(f"'{file.name}' holds numbers that are not finite in '{layer}'; export it again.")
    rank = down.shape[0] if down.dim() else 0
    alpha = float(parts["alpha"].float().mean()) if "alpha" in parts else float(rank)
    if rank == 0 or not math.isfinite(alpha):
        raise ControlError(f"'{file.name}' says nothing that can be used of '{layer}': rank {rank}, alpha {alpha}.")
    up = up * (alpha / rank)
    # So that no product of them overflows where the adapter is as strong as the slider goes.
    if up.numel() and float(up.abs().max()) * float(down.abs().max()) * rank > LARGEST:
        raise ControlError(f"'{file.name}' holds numbers in '{layer}' that are far too large; export it again.")
    return LowRank(down.contiguous(), up.contiguous())


IMPORTER = Adapters()
