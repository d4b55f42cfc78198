"""Descriptions of models that no network has: what files broken at random have shown, each refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_pipelines import change_json, save_latent
from tiny_texts import save_stable

from explorer.errors import ModelError
from explorer.generators import registry


def config(part: str, **values: object) -> Callable[[Path], object]:
    return lambda folder: change_json(folder / part / "config.json", **values)


def merges(content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "tokenizer" / "merges.txt").write_bytes(content)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "layers without end": (config("text_encoder", num_hidden_layers=2**31), "far more layers than its weights"),
    "blocks without end": (config("unet", layers_per_block=2**31), "far more layers than its weights"),
    "a number that is none": (config("text_encoder", eos_token_id=1e308), "does not describe a CLIPText"),
    "a switch for a number": (config("unet", norm_num_groups=True), "do not fit together|does not describe"),
    "no text": (merges(b"#version: 0.2\n\xff\xfe\xfd\n"), "cannot be read"),
    "words that there are none of": (merges(b"#version: 0.2\nzq zq\n"), "cannot be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_impossible_description_is_one_sentence(fault: str, tmp_path: Path) -> None:
    change, words = FAULTS[fault]
    folder = tmp_path / "model"
    save_stable(folder)
    change(folder)
    with pytest.raises(ModelError, match=words) as caught:
        registry.load(str(folder), torch.device("cpu"))
    assert "\n" not in str(caught.value)


def test_a_lone_autoencoder_with_impossible_numbers_is_one_sentence(tmp_path: Path) -> None:
    for values in ({"norm_num_groups": True}, {"scaling_factor": None}):
        folder = next(save_latent(tmp_path / next(iter(values))).glob("v*ae"))
        change_json(folder / "config.json", **values)
        with pytest.raises(ModelError) as caught:
            registry.load(str(folder), torch.device("cpu"))
        assert "\n" not in str(caught.value)
