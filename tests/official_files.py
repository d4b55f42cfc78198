"""Pickles in the layout of NVIDIA's StyleGAN repositories, and checkpoints in that of stylegan2-pytorch, written here
from tensors under their official names. The source code within them would leave a mark if anybody ran it."""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.generators.stylegan2_network import NetworkConfig, StyleGAN2
from explorer.generators.stylegan3_network import NetworkConfig as AliasFreeConfig
from explorer.generators.stylegan3_network import StyleGAN3

GOLDEN = Path(os.environ.get("LATENT_EXPLORER_GOLDEN", Path(__file__).resolve().parents[2] / "shared" / "golden"))
BUFFERS = ("resample_filter", "noise_const", "w_avg", "up_filter", "down_filter", "magnitude_ema", "transform", "freqs",
           "phases")  # fmt: skip
MARK = "explorer_ran_code_of_a_file"
FILTER = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64
SOURCE = f"import os\nos.environ['{MARK}'] = '1'\nraise SystemExit('the source in the file was run')\n"
RECONSTRUCT = "_reconstruct_persistent_obj"


class Golden(NamedTuple):
    """A network of random weights in an official architecture, and what the official code draws with it."""

    arguments: dict[str, Any]
    state: dict[str, Tensor]
    reference: dict[str, Tensor]


def golden(name: str) -> Golden:
    """The network ``name``; the test skips where it is absent."""
    described = GOLDEN / "stylegan" / f"{name}.json"
    if not described.is_file():
        pytest.skip("the folder of official networks is absent (set LATENT_EXPLORER_GOLDEN)")
    arrays = np.load(described.with_suffix(".npz"))
    groups: dict[str, dict[str, Tensor]] = {"state": {}, "ref": {}}
    for key in arrays.files:
        group, _, rest = key.partition("/")
        groups[group][rest] = torch.from_numpy(arrays[key])
    return Golden(json.loads(described.read_text())["init_kwargs"], groups["state"], groups["ref"])


class Layer:
    """Pickled, it is what the official code writes of a layer."""

    def __init__(self, class_name: str, state: dict[str, Any]) -> None:
        self.class_name, self.state = class_name, state

    def __reduce__(self) -> tuple[Any, ...]:
        meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": self.class_name, "state": self.state}
        return (getattr(sys.modules["torch_utils.persistence"], RECONSTRUCT), (meta,), None)


