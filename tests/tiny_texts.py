"""Text-conditioned pipelines of random weights, with a text encoder and words of their own, saved by diffusers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from tiny_pipelines import tiny_kl
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

MERGES = ("r e", "re d</w>", "b l", "bl u", "blu e</w>", "c a", "ca t</w>")
START, END = "<|startoftext|>", "<|endoftext|>"


def _bytes() -> list[str]:
    """The 256 signs that stand for bytes (Radford et al. 2019)."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [number for number in range(256) if number not in printed]
    return [chr(number) for number in printed] + [chr(256 + place) for place in range(len(others))]


def vocabulary() -> dict[str, int]:
    """All bytes, within words and at their ends, what is merged of them, and two signs."""
    signs = _bytes()
    words = [*signs, *(f"{sign}</w>" for sign in signs), *("".join(merge.split()) for merge in MERGES), START, END]
    return {word: number for number, word in enumerate(words)}


def save_words(folder: Path, pad: str = END) -> CLIPTokenizer:
    """A tokenizer in the files of the published models, read back."""
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary()))
    (folder / "merges.txt").write_text("\n".join(("#version: 0.2", *MERGES)) + "\n")
    settings = {"model_max_length": 16, "pad_token": pad, "bos_token": START, "eos_token": END, "unk_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer", **settings}))
    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def tiny_encoder(width: int = 16, projected: bool = False, seed: int = 2) -> Any:
    torch.manual_seed(seed)
    words = vocabulary()
    config = CLIPTextConfig(
        vocab_size=len(words), hidden_size=width, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2,
        max_position_embeddings=16, projection_dim=12, bos_token_id=words[START], eos_token_id=words[END],
        pad_token_id=words[END],
    )  # fmt: skip
    model = (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)
    for parameter in model.parameters():  # so that words differ in what they come to
        torch.nn.init.normal_(parameter, std=0.4)
    return model.eval()


def tiny_text_unet(width: int = 16, seed: int = 3, **changes: Any) -> UNet2DConditionModel:
    torch.manual_seed(seed)
    settings: dict[str, Any] = {
        "sample_size": 8, "block_out_channels": (8, 16), "norm_num_groups": 4, "layers_per_block": 1,
        "attention_head_dim": 4, "cross_attention_dim": width,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    }  # fmt: skip
    unet = UNet2DConditionModel(**{**settings, **changes})
    for name, parameter in unet.named_parameters():  # so that the text is seen in the picture
        if "attn2" in name and name.endswith("weight"):
            torch.nn.init.normal_(parameter, std=1.5)
    return unet


def words_of(folder: Path, name: str = "tokenizer", pad: str = END) -> CLIPTokenizer:
    """Saved beside the pipeline, for it reads no words that are not in a file."""
    return save_words(folder.parent / f"words of {folder.name}" / name, pad)


def put_words(folder: Path) -> None:
    """The files of the published models in place of the one that newer versions of the library write."""
    for name in ("tokenizer", "tokenizer_2"):
        source = folder.parent / f"words of {folder.name}" / name
        if source.is_dir():
            for file in source.iterdir():
                (folder / name / file.name).write_bytes(file.read_bytes())
            (folder / name / "tokenizer.json").unlink(missing_ok=True)


def save_stable(folder: Path, scheduler: Any = None, old_words: bool = True, **unet: Any) -> Path:
    """As Stable Diffusion 1: 4×8×8 latents, 3×16×16 pictures."""
    StableDiffusionPipeline(
        vae=tiny_kl(scaling_factor=0.5), text_encoder=tiny_encoder(), tokenizer=words_of(folder),
        unet=tiny_text_unet(**unet), scheduler=scheduler or DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    if old_words:
        put_words(folder)
    return folder


def save_stable_xl(folder: Path, scheduler: Any = None, force_zeros: bool = True) -> Path:
    """As Stable Diffusion XL: two encoders, the whole prompt, sizes."""
    unet = tiny_text_unet(
        28, addition_embed_type="text_time", addition_time_embed_dim=4, projection_class_embeddings_input_dim=36,
        transformer_layers_per_block=(1, 2),
    )  # fmt: skip
    StableDiffusionXLPipeline(
        vae=tiny_kl(scaling_factor=0.13), text_encoder=tiny_encoder(16), tokenizer=words_of(folder),
        text_encoder_2=tiny_encoder(12, projected=True, seed=5), tokenizer_2=words_of(folder, "tokenizer_2", pad="!"),
        unet=unet, scheduler=scheduler or DDIMScheduler(clip_sample=False), force_zeros_for_empty_prompt=force_zeros,
    ).save_pretrained(folder)  # fmt: skip
    put_words(folder)
    return folder
