"""Models of every family, broken at random, are opened or refused in one sentence, and do nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import mutated_files
import numpy as np
import pytest
import torch
from mutated_files import LIMIT, Report, mutated, mutated_json
from tiny_pipelines import change_json, save_latent
from tiny_texts import save_stable

from explorer.errors import ModelError
from explorer.generators import registry

MODELS = 1000
"""A tenth of what ``python -m tests.generators.mutated_files 10000`` opens."""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_broken_models_do_no_harm() -> None:
    """0 crashes, 0 imports outside the list, 0 processes, and no more memory than the file and 300 MB."""
    report = mutated_files.run(MODELS)
    assert report.crashes == []
    assert report.imports == []
    assert report.processes == []
    assert report.harm == []
    assert report.models == MODELS == report.opened + report.refused
    assert report.memory <= report.largest + LIMIT
    assert MODELS / 20 < report.opened < MODELS / 2 < report.refused  # they are broken, and not beyond recognition


def test_what_is_counted_is_not_good() -> None:
    assert Report(models=3, opened=1, refused=2).is_good
    for fault in ("crashes", "imports", "processes", "harm"):
        assert not Report(**{fault: ["a model"]}).is_good
    assert not Report(memory=LIMIT + 11, largest=10).is_good


def test_bytes_and_values_are_broken() -> None:
    random = np.random.default_rng(0)
    data = bytes(range(256)) * 4
    assert len({mutated(data, random) for _ in range(50)}) > 45
    told = [mutated_json({"a": [1, 2, {"b": "c"}], "d": None}, random) for _ in range(50)]
    assert len({repr(one) for one in told}) > 10


# --- what was found so ---------------------------------------------------------------------------------------------


def config(part: str, **values: object) -> Callable[[Path], object]:
    return lambda folder: change_json(folder / part / "config.json", **values)


def merges(content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "tokenizer" / "merges.txt").write_bytes(content)


FOUND: dict[str, tuple[Callable[[Path], object], str]] = {
    "layers without end": (config("text_encoder", num_hidden_layers=2**31), "more than .* tensors"),
    "blocks without end": (config("unet", layers_per_block=2**31), "more than .* tensors"),
    "a number that is none": (config("text_encoder", eos_token_id=1e308), "does not describe a CLIPText"),
    "a switch for a number": (config("unet", norm_num_groups=True), "do not fit together|does not describe"),
    "no text": (merges(b"#version: 0.2\n\xff\xfe\xfd\n"), "cannot be read"),
    "words that there are none of": (merges(b"#version: 0.2\nzq zq\n"), "cannot be read"),
}


@pytest.mark.parametrize("fault", FOUND)
def test_what_was_found_is_one_sentence(fault: str, tmp_path: Path) -> None:
    change, words = FOUND[fault]
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