@contextmanager
def official_modules() -> Iterator[type[dict[str, Any]]]:
    """The modules that such a pickle names exist within the block; gives the dictionary that some values are of."""

    def reconstruct(meta: object) -> None:
        raise AssertionError("a record was called")

    reconstruct.__name__ = reconstruct.__qualname__ = RECONSTRUCT
    reconstruct.__module__ = "torch_utils.persistence"
    easy = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
    made = {name: ModuleType(name) for name in ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util")}
    setattr(made["torch_utils.persistence"], RECONSTRUCT, reconstruct)
    made["dnnlib.util"].EasyDict = easy  # type: ignore[attr-defined]
    sys.modules.update(made)
    try:
        yield easy
    finally:
        for name in made:
            del sys.modules[name]


def layers_of(
    state: Mapping[str, Tensor], arguments: Mapping[str, Any], attributes: Mapping[str, Mapping[str, Any]]
) -> Layer:
    """The network with the tensors ``state``; ``attributes``: last part of a layer's name → what its object holds."""

    def layer(prefix: str, title: str) -> Layer:
        inside = {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}
        own = {name: tensor for name, tensor in inside.items() if "." not in name}
        below = list(dict.fromkeys(name.partition(".")[0] for name in inside if "." in name))
        return Layer(
            title or "Generator",
            {
                "training": False,
                **attributes.get(title, {}),
                "_parameters": OrderedDict(
                    (name, torch.nn.Parameter(tensor)) for name, tensor in own.items() if name not in BUFFERS
                ),
                "_buffers": OrderedDict((name, tensor) for name, tensor in own.items() if name in BUFFERS),
                "_non_persistent_buffers_set": set(),
                "_forward_hooks": OrderedDict(),
                "_modules": OrderedDict((name, layer(f"{prefix}{name}.", name)) for name in below),
                "size": np.broadcast_to(np.asarray(36), [2]),
                "sampling_rate": np.float64(16.0),
                "_init_args": (),
                "_init_kwargs": dict(arguments) if not prefix else {},
            },
        )

    return layer("", "")


def write_official(
    path: Path,
    state: Mapping[str, Tensor],
    arguments: Mapping[str, Any],
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    protocol: int = 4,
    **more: Any,
) -> Path:
    """Write a snapshot whose ``G_ema`` holds ``state``, and whose ``G`` holds other numbers."""
    with official_modules() as easy:
        other = {name: tensor + 1 if tensor.is_floating_point() else tensor for name, tensor in state.items()}
        told = easy(arguments)
        content = {
            "G": layers_of(other, told, attributes or {}),
            "D": layers_of({"b4.fc.weight": torch.ones(3, 700)}, {}, {}),
            "G_ema": layers_of(state, told, attributes or {}),
            "augment_pipe": None,
            "training_set_kwargs": easy({"class_name": "training.dataset.ImageFolderDataset"}),
            **more,
        }
        path.write_bytes(pickle.dumps(content, protocol))
    return path


def assert_nothing_ran() -> None:
    assert MARK not in os.environ
    assert "torch_utils.persistence" not in sys.modules


def exported(network: StyleGAN2) -> dict[str, Tensor]:
    """The tensors of our ``network`` as NVIDIA's code would hold them."""
    found = {}
    for name, tensor in network.state_dict().items():
        match name.split("."):
            case ["w_mean"]:
                found["mapping.w_avg"] = tensor
            case ["mapping", "layers", number, leaf]:
                found[f"mapping.fc{number}.{leaf}"] = tensor
            case ["mapping", "embed", leaf]:
                found[f"mapping.embed.{leaf}"] = tensor
            case ["blocks", number, "constant"]:
                found[f"synthesis.b{4 << int(number)}.const"] = tensor
            case ["blocks", number, "skip"]:
                found[f"synthesis.b{4 << int(number)}.skip.weight"] = tensor
            case ["blocks", number, layer, *leaf]:
                place = f"synthesis.b{4 << int(number)}.{'torgb' if layer == 'to_picture' else layer}"
                turned = tensor.flip(2, 3) if (layer, leaf) == ("conv0", ["weight"]) else tensor
                found[f"{place}.{'.'.join(leaf) if leaf != ['noise'] else 'noise_const'}"] = turned
                if layer != "to_picture":
                    found[f"{place}.resample_filter"] = FILTER
    return {name: tensor.detach().clone() for name, tensor in found.items()}


def as_rosinality(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under NVIDIA's names as stylegan2-pytorch holds them."""
    found = {}
    for name, tensor in state.items():
        match name.split("."):
            case [*_, "resample_filter"]:
                pass
            case ["mapping", layer, leaf] if layer.startswith("fc"):
                found[f"style.{int(layer[2:]) + 1}.{leaf}"] = tensor
            case ["synthesis", _, "const"]:
                found["input.input"] = tensor[None]
            case ["synthesis", block, layer, *leaf]:
                depth = int(block[1:]).bit_length() - 3
                if layer == "torgb":
                    place = "to_rgb1" if depth == 0 else f"to_rgbs.{depth - 1}"
                    inner = {"weight": ("conv.weight", tensor[None]), "bias": ("bias", tensor.reshape(1, -1, 1, 1))}
                else:
                    number = 2 * depth - 2 + (layer == "conv1")
                    place = "conv1" if depth == 0 else f"convs.{number}"
                    inner = {
                        "weight": ("conv.weight", tensor[None]),
                        "bias": ("activate.bias", tensor),
                        "noise_strength": ("noise.weight", tensor.flatten()),
                    }
                    if leaf == ["noise_const"]:
                        found[f"noises.noise_{number + 1 if depth else 0}"] = tensor[None, None]
                        continue
                title, value = inner.get(leaf[0], (f"conv.modulation.{leaf[-1]}", tensor))
                found[f"{place}.{title}"] = value
                if place.startswith("to_rgbs") or layer == "conv0":
                    found[f"{place}.{'upsample' if layer == 'torgb' else 'conv.blur'}.kernel"] = FILTER * 4
    return found


def own_stylegan2(seed: int = 0, **settings: Any) -> StyleGAN2:
    """A network of random weights, noise and biases."""
    config: dict[str, Any] = {
        "resolution": 16, "channels": (12, 10, 8), "z_dim": 6, "w_dim": 5, "mapping_layers": 2, "mapping_width": 7,
        **settings,
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = StyleGAN2(NetworkConfig(**config))
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith(("noise_strength", "bias", "w_mean")):
                tensor.data = tensor.data + 0.3 * torch.randn(tensor.shape)
    return network


def write_rosinality(path: Path, state: Mapping[str, Tensor], **more: Any) -> Path:
    torch.save({"g_ema": as_rosinality(state), **more}, path)
    return path


SMALL_STYLEGAN3 = {
    "img_resolution": 16, "img_channels": 3, "channel_base": 64, "channel_max": 6, "num_layers": 4, "num_critical": 1,
    "margin_size": 3,
}  # fmt: skip
"""What NVIDIA's code would be told for :func:`own_stylegan3`."""


def own_stylegan3(seed: int = 0, **settings: Any) -> StyleGAN3:
    """A network of random weights, biases, magnitudes and motions."""
    config: dict[str, Any] = {
        "resolution": 16, "channel_base": 64, "channel_max": 6, "layers": 4, "critical_layers": 1, "margin": 3,
        "z_dim": 6, "w_dim": 5, **settings,
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = StyleGAN3(AliasFreeConfig(**config))
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith(("bias", "w_mean", "input.affine.weight")):
                tensor.data = tensor.data + 0.3 * torch.randn(tensor.shape)
            elif name.endswith("magnitude"):
                tensor.data = tensor.data + torch.rand(())
    return network


def exported_stylegan3(network: StyleGAN3) -> dict[str, Tensor]:
    """The tensors of our ``network`` as NVIDIA's code would hold them."""
    found = {}
    for name, tensor in network.state_dict().items():
        match name.split("."):
            case ["w_mean"]:
                found["mapping.w_avg"] = tensor
            case ["mapping", "layers", number, leaf]:
                found[f"mapping.fc{number}.{leaf}"] = tensor
            case ["mapping", "embed", leaf]:
                found[f"mapping.embed.{leaf}"] = tensor
            case ["input", *leaf]:
                found[f"synthesis.input.{'freqs' if leaf == ['frequencies'] else '.'.join(leaf)}"] = tensor
            case ["layers", number, *leaf]:
                layer = network.layers[int(number)]
                own = f"synthesis.L{number}_{layer.after.size}_{layer.after.channels}"
                found[f"{own}.{'magnitude_ema' if leaf == ['magnitude'] else '.'.join(leaf)}"] = tensor
    return {name: tensor.detach().clone() for name, tensor in found.items()}
