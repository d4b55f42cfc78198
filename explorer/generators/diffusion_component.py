"""One network of a diffusers folder: checked by JSON and headers alone, then built and filled, every tensor checked.

Every fault is a :class:`explorer.errors.ModelError` of one sentence. Nothing named in a folder is ever imported: the
classes that may be built are those of :data:`CLASSES`.
"""

from __future__ import annotations

import importlib
import math
import textwrap
from dataclasses import dataclass
from logging import CRITICAL
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch

from explorer.checkpoint import check_memory, load_exactly, read_json, read_safetensors, safetensors_shapes
from explorer.errors import ModelError
from explorer.generators.budget import built_from

Config = TypeVar("Config", bound=msgspec.Struct)

INDEX = "model_index.json"
UNET, TEXT_UNET = "UNet2DModel", "UNet2DConditionModel"
TINY = "AutoencoderTiny"
DECODERS = ("AutoencoderKL", "VQModel", TINY)
ENCODERS = ("CLIPTextModel", "CLIPTextModelWithProjection")
CLASSES = {**dict.fromkeys((UNET, TEXT_UNET, *DECODERS), "diffusers"), **dict.fromkeys(ENCODERS, "transformers")}
"""Class → the library that has it."""
WEIGHTS = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}
"""Library → what its files of weights are called, without the ending."""


@dataclass(frozen=True)
class Component:
    """One network of the folder: its subfolder, its class and the names and sizes in the headers of its weights, which
    hold so many ``tensors`` of so many ``parameters`` altogether."""

    folder: Path
    class_name: str
    parameters: int
    tensors: int
    weights: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that decides what the network computes."""
        return self.folder / "config.json", *self.weights

    def read_config(self, kind: type[Config]) -> Config:
        """What ``kind`` holds of its ``config.json``."""
        found = read_json(self.folder / "config.json")
        try:
            return msgspec.convert(found, kind)
        except msgspec.ValidationError as error:
            raise ModelError(f"'{self.folder.name}/config.json' cannot be used: {error}.") from error


def component(path: Path, name: str, class_name: str, allowed: tuple[str, ...]) -> Component:
    """The part ``name`` of the pipeline in ``path``, which its index calls a ``class_name``."""
    folder = path / name
    if class_name not in allowed:
        raise ModelError(
            f"The {name} of '{path.name}' is a {class_name}, which this program does not know; it knows "
            f"{', '.join(allowed)}."
        )
    if not folder.is_dir():
        raise ModelError(f"'{path.name}' lacks the folder '{name}'; copy the whole folder of the model.")
    own = class_of(read_json(folder / "config.json")) or class_name
    if own != class_name:
        raise ModelError(
            f"'{INDEX}' of '{path.name}' calls its {name} a {class_name}, but '{name}/config.json' describes a {own}; "
            "the folder mixes two models."
        )
    return lone_component(folder, class_name)


def lone_component(folder: Path, class_name: str) -> Component:
    """The network in ``folder``, of a class of :data:`CLASSES`."""
    files = _weights(folder, WEIGHTS[CLASSES[class_name]])
    shapes = [shape for file in files for name, shape in safetensors_shapes(file).items() if not _is_fixed(name)]
    return Component(folder, class_name, sum(math.prod(shape) for shape in shapes), len(shapes), files)


def class_of(config: dict[str, Any]) -> str:
    """The class that a ``config.json`` says it describes; empty where it says none, or none of :data:`CLASSES` in the
    way of transformers."""
    name = config.get("_class_name")
    if isinstance(name, str):
        return name
    architectures = config.get("architectures")
    named = architectures[0] if isinstance(architectures, list) and architectures else None
    # Text encoders were taken out of whole models by some, whose name then stands in the file.
    return named if named in ENCODERS else ""


def _weights(folder: Path, stem: str) -> tuple[Path, ...]:
    """The safetensors files of one network: one file, or the shards that an index names."""
    single, shards = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    where = where_is(folder)
    if single.is_file():
        return (single,)
    if shards.is_file():
        named = read_json(shards).get("weight_map")
        if not isinstance(named, dict) or not all(isinstance(f, str) and Path(f).name == f for f in named.values()):
            raise ModelError(f"'{shards.name}' in {where} does not list the weights' files; download it again.")
        files = tuple(folder / file for file in sorted(set(named.values())))
        for file in files:
            if not file.is_file():
                raise ModelError(f"{where} lacks the file '{file.name}' of its weights; download it again.")
        return files
    if variants := sorted(folder.glob(f"{stem}.*.safetensors")):
        raise ModelError(
            f"{where} holds its weights only as '{variants[0].name}'; save the pipeline again without a variant, "
            f"as '{single.name}'."
        )
    if (folder / f"{stem}.bin").is_file() or (folder / "pytorch_model.bin").is_file():
        raise ModelError(
            f"{where} holds its weights only as a pickle (.bin), which may carry code and is never opened; "
            "save the pipeline again as safetensors."
        )
    raise ModelError(f"{where} lacks its weights '{single.name}'; copy the whole folder of the model.")


def where_is(folder: Path) -> str:
    """How sentences name a part's folder."""
    return f"'{folder.name}' of '{folder.parent.name}'"


