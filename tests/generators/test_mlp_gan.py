"""The plain MLP GAN: a real checkpoint, its arithmetic, and files that are none."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.errors import ModelError
from explorer.generators import registry
from explorer.generators.base import Latent
from explorer.generators.mlp_gan import FAMILY
from explorer.generators.sequential_gan import SequentialGan
from explorer.scene.model import Quality

CPU = torch.device("cpu")


def state(*widths: int) -> dict[str, Any]:
    """A state dict of linear layers of these widths, seeded."""
    source = torch.Generator().manual_seed(0)
    found = {}
    for index, (a, b) in enumerate(pairwise(widths)):
        found[f"{2 * index}.weight"] = torch.randn(b, a, generator=source) / math.sqrt(a)
        found[f"{2 * index}.bias"] = torch.randn(b, generator=source)
    return found


def save(folder: Path, found: object, name: str = "gan.ckpt") -> Path:
    torch.save(found, folder / name)
    return folder / name


@pytest.mark.parametrize(("last", "shape"), [(16, (1, 4, 4)), (48, (3, 4, 4))])
def test_pictures_are_the_layers_by_hand(tmp_path: Path, last: int, shape: tuple[int, ...]) -> None:
    path = save(tmp_path, layers := state(5, 7, 6, last))
    generator = registry.load(str(path), CPU)
    latent = generator.sample([3, 4], 0.5)
    x = latent.tensors["z"].double().numpy()
    for index in (0, 2, 4):
        x = x @ layers[f"{index}.weight"].double().numpy().T + layers[f"{index}.bias"].double().numpy()
        x = np.maximum(x, 0) if index < 4 else np.tanh(x)
    pictures = generator.render(latent, Quality())
    assert pictures.shape == (2, *shape)
    assert np.allclose(pictures.numpy().reshape(2, -1), x, atol=1e-5)


def test_card_sampling_and_first_weights(tmp_path: Path) -> None:
    path = save(tmp_path, layers := state(5, 7, 16), "numbers.pt")
    generator = registry.load(str(path), CPU)
    assert isinstance(generator, SequentialGan)
    assert generator.card == registry.describe(str(path))
    assert (generator.card.name, generator.card.size, generator.card.shape[0]) == ("numbers", (4, 4), 1)
    assert generator.card.parameters == 5 * 7 + 7 + 7 * 16 + 16
    assert torch.equal(generator.first_affine_weights()[0], layers["0.weight"])
    full, half = generator.sample([9]).tensors["z"], generator.sample([9], 0.5).tensors["z"]
    assert torch.equal(half, full * 0.5)
    rows = generator.render(generator.sample(range(4)), Quality())
    single = generator.render(generator.sample([2]), Quality())
    assert torch.allclose(rows[2:3], single, atol=1e-6)
    with pytest.raises(KeyError):
        generator.advance(Latent({"z": full}), "w")
    with pytest.raises(ValueError, match="no layers"):
        generator.first_affine_weights((0, 1))


def broken() -> dict[str, tuple[dict[str, Any], str]]:
    whole = state(5, 7, 16)
    return {
        "missing": ({k: v for k, v in whole.items() if k != "2.bias"}, "lacks the tensor '2.bias'"),
        "one layer": (state(5, 16), "lacks the tensor '2.weight'"),
        "odd index": ({**whole, "3.weight": torch.ones(7)}, "lacks the tensor '4.weight'"),
        "no square": (state(5, 7, 10), "10 outputs"),
        "one pixel": (state(5, 7, 1), "1 outputs"),
        "no chain": ({**whole, "2.weight": torch.ones(16, 8)}, "do not fit the layers around them"),
        "bias": ({**whole, "0.bias": torch.ones(3)}, "do not fit the layers around them"),
        "integers": ({**whole, "0.weight": torch.ones(7, 5, dtype=torch.int64)}, "do not fit the layers around them"),
        "no tensor": ({**whole, "0.weight": 3}, "lacks the tensor '0.weight'"),
    }


@pytest.mark.parametrize("case", broken())
def test_broken_checkpoints_are_mine_and_say_why(tmp_path: Path, case: str) -> None:
    found, words = broken()[case]
    path = save(tmp_path, found)
    verdict = FAMILY.identify(path)
    assert verdict.mine
    assert verdict.problem
    assert words in verdict.reason
    with pytest.raises(ModelError) as caught:
        registry.load(str(path), CPU)
    assert str(caught.value) == verdict.reason
    assert "\n" not in verdict.reason


def test_nan_is_refused_when_loaded(tmp_path: Path) -> None:
    layers = state(5, 7, 16)
    layers["2.weight"][3, 2] = math.nan
    with pytest.raises(ModelError, match=r"'2\.weight' holds numbers that are not finite"):
        registry.load(str(save(tmp_path, layers)), CPU)


def test_truncated_and_foreign_files(tmp_path: Path) -> None:
    path = save(tmp_path, state(5, 7, 16))
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(ModelError, match="truncated or damaged"):
        registry.load(str(path), CPU)
    (tmp_path / "text.pt").write_text("not a model")
    with pytest.raises(ModelError, match="not a PyTorch checkpoint"):
        registry.load(str(tmp_path / "text.pt"), CPU)
    assert not FAMILY.identify(save(tmp_path, {"encoder.weight": torch.ones(2, 2)}, "other.pt")).mine
    assert not FAMILY.identify(save(tmp_path, {}, "empty.pt")).mine
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    assert not FAMILY.identify(tmp_path / "picture.png").mine
    assert not FAMILY.identify(tmp_path).mine


class _Runs:
    """What a malicious pickle would hold: a call that leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.trace, "ran"))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    path = save(tmp_path, {**state(5, 7, 16), "0.weight": _Runs(tmp_path / "trace")})
    with pytest.raises(ModelError, match="was not opened"):
        registry.load(str(path), CPU)
    assert not (tmp_path / "trace").exists()


@pytest.mark.real
def test_real_mnist_gan_draws_digits(real_models: Path) -> None:
    """Black ground with strokes of full brightness, centred as MNIST's digits are, different by seed."""
    generator = registry.load(str(real_models / "mnist_gan_mlp" / "G--300.ckpt"), CPU)
    assert (generator.card.size, generator.card.shape[0]) == ((28, 28), 1)
    assert generator.card.spaces["z"].shape == (64,)
    pictures = generator.render(generator.sample(range(200)), Quality())
    brightness = (pictures + 1) / 2
    assert float(brightness[..., :2, :].mean()) < 0.01
    assert float(brightness[..., :2].mean()) < 0.01
    assert 0.08 < float(brightness.mean()) < 0.20  # MNIST: 0.13
    assert 0.4 < float((brightness > 0.5).float().amax((1, 2, 3)).mean()) <= 1.0
    mass = brightness.mean((0, 1))
    rows = torch.arange(28, dtype=torch.float32)
    assert abs(float((mass.sum(1) * rows).sum() / mass.sum()) - 13.5) < 1.5
    assert abs(float((mass.sum(0) * rows).sum() / mass.sum()) - 13.5) < 1.5
    assert float(torch.pdist(brightness.flatten(1)).min()) > 0.5


def test_a_folder_with_one_checkpoint_is_that_checkpoint(tmp_path: Path) -> None:
    path = save(tmp_path, state(5, 7, 16))
    assert registry.resolve(str(tmp_path)) == path
    assert registry.load(str(tmp_path), CPU).card.family == "mlp_gan"
    save(tmp_path, state(5, 7, 16), "another.ckpt")
    assert registry.resolve(str(tmp_path)) == tmp_path  # which of them is for the user to say