def load_component(part: Component) -> Any:
    """The network in float32 on the CPU, in the state of evaluation. Raises :class:`ModelError` unless configuration
    and weights fit exactly."""
    where = where_is(part.folder)
    check_memory(part.parameters * 4, part.folder)
    config = read_json(part.folder / "config.json")
    try:
        with built_from(part.tensors):
            model = _built(part.class_name, config).float()
    except Exception as error:  # the libraries' own errors have no base in common
        if isinstance(error, MemoryError):
            raise
        raise ModelError(
            f"The config.json in {where} does not describe a {part.class_name} ({one_line(error)})."
        ) from error
    described = sum(math.prod(tensor.shape) for tensor in model.state_dict().values())
    if described != part.parameters:
        raise ModelError(
            f"The config.json in {where} describes {described} numbers and its weights hold "
            f"{part.parameters}; they do not belong together."
        )
    state: dict[str, Any] = {}
    for file in part.weights:
        state |= read_safetensors(file)
    load_exactly(model, _renamed(model, state), part.weights[0])
    _fill_buffers(model, part.class_name, config)
    return model.eval()


def _built(class_name: str, config: dict[str, Any]) -> Any:
    chosen = getattr(library(CLASSES[class_name]), class_name)
    if class_name in ENCODERS:
        return chosen(chosen.config_class.from_dict(config))
    return chosen.from_config(config)


def library(name: str) -> Any:
    """``diffusers`` or ``transformers``, quiet: what they would print is said in sentences here, or does not concern
    the user."""
    module = importlib.import_module(name)
    module.utils.logging.set_verbosity(CRITICAL)
    module.utils.logging.disable_progress_bar()
    return module


def _fill_buffers(model: torch.nn.Module, class_name: str, config: dict[str, Any]) -> None:
    """Give values to buffers that no file holds: of text encoders the numbers of the places of words, of others what
    they are built with."""
    missing = {name: buffer for name, buffer in model.named_buffers() if buffer.is_meta}
    if not missing:
        return
    fixed = [_is_fixed(name) for name in missing]
    built = {} if all(fixed) else dict(_built(class_name, config).named_buffers())
    for name, buffer in missing.items():
        owner, _, leaf = name.rpartition(".")
        value = torch.arange(buffer.shape[-1]).expand(buffer.shape) if _is_fixed(name) else built[name]
        model.get_submodule(owner)._buffers[leaf] = value


def _is_fixed(name: str) -> bool:
    """Whether the tensor ``name`` is a count from 0, which early files hold although nobody trained it."""
    return name.endswith("position_ids")


_OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_TEXT = "text_model."


def _renamed(model: torch.nn.Module, state: dict[str, Any]) -> dict[str, Any]:
    """``state`` with the names that attention layers have had since diffusers 0.14, and with or without the first part
    that names in text encoders have had in some versions of transformers."""
    names = {
        f"{path}.{old}.{kind}": f"{path}.{new}.{kind}"
        for path, module in model.named_modules()
        if getattr(module, "_from_deprecated_attn_block", False)
        for old, new in _OLD_NAMES.items()
        for kind in ("weight", "bias")
    }
    for name in model.state_dict():
        names |= {name.removeprefix(_TEXT): name} if name.startswith(_TEXT) else {f"{_TEXT}{name}": name}
    return {names.get(name, name): tensor for name, tensor in state.items() if not _is_fixed(name)}


def one_line(error: Exception) -> str:
    """What a library said, short enough to stand in a sentence."""
    return textwrap.shorten(str(error), 300).rstrip(".")


def block_of(name: str) -> str:
    """The part of a U-Net that its tensor ``name`` belongs to: ``down block 2`` for
    ``down_blocks.1.resnets.0.conv1.weight``; what is in no block is called by its layer."""
    first, _, rest = name.partition(".")
    blocks = {"down_blocks": "down block", "up_blocks": "up block"}
    return f"{blocks[first]} {int(rest.split('.')[0]) + 1}" if first in blocks else first.replace("_", " ")
